#!/bin/sh
# Measures which branches the unit tests, and some tests on real database servers, reach, and holds two floors: every
# branch of the packages without I/O, and 92 % of everything; programs that the tests start don't count.
# coverage.sh BIN_DIRECTORY
set -eu

bin=$1
core="ksmppd_py/smpp/*,ksmppd_py/kannel/*,ksmppd_py/translate/*,ksmppd_py/model/*,kannel_conf/*"
rm -rf build/coverage
mkdir -p build/coverage
"$bin/python" tools/run_tests.py --groups 3 --repeat --coverage -m "not integration and not slow" --hypothesis-profile quick
"$bin/python" tools/run_tests.py --groups 2 --repeat --coverage tests/storage/test_postgresql.py tests/storage/test_store.py
"$bin/coverage" combine --quiet
"$bin/coverage" report --fail-under=92
"$bin/coverage" report --include="$core" --fail-under=100
