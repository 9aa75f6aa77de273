"""Finds the address of the administration port, the operator's name and password.

Each is taken from the options, the file of `-c` among them; else from the environment; else from ksmppd.conf in the
current directory. A file that is named beats the environment: who names a test server's file doesn't mean another one.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ksmppd_py.tools.ctl.errors import USAGE, CtlError

if TYPE_CHECKING:
    from ksmppd_py.config import Config

URL, USER, PASSWORD = "KSMPPD_URL", "KSMPPD_USER", "KSMPPD_PASSWORD"
DEFAULT_FILE = "ksmppd.conf"
ADMIN = "admin"
"""The user of the password in group http-server."""
_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses that a port is bound to, and those at which this machine reaches it."""
_HASH = "$2"


@dataclass(slots=True)
class TargetOptions:
    """The options that all subcommands have; empty ones weren't given."""

    config: str = ""
    url: str = ""
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """An administration port and the operator's credentials.

    Over TLS the certificate is checked against `ca_file`, or the system's authorities if it is empty. With a
    `fingerprint` (SHA-256, hexadecimal) the server's certificate has to be that one, whatever names it has.
    """

    url: str
    username: str
    password: str = field(repr=False)
    ca_file: str = ""
    fingerprint: str = ""
    insecure: bool = False


def find_target(options: TargetOptions, environment: Mapping[str, str]) -> Target:
    """Return the server to ask. Asks for the password if nothing has it. Raises CtlError."""
    config = _config(options, environment)
    url = options.url or ("" if options.config else environment.get(URL, ""))
    fingerprint = ""
    if not url and config is not None:
        url = _url_of(config)
        if config.http_server.ssl and not options.ca_file:
            fingerprint = _fingerprint(config.http_server.ssl_server_cert_file)
    if not url:
        raise CtlError(f"no server: name its configuration with -c, its address with --url or {URL}", USAGE)
    url = _checked(url)
    username = options.user or ("" if options.config else environment.get(USER, "")) or ADMIN
    password = _password(options, config, username, environment)
    return Target(url, username, password, options.ca_file, fingerprint, options.insecure)


def _config(options: TargetOptions, environment: Mapping[str, str]) -> Config | None:
    path = options.config
    if not path:
        if options.url or environment.get(URL) or not Path(DEFAULT_FILE).is_file():
            return None
        path = DEFAULT_FILE
    from ksmppd_py.config import ConfigProblems, load  # noqa: PLC0415 - a quarter of the start's time

    try:
        return load(path)
    except ConfigProblems as problems:
        raise CtlError(str(problems), USAGE) from None


def _url_of(config: Config) -> str:
    server = config.http_server
    if not server.port:
        raise CtlError(f"{config.file}: http-server has port = 0, any free one; name it with --url", USAGE)
    host = _ANY.get(server.interface, server.interface)
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if server.ssl else 'http'}://{host}:{server.port}"


def _fingerprint(path: str) -> str:
    """Return the digest of the server's own certificate, the first one of its file."""
    try:
        text = Path(path).read_text("ascii", "replace")
        start = text.index("-----BEGIN CERTIFICATE-----")
        end = text.index("-----END CERTIFICATE-----", start) + len("-----END CERTIFICATE-----")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[start:end])).hexdigest()
    except (OSError, ValueError) as error:
        raise CtlError(f"can't read the certificate {path}: {error}", USAGE) from None


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = (
            parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) and not parts.username
        )
    except ValueError:
        good = False
    if not good:
        text = "it is like http://host:14010, without a username"
        raise CtlError(f"no address of an administration port: {url.rpartition('@')[2]!r}; {text}", USAGE)
    return url.rstrip("/")


def _password(
    options: TargetOptions, config: Config | None, username: str, environment: Mapping[str, str]
) -> str:
    if options.password_file:
        return read_secret(options.password_file)
    if options.config and config is not None and (found := _configured(config, username)):
        return found
    if PASSWORD in environment:
        return environment[PASSWORD]
    if config is not None and (found := _configured(config, username)):
        return found
    if not sys.stdin.isatty():
        raise CtlError(f"no password of {username}: use -c, {PASSWORD} or --password-file", USAGE)
    return str(click.prompt(f"Password of {username}", hide_input=True, err=True))


def _configured(config: Config, username: str) -> str:
    """Return a user's password as the file has it; empty when it has none, or its hash only."""
    if username == ADMIN:
        return config.http_server.password
    found = [user.password for user in config.http_users if user.username == username]
    return found[0] if found and not found[0].startswith(_HASH) else ""


def read_secret(path: str) -> str:
    """Return the first line of a file, `-` is standard input. Raises CtlError."""
    try:
        if path == "-":
            return sys.stdin.readline().rstrip("\r\n")
        with open(path, encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise CtlError(f"can't read a password from {path}: {reason}", USAGE) from None


def new_password(source: str) -> str | None:
    """Return an account's new password from `generate` (None), `prompt`, `stdin` or `env:NAME`. Raises CtlError."""
    if source == "generate":
        return None
    if source == "stdin":
        password = read_secret("-")
    elif source == "prompt":
        password = str(click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True))
    elif source.startswith("env:"):
        password = os.environ.get(source.removeprefix("env:"), "")
    else:
        raise CtlError(f"--password-from: {source!r} is none of generate, prompt, stdin, env:NAME", USAGE)
    if not password:
        raise CtlError(f"--password-from: there is no password in {source}", USAGE)
    return password
