"""Fixtures of the administration."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from admin_fakes import FakeOperations, PlainHashChecks
from admin_http import PASSWORD, Client, StartServer

from ksmppd_py.admin.http import HttpLimits
from ksmppd_py.admin.server import AdminServer, AdminSettings

LIMITS = {field.name for field in fields(HttpLimits)}


@pytest.fixture
def operations() -> FakeOperations:
    """Two accounts, nothing asked yet."""
    return FakeOperations()


@pytest.fixture
def start(operations: FakeOperations) -> Iterator[StartServer]:
    """Starts admin servers with settings and limits on free loopback ports, and stops them at the end."""
    servers: list[AdminServer] = []

    def start_one(**options: object) -> AdminServer:
        settings: dict[str, Any] = {"port": 0, "password": PASSWORD, "interface": "127.0.0.1", **options}
        limits = {name: settings.pop(name) for name in LIMITS & settings.keys()}
        server = AdminServer(operations, AdminSettings(**settings), PlainHashChecks(), HttpLimits(**limits))
        server.start()
        servers.append(server)
        return server

    yield start_one
    for server in servers:
        server.stop(timeout=0)
    gc.collect(1)  # an unclosed socket, young as it is, shall show up in the test that left it


@pytest.fixture
def server(start: StartServer) -> AdminServer:
    """A server with the usual settings."""
    return start()


@pytest.fixture
def client(server: AdminServer) -> Iterator[Client]:
    """One connection to `server`."""
    with Client(server.port) as connection:
        yield connection
