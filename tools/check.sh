#!/bin/sh
# The fast part of the tests, on two processors: formatting and types beside the unit tests in three parts.
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
unit 1/3 >"$out/unit1" 2>&1 & b=$!
unit 2/3 >"$out/unit2" 2>&1 & c=$!
unit 3/3 >"$out/unit3" 2>&1 & d=$!
failed=0
for job in $a $b $c $d; do
    wait "$job" || failed=1
done
cat "$out/static" "$out/unit1" "$out/unit2" "$out/unit3"
exit $failed
