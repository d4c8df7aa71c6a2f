#!/bin/sh
# SPDX-License-Identifier: MIT
# Unpacks the real servers that the tests talk to, without installing them: the FTP servers exclude
# one another as packages, and so does the mail server with whatever mailer the machine has.
# Needs no root. Does nothing (and needs no network) when everything is already there.
# Usage: install_peers.sh [--list]    folder: ${SLUICE_CACHE:-<repository>/.cache}/peers
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${SLUICE_CACHE:-$here/../../.cache}
mkdir -p "$cache/peers"
cache=$(cd "$cache/peers" && pwd)

# folder: packages unpacked into it, and why. What they depend on is unpacked too where the machine
# lacks it.
peers() {
    cat <<'END'
vsftpd      vsftpd: the FTP server that has no MLSD and can insist on TLS session reuse
proftpd     proftpd-core proftpd-mod-crypto: an FTP server with its TLS module
pure-ftpd   pure-ftpd pure-ftpd-common: an FTP server that answers 451 where others answer 550
sshd        openssh-server: an SFTP server, without the service that the package would start
exim        exim4-daemon-light: a mail server with STARTTLS and AUTH
END
}

fetch() {
    apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$@" || {
        echo "install_peers.sh: cannot fetch $*; is the package list current (apt-get update)?" >&2
        exit 1
    }
}

is_installed() {
    dpkg-query -W -f='${Status}' "$1" 2> /dev/null | grep -q 'ok installed'
}

# Names of the libraries that the package files of this folder depend on (first alternatives).
libraries() {
    for archive in ./*.deb; do
        dpkg-deb -f "$archive" Pre-Depends Depends
    done | sed 's/^[A-Za-z-]*: //' | tr ',' '\n' | sed 's/[|(:].*//; s/ //g' | grep '^lib' | sort -u
}

# Fetches libraries that are neither installed nor here yet, until none is missing.
fetch_libraries() {
    while :; do
        missing=
        for library in $(libraries); do
            is_installed "$library" || [ -e "$library"_*.deb ] || missing="$missing $library"
        done
        [ -n "$missing" ] || return 0
        # shellcheck disable=SC2086  # the list is meant to be split
        fetch $missing
    done
}

# Every program of the tree finds its libraries: said here, not by a test that cannot start it.
check_libraries() {
    path=$(find "$1" -name '*.so.*' -exec dirname {} + | sort -u | paste -sd:)
    find "$1" -type f -path '*bin/*' | while read -r program; do
        LD_LIBRARY_PATH=$path ldd "$program" 2> /dev/null | grep 'not found' | sed "s|^|$program: |"
    done | grep . >&2 && {
        echo "install_peers.sh: the libraries above are missing" >&2
        exit 1
    }
    return 0
}

if [ "${1:-}" = --list ]; then
    peers
    exit 0
elif [ $# -gt 0 ]; then
    echo "usage: install_peers.sh [--list]" >&2
    exit 2
fi

peers | while read -r folder rest; do
    packages=${rest%%:*}
    [ "$packages" = "$(cat "$cache/$folder/.complete" 2> /dev/null)" ] && continue
    echo "unpacking $packages into $cache/$folder:${rest#*:}"
    command -v apt-get > /dev/null && command -v dpkg > /dev/null || {
        echo "install_peers.sh: needs apt-get and dpkg (Debian 12)" >&2
        exit 2
    }
    work=$(mktemp -d "$cache/.new.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/tree"
    # shellcheck disable=SC2086  # the list of packages is meant to be split
    (cd "$work" && fetch $packages && fetch_libraries) || exit 1
    for archive in "$work"/*.deb; do
        dpkg -x "$archive" "$work/tree"
    done
    find "$work/tree" -type f -perm /6000 -exec chmod ug-s {} +
    check_libraries "$work/tree"
    echo "$packages" > "$work/tree/.complete"
    rm -rf "${cache:?}/$folder"
    mv "$work/tree" "$cache/$folder"
    rm -rf "$work"
    trap - EXIT
done
