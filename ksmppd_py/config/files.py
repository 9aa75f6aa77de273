"""Checks files that a configuration names, before anything is started."""

from __future__ import annotations

import importlib.util
import os
import re
import ssl

from kannel_conf.files import other_kind, read_file
from ksmppd_py.server_certificate import load_server_certificate


def certificate_problem(certificate: str, key: str) -> str:
    """Return why a server can't use these PEM files, "" when it can; `key` "" = it is in the certificate's file."""
    missing = [path for path in (certificate, key) if path and not os.path.exists(path)]
    if missing:
        return f"{' and '.join(missing)} {'does' if len(missing) == 1 else 'do'}n't exist"
    for path in (certificate, key):
        if kind := _other_kind(path):
            return f"{path} is {kind}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        load_server_certificate(context, certificate, key)
    except (OSError, ValueError) as error:
        return f"can't use {certificate}{f' with {key}' if key else ''} ({_reason(error)})"
    return ""


def authorities_problem(path: str) -> str:
    """Return why CA certificates can't be read from a PEM file or a directory, "" when they can."""
    kind = _other_kind(path)
    is_directory = kind == "a directory"
    if kind and not is_directory:
        return f"{path} is {kind}"
    try:
        ssl.create_default_context(
            cafile=None if is_directory else path, capath=path if is_directory else None
        )
    except FileNotFoundError:
        return f"{path} doesn't exist"
    except (OSError, ValueError) as error:
        return f"can't read CA certificates from {path} ({_reason(error)})"
    return ""


def log_kind_problem(path: str) -> str:
    """Return why opening this path for lines would block, or always fail; "" when it wouldn't.

    Devices such as /dev/null or a terminal are allowed, and so is the pipe that /dev/stdout is.
    """
    kind = _other_kind(path)
    if kind == "a socket" or (kind == "a FIFO" and not os.path.realpath(path).startswith("/proc/")):
        return f"{path} is {kind}"
    return ""


def _other_kind(path: str) -> str:
    """Return the kind of thing that isn't a file at this path; "" for a file, for nothing, or when it can't be seen."""
    try:
        return other_kind(os.stat(path).st_mode) if path else ""
    except (OSError, ValueError):
        return ""


def _reason(error: Exception) -> str:
    return re.sub(r" \(_ssl\.c:\d+\)", "", str(error))


def plugin_problem(path: str) -> str:
    """Return why a .py file or a module can't be imported, without running it; "" when it seems that it can."""
    if path.endswith(".so"):
        return (
            f"{path!r} is a shared object for the C daemon and can't be loaded here; write its decisions as a "
            "Python module (docs/plugins.md) and let 'path' name that .py file"
        )
    if path.endswith(".py"):
        return _source_problem(path)
    if all(part.isidentifier() for part in path.split(".")):
        return _module_problem(path)
    return f"{path!r} is neither a .py file nor the name of a Python module"


def _source_problem(path: str) -> str:
    try:
        compile(read_file(path), path, "exec", dont_inherit=True)
    except OSError as error:
        return f"can't read {path} ({error.strerror})"
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        return f"{path}{f':{line}' if line else ''} is no Python ({getattr(error, 'msg', error)})"
    return ""


def _module_problem(name: str) -> str:
    try:
        found = importlib.util.find_spec(name) is not None
    except Exception as error:  # a package runs when its modules are searched
        return f"there is no Python module {name} ({type(error).__name__}: {error})"
    return "" if found else f"there is no Python module {name}"


def log_problem(path: str) -> str:
    """Return why there can be no log file at this path, without writing; "" when it seems that there can."""
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        return f"there is no directory {directory}, nothing will be written"
    return f"{path} is a directory, nothing will be written" if os.path.isdir(path) else ""


def database_problem(path: str) -> str:
    """Return why there can be no SQLite database at this path, "" when there can."""
    directory = os.path.dirname(path)
    if path != ":memory:" and not os.path.isdir(directory):
        return f"there is no directory {directory}"
    kind = _other_kind(path)
    return f"{path} is {kind}" if kind else ""
