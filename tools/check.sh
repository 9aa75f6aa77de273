#!/bin/sh
# The fast part of the tests, on two processors: formatting and types beside the unit tests in two halves.
# check.sh BIN_DIRECTORY
set -eu

bin=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT INT TERM

static() {
    "$bin/ruff" check && "$bin/ruff" format --check && "$bin/mypy" --strict
}
unit() {
    "$bin/python" -m gevent.monkey --module pytest -q -m "not integration and not slow" --part "$1" --hypothesis-profile quick
}

static >"$out/static" 2>&1 & a=$!
unit 1/2 >"$out/unit1" 2>&1 & b=$!
unit 2/2 >"$out/unit2" 2>&1 & c=$!
failed=0
for job in $a $b $c; do
    wait "$job" || failed=1
done
cat "$out/static" "$out/unit1" "$out/unit2"
exit $failed
