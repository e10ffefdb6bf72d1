#!/usr/bin/env bash
# Install the Debian or Ubuntu packages that are missing.
#
# usage: deps.sh GROUP...
# groups: build run test check lab lab-test debug
#
# Prints nothing and does nothing when all is there. Uses sudo when not root.
# V=1 shows apt's own output. Exit: 0 all there, 1 not, 64 usage.
#
# A package is written as "a|b": the first of these that the machine's apt
# offers, because names differ between releases. "cmd,cmd=a|b" asks for a
# command on PATH first, whoever installed it. A leading "~" makes it
# optional: where no package has it we say so and go on. "%" is clang's major
# version.

set -u
me=deps

group_why() {
	case $1 in
	build)	echo "build the kernel and its tools" ;;
	run)	echo "run it in an emulator" ;;
	test)	echo "run the tests" ;;
	check)	echo "check the source" ;;
	lab)	echo "build and run the board lab" ;;
	lab-test) echo "test the lab's web page" ;;
	debug)	echo "debug the kernel" ;;
	*)	return 1 ;;
	esac
}

group_packages() {
	case $1 in
	build)
		echo "make gcc libc6-dev
		riscv64-linux-gnu-gcc=gcc-riscv64-linux-gnu
		riscv64-linux-gnu-ld=binutils-riscv64-linux-gnu
		picolibc-riscv64-unknown-elf
		python3 cpio xz-utils bzip2 gzip" ;;
	run)
		echo "qemu-system-riscv64=qemu-system-riscv|qemu-system-misc
		opensbi cpio debian-archive-keyring" ;;
	test)
		echo "libcmocka-dev zlib1g-dev device-tree-compiler
		u-boot-qemu gdb-multiarch python3-pexpect
		clang libclang-rt-%-dev" ;;
	check)
		echo "clang lld clang-format universal-ctags" ;;
	lab)
		echo "pkg-config|pkgconf libmicrohttpd-dev libsqlite3-dev
		libjansson-dev libsodium-dev libcurl4-openssl-dev
		zlib1g-dev dnsmasq-base iproute2 u-boot-qemu
		node,nodejs=nodejs npm=npm" ;;
	lab-test)
		echo "node,nodejs=nodejs npm=npm
		~chromium,chromium-browser,google-chrome=chromium
		fonts-dejavu-core" ;;
	debug)
		echo "gdb-multiarch" ;;
	esac
}

die() {
	echo "$me: $*" >&2
	exit 1
}

usage() {
	echo "usage: $0 build|run|test|check|lab|lab-test|debug ..." >&2
	exit 64
}

# The installed packages, one " name " per line, read once.
read_installed() {
	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} \n' \
		2>/dev/null | sed -n 's/^installed / /p')
}

is_installed() {
	case $installed in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

# have_spec SPEC: is one of its commands on PATH, or, where it names no
# command, one of its packages installed?
have_spec() {
	local spec=${1#\~} name names

	case $spec in
	*=*)	IFS=, read -ra names <<<"${spec%%=*}"
		for name in "${names[@]}"; do
			command -v "$name" >/dev/null && return 0
		done
		return 1 ;;
	esac
	IFS='|' read -ra names <<<"$(expand_clang "$spec")"
	for name in "${names[@]}"; do
		is_installed "$name" && return 0
	done
	return 1
}

# Replace "%" by the major version of the release's default clang.
expand_clang() {
	local deps major

	case $1 in
	*%*)	;;
	*)	echo "$1"; return ;;
	esac
	deps=$(dpkg-query -W -f '${Depends}\n' clang 2>/dev/null)
	[ -n "$deps" ] ||
		deps=$(apt-cache show --no-all-versions clang 2>/dev/null |
			sed -n 's/^Depends: //p')
	major=$(sed -n 's/.*\bclang-\([0-9]\{1,\}\).*/\1/p' <<<"$deps")
	echo "${1//%/$major}"
}

# missing_specs GROUP: its specs that are not satisfied, each only once.
missing_specs() {
	local spec

	for spec in $(group_packages "$1"); do
		case " $seen " in
		*" $spec "*) continue ;;
		esac
		seen="$seen $spec"
		have_spec "$spec" || missing+=("$spec")
	done
}

# candidate SPEC: the first of its packages that apt would install. Priority
# below 500 (backports) does not count: its dependencies would not follow. A
# version with "snap" in it is a stub that needs a running snapd.
candidate() {
	local spec=${1#\~} name names

	IFS='|' read -ra names <<<"$(expand_clang "${spec#*=}")"
	for name in "${names[@]}"; do
		apt-cache policy "$name" 2>/dev/null | awk '
		/^  Candidate:/ { want = $2 }
		/^ (\*\*\*|   ) / {
			v = ($1 == "***") ? $2 : $1
			p = ($1 == "***") ? $3 : $2
			if (v == want && v !~ /snap/ && p >= 500)
				ok = 1
		}
		END { exit !ok }' && { echo "$name"; return 0; }
	done
	return 1
}

# resolve: fills chosen[] from missing[]; unknown[] gets what apt lacks.
resolve() {
	local spec name

	chosen=() unknown=()
	for spec in "${missing[@]}"; do
		if name=$(candidate "$spec"); then
			chosen+=("$name")
		else
			unknown+=("$spec")
		fi
	done
}

# as_root COMMAND...: output is kept and its end shown only on failure.
as_root() {
	local sudo=() status

	[ "$(id -u)" = 0 ] || sudo=(sudo)
	if [ "${V:-0}" = 1 ]; then
		"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "$@"
		return
	fi
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1
	status=$?
	[ $status = 0 ] || tail -n 15 "$log" >&2
	return $status
}

need_root() {
	local self

	[ "$(id -u)" = 0 ] && return
	command -v sudo >/dev/null && return
	self=$(cd "$(dirname "$0")" && pwd)/${0##*/}
	die "packages are missing to $why, but this is not root and" \
		"there is no sudo. Run as root, then try again:
    $self $groups
It will install: ${chosen[*]} ${unknown[*]#\~}"
}

update_lists() {
	[ "$updated" = 0 ] || return 0
	updated=1
	echo "$me: refreshing the package lists (apt-get update)"
	as_root apt-get -o DPkg::Lock::Timeout=600 update ||
		echo "$me: apt-get update failed, going on with old lists" >&2
}

install_chosen() {
	as_root apt-get -o DPkg::Lock::Timeout=600 -y \
		--no-install-recommends install "${chosen[@]}"
}

# lists_will_do: apt has lists, and knows all but optional packages.
lists_will_do() {
	local spec

	for spec in "${unknown[@]}"; do
		case $spec in
		\~*)	apt-get indextargets | grep -q . || return 1 ;;
		*)	return 1 ;;
		esac
	done
}

# What apt lacks even after an update: a reason to stop, unless optional.
report_unknown() {
	local spec fatal=()

	for spec in "${unknown[@]}"; do
		case $spec in
		\~*)	echo "$me: no package here has ${spec#*=};" \
				"what needs it will be skipped" ;;
		*)	fatal+=("${spec#*=}") ;;
		esac
	done
	[ ${#fatal[@]} = 0 ] ||
		die "no package source of this machine has: ${fatal[*]}" \
			"(is its 'universe' or 'main' component enabled?)"
}

# Where there is no apt: name what is needed, as Debian calls it.
no_apt() {
	local group spec

	echo "$me: this is not Debian or Ubuntu. Needed, by Debian's names:" >&2
	for group; do
		echo "    to $(group_why "$group"):" >&2
		for spec in $(group_packages "$group"); do
			spec=${spec#\~} spec=${spec#*=}
			echo "	${spec//%/N}" >&2
		done
	done
	exit 1
}

find_missing() {
	local group before

	seen='' missing=() why=''
	for group; do
		before=${#missing[@]}
		missing_specs "$group"
		[ "${#missing[@]}" = "$before" ] ||
			why="${why:+$why, }$(group_why "$group")"
	done
}

# One apt run for all groups; a failed install is tried once more with fresh
# lists, since old ones name versions that the mirror no longer has.
install_missing() {
	resolve
	if ! lists_will_do; then
		need_root
		update_lists
		resolve
	fi
	report_unknown
	[ ${#chosen[@]} != 0 ] || return 0
	need_root
	echo "$me: to $why: installing ${chosen[*]}"
	install_chosen && return 0
	[ "$updated" = 0 ] || die "apt-get install failed"
	update_lists
	install_chosen || die "apt-get install failed"
}

[ $# != 0 ] || usage
for group; do
	group_why "$group" >/dev/null || usage
done
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	no_apt "$@"
fi

updated=0
read_installed
find_missing "$@"
[ ${#missing[@]} != 0 ] || exit 0

# Parallel runs would each ask for a password and install the same. The lock
# is on this file: root must leave nothing in build/ that a user trips over.
groups="$*"
exec 9<"$0"
flock 9
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM HUP
read_installed
find_missing "$@"
[ ${#missing[@]} = 0 ] || install_missing
