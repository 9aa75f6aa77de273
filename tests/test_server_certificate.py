"""A key with a passphrase is refused alike where it is checked and where it is used, without a prompt."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from ksmppd_py.config.files import certificate_problem
from ksmppd_py.errors import StartError
from ksmppd_py.server_certificate import load_server_certificate
from ksmppd_py.transport.tls import server_context
from tests.parts.certificates import Authority


def load(certificate: str, key: str) -> None:
    load_server_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate, key)


def check(certificate: str, key: str) -> None:
    problem = certificate_problem(certificate, key)
    if problem:
        raise ValueError(problem)


LOADERS = pytest.mark.parametrize("use", [load, check, server_context])


@LOADERS
def test_a_key_with_a_passphrase(use: Callable[[str, str], object], tmp_path: Path) -> None:
    certificate, key = Authority().server_files(tmp_path)
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    encrypted = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    key.write_bytes(encrypted)
    with pytest.raises((ValueError, StartError), match="its key has a passphrase"):
        use(str(certificate), str(key))


@LOADERS
def test_two_files_and_one(use: Callable[[str, str], object], tmp_path: Path) -> None:
    certificate, key = Authority().server_files(tmp_path)
    use(str(certificate), str(key))
    use(str(Authority().server(tmp_path)), "")
