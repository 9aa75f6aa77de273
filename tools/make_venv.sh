#!/bin/sh
# Makes a virtual environment with this project (editable) and its development tools: make_venv.sh DIRECTORY [PYTHON]
set -eu

directory=$1
python=${2:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    echo "ksmppd-py needs Python 3.10 or later: name one with 'make PYTHON=/path/to/python3'." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python3-venv"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends python3-venv >/dev/null
    else
        echo "$python can't make virtual environments: install the package python3-venv and try again." >&2
        exit 1
    fi
fi

echo "Installing ksmppd-py into $directory (it takes a minute)"
"$python" -m venv "$directory"
"$directory/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
