"""Checks whether a bearerbox accepts connections from here, for the check of a configuration."""

from __future__ import annotations

import socket

from ksmppd_py.config import BearerboxConnection
from ksmppd_py.transport.tls import unverified_client_context

_REFUSAL_TIMEOUT = (
    0.5  # seconds in which a bearerbox closes a connection from an address that it doesn't allow
)


def problem_of(settings: BearerboxConnection, timeout: float) -> str:
    """Return why this bearerbox doesn't take a connection, "" when it does; `timeout` in seconds. May yield.

    Sends nothing: a second box of the same name would get messages of the running one.
    """
    try:
        with socket.create_connection((settings.host, settings.port), timeout) as plain:
            if not settings.ssl:
                return _refusal_of(plain)
            context = unverified_client_context()
            with context.wrap_socket(plain, server_hostname=settings.host) as tls:
                return _refusal_of(tls)
    except OSError as error:
        return "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)


def _refusal_of(connection: socket.socket) -> str:
    connection.settimeout(_REFUSAL_TIMEOUT)
    try:
        octets = connection.recv(1)
    except TimeoutError:
        return ""
    except ConnectionResetError:
        octets = b""
    return "" if octets else "closes the connection at once: its box-deny-ip and box-allow-ip may keep us out"
