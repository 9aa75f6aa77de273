"""A real bearerbox whose box port speaks TLS (docs/rules/box-protocol.md 7)."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, Bed, mt
from tests.parts.daemon import Daemon
from tests.parts.kannel import Bearerbox, FakeSmsc
from tests.parts.process import free_port

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox]


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """A key and a certificate for localhost, signed by itself, valid for an hour."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    key_path, certificate_path = directory / "key.pem", directory / "certificate.pem"
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_path, certificate_path


def test_a_bearerbox_with_tls(tmp_path: Path, start_daemon: Callable[..., Daemon]) -> None:
    key, certificate = write_certificate(tmp_path)
    port = free_port()
    smsc = ("smsc", {"smsc": "fake", "smsc-id": "FAKE", "port": port, "connect-allow-ip": "127.0.0.1"})
    route = ("smsbox-route", {"smsbox-id": BOX_ID, "smsc-id": "FAKE"})
    core: dict[str, str | int] = {
        "smsbox-port-ssl": "yes",
        "ssl-server-cert-file": str(certificate),
        "ssl-server-key-file": str(key),
    }
    with (
        Bearerbox(tmp_path, "bearerbox", [smsc], core=core, others=[route]) as bearerbox,
        FakeSmsc(tmp_path, "fakesmsc", port) as fakesmsc,
    ):
        connection = {"id": BOX_ID, "host": "127.0.0.1", "port": bearerbox.box_port, "ssl": True}
        daemon = start_daemon([], others=[("bearerbox-connection", connection)])
        bearerbox.wait_for_box(BOX_ID)
        bearerbox.wait_for_smsc("FAKE")
        bed = Bed(daemon, FakeBearerbox())
        customer = bed.customer()
        esme = bed.esme(customer)
        reply = esme.submit(mt("over TLS", registered_delivery=1))
        fakesmsc.wait_for(lambda line: "over TLS" in line)
        esme.wait_receipt(reply.text)
        fakesmsc.send("+49171", customer.short_code, "back over TLS")
        esme.wait_text(b"back over TLS")
        bed.close()
        daemon.stop()
