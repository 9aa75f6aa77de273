"""A server that misbehaves on request."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from misbehaving import Behaviour, Misbehaving, answer

from tests.parts.certificate import write_certificate


@pytest.fixture
def start_server() -> Iterator[Callable[..., Misbehaving]]:
    """Starts servers that end with the test."""
    servers: list[Misbehaving] = []

    def start(behaviour: Behaviour = lambda *_: answer(), **options: object) -> Misbehaving:
        servers.append(Misbehaving(behaviour, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(start_server: Callable[..., Misbehaving]) -> Misbehaving:
    """One that answers 200 without any header of ours."""
    return start_server()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = write_certificate(directory)
    both = directory / "both.pem"
    both.write_text(key.read_text() + certificate.read_text())
    return both
