#!/bin/sh
# The fast part of the tests, on two processors: formatting, floors and types beside the unit tests in three groups.
# check.sh BIN_DIRECTORY
set -eu

bin=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT INT TERM

static() {
    "$bin/ruff" check && "$bin/ruff" format --check && "$bin/lint-imports" --no-logo --no-cache && "$bin/mypy" --strict
}

static >"$out/static" 2>&1 & static=$!
failed=0
"$bin/python" tools/run_tests.py --groups 3 -m "not integration and not slow" --hypothesis-profile quick >"$out/unit" 2>&1 || failed=1
wait "$static" || failed=1
cat "$out/static" "$out/unit"
exit $failed
