"""The front door: command line and forks first, then patching, then everything else."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ksmppd with the arguments of the process; exits with 0, or with 1 after a PANIC line."""
    from ksmppd_py import arguments as command_line
    from ksmppd_py import daemon
    from ksmppd_py.errors import StartError

    process = daemon.Process()
    try:
        arguments = command_line.parse(sys.argv)
        if arguments.action == command_line.RUN:
            process = daemon.become(arguments)
    except (command_line.UsageError, StartError) as error:
        daemon.say("PANIC", str(error))
        sys.exit(1)

    from gevent import monkey

    monkey.patch_all()

    from ksmppd_py import cli

    try:
        status = cli.run(arguments, process)
    finally:
        process.clean_up()
    sys.exit(status)


if __name__ == "__main__":
    main()
