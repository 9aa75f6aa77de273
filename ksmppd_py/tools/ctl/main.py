"""ksmppctl: manages accounts, routes and the running server of ksmppd.

Exit status: 0 done, 1 refused by the server or not wanted, 2 wrong arguments, 3 no answer from a server, 4 not allowed,
5 the server can't now (too many wrong passwords, or its database is away): try again, 130 interrupted. An error is
one line on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; `argv` without its name. Returns the exit status."""
    try:
        # Ctrl-C while the modules are loaded, most of a short command's time, is no reason for a traceback.
        from ksmppd_py.tools.ctl.cli import run  # noqa: PLC0415

        return run(argv)
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
