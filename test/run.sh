#!/usr/bin/env bash
# Run every part of the tests named by the arguments (make targets), show what
# they print and close with the sum: `N passed, N failed, N skipped`.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0

for part in "$@"; do
	echo "== $part"
	start=$SECONDS
	make --no-print-directory "$part" 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	read -r p f s < <(sed -n \
		's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' \
		"$log" | tail -n 1)
	# A part that ends badly or says nothing has failed, whatever it counted.
	if [ "$status" != 0 ] && [ "${f:-0}" = 0 ]; then
		f=1
	elif [ -z "${p:-}" ]; then
		f=1
	fi
	passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0}))
	skipped=$((skipped + ${s:-0}))
	unset p f s
	echo "   ($((SECONDS - start)) s)"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
