"""Certificates made for one test: an authority of its own, and what it signs."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_numbers = itertools.count(1)


class Authority:
    """A CA. Each file that it writes holds key and certificate."""

    def __init__(self, name: str = "Test CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._certificate = _signed(self._name, self._name, self._key.public_key(), self._key, is_ca=True)

    def write(self, directory: Path) -> Path:
        """The CA's own certificate."""
        path = directory / f"ca{next(_numbers)}.pem"
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def server(self, directory: Path, name: str = "127.0.0.1") -> Path:
        """Key and certificate of a server on loopback, in one file."""
        return self._write(directory, f"server {name}")

    def client(self, directory: Path, name: str = "esme") -> Path:
        """Key and certificate of a client, in one file."""
        return self._write(directory, name)

    def server_files(self, directory: Path) -> tuple[Path, Path]:
        """Certificate and key of a server, in two files."""
        both = self.server(directory).read_bytes()
        end = both.index(b"-----BEGIN CERTIFICATE")
        certificate, key = both[end:], both[:end]
        number = next(_numbers)
        paths = directory / f"cert{number}.pem", directory / f"key{number}.pem"
        paths[0].write_bytes(certificate)
        paths[1].write_bytes(key)
        return paths

    def _write(self, directory: Path, name: str) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _signed(_name(name), self._name, key.public_key(), self._key, is_ca=False)
        path = directory / f"pair{next(_numbers)}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return path


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    key: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool,
) -> x509.Certificate:
    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if not is_ca:
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256())
