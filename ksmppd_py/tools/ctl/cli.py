"""The subcommands of ksmppctl, and how each end of one becomes an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from ksmppd_py import __version__
from ksmppd_py.tools.ctl import account, events, live, records, route
from ksmppd_py.tools.ctl.errors import INTERRUPTED, REFUSED, USAGE, CtlError
from ksmppd_py.tools.ctl.options import RootGroup
from ksmppd_py.tools.ctl.output import plain

PROGRAM = "ksmppctl"

_HELP = """Manage accounts, routes and the running server of ksmppd.

The server is the one of the file that -c names; else of --url or the environment variable KSMPPD_URL; else of
ksmppd.conf in the current directory. The operator is --user, KSMPPD_USER or admin. The password is taken from
--password-file, the configuration, KSMPPD_PASSWORD, or asked for. These options may stand behind a subcommand, too.

Exit status: 0 done, 1 refused, 2 wrong arguments, 3 no answer, 4 not allowed, 5 try again later, 130 interrupted.
"""


@click.group(PROGRAM, cls=RootGroup, help=_HELP, context_settings={"max_content_width": 110})
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def cli() -> None:
    """Do nothing by itself: a subcommand follows."""


for command in (
    account.account,
    route.route,
    live.bind,
    live.queue,
    live.bearerbox,
    live.refusals,
    live.blocked,
    records.audit,
    events.events,
    records.schema,
):
    cli.add_command(command)


def run(argv: Sequence[str] | None) -> int:
    """Run a command; `argv` without the program's name. Returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(argv, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except CtlError as error:
        return _fail(f"{PROGRAM}: {error}", error.exit_code)
    except click.ClickException as error:
        return _usage_error(error)
    except click.Abort:
        return INTERRUPTED
    except SystemExit as ending:  # click's, after a completion and when the reader has ended (`| head`)
        return ending.code if isinstance(ending.code, int) else REFUSED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush at the end
        return REFUSED


def _usage_error(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        print(error.format_message(), file=sys.stderr)
        return USAGE
    context = error.ctx if isinstance(error, click.UsageError) else None
    return _fail(f"{context.command_path if context else PROGRAM}: {error.format_message()}", USAGE)


def _fail(text: str, code: int) -> int:
    print(plain(" ".join(text.split())), file=sys.stderr)
    return code
