#!/usr/bin/env bash
# Fetch what is neither in this repository nor installed, once, into build/.
#
# usage: fetch.sh WHAT...
#   libfdt      build/libfdt/*.[ch] from the source package of U-Boot, or
#               linked from LIBFDT_SRC=dir
#   zlib        build/zlib/{infback,inffast,inftrees}.c and what they include,
#               from the source package of zlib
#   sodium      build/sodium: ChaCha20 as it lies in libsodium's source package
#   qemu        build/qemu/qemu-system-riscv64, version 9 or later; or the
#               reason why not in build/qemu/UNAVAILABLE
#   debian      build/debian/{Image,dtbs/<vendor>/*.dtb,busybox,VERSION}
#   xterm       build/xterm/{xterm.js,xterm.css}, for the lab's web page
#   playwright  build/playwright/node_modules/playwright-core, for its test
#   ser2net     build/ser2net/ser2net where none is installed, for the lab's
#               test; not installed, for the package would start a service
#   opensbi     build/opensbi/{fw_dynamic.bin,VERSION}, 1.3 or later where it
#               can be had, for the lab's virtual board
#   dumps       build/dtbs-qemu/*.dtb, QEMU's own device trees
#
# Needs no root. Environment: BUILD=dir, DEBIAN_MIRROR=url, DEBIAN_SUITE=name
# (default trixie), LIBFDT_SRC=dir, V=1 (show what the tools say).
# Silent and at once where all is there. Each WHAT is made aside, under a
# lock, and renamed into place when it is whole: interrupt or repeat at will.
# Exit: 0; 1 failed; 64 usage; 77 this machine names no Debian mirror.

# shellcheck disable=SC2317 # have_* and get_* are called by name

set -u
umask 022
me=fetch
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=${DEBIAN_SUITE:-trixie}
qemu_min=9
# Before that a hart that is started can go where the last start led: Linux with
# two harts hangs at times.
opensbi_min=1.3

xterm_version=5.5.0
xterm_sha512=86a24761a41be4ea6d36e9e7c809e41f233c6828d9d4c1080d342ed6221b6d30ffc68a6cf75341e72ab564afdd0b62436d55ad176df352d97d244d8dab04fcec
playwright_version=1.60.0
playwright_sha512=f5b5bacef5ff9b49446e04ca27a629a4e2b1f07dd538f04c382161da2ad714e4f805b1e0af1e613e3c0960b4f8d0bbbee2ab43dfaa8a73f1e7e7a4ad516e7b20

# shellcheck source-path=SCRIPTDIR source=apt.sh
. "$here/apt.sh"

say() {
	echo "$me: $*"
}

# fail MESSAGE: with the last words of the tool that failed.
fail() {
	[ ! -s "$log" ] || tail -n 15 "$log" >&2
	echo "$me: $*" >&2
	return 1
}

# place NAME: renames $work/out to build/NAME, whatever was there before.
place() {
	if [ -e "$build/$1" ]; then
		mv "$build/$1" "$work/old" || return 1
	fi
	mv "$work/out" "$build/$1"
}

first_line() {
	local line=''

	[ -r "$1" ] && read -r line <"$1"
	echo "$line"
}

### libfdt

have_libfdt() {
	local line

	line=$(first_line "$build/libfdt/VERSION")
	if [ -n "${LIBFDT_SRC:-}" ]; then
		[ "$line" = "LIBFDT_SRC $LIBFDT_SRC" ]
	else
		[ -n "$line" ] && [[ $line != LIBFDT_SRC* ]]
	fi
}

# Links, so that an edit there is seen by make here.
link_libfdt() {
	local dir file

	dir=$(cd "$LIBFDT_SRC" && pwd) && [ -e "$dir/libfdt.h" ] ||
		fail "LIBFDT_SRC=$LIBFDT_SRC holds no libfdt.h" || return
	mkdir "$work/out" || return
	for file in "$dir"/*.[ch]; do
		ln -s "$file" "$work/out/" || return
	done
	echo "LIBFDT_SRC $LIBFDT_SRC" >"$work/out/VERSION"
	place libfdt
}

# get_source WHAT PACKAGE GLOB...: into $work/src what of the package's tarball
# fits, into $work/out/VERSION where it is from. apt checks the tarball against
# the signed index of sources. -m: new files must be newer than objects made
# from older ones.
get_source() {
	local what=$1 package=$2 tarball name=$distro release=$codename

	shift 2
	[ "$distro" = ubuntu ] || name=debian
	[ "$distro" != other ] || release=$suite
	say "$what: from the source package of $package ($release)"
	apt_open "$work/apt" "$name" "$(dpkg --print-architecture)" deb-src \
		"$release" || fail "no $name mirror with the sources of" \
		"$release; name one by DEBIAN_MIRROR=${source_hint:-}" || return
	(cd "$work" && quietly apt_private apt-get --tar-only source \
		"$package") ||
		fail "could not download the source of $package" || return
	tarball=$(echo "$work/$package"_*.orig.tar.*)
	mkdir "$work/out" "$work/src" || return
	quietly tar -xmf "$tarball" -C "$work/src" --strip-components=1 \
		--wildcards "$@" || fail "no $what in $tarball" || return
	tarball=${tarball##*/}
	echo "${tarball%.orig.tar.*} ($release)" >"$work/out/VERSION"
}

get_libfdt() {
	local source_hint=", or a directory by LIBFDT_SRC="

	[ -z "${LIBFDT_SRC:-}" ] || { link_libfdt; return; }
	get_source libfdt u-boot '*/scripts/dtc/libfdt/*.[ch]' \
		'*/Licenses/bsd-2-clause.txt' '*/Licenses/gpl-2.0.txt' || return
	mv "$work"/src/scripts/dtc/libfdt/*.[ch] "$work"/src/Licenses/*.txt \
		"$work/out/" && place libfdt
}

### zlib, sodium

have_zlib() {
	[ -n "$(first_line "$build/zlib/VERSION")" ]
}

# Its licence stands in zlib.h.
get_zlib() {
	get_source zlib zlib '*/infback.c' '*/inffast.[ch]' '*/inftrees.[ch]' \
		'*/inffixed.h' '*/inflate.h' '*/zutil.h' '*/zlib.h' \
		'*/zconf.h' --exclude '*/contrib/*' || return
	mv "$work"/src/*.[ch] "$work/out/" && place zlib
}

have_sodium() {
	[ -n "$(first_line "$build/sodium/VERSION")" ]
}

# The files include each other by their places in the tree.
get_sodium() {
	get_source sodium libsodium '*/LICENSE' \
		'*/src/libsodium/crypto_stream/chacha20/stream_chacha20.h' \
		'*/src/libsodium/crypto_stream/chacha20/ref/*.[ch]' \
		'*/src/libsodium/crypto_core/hchacha20/*.[ch]' \
		'*/src/libsodium/include/sodium/*.h' || return
	mv "$work"/src/src/libsodium/* "$work/src/LICENSE" "$work/out/" &&
		place sodium
}

### qemu

qemu_version() {
	"$1" --version 2>/dev/null |
		sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p'
}

# A refusal is asked again after a day, a lost system QEMU at once.
have_qemu() {
	[ -x "$build/qemu/qemu-system-riscv64" ] ||
		[ -n "$(find "$build/qemu/UNAVAILABLE" -mtime -1 2>/dev/null)" ]
}

qemu_unavailable() {
	say "qemu: none of version $qemu_min or later: $*" \
		"(asked again in a day, or without build/qemu)"
	rm -rf "$work/out"
	mkdir "$work/out" || return
	echo "$*" >"$work/out/UNAVAILABLE"
	place qemu
}

# boots QEMU: does its default firmware reach its banner on virt?
qemu_boots() {
	local out=$work/boot.txt pid tries=100

	: >"$out"
	timeout 30 "$1" -M virt -m 128M -bios default -display none \
		-monitor none -serial "file:$out" >>"$log" 2>&1 </dev/null &
	pid=$!
	while [ $((tries -= 1)) -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
		grep -q OpenSBI "$out" && break
		sleep 0.2
	done
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	grep -q OpenSBI "$out"
}

# The machine's package state with every dependency struck out, and without
# what has to come along in the new version: then the solver names exactly
# the packages that the machine lacks.
qemu_status() {
	awk '
	/^Package: / { skip = $2 ~ /^(qemu-.*|ipxe-qemu|opensbi)$/ }
	/^(Pre-Depends|Depends|Conflicts|Breaks|Recommends|Suggests):/ {
		drop = 1
		next
	}
	/^[^ \t]/ || /^$/ { drop = 0 }
	!skip && !drop' /var/lib/dpkg/status
}

# download ARG...: the packages that `apt-get install ARG...` would bring, and
# all that they need beyond those of $work/apt/status, into $work/deb.
download() {
	local list

	list=$(apt_private apt-get --simulate --no-install-recommends \
		install "$@" 2>>"$log" |
		sed -n 's/^Inst \([^ ]*\) .*(\([^ ]*\) .*/\1=\2/p')
	[ -n "$list" ] || return 1
	mkdir "$work/deb" || return
	# shellcheck disable=SC2086
	(cd "$work/deb" && quietly apt_private apt-get download $list)
}

# backports PACKAGE...: these and what they need, for this machine, from its
# release's backports.
backports() {
	apt_open "$work/apt" debian "$(dpkg --print-architecture)" deb \
		"$codename" "$codename-backports" &&
		download -t "$codename-backports" "$@"
}

# unpack_debs: $work/deb/*.deb below $work/out/root.
unpack_debs() {
	local deb

	mkdir -p "$work/out/root" || return
	for deb in "$work"/deb/*.deb; do
		quietly dpkg -x "$deb" "$work/out/root" || return
	done
}

# wrapper COMMAND ARGS [LINE]: a script $work/out/NAME that runs root/COMMAND
# ARGS with its own libraries, behind LINE; $here in both is its folder.
wrapper() {
	local name=$work/out/${1##*/} triplet

	triplet=$(gcc -print-multiarch) || return
	cat >"$name" <<END && chmod +x "$name"
#!/bin/sh
# Not the machine's: with its own libraries and files.
here=\$(dirname "\$(readlink -f "\$0")")
LD_LIBRARY_PATH=\$here/root/usr/lib/$triplet:\$here/root/lib/$triplet
export LD_LIBRARY_PATH
${3:-}
exec "\$here/root/$1" $2 "\$@"
END
}

qemu_unpack() {
	unpack_debs || return
	# QEMU then looks for its modules below root/, not among the machine's,
	# which are of another version and complain.
	ln -s ../.. "$work/out/root/usr/bin/qemu-bundle" || return
	# shellcheck disable=SC2016
	wrapper usr/bin/qemu-system-riscv64 \
		'-L "$here/root/usr/share/qemu" -L "$here/root/usr/lib/ipxe/qemu"'
}

# qemu_try: what was downloaded, in place if it runs here; else sets $unfit.
qemu_try() {
	local version

	unfit="the one of $codename-backports does not run here"
	qemu_unpack || return
	version=$(qemu_version "$work/out/qemu-system-riscv64")
	[ "${version%%.*}" -ge "$qemu_min" ] 2>/dev/null || return
	qemu_boots "$work/out/qemu-system-riscv64" || return
	echo "$version $codename-backports" >"$work/out/VERSION"
	place qemu
}

# Only Debian 12 has a newer QEMU in its backports worth fetching.
get_qemu() {
	local sys version unfit=''

	sys=$(command -v qemu-system-riscv64)
	version=$(qemu_version "${sys:-false}")
	if [ "${version%%.*}" -ge "$qemu_min" ] 2>/dev/null; then
		mkdir "$work/out" || return
		ln -s "$sys" "$work/out/qemu-system-riscv64" || return
		echo "$version $sys" >"$work/out/VERSION"
		place qemu
		return
	fi
	version=${version:-none}
	[ "$distro $codename" = "debian bookworm" ] || {
		qemu_unavailable "this machine has ${version}, and its" \
			"release packages no newer one"
		return
	}
	say "qemu: this machine has ${version}, fetching a newer one from" \
		"$codename-backports"
	mkdir "$work/apt" && qemu_status >"$work/apt/status" || return
	backports qemu-system-riscv ipxe-qemu &&
		qemu_try "$version" && return
	qemu_unavailable "this machine has ${version}, and" \
		"${unfit:-$codename-backports cannot be reached}"
}

### debian

have_debian() {
	[ "$(first_line "$build/debian/VERSION")" = "suite $suite" ]
}

# The package linux-image-riscv64 only names today's real one.
debian_download() {
	local image

	image=$(apt_field linux-image-riscv64 Depends |
		sed -n 's/.*\(linux-image-[^ ,|]*\).*/\1/p')
	[ -n "$image" ] || return 1
	mkdir "$work/deb" || return
	(cd "$work/deb" && quietly apt_private apt-get download "$image" \
		busybox-static) || return
	{
		echo "suite $suite"
		echo "$image $(apt_field "$image" Version)"
		echo "busybox-static $(apt_field busybox-static Version)"
	} >"$work/out/VERSION"
}

debian_unpack() {
	local dir=$work/src out=$work/out

	mkdir "$dir" || return
	dpkg-deb --fsys-tarfile "$work"/deb/linux-image-*.deb |
		quietly tar -xm -C "$dir" --wildcards './boot/vmlinu*' \
		'./usr/lib/linux-image-*/*' || return
	dpkg-deb --fsys-tarfile "$work"/deb/busybox-static_*.deb |
		quietly tar -xm -C "$dir" --wildcards '*/bin/busybox' || return
	mv "$dir"/boot/vmlinu* "$out/Image" &&
		mv "$dir"/usr/lib/linux-image-* "$out/dtbs" || return
	find "$dir" -name busybox -type f -exec mv {} "$out/busybox" \;
	[ -x "$out/busybox" ]
}

get_debian() {
	if [ -z "$(apt_mirrors debian)" ]; then
		echo "$me: the Debian kernel needs DEBIAN_MIRROR=<url>" \
			"(or GUEST=<bundle>)" >&2
		return 77
	fi
	say "debian: kernel, device trees and busybox for riscv64 ($suite)"
	mkdir "$work/out" || return
	apt_open "$work/apt" debian riscv64 deb "$suite" ||
		fail "no mirror of this machine has Debian's $suite;" \
		"name one by DEBIAN_MIRROR=" || return
	debian_download ||
		fail "could not download Debian's kernel and busybox" || return
	debian_unpack || fail "could not unpack Debian's kernel" || return
	[ "$(dd if="$work/out/Image" bs=1 skip=56 count=3 2>/dev/null)" = RSC ] ||
		fail "Debian's vmlinux is no RISC-V Image" || return
	place debian
}

### npm packages

# npm_fetch PACKAGE VERSION SHA512: unpacked into $work/package.
npm_fetch() {
	local tarball

	command -v npm >/dev/null || fail "npm is needed (make deps)" || return
	say "$1 $2"
	(cd "$work" && npm_config_cache=$work/npm \
		npm_config_update_notifier=false quietly npm pack \
		--ignore-scripts "$1@$2") ||
		fail "could not download $1 $2 by npm" || return
	tarball=$(echo "$work"/*.tgz)
	echo "$3  $tarball" | quietly sha512sum -c - ||
		fail "$1 $2 is not what its recorded SHA-512 says" || return
	quietly tar -xmf "$tarball" -C "$work"
}

have_xterm() {
	[ "$(first_line "$build/xterm/VERSION")" = "$xterm_version" ]
}

get_xterm() {
	local dir=$work/package

	npm_fetch @xterm/xterm "$xterm_version" "$xterm_sha512" || return
	mkdir "$work/out" && mv "$dir/lib/xterm.js" "$dir/css/xterm.css" \
		"$dir/LICENSE" "$work/out/" || return
	echo "$xterm_version" >"$work/out/VERSION"
	place xterm
}

have_playwright() {
	[ "$(first_line "$build/playwright/VERSION")" = "$playwright_version" ]
}

get_playwright() {
	npm_fetch playwright-core "$playwright_version" \
		"$playwright_sha512" ||
		return
	mkdir -p "$work/out/node_modules" && mv "$work/package" \
		"$work/out/node_modules/playwright-core" || return
	echo "$playwright_version" >"$work/out/VERSION"
	place playwright
}

### ser2net

have_ser2net() {
	command -v ser2net >/dev/null || [ -x "$build/ser2net/ser2net" ]
}

ser2net_download() {
	mkdir "$work/apt" && cp /var/lib/dpkg/status "$work/apt/" || return
	apt_open "$work/apt" "$distro" "$(dpkg --print-architecture)" deb \
		"$codename" && download ser2net
}

ser2net_wrapper() {
	local plugins

	plugins=$(cd "$work/out" && echo root/usr/libexec/*/gensio/*) &&
		wrapper usr/sbin/ser2net '' \
		"export GENSIO_LIBRARY_PATH=\"\$here/$plugins\""
}

get_ser2net() {
	say "ser2net: from $distro $codename"
	ser2net_download && unpack_debs && ser2net_wrapper &&
		quietly "$work/out/ser2net" -v && place ser2net && return
	say "ser2net: cannot be had here; what needs it will be skipped"
}

### opensbi

have_opensbi() {
	local dir=$build/opensbi

	[ -s "$dir/fw_dynamic.bin" ] || return
	opensbi_fits "$(first_line "$dir/VERSION")" ||
		[ -n "$(find "$dir/VERSION" -mtime -1)" ]
}
opensbi_fits() {
	dpkg --compare-versions "${1:-0}" ge "$opensbi_min"
}
# The newest that this release's backports have; sets $version.
opensbi_newer() {
	[ "$distro $codename" = "debian bookworm" ] || return
	say "opensbi: this machine has ${version:-none}, fetching a newer one" \
		"from $codename-backports"
	backports opensbi && unpack_debs &&
		version=$(dpkg-deb -f "$work"/deb/opensbi*.deb Version)
}
get_opensbi() {
	local file=usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin
	local from=/ version

	version=$(dpkg-query -W -f '${Version}' opensbi 2>/dev/null)
	mkdir -p "$work/apt" "$work/out" || return
	if opensbi_fits "$version"; then
		:
	elif opensbi_newer; then
		from=$work/out/root/
	else
		say "opensbi: none of version $opensbi_min or later: Linux hangs" \
			"at times on a virtual board (asked again in a day)"
	fi
	cp "$from$file" "$work/out/" || return
	rm -rf "$work/out/root"
	echo "$version" >"$work/out/VERSION"
	place opensbi
}

### dumps

# The newest QEMU there is: build/qemu's, else the machine's.
best_qemu() {
	if [ -x "$build/qemu/qemu-system-riscv64" ]; then
		echo "$build/qemu/qemu-system-riscv64"
	else
		command -v qemu-system-riscv64
	fi
}

have_dumps() {
	[ "$(first_line "$build/dtbs-qemu/VERSION")" = "$(best_qemu)" ] &&
		have_qemu
}

# dump NAME MACHINE OPTION...
dump() {
	local name=$1 machine=$2

	shift 2
	quietly timeout 30 "$qemu" -machine \
		"$machine,dumpdtb=$work/out/$name.dtb" -bios none \
		-display none -monitor none -serial none "$@" </dev/null
	[ -s "$work/out/$name.dtb" ] || fail "$qemu dumps no tree of $machine"
}

get_dumps() {
	local qemu

	have_qemu || fetch_one qemu || return
	qemu=$(best_qemu)
	[ -n "$qemu" ] || fail "qemu-system-riscv64 is needed (make deps)" ||
		return
	say "dumps: the device trees of $qemu"
	mkdir "$work/out" || return
	dump virt virt &&
	dump virt-smp4 virt -smp 4 &&
	dump virt-8g virt -m 8G &&
	dump virt-numa virt -smp 4 -m 512M \
		-object memory-backend-ram,id=m0,size=256M \
		-object memory-backend-ram,id=m1,size=256M \
		-numa node,nodeid=0,memdev=m0,cpus=0-1 \
		-numa node,nodeid=1,memdev=m1,cpus=2-3 &&
	dump virt-aplic virt,aia=aplic -smp 4 &&
	dump virt-aplic-imsic virt,aia=aplic-imsic -smp 4 &&
	dump virt-aplic-imsic-guests virt,aia=aplic-imsic,aia-guests=3 -smp 4 &&
	dump sifive_u sifive_u -smp 5 &&
	dump spike spike -smp 2 || return
	printf '%s\n%s\n' "$qemu" "$(qemu_version "$qemu")" >"$work/out/VERSION"
	place dtbs-qemu
}

### all of them

# fetch_one WHAT: under its lock, in its own scratch directory.
fetch_one() (
	work=$build/.setup/$1
	log=$work/log
	exec 9>"$work.lock" || exit 1
	flock -n 9 || {
		say "$1: waiting for another run of this script"
		flock 9
	}
	"have_$1" && exit 0
	rm -rf "$work"
	mkdir "$work" || exit 1
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP
	"get_$1"
)

usage() {
	echo "usage: $0 WHAT... (libfdt zlib sodium qemu debian xterm" \
		"playwright ser2net opensbi dumps)" >&2
	exit 64
}

main() {
	local what status result=0

	build=${BUILD:-$here/../../build}
	mkdir -p "$build/.setup" && build=$(cd "$build" && pwd) || exit 1
	apt_machine
	for what; do
		"have_$what" && continue
		fetch_one "$what"
		status=$?
		[ $status -le 128 ] || exit $status
		case $status in
		0)	;;
		77)	[ $result != 0 ] || result=77 ;;
		*)	result=1 ;;
		esac
	done
	exit $result
}

[ $# != 0 ] || usage
for arg; do
	case $arg in
	libfdt|zlib|sodium|qemu|debian|xterm|playwright|ser2net|opensbi|dumps) ;;
	*)	usage ;;
	esac
done
main "$@"
