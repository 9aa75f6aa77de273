#!/bin/sh
# Builds sdist and wheel in dist/, and checks that the wheel installs into an empty environment and starts:
# release.sh PYTHON
set -eu

python=$1
version=$("$python" -c 'import ksmppd_py; print(ksmppd_py.__version__)')
if ! grep -q "^## \[$version\] - [0-9-]*$" CHANGELOG.md; then
    echo "CHANGELOG.md has no section for $version with a date." >&2
    exit 1
fi
rm -rf dist
"$python" -m pip install --quiet --disable-pip-version-check build twine
"$python" -m build --outdir dist . >/dev/null
"$python" -m twine check --strict dist/*
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT INT TERM
"$python" -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check "dist/ksmppd_py-$version-py3-none-any.whl"
"$place/venv/bin/ksmppd" --version
cp examples/configurations/quickstart/ksmppd.conf "$place/"
(cd "$place" && venv/bin/ksmppd --test ksmppd.conf)
ls -l dist
