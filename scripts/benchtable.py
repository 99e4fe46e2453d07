#!/usr/bin/env python3
"""Make tables, JSON and charts of what hmm-bench printed in several guests.

usage: benchtable.py RESULTDIR [DOCUMENT]

RESULTDIR holds a directory for each guest: icount (the series, the clock counts
instructions), icount-base (the unpatched base, likewise), time (the series, a real
clock). Each has out.ktap, with the lines of hmm-bench, and qemu.json. icount-mappers, icount-large
and time-large add to what icount and time found, the latter sizes for which those have too little memory.
Writes bench.csv, bench.json, table.txt, targets.txt and *.svg beside them, and
prints the tables. Charts need gnuplot. With DOCUMENT, writes them there as well:
after the line MARK of that file, and the charts into a directory of its name.

A migration is the copy and the rest. What the copy costs is measured by a loop in
the kernel that does nothing else, and in the way that the peer copies: drivers with
copy_highpage(), the core with copy_mc_highpage(). The rest is the difference.
"""
import collections, csv, io, json, pathlib, re, statistics, subprocess, sys

MARK = '<!-- Below this line: written by make bench -->'
GUESTS = ('icount', 'icount-base', 'time')


def size_name(size):
    for unit, shift in (('G', 30), ('M', 20), ('K', 10)):
        if size >= 1 << shift and size % (1 << shift) == 0:
            return f'{size >> shift}{unit}'
    return str(size)


def read(result):
    """Rows of all guests, as dicts; numbers are numbers, what is empty is missing."""
    rows, meta = [], {}
    for guest, name in [(g, g + s) for g in GUESTS for s in ('', '-mappers', '-large')]:
        path = result / name / 'out.ktap'
        if not path.exists():
            continue
        qemu = json.loads((result / name / 'qemu.json').read_text())
        meta.setdefault(guest, qemu)
        if qemu['mem'] not in meta[guest]['mem']:
            meta[guest]['mem'] += f' or {qemu["mem"]}'
        text = path.read_text(errors='replace').replace('\r', '')
        lines = [l for l in text.splitlines() if l.count(',') >= 15 and not l.startswith('#')]
        for row in csv.DictReader(io.StringIO('\n'.join(lines))):
            if row['case'] == 'case':   # each run of the program prints its header
                continue
            row = {k: int(v) if re.fullmatch(r'-?\d+', v) else v for k, v in row.items() if v not in ('', None)}
            rows.append({'guest': guest, **row})
    return rows, meta


class Bench:
    def __init__(self, rows):
        self.rows = rows
        self.times = collections.defaultdict(list)
        self.counts = {}
        for r in rows:
            key = r['guest'], r['case'], r['peer'], r['op'], r['bytes'], r['mappers']
            if r['rep']:
                self.times[key].append(r)
            else:
                self.counts[key] = r

    def per_page(self, guest, case, peer, op, size, mappers=1, column='ns'):
        """(median, worst, best) of one page, or None."""
        rows = [r for r in self.times.get((guest, case, peer, op, size, mappers), ()) if column in r]
        # A round in which pages stayed behind did less work than the others.
        values = [r[column] / r['moved'] for r in rows if r['moved']]
        return (statistics.median(values), max(values), min(values)) if values else None

    def median(self, *args, **kw):
        got = self.per_page(*args, **kw)
        return got and got[0]

    def moved(self, guest, case, peer, op, size, mappers=1):
        """The smallest part of the pages that has moved in any round."""
        rows = self.times.get((guest, case, peer, op, size, mappers), ())
        return min((r['moved'] / r['pages'] for r in rows), default=None)

    def count(self, guest, case, peer, op, size, what, mappers=1):
        row = self.counts.get((guest, case, peer, op, size, mappers))
        return row.get(what) if row else None

    def floor(self, guest, case, peer, size, op=''):
        case = re.sub(r'^(evict|mappers|touch|hammer\d+)_', '', case)
        how = 'copy_driver'
        if peer == 'move_pages' or (peer == 'public' and (case not in ('anon', 'anon_ro') or op == 'evict')):
            how = 'copy_core'
        for c in (case, 'anon'):
            for s in (size, 16 << 20, 2 << 20):
                got = self.median(guest, c, how, 'copy', s)
                if got is not None:
                    return got
        return None

    def rest(self, guest, case, peer, op, size, mappers=1):
        whole = self.median(guest, case, peer, op, size, mappers)
        floor = self.floor(guest, case, peer, size, op)
        return None if whole is None or floor is None else whole - floor


def layout(head, rows):
    widths = [max(len(str(r[i])) for r in [head] + rows) for i in range(len(head))]
    def line(r):
        return '  '.join(str(c).ljust(w) if i < 3 else str(c).rjust(w) for i, (c, w) in enumerate(zip(r, widths))).rstrip()
    return '\n'.join([line(head), '-' * (sum(widths) + 2 * len(widths) - 2)] + [line(r) for r in rows])


def weights(b, guest):
    """What `hmm-bench weights` measured: a row for each case, size and peer."""
    table = []
    for case, peer, size in dict.fromkeys((r['case'], r['peer'], r['bytes']) for r in b.rows if r['guest'] == guest and r['op'] == 'load'):
        row = [case, peer, size_name(size)]
        for op in 'load', 'second':
            rows = b.times.get((guest, case, peer, op, size, 1), ())
            got, reference = b.median(guest, case, peer, op, size), b.median(guest, case, 'public', op, size)
            if got is None:
                row += ['-'] * 3
                continue
            row += [f'{statistics.median(r["ns"] for r in rows):.0f}', f'{got:.0f}', '-' if not reference else f'{got / reference:.2f}']
        faults = b.count(guest, case, peer, 'second', size, 'faults')
        # Of all rounds the one that needed the most memory.
        ram, device = (max((r[c] for r in b.times.get((guest, case, peer, 'second', size, 1), ()) if c in r), default=None)
                       for c in ('ram_pages', 'device_pages'))
        row += ['-' if v is None else v for v in (faults, ram, device)]
        row.append('-' if ram is None or device is None else f'{(ram + device) * 4096 / size:.2f}')
        table.append(row)
    return table


def tables(b, meta):
    out = []
    for guest in GUESTS:
        if guest not in meta:
            continue
        rows = [r for r in b.rows if r['guest'] == guest]
        keys = dict.fromkeys((r['case'], r['op'], r['bytes'], r['mappers']) for r in rows if r['op'] not in ('copy', 'load', 'second'))
        table = []
        for case, op, size, mappers in keys:
            peers = dict.fromkeys(r['peer'] for r in rows if (r['case'], r['op'], r['bytes'], r['mappers']) == (case, op, size, mappers))
            reference = b.median(guest, case, 'public' if op != 'touch' else 'ram', op, size, mappers)
            for peer in peers:
                got = b.per_page(guest, case, peer, op, size, mappers)
                if not got:
                    continue
                floor = b.floor(guest, case, peer, size, op) if op != 'touch' else None
                def per_page(what):
                    n = b.count(guest, case, peer, op, size, what, mappers)
                    return '-' if n is None else f'{n * 4096 / size:.2f}'
                table.append([case + (f' x{mappers}' if mappers > 1 or case.startswith('mappers') else ''), op, peer, size_name(size),
                              f'{got[0]:.0f}', f'{got[1]:.0f}', f'{100 * (got[1] - got[2]) / got[0]:.0f}%',
                              '-' if floor is None else f'{got[0] - floor:.0f}',
                              '-' if not reference else f'{got[0] / reference:.2f}',
                              f'{100 * b.moved(guest, case, peer, op, size, mappers):.1f}%',
                              *(per_page(w) for w in ('flushes', 'faults', 'allocs', 'rmap_walks')),
                              b.count(guest, case, peer, op, size, 'drains', mappers) if
                              b.count(guest, case, peer, op, size, 'drains', mappers) is not None else '-',
                              b.count(guest, case, peer, op, size, 'ipis', mappers) if
                              b.count(guest, case, peer, op, size, 'ipis', mappers) is not None else '-'])
        kept = weights(b, guest)
        if not table and not kept:
            continue
        q = meta[guest]
        unit = 'instructions' if q['accelerator'] == 'icount' else 'ns'
        title = {'icount': 'Series, instructions', 'icount-base': 'Unpatched base, instructions', 'time': 'Series, time'}[guest]
        note = {'icount': 'TCG with icount: repeatable, of one processor', 'tcg': 'TCG: NO performance figures of hardware',
                'kvm': 'KVM'}[q['accelerator']]
        head = f'{title} ({note}; {q["cpus"]} processors, {q["mem"]}, {q["qemu"]}; {q.get("machine", "machine not named")})\n'
        if table:
            out.append(head + f'{unit} per page: median, worst, spread (worst - best, of the median), without the copy; ratio to the first\n'
                   'of public and ram; the least that has moved; counts per page, and drains and IPIs in all\n\n'
                   + layout(['case', 'op', 'peer', 'size', 'median', 'worst', 'spread', 'no copy', 'ratio', 'moved', 'flushes', 'faults',
                             'allocs', 'rmaps', 'drains', 'IPIs'], table) + '\n')
        if kept:
            out.append(head + f'{unit} until a file of weights is on the device, and until a second process has read it there;\n'
                       'ratios to the first of public; faults of the second; pages that the data occupies in the end\n\n'
                       + layout(['case', 'peer', 'size', 'load', '/page', 'ratio', 'second', '/page', 'ratio', 'faults',
                                 'RAM pages', 'device pages', 'copies'], kept) + '\n')
    return '\n'.join(out)


def largest(b, guest, case, peer, op, limit=16 << 20):
    return max((k[4] for k in b.times if k[:4] == (guest, case, peer, op) and k[4] <= limit), default=None)


def targets(b, meta):
    """Rows: what, limit, whole, rest, met. Times under TCG are noise; counts are not."""
    rows = []

    def ratio(what, limit, num, den, mappers=1, both=True):
        """num, den: (guest, case, peer, op, size)"""
        n, d = b.median(*num, mappers), b.median(*den, mappers)
        if n is None or not d:
            return
        rn, rd = (b.rest(*num, mappers), b.rest(*den, mappers)) if both else (None, None)
        rest = rn / rd if rn is not None and rd else None
        rows.append([what, f'<= {limit:.2f}', f'{n / d:.2f}', '-' if rest is None else f'{rest:.2f}',
                     'noise' if noise else 'met' if n / d <= limit and (rest is None or rest <= limit) else 'NOT MET'])

    for guest in ('icount', 'time'):
        if guest not in meta:
            continue
        g = 'instr' if guest == 'icount' else meta[guest]['accelerator'] + ' time'
        noise = meta[guest]['accelerator'] == 'tcg'
        size = largest(b, guest, 'anon', 'public', 'to_dev')
        if not size:
            continue
        s = size_name(size)
        if guest == 'icount' and 'icount-base' in meta:
            ratio(f'{g}: anon to public / to coherent on the base, {s}', 0.8,
                  (guest, 'anon', 'public', 'to_dev', size), ('icount-base', 'anon', 'coherent', 'to_dev', size))
            ratio(f'{g}: anon from public / from coherent on the base, {s}', 0.8,
                  (guest, 'anon', 'public', 'to_sys', size), ('icount-base', 'anon', 'coherent', 'to_sys', size))
        ratio(f'{g}: anon to public / move_pages, {s}', 0.30,
              (guest, 'anon', 'public', 'to_dev', size), (guest, 'anon', 'move_pages', 'to_dev', size))
        for case in dict.fromkeys(k[1] for k in b.times if k[0] == guest and re.match('tmpfs|ext4|xfs', k[1])):
            for peer, who in ('public', ''), ('public_engine', ', the driver copies'):
                ratio(f'{g}: {case} to public{who} / move_pages, {s}', 0.40,
                      (guest, case, peer, 'to_dev', size), (guest, case, 'move_pages', 'to_dev', size))
                ratio(f'{g}: {case} to public{who} / anon to public, {s}', 1.10,
                      (guest, case, peer, 'to_dev', size), (guest, 'anon', 'public', 'to_dev', size))
        ratio(f'{g}: one page of anon to public / per page of {s}', 2.0,
              (guest, 'anon', 'public', 'to_dev', 4096), (guest, 'anon', 'public', 'to_dev', size))
        for case in ('anon', 'tmpfs', 'ext4'):
            t = f'touch_{case}'
            ratio(f'{g}: CPU touch of {case} on public / in RAM, {s}', 1.05,
                  (guest, t, 'public', 'touch', size), (guest, t, 'ram', 'touch', size), both=False)
            n = b.count(guest, t, 'public', 'touch', size, 'faults')
            if n is not None:
                rows.append([f'{g}: faults of that', '0', str(n), '-', 'met' if n <= 1 else 'NOT MET'])
            full = largest(b, guest, f'evict_{case}', 'public', 'evict', 1 << 30)
            if full:
                ratio(f'{g}: evict {case} from public / move_pages, {size_name(full)}', 0.40,
                      (guest, f'evict_{case}', 'public', 'evict', full), (guest, f'evict_{case}', 'move_pages', 'evict', full))
                out = b.moved(guest, f'evict_{case}', 'public', 'evict', full)
                rows.append([f'{g}: part of the pages that this moved', '>= 1', f'{out:.4f}', '-', 'met' if out >= 1 else 'NOT MET'])
        n = b.count(guest, 'anon', 'public', 'to_dev', size, 'flushes')
        if n is not None:
            most = size // 4096 / 512 + 1
            rows.append([f'{g}: TLB flushes, anon to public, {s}, batches of 512', f'<= {most:.0f}', str(n), '-', 'met' if n <= most else 'NOT MET'])
        for mcase in ('mappers_tmpfs',):
            ms = largest(b, guest, mcase, 'public', 'to_dev')
            if not ms:
                continue
            def slope(peer):
                points = sorted((k[5], b.median(*k)) for k in b.times if k[:5] == (guest, mcase, peer, 'to_dev', ms))
                return (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0]) if len(points) > 1 else None
            p, m = slope('public'), slope('move_pages')
            if p is not None and m:
                rows.append([f'{g}: each further mapper, public / move_pages', '<= 0.50', f'{p / m:.2f}', '-',
                             'noise' if noise else 'met' if p / m <= 0.5 else 'NOT MET'])
        for case in dict.fromkeys(k[1] for k in b.times if k[0] == guest and k[1].startswith('hammer')):
            hs = largest(b, guest, case, 'public', 'to_dev')
            moved, peer = b.moved(guest, case, 'public', 'to_dev', hs), b.moved(guest, case, 'move_pages', 'to_dev', hs)
            rows.append([f'{g}: {case}, moved in 3 passes (move_pages: {peer if peer is None else round(peer, 4)})', '>= 0.999',
                         f'{moved:.4f}', '-', 'met' if moved >= 0.999 else 'NOT MET'])
    return layout(['target', 'limit', 'whole', 'no copy', ''], [[r[0], r[1], r[2], r[3], r[4]] for r in rows]) + '\n' if rows else ''


def gnuplot(script):
    try:
        subprocess.run(['gnuplot'], input=script, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as e:
        print(f'benchtable: no chart: {e}', file=sys.stderr)


def charts(b, meta, result):
    for guest in GUESTS:
        if guest not in meta:
            continue
        unit = 'instructions per page' if meta[guest]['accelerator'] == 'icount' else f'ns per page ({meta[guest]["accelerator"].upper()})'
        size = largest(b, guest, 'anon', 'coherent', 'to_dev')
        if not size:
            continue
        # Where the cost of a page goes: copy, phases, the rest of the call.
        data = []
        for case in dict.fromkeys(k[1] for k in b.times if k[0] == guest and k[3] == 'to_dev' and k[5] == 1):
            if case.startswith(('hammer', 'mappers')):
                continue
            for peer in ('private', 'coherent', 'public', 'public_engine', 'move_pages'):
                key = guest, case, peer, 'to_dev', size
                whole, floor = b.median(*key), b.floor(guest, case, peer, size)
                if whole is not None and floor is not None:
                    data.append(f'"{case} {peer}" {floor:.0f} {whole - floor:.0f}')
        head = f'set terminal svg size 1000,520 noenhanced font "sans,11"\nset output "{result}/%s-{guest}.svg"\n'
        gnuplot(head % 'cases' + f'$d << E\n' + '\n'.join(data) + f'''\nE
set title "To the device, {size_name(size)}: copy and the rest, {unit}"
set style data histograms
set style histogram rowstacked
set style fill solid 0.8 border -1
set boxwidth 0.7
set xtics rotate by -40
set yrange [0:*]
set grid y
plot $d using 2:xtic(1) title "copy" lc rgb "#b0b0b0", "" using 3 title "the rest" lc rgb "#3070b0"
''')
        plots, blocks = [], ''
        for peer in ('private', 'coherent', 'public', 'move_pages'):
            points = sorted((k[4], b.median(*k)) for k in b.times if k[:4] == (guest, 'anon', peer, 'to_dev') and k[5] == 1)
            if points:
                blocks += f'${peer} << E\n' + '\n'.join(f'{x} {y}' for x, y in points) + '\nE\n'
                plots.append(f'${peer} using ($1/1024):2 with linespoints lw 2 title "{peer}"')
        gnuplot(head % 'sizes' + blocks + f'''set title "Anonymous memory to the device by size, {unit}"
set logscale xy
set xlabel "KiB"
set grid
plot {', '.join(plots)}
''')
        plots, blocks = [], ''
        for peer in ('public', 'move_pages'):
            points = sorted((k[5], b.median(*k)) for k in b.times if k[:4] == (guest, 'mappers_tmpfs', peer, 'to_dev'))
            if points:
                blocks += f'${peer} << E\n' + '\n'.join(f'{x} {y}' for x, y in points) + '\nE\n'
                plots.append(f'${peer} using 1:2 with linespoints lw 2 title "{peer}"')
        if plots:
            gnuplot(head % 'mappers' + blocks + f'''set title "A file that so many processes map, to the device, {unit}"
set xlabel "processes"
set yrange [0:*]
set grid
plot {', '.join(plots)}
''')


def document(path, result, text, goals):
    """Everything after MARK is replaced."""
    head = path.read_text().split(MARK)[0]
    pictures = path.with_suffix('')
    pictures.mkdir(exist_ok=True)
    for old in pictures.glob('*.svg'):
        old.unlink()
    out = [head + MARK, '', f'Measured {result.resolve().name.split("-")[0]}, series tree {result.resolve().name.split("-")[-1]}.', '',
           '## Targets', '', '```', goals.rstrip(), '```', '', '## Charts', '']
    for svg in sorted(result.glob('*.svg')):
        (pictures / svg.name).write_bytes(svg.read_bytes())
        out.append(f'![{svg.stem}]({pictures.name}/{svg.name})')
    (pictures / 'figures.txt').write_text(text)
    out += ['', f'All figures: [{pictures.name}/figures.txt]({pictures.name}/figures.txt)']
    path.write_text('\n'.join(out) + '\n')


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    result = pathlib.Path(sys.argv[1])
    rows, meta = read(result)
    if not rows:
        sys.exit('benchtable: no guest has printed a measurement')
    columns = list(dict.fromkeys(k for r in rows for k in r))
    with (result / 'bench.csv').open('w', newline='') as f:
        writer = csv.DictWriter(f, columns)
        writer.writeheader()
        writer.writerows(rows)
    (result / 'bench.json').write_text(json.dumps({'guests': meta, 'rows': rows}, indent=0) + '\n')
    b = Bench(rows)
    text, goals = tables(b, meta), targets(b, meta)
    (result / 'table.txt').write_text(text)
    (result / 'targets.txt').write_text(goals)
    charts(b, meta, result)
    if len(sys.argv) > 2:
        document(pathlib.Path(sys.argv[2]), result, text, goals)
    print(text)
    print(goals)


main()
