"""Find the password of ksmppd-esme, and keep it out of the list of processes."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Mapping, Sequence

VARIABLE = "KSMPP_PASSWORD"
OPTION = "--password"
FILE_OPTION = "--password-file"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the two options for a password."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        OPTION,
        metavar="TEXT",
        help=f"better in the environment variable {VARIABLE}, or typed when asked for: the shell's history keeps this",
    )
    group.add_argument(
        FILE_OPTION, metavar="FILE", help="its first line is the password; - is standard input"
    )


def find(options: argparse.Namespace, environment: Mapping[str, str]) -> str:
    """Return the password: of an option, of the environment, or asked for. Raises OSError and ValueError."""
    if options.password is not None:
        return str(options.password)
    if options.password_file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if options.password_file:
        with open(options.password_file, encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    if VARIABLE in environment:
        return environment[VARIABLE]
    if not sys.stdin.isatty():
        raise ValueError(f"no password: set {VARIABLE}, or use --password-file")
    return getpass.getpass(f"Password of {options.system_id}: ")


def without_password(words: Sequence[str]) -> tuple[list[str], str | None]:
    """Return a command line without its password, and the password; None when there is none in it."""
    if any(word.startswith(FILE_OPTION) for word in words):
        return list(words), None  # both are an error, which the options' parser reports
    kept: list[str] = []
    password = None
    rest = iter(words)
    for word in rest:
        if word == OPTION:
            password = next(rest, None)
            if password is None:
                return list(words), None
        elif word.startswith(f"{OPTION}="):
            password = word.partition("=")[2]
        else:
            kept.append(word)
    return kept, password


def leave_process_list() -> None:
    """Start this program again with a password of the command line in the environment, which only its user can read.

    Until then the list of processes shows it, for a few hundredths of a second. Returns when there is no password.
    """
    words, password = without_password(sys.orig_argv)
    if password is not None:
        os.execve(sys.executable, words, {**os.environ, VARIABLE: password})
