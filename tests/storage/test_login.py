"""Logging in at a server of MySQL 8, whose default is caching_sha2_password: a scripted one, as Debian has none."""

from __future__ import annotations

import hashlib
import socket
import struct

import gevent
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ksmppd_py.config import MysqlConnection
from ksmppd_py.errors import StartError
from ksmppd_py.storage.mysql import MySQLDatabase

NONCE = bytes(range(1, 21))
PLUGIN = b"caching_sha2_password"
CAPABILITIES = 0x00_0F_A2_0F | 0x0008_0000 | 0x0020_0000 | 0x8000  # 4.1 protocol, plugin authentication
OK = b"\x00\x00\x00\x02\x00\x00\x00"
FULL_AUTHENTICATION = b"\x01\x04"
ASK_FOR_KEY = b"\x02"


class MySQL8:
    """Takes connections, wants full authentication and notes the answers to it and statements."""

    def __init__(self, password: bytes) -> None:
        self._password = password
        self._key = rsa.generate_private_key(65537, 2048)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.statements: list[bytes] = []
        self.logins: list[bytes] = []
        self._greenlet = gevent.spawn(self._serve)

    def close(self) -> None:
        self._greenlet.kill()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                try:
                    self._talk(connection)
                except (ConnectionError, EOFError):
                    continue

    def _talk(self, connection: socket.socket) -> None:
        flags = struct.pack("<H", CAPABILITIES & 0xFFFF), struct.pack("<H", CAPABILITIES >> 16)
        greeting = b"\x0a8.0.36\0" + struct.pack("<I", 7) + NONCE[:8] + b"\0" + flags[0] + b"\x08\x02\x00"
        self._send(
            connection, 0, greeting + flags[1] + b"\x15" + bytes(10) + NONCE[8:] + b"\0" + PLUGIN + b"\0"
        )
        number, answer = self._receive(connection)
        assert PLUGIN in answer
        self.logins.append(answer)
        inner = hashlib.sha256(self._password).digest()
        mask = hashlib.sha256(hashlib.sha256(inner).digest() + NONCE).digest()
        scrambled = bytes(a ^ b for a, b in zip(inner, mask, strict=True))
        self._send(connection, number + 1, FULL_AUTHENTICATION)
        number, request = self._receive(connection)
        assert request == ASK_FOR_KEY
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._send(connection, number + 1, b"\x01" + public)
        number, sealed = self._receive(connection)
        padded = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
        masked = self._key.decrypt(sealed, padded)
        given = bytes(octet ^ NONCE[index % 20] for index, octet in enumerate(masked)).rstrip(b"\0")
        if given != self._password or scrambled not in answer:
            self._send(connection, number + 1, b"\xff\x15\x04#28000Access denied")
            return
        self._send(connection, number + 1, OK)
        while True:
            number, command = self._receive(connection)
            self.statements.append(command[1:])
            self._send(connection, number + 1, OK)

    def _send(self, connection: socket.socket, number: int, payload: bytes) -> None:
        connection.sendall(struct.pack("<I", len(payload))[:3] + bytes([number]) + payload)

    def _receive(self, connection: socket.socket) -> tuple[int, bytes]:
        with connection.makefile("rb", buffering=0) as reader:
            head = reader.read(4)
            if not head:
                raise EOFError
            length = int.from_bytes(head[:3], "little")
            body = b""
            while len(body) < length:
                body += reader.read(length - len(body)) or b""
            return head[3], body


@pytest.mark.parametrize("right", [True, False])
def test_caching_sha2_password(right: bool) -> None:
    server = MySQL8(b"secret")
    settings = MysqlConnection(
        id="eight",
        database="kannel",
        host="127.0.0.1",
        port=server.port,
        username="ksmppd",
        password="secret" if right else "wrong",
    )
    database = MySQLDatabase(settings)
    try:
        if right:
            database.start(within=0)
            assert server.statements[0].startswith(b"SET NAMES latin1")
            assert server.statements[-1] == b"SELECT 1"
        else:
            with pytest.raises(StartError, match=r"eight.*Access denied"):
                database.start(within=0)
    finally:
        database.close()
        server.close()


@pytest.mark.parametrize("octets", ["z\xedma".encode(), "\u0437\u0438\u043c\u0430".encode(), b"z\xedma"])
def test_names_and_passwords_are_the_octets_of_the_file(octets: bytes) -> None:
    text = octets.decode("utf-8", "surrogateescape")
    server = MySQL8(octets)
    settings = MysqlConnection(
        id="eight", database=text, host="127.0.0.1", port=server.port, username=text, password=text
    )
    database = MySQLDatabase(settings)
    try:
        database.start(within=0)
        assert server.logins[0].count(octets + b"\0") == 2
    finally:
        database.close()
        server.close()
