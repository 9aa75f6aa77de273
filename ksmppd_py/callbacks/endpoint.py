"""A URL of the configuration in parts, and the CA certificates for its server."""

from __future__ import annotations

import base64
import os
import ssl
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlsplit

import certifi

from ksmppd_py.errors import StartError

_PLAIN = "/?:@!$&'()*+,;=-._~%[]"
"""Characters that stay as they are in a request target, besides letters and digits."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The target of requests. `name` is for logs: it has neither password nor query.

    `head` is the beginning of every request: request line, Host and, if the URL has a user, Authorization.
    """

    name: str
    host: str
    port: int
    tls: bool
    head: bytes

    @classmethod
    def of(cls, url: str, key: str) -> Endpoint:
        """Parse `url`, the value of `key`. Raises StartError for anything but an http or https URL."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
            ascii_host = host if ":" in host else host.encode("idna").decode("ascii")
        except (ValueError, UnicodeError) as error:
            raise StartError(f"'{key}' is no URL that can be asked: {error}") from error
        tls = parts.scheme == "https"
        if parts.scheme not in ("http", "https") or not ascii_host:
            raise StartError(f"'{key}' must be a URL that starts with http:// or https:// and names a host")
        shown = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
        if port is not None:
            shown += f":{port}"
        path = quote(parts.path or "/", _PLAIN)
        target = f"{path}?{quote(parts.query, _PLAIN)}" if parts.query else path
        lines = [f"GET {target} HTTP/1.1", f"Host: {shown}", *_authorization(parts.username, parts.password)]
        return cls(
            name=f"{parts.scheme}://{shown}{path}",
            host=ascii_host,
            port=port or (443 if tls else 80),
            tls=tls,
            head="".join(f"{line}\r\n" for line in lines).encode("ascii"),
        )


def _authorization(username: str | None, password: str | None) -> list[str]:
    if username is None:
        return []
    credentials = unquote_to_bytes(username) + b":" + unquote_to_bytes(password or "")
    return [f"Authorization: Basic {base64.b64encode(credentials).decode('ascii')}"]


def ca_certificates(configured: str, key: str) -> str:
    """The file (or directory) of trusted CAs: the configured one, else the system's, else certifi's.

    Raises StartError when the configured one, named by `key`, can't be used.
    """
    if not configured:
        paths = ssl.get_default_verify_paths()
        return paths.cafile or certifi.where()
    try:
        is_directory = os.path.isdir(configured)
        ssl.create_default_context(
            cafile=None if is_directory else configured, capath=configured if is_directory else None
        )
    except OSError as error:  # ssl.SSLError is one
        raise StartError(f"'{key}': no CA certificates can be read from {configured}: {error}") from error
    return configured
