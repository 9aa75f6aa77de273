#!/bin/sh
# Makes sure that the Debian packages which the integration tests start are there: apt_packages.sh PACKAGE...
set -eu

missing=
for package in "$@"; do
    if ! dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
        missing="$missing $package"
    fi
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests start real servers; please install these Debian packages first:$missing" >&2
    exit 1
fi
echo "Installing$missing"
apt-get update -qq
# $missing is a list of words
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
    install -y -qq --no-install-recommends $missing >/dev/null
