#!/usr/bin/env python3
"""Stored results of the suites on the unpatched base: tests/base-results/SUITE.json.

usage: baseresults.py SUITE RESULTDIR...     stores what is in RESULTDIR/tests.json

A test that was running when the kernel oopsed has failed.
"""
import hashlib, json, os, pathlib, re, subprocess, sys

TOP = pathlib.Path(__file__).resolve().parent.parent
STORE = TOP / 'tests' / 'base-results'


def digest(*paths):
    h = hashlib.sha256()
    for path in paths:
        h.update(path.read_bytes() if path.exists() else b'')
    return h.hexdigest()[:16]


def identity(suite, linux):
    """What the results depend on, besides the machine."""
    names = (TOP / 'tests' / suite / 'selftests')
    names = names.read_text().split() if names.exists() else []
    files = [p for p in sorted((TOP / 'tests' / suite).rglob('*')) if p.is_file()]
    sources = [linux / 'tools/testing/selftests' / f'{n}.c' for n in names if not n.endswith('.sh')]
    tree = re.search(r'^tree (\w+)', (TOP / 'patches/6.12/base').read_text(), re.M)[1]
    return {'base tree': tree,
            'tests': digest(*files, *sources, linux / 'lib/test_hmm_uapi.h'),
            'config': digest(TOP / 'configs/guest.config', TOP / 'configs/fsdax.config')}


def load(suite):
    path = STORE / f'{suite}.json'
    return json.loads(path.read_text()) if path.exists() else {}


def stale(base, suite, linux):
    now = identity(suite, linux)
    return [k for k in now if base and base['identity'].get(k) != now[k]]


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    suite, results = sys.argv[1], [pathlib.Path(r) for r in sys.argv[2:]]
    run, *others = [json.loads((r / 'tests.json').read_text()) for r in results]
    for other in others:
        run['tests'].update(other['tests'])
        run['trouble'] += other['trouble'][:1]
        if other['trouble'] and not other['complete']:
            test, line = other['trouble'][0]
            run['tests'].setdefault(test, {'result': 'fail', 'reason': line})
    run['counts'] = {k: sum(t['result'] == k for t in run['tests'].values()) for k in run['counts']}
    linux = pathlib.Path(os.environ['O']) / 'linux'
    keep = {'identity': identity(suite, linux), 'verdict': run['verdict'], 'counts': run['counts'],
            'trouble': run['trouble'][:5], 'tests': run['tests']}
    STORE.mkdir(exist_ok=True)
    (STORE / f'{suite}.json').write_text(json.dumps(keep, indent=1) + '\n')
    print(f'stored tests/base-results/{suite}.json')
