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

# folder: packages unpacked into it, and why
peers() {
    cat <<'END'
vsftpd      vsftpd: the FTP server that has no MLSD and can insist on TLS session reuse
proftpd     proftpd-core proftpd-mod-crypto libhiredis0.14 libmemcached11 libmemcachedutil2 libhashkit2 libpcre2-posix3: an FTP server with its TLS module and the libraries it needs
pure-ftpd   pure-ftpd pure-ftpd-common: an FTP server that answers 451 where others answer 550
sshd        openssh-server libwrap0: an SFTP server, without the service that the package would start
exim        exim4-daemon-light libgnutls-dane0 libunbound8 libidn12: a mail server with STARTTLS and AUTH, and its libraries
END
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
    [ -e "$cache/$folder/.complete" ] && continue
    echo "unpacking $packages into $cache/$folder:${rest#*:}"
    command -v apt-get > /dev/null && command -v dpkg > /dev/null || {
        echo "install_peers.sh: needs apt-get and dpkg (Debian 12)" >&2
        exit 2
    }
    work=$(mktemp -d "$cache/.new.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/tree"
    # shellcheck disable=SC2086  # the list of packages is meant to be split
    if ! (cd "$work" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download $packages); then
        echo "install_peers.sh: cannot fetch $packages; is the package list current (apt-get update)?" >&2
        exit 1
    fi
    for archive in "$work"/*.deb; do
        dpkg -x "$archive" "$work/tree"
    done
    find "$work/tree" -type f -perm /6000 -exec chmod ug-s {} +
    : > "$work/tree/.complete"
    rm -rf "${cache:?}/$folder"
    mv "$work/tree" "$cache/$folder"
    rm -rf "$work"
    trap - EXIT
done
