"""Connect to a bearerbox only to see whether it is there and lets us in."""

from __future__ import annotations

import socket

from ksmppd_py.bearerbox.settings import BoxSettings
from ksmppd_py.transport.tls import unverified_client_context

_TURNED_AWAY = 0.5  # seconds in which a bearerbox closes connections from addresses that it doesn't allow


def problem_of(settings: BoxSettings, timeout: float) -> str:
    """Return why this bearerbox doesn't take our connection, empty when it does. `timeout` is in seconds. May yield.

    Nothing is said to it: a second box of our name would get messages of the one that is there.
    """
    try:
        with socket.create_connection((settings.host, settings.port), timeout) as plain:
            if not settings.tls:
                return _turned_away(plain)
            context = unverified_client_context()
            with context.wrap_socket(plain, server_hostname=settings.host) as tls:
                return _turned_away(tls)
    except OSError as error:
        return "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)


def _turned_away(connection: socket.socket) -> str:
    connection.settimeout(_TURNED_AWAY)
    try:
        octets = connection.recv(1)
    except TimeoutError:
        return ""
    except ConnectionResetError:
        octets = b""
    return "" if octets else "closes the connection at once: its box-deny-ip and box-allow-ip may keep us out"
