"""Starts ksmppd: command line and forks first, then monkey patching, then all other imports."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ksmppd_py.launch.arguments import Arguments
    from ksmppd_py.launch.daemon import Process


def main() -> None:
    """Run ksmppd with the arguments of the process; exits with 0, or with 1 after a PANIC line."""
    from ksmppd_py.launch import signals

    signals.hold()
    signals.end_by_default()
    from ksmppd_py.launch import arguments as command_line
    from ksmppd_py.launch import daemon
    from ksmppd_py.errors import StartError

    process = daemon.Process()
    try:
        arguments = command_line.parse(sys.argv)
        if arguments.action != command_line.RUN:
            signals.let_through()
        else:
            signals.end_at_once(process.clean_up)
            daemon.apply_options(arguments, process)
    except (command_line.UsageError, StartError) as error:
        daemon.write_log_line("PANIC", str(error))
        sys.exit(1)

    try:
        sys.exit(_run(arguments, process))
    finally:
        process.clean_up()


def _run(arguments: Arguments, process: Process) -> int:
    from ksmppd_py.launch.daemon import write_log_line

    try:
        from gevent import monkey

        monkey.patch_all()

        from ksmppd_py.launch import cli
    except ImportError as error:
        where = f"{sys.prefix} or {sys.base_prefix}"
        reader = f"can user '{arguments.user}' read all of it" if arguments.user else "is all of it there"
        write_log_line("PANIC", f"The program can't be loaded from {where}, {reader}? {error}")
        return 1
    return cli.run(arguments, process)


if __name__ == "__main__":
    main()
