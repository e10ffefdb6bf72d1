# A private apt root: packages of any suite and architecture, without root and
# without touching the machine's own apt. Sourced by fetch.sh.
#
# The mirror is DEBIAN_MIRROR, or the one of the machine's own sources; every
# index is checked against the installed archive keyring, every package
# against its index.
#
# shellcheck shell=bash disable=SC2034 # distro and codename are for fetch.sh

: "${me:?}" "${log:=/dev/null}"

# distro and codename: debian|ubuntu|other, and the release's name.
apt_machine() {
	local id='' like='' ubuntu='' version=''

	# OS_RELEASE lets one try this script as if on another release.
	# shellcheck disable=SC1090
	. "${OS_RELEASE:-/etc/os-release}" 2>/dev/null &&
		id=${ID:-} like=${ID_LIKE:-} ubuntu=${UBUNTU_CODENAME:-} \
		version=${VERSION_CODENAME:-}
	codename=$version
	case " $id $like " in
	*" ubuntu "*)	distro=ubuntu codename=${ubuntu:-$version} ;;
	*" debian "*)	distro=debian ;;
	*)		distro=other ;;
	esac
}

# apt_keyring NAME: the installed archive keyring of debian or ubuntu.
apt_keyring() {
	local file

	for file in "/usr/share/keyrings/$1-archive-keyring."{gpg,pgp}; do
		[ -e "$file" ] && { echo "$file"; return 0; }
	done
	echo "$me: the package $1-archive-keyring is needed (make deps)" >&2
	return 1
}

# apt_mirrors NAME: base URIs that may carry debian or ubuntu, best first: those
# whose lists say so, then all the others, of which the keyring sorts out the
# foreign ones. apt itself reads the sources, so both formats are understood.
apt_mirrors() {
	# shellcheck disable=SC2016 # the fields are apt's
	local fields='$(CREATED_BY) $(COMPONENT) $(REPO_URI) $(RELEASE)'

	if [ "$1" = debian ] && [ -n "${DEBIAN_MIRROR:-}" ]; then
		echo "$DEBIAN_MIRROR"
		return
	fi
	[ "$1" = "$distro" ] || return 0
	{
		# shellcheck disable=SC2016
		apt-get indextargets --format "$fields "'$(ORIGIN)'
		apt-get indextargets --no-release-info --format "$fields"
	} 2>/dev/null | awk -v name="$1" '
	$1 == "Packages" && $2 == "main" && $3 !~ /^cdrom/ {
		print (tolower($5) != name) ($4 ~ /[-\/]/), $3
	}' | LC_ALL=C sort -s -k1,1 | awk '!seen[$2]++ { print $2 }'
}

# apt_private TOOL ARG...: apt-get or apt-cache inside the root $apt_root.
apt_private() {
	local tool=$1 dir=$apt_root

	shift
	"$tool" -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" \
		-o Dir::State::status="$dir/status" \
		-o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts="$dir/none" \
		-o Dir::Etc::Preferences="$dir/none/preferences" \
		-o Dir::Etc::PreferencesParts="$dir/none" \
		-o APT::Architecture="$apt_arch" \
		-o APT::Architectures="$apt_arch" \
		-o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Languages=none -o Acquire::Retries=3 \
		-o Acquire::http::Timeout=60 -o Acquire::https::Timeout=60 \
		"$@"
}

# quietly COMMAND...: what it says is kept in $log, shown only with V=1.
quietly() {
	if [ "${V:-0}" = 1 ]; then
		"$@"
	else
		"$@" >>"$log" 2>&1
	fi
}

# apt_open DIR NAME ARCH TYPE SUITE...: makes DIR the private root for the
# suites (TYPE deb or deb-src) of the first mirror of NAME that has them all.
apt_open() {
	local dir=$1 name=$2 arch=$3 type=$4 key mirror suite parts=main

	shift 4
	apt_root=$dir apt_arch=$arch
	key=$(apt_keyring "$name") || return 1
	[ "$name" = debian ] || parts="main universe"
	mkdir -p "$dir"/{lists,cache/archives}/partial "$dir/none" || return 1
	[ -e "$dir/status" ] || : >"$dir/status"
	for mirror in $(apt_mirrors "$name"); do
		for suite; do
			echo "$type [signed-by=$key] $mirror $suite $parts"
		done >"$dir/sources.list"
		quietly apt_private apt-get update --error-on=any && return 0
	done
	return 1
}

# apt_field PACKAGE FIELD: a field of the package's candidate.
apt_field() {
	apt_private apt-cache show --no-all-versions "$1" 2>>"$log" |
		sed -n "s/^$2: //p" | head -n 1
}
