"""Runs the command that the command line names: the server, a check of its configuration, or a text to print."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import platform
import sys
from collections.abc import Callable, Iterable

from ksmppd_py import __version__
from ksmppd_py.config import ConfigProblems, load, printable, render_reference
from ksmppd_py.launch.arguments import GENERATE, HELP, TEST, USAGE, VERSION, Arguments
from ksmppd_py.launch.daemon import Process

_LIBRARIES = ("gevent", "greenlet", "SQLAlchemy", "PyMySQL", "psycopg", "bottle")


def run(arguments: Arguments, process: Process) -> int:
    """Do what the arguments say and return the exit status. May yield."""
    if arguments.action == TEST:
        return _test(arguments.config, arguments.live)
    if arguments.action in _PRINTED:
        return _print(_PRINTED[arguments.action]())
    # Looking at a configuration needs none of the server's packages.
    from ksmppd_py.launch.serve import serve  # noqa: PLC0415
    from ksmppd_py.server.app import App  # noqa: PLC0415

    return serve(arguments, process, App)


def _print(text: str) -> int:
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:  # the reader has ended (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _version_report() -> str:
    lines = [f"ksmppd-py {__version__}", f"{platform.python_implementation()} {platform.python_version()}"]
    for name in _LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            lines.append(f"{name} {importlib.metadata.version(name)}")
    return "\n".join([*lines, ""])


_PRINTED: dict[str, Callable[[], str]] = {
    HELP: lambda: USAGE,
    VERSION: _version_report,
    GENERATE: render_reference,
}


def _test(path: str, live: bool) -> int:
    try:
        config = load(path)
    except ConfigProblems as problems:
        _print_warnings(problems.warnings)
        for problem in problems.problems:
            print(problem, file=sys.stderr)
        return 1
    _print_warnings(config.warnings)
    if not live:
        return _print(f"{printable(path)}: configuration ok\n")
    logging.getLogger().addHandler(logging.NullHandler())  # each finding is a line, nothing more
    from ksmppd_py.server.live_check import check_live  # noqa: PLC0415 - it needs the server's packages

    worst = 0
    for finding in check_live(config):
        worst = max(worst, finding.failed)
        if status := _print(f"{finding}\n"):
            return status
    return int(worst)


def _print_warnings(warnings: Iterable[str]) -> None:
    for warning in warnings:
        print(f"{warning} (warning)", file=sys.stderr)
