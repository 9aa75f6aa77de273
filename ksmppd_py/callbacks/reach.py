"""Checks whether an HTTP server answers, without asking for a decision."""

from __future__ import annotations

import http.client
import os
import ssl

from ksmppd_py.callbacks.endpoint import Endpoint

_NO_METHOD = (405, 501)
"""Status codes of a server that answers, but doesn't know HEAD."""


def problem_of(endpoint: Endpoint, authorities: str, timeout: float) -> tuple[str, str]:
    """Send HEAD to the endpoint; return (problem, answer), the first "" when the server answers. May yield.

    `authorities` are the CA certificates for https (file or directory), `timeout` is in seconds.
    """
    connection = _connection(endpoint, authorities, timeout)
    target = endpoint.head.split(b" ", 2)[1].decode("ascii")
    headers = dict(line.split(": ", 1) for line in endpoint.head.decode("ascii").splitlines()[1:])
    try:
        connection.request("HEAD", target, headers=headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__, ""
    finally:
        connection.close()
    answer = f"answers {status}"
    bad = status == 404 or (status >= 500 and status not in _NO_METHOD)
    return (answer, "") if bad else ("", answer)


def _connection(endpoint: Endpoint, authorities: str, timeout: float) -> http.client.HTTPConnection:
    if not endpoint.tls:
        return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout)
    is_directory = os.path.isdir(authorities)
    context = ssl.create_default_context(
        cafile=None if is_directory else authorities, capath=authorities if is_directory else None
    )
    return http.client.HTTPSConnection(endpoint.host, endpoint.port, timeout=timeout, context=context)
