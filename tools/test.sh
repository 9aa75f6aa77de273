#!/bin/sh
# Runs tests: test.sh PYTEST [ARGUMENT...]. What fails is run once more by itself, since most of it times real servers
# and a neighbour on the machine may have been at work; what fails twice has failed.
set -u

"$@"
code=$?
[ "$code" -eq 1 ] || exit "$code"
echo "These failed; they are run once more by themselves."
"$@" --last-failed --last-failed-no-failures none
