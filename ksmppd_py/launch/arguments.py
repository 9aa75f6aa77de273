"""The command line, read as by Kannel's programs (docs/rules/operations.md 1). Used before patching: few imports."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

USAGE = """\
usage: ksmppd [options] [--] [configfile]

configfile is ksmppd.conf when absent; it comes after all options.

  -t, --test               check the configuration and say what is wrong with it
      --live               with --test: also try what it names (database, bearerboxes, HTTP servers, certificates)
  -v, --verbosity N        minimum level on stderr: 0 debug (default), 1 info, 2 warning, 3 error, 4 panic
  -F, --logfile FILE       an additional log file
  -V, --fileverbosity N    minimum level in that file, default 0
  -D, --debug PLACES       debug lines of these places only, `*` at the end for any, `-` before to leave out
  -d, --daemonize          run in the background; ends when the server is up, or with status 1
  -p, --pid-file FILE      write the process id there
  -u, --user NAME          run as that user
  -P, --parachute          restart after a crash
  -X, --panic-script FILE  run after a crash, with the program's name and the number of restarts as argument
  -g, --generate           print a configuration with all keys to start from
      --version            print versions
  -h, --help               print this
"""

RUN, TEST, GENERATE, VERSION, HELP = "run", "test", "generate", "version", "help"


class UsageError(Exception):
    """An option is unknown or misplaced, or lacks its argument; the text says which."""


@dataclass(slots=True)
class Arguments:
    """The content of the command line; paths are absolute except `config`, which messages name as given."""

    program: str = "ksmppd"
    action: str = RUN
    config: str = "ksmppd.conf"
    verbosity: int = 0
    log_file: str = ""
    file_verbosity: int = 0
    debug_places: str = ""
    daemonize: bool = False
    pid_file: str = ""
    user: str = ""
    parachute: bool = False
    panic_script: str = ""
    live: bool = False


def parse(argv: Sequence[str]) -> Arguments:
    """Read sys.argv. Raises UsageError for anything unknown, so that a mistyped option starts no server."""
    arguments = Arguments(program=os.path.basename(argv[0]))
    words = iter(argv[1:])
    for word in words:
        if word == "--":
            arguments.config = next(words, arguments.config)
            break
        if not word.startswith("-"):
            arguments.config = word
            _refuse_options(words)
            break
        name = _LONG.get(word, word)
        if name in _SWITCHES:
            _SWITCHES[name](arguments)
        elif name in _SETTERS:
            value = next(words, None)
            if value is None:
                raise UsageError(f"Option {word} needs an argument")
            _SETTERS[name](arguments, word, value)
        else:
            raise UsageError(f"Unknown option {word}. {_hint(word)}")
    if arguments.live and arguments.action != TEST:
        raise UsageError("Option --live needs --test")
    return arguments


def _refuse_options(words: Iterable[str]) -> None:
    """Refuse options after the file, which Kannel's programs ignore: one there, above all `--test`, was meant."""
    for word in words:
        if word.startswith("-"):
            raise UsageError(f"Option {word} must come before the configuration file")


def _hint(word: str) -> str:
    options = [option for option in (*_LONG, *_SWITCHES) if option.startswith("--")]
    near = difflib.get_close_matches("--" + word.strip("-"), options, 1, 0.7)
    return f"Did you mean {near[0]}?" if near else "See ksmppd --help"


def _level(word: str, value: str) -> int:
    try:
        return min(max(int(value), 0), 5)
    except ValueError:
        raise UsageError(f"Option {word} needs a number, not {value!r}") from None


def _set_log_file(arguments: Arguments, word: str, value: str) -> None:
    if value.startswith("-"):
        raise UsageError(f"Option {word} needs a file name, not {value!r}")
    arguments.log_file = os.path.abspath(value)


def _setting(name: str) -> Callable[[Arguments, str, str], None]:
    return lambda arguments, word, value: setattr(arguments, name, value)


def _path_setting(name: str) -> Callable[[Arguments, str, str], None]:
    return lambda arguments, word, value: setattr(arguments, name, os.path.abspath(value))


def _level_setting(name: str) -> Callable[[Arguments, str, str], None]:
    return lambda arguments, word, value: setattr(arguments, name, _level(word, value))


def _switch(name: str) -> Callable[[Arguments], None]:
    return lambda arguments: setattr(arguments, name, True)


def _action(action: str) -> Callable[[Arguments], None]:
    return lambda arguments: setattr(arguments, "action", action)


_LONG = {
    "--verbosity": "-v",
    "--fileverbosity": "-V",
    "--logfile": "-F",
    "--debug": "-D",
    "--parachute": "-P",
    "--panic-script": "-X",
    "--daemonize": "-d",
    "--pid-file": "-p",
    "--user": "-u",
    "--generate": "-g",
    "--test": "-t",
    "--help": "-h",
}
_SWITCHES: dict[str, Callable[[Arguments], None]] = {
    "-P": _switch("parachute"),
    "-d": _switch("daemonize"),
    "-g": _action(GENERATE),
    "-t": _action(TEST),
    "-h": _action(HELP),
    "--version": _action(VERSION),
    "--live": _switch("live"),
}
_SETTERS: dict[str, Callable[[Arguments, str, str], None]] = {
    "-v": _level_setting("verbosity"),
    "-V": _level_setting("file_verbosity"),
    "-F": _set_log_file,
    "-D": _setting("debug_places"),
    "-X": _path_setting("panic_script"),
    "-p": _path_setting("pid_file"),
    "-u": _setting("user"),
}
