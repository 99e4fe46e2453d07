# Judge what hmm-bench measured by the lines of the file limits; prints KTAP.
# usage: awk -f gate.awk limits measurements
# Times are those of one page, and of the best round, which nothing has disturbed. The clock counts instructions.
function value(key, column) {
	if (!((key, column) in got)) {
		missing = key " " column
		return -1
	}
	return got[key, column]
}
FNR == NR {
	sub(/#.*/, "")
	if (NF)
		limits[++n] = $0
	next
}
FNR == 1 {
	print "TAP version 13"
	print "1.." n
	columns = split($0, names, ",")
	next
}
{
	print "# " $0
	split($0, field, ",")
	for (i = 1; i <= columns; i++)
		row[names[i]] = field[i]
	key = row["case"] "/" row["peer"] "/" row["op"] "/" row["bytes"]
	for (i = 1; i <= columns; i++) {
		name = names[i]
		if (field[i] == "")
			continue
		if (name ~ /ns$/ && row["rep"] > 0 && row["moved"] > 0 &&
		    (!((key, name) in got) || field[i] / row["moved"] < got[key, name]))
			got[key, name] = field[i] / row["moved"]
		if (name !~ /ns$/ && row["rep"] == 0)
			got[key, name] = field[i]
		# The least of all rounds
		if (name == "moved" && (!((key, "part") in got) || field[i] / row["pages"] < got[key, "part"]))
			got[key, "part"] = field[i] / row["pages"]
	}
}
END {
	copy = value("anon/copy_driver/copy/2097152", "ns")
	for (l = 1; l <= n; l++) {
		split(limits[l], f, /[ \t]+/)
		missing = ""
		v = value(f[2], f[3])
		if (f[6] != "") {
			ref = value(f[6], f[3])
			v = ref > 0 ? v / ref : -1
		}
		limit = f[7] != "" && copy > 600 ? f[7] : f[5]
		ok = missing == "" && (f[4] == "<=" ? v <= limit : v >= limit)
		printf "# %s: %s, limit %s %s\n", f[1], missing == "" ? sprintf("%.4g", v) : "no " missing, f[4], limit
		printf "%sok %d - bench.%s\n", ok ? "" : "not ", l, f[1]
	}
}
