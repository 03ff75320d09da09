# SPDX-License-Identifier: Apache-2.0
# The table of one size: report.awk -v n=USERS FILE, the output of
# zt-bench-nss.  A cell is the ratio to the floor, and the time beside it.

function time(ns)
{
	if (ns < 1e4)
		return sprintf("%d ns", ns)
	if (ns < 1e7)
		return sprintf("%d us", ns / 1e3)
	return sprintf("%d ms", ns / 1e6)
}

function ratio(r)
{
	return sprintf(r < 10 ? "%.2f" : "%.0f", r)
}

function cell(what)
{
	if (!(what in ns))
		return "-"
	if (ns[what] == "wrong")
		return "WRONG"
	if (ns[what] == "none")
		return "-"
	return ratio(rel[what]) " (" time(ns[what]) ")"
}

function goal(text, met)
{
	printf "  goal: %s: %s\n", text, met ? "met" : "MISSED"
}

# A ratio that must not be above most, or absent.
function goal_most(text, v, most)
{
	goal(sprintf("%s at most %.2f: %.2f", text, most, v), v > 0 && v <= most)
}

# Where the doubt is larger than the distance to the goal, it says so.
function goal_fresh(us, give)
{
	text = sprintf("fresh process at most 10 us over null: %+.1f us, " \
	    "give or take %.1f", us, give)
	if (us - 10 > -give && us - 10 < give)
		printf "  goal: %s: in doubt\n", text
	else
		goal(text, us <= 10)
}

function table(  i, s, what)
{
	printf "  %-12s", ""
	for (s = 1; s <= systems; s++)
		printf " %16s", system_name[s]
	print ""
	for (i = 1; i <= rows; i++) {
		printf "  %-12s", row[i]
		for (s = 1; s <= systems; s++)
			printf " %16s", cell(row[i] " " system_name[s])
		print ""
	}
}

function goals(  most, what, hit, k)
{
	most = n > 100000 ? 1.45 : 1.1
	split("name uid name-gone uid-gone", what, " ")
	for (k = 1; k <= 4; k++)
		goal_most(what[k] ", to null (bare: " \
		    ratio(rel[what[k] " bare"]) ")", rel[what[k] " zt"], most)
	# what the machine did in between is the floor's too
	for (k = 1; k <= 2; k++)
		goal_most(what[k] "-gone, to " what[k],
		    rel[what[k] "-gone zt"] / rel[what[k] " zt"], 1.1)
	split("name uid groups", what, " ")
	for (k = 1; k <= 3; k++) {
		hit = what[k]
		goal_most(hit ", 2 threads to 1 (" \
		    ratio(ns[hit "/2 zt"] / ns[hit " zt"]) ", null " \
		    ratio(ns[hit "/2 null"] / ns[hit " null"]) \
		    "), beside null", rel[hit "/2 zt"] / rel[hit " zt"], 1.2)
	}
	goal_fresh(more["fresh zt"] / 1e3, doubt["fresh zt"] / 1e3)
}

{
	id = $1 ($2 == 2 ? "/2" : "")
	if (!(id in seen)) {
		seen[id] = 1
		row[++rows] = id
	}
	if (!($3 in seen_system)) {
		seen_system[$3] = 1
		system_name[++systems] = $3
	}
	ns[id " " $3] = $4
	rel[id " " $3] = $5
	more[id " " $3] = $6
	doubt[id " " $3] = $7
}

END {
	table()
	if ("name zt" in ns)
		goals()
}
