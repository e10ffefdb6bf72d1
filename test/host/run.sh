#!/usr/bin/env bash
# Run host tests: run.sh COMMAND...   (each is one test program and its words)
#
# Counts cmocka's and unittest's results, shows the output of what failed, and
# prints `N passed, N failed, N skipped` last. T=pattern picks programs by name.
set -u
limit=300
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
passed=0 failed=0 skipped=0

count() {
	grep -c -E "$1" "$2" || true
}

# One program: "ok" lines of cmocka, else those of unittest, else its exit.
tally() {
	local name=$1 log=$2 status=$3 ok bad skip
	ok=$(count '^\[ +OK \]' "$log")
	# The last word counts: a child that fails goes on as its parent would.
	bad=$(sed -n 's/^\[ *FAILED *\] \([0-9]*\) test(s).*/\1/p' "$log" |
		tail -n 1)
	skip=$(count '^\[ +SKIPPED +\] [a-z]' "$log")
	if grep -q '^Ran [0-9]* tests\? in' "$log"; then
		ok=$(sed -n 's/^Ran \([0-9]*\) test.*/\1/p' "$log")
		bad=$(sed -n 's/^FAILED (.*\(failures\|errors\)=\([0-9]*\).*/\2/p' "$log")
		skip=$(sed -n 's/.*skipped=\([0-9]*\).*/\1/p' "$log")
		ok=$((ok - ${bad:-0} - ${skip:-0}))
	elif [ $((ok + ${bad:-0} + skip)) = 0 ] && [ "$status" = 0 ]; then
		ok=1
	fi
	bad=${bad:-0}
	[ "$status" = 0 ] || [ "$bad" != 0 ] || bad=1
	passed=$((passed + ok)) failed=$((failed + bad))
	skipped=$((skipped + ${skip:-0}))
	if [ "$bad" != 0 ]; then
		echo "FAIL $name (exit $status)"
		tail -n 40 "$log"
	elif [ -n "${V:-}" ]; then
		echo "ok   $name: $ok"
	fi
}

run() {
	local log=$out/$1 name=$2
	# shellcheck disable=SC2086 # the words of a command
	timeout -s KILL "$limit" $name > "$log" 2>&1
	echo $? > "$log.status"
}

i=0
for command in "$@"; do
	case ${command%% *} in *${T:-}*) ;; *) continue ;; esac
	i=$((i + 1))
	names[i]=$command
	run "$i" "$command" &
	[ "$i" -lt "$(nproc)" ] || wait -n
done
wait
for ((n = 1; n <= i; n++)); do
	tally "${names[n]}" "$out/$n" "$(cat "$out/$n.status")"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
