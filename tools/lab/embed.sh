#!/bin/sh
# Writes an assembler file that holds the files of the given folders, each
# named by a prefix: embed.sh OUT prefix=folder ...
set -eu
out=$1
shift
pointer=.quad
n=0
{
	echo '.section .rodata'
	table=
	for spec in "$@"; do
		prefix=${spec%%=*}
		folder=${spec#*=}
		for file in "$folder"/*; do
			[ -f "$file" ] || continue
			n=$((n + 1))
			printf 'name%d: .asciz "%s/%s"\n' "$n" "$prefix" \
				"$(basename "$file")"
			printf 'data%d: .incbin "%s"\nend%d: .byte 0\n' "$n" \
				"$file" "$n"
			table="$table $n"
		done
	done
	echo '.section .data.rel.ro, "aw"'
	echo '.balign 8'
	echo '.globl assets'
	echo 'assets:'
	for i in $table; do
		echo "$pointer name$i, data$i, end$i"
	done
	echo "$pointer 0, 0, 0"
	echo '.section .note.GNU-stack, "", %progbits'
} > "$out.new"
mv "$out.new" "$out"
