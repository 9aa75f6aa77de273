"""A scripted SMPP server on loopback: plain sockets and struct, one connection at a time, no library."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

BIND_RECEIVER, BIND_TRANSMITTER, SUBMIT_SM, DELIVER_SM, UNBIND, BIND_TRANSCEIVER = 1, 2, 4, 5, 6, 9
ENQUIRE_LINK, RESPONSE = 0x15, 0x80000000
MESSAGE_ID = "11111111-2222-3333-4444-555555555555"


@dataclass
class Pdu:
    command_id: int
    status: int
    sequence: int
    body: bytes


def pack(command_id: int, body: bytes = b"", status: int = 0, sequence: int = 1) -> bytes:
    return struct.pack(">4L", 16 + len(body), command_id, status, sequence) + body


def deliver_body(text: bytes, esm_class: int = 0, data_coding: int = 0, tlvs: bytes = b"") -> bytes:
    """A deliver_sm from +46701234567 to 12345."""
    addresses = b"\0" + b"\x01\x01" + b"46701234567\0" + b"\x00\x01" + b"12345\0"
    flags = bytes([esm_class, 0, 0, 0, 0, 0, 0, data_coding, 0, len(text)])
    return addresses + flags + text + tlvs


def receipt(
    message_id: str = MESSAGE_ID, stat: str = "DELIVRD", err: str = "000", sequence: int = 1
) -> bytes:
    text = (
        f"id:{message_id} sub:001 dlvrd:001 submit date:261123101500 done date:261123101502 "
        f"stat:{stat} err:{err} text:Hello"
    )
    return pack(DELIVER_SM, deliver_body(text.encode(), esm_class=0x04), sequence=sequence)


@dataclass
class Server:
    """Answers binds, submits and unbinds; `after_bind` and `after_submit` add what a script sends on top."""

    bind_status: int = 0
    submit_status: int = 0
    close_at_bind: bool = False
    after_bind: list[bytes] = field(default_factory=list)
    after_submit: list[bytes] = field(default_factory=list)
    seen: list[Pdu] = field(default_factory=list)
    on_pdu: Callable[[Pdu], list[bytes]] | None = None
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> Server:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listener.close()
        assert not self._thread.is_alive(), "the client didn't go"

    def commands(self) -> list[int]:
        return [pdu.command_id for pdu in self.seen]

    def bodies(self, command_id: int) -> list[bytes]:
        return [pdu.body for pdu in self.seen if pdu.command_id == command_id]

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        if self.tls is not None:
            try:
                connection = self.tls.wrap_socket(connection, server_side=True)
            except ssl.SSLError:  # the client doesn't trust us
                connection.close()
                return
        with connection, connection.makefile("rb") as reader:
            while True:
                header = reader.read(16)
                if len(header) < 16:
                    return
                length, command_id, status, sequence = struct.unpack(">4L", header)
                pdu = Pdu(command_id, status, sequence, reader.read(length - 16))
                self.seen.append(pdu)
                answers = self._answers(pdu)
                if answers is None:
                    return
                connection.sendall(b"".join(answers))

    def _answers(self, pdu: Pdu) -> list[bytes] | None:
        if self.on_pdu is not None:
            return self.on_pdu(pdu)
        if pdu.command_id in (BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER):
            if self.close_at_bind:
                return None
            name = b"scripted\0" if self.bind_status == 0 else b"\0"
            answer = pack(pdu.command_id | RESPONSE, name, self.bind_status, pdu.sequence)
            return [answer, *(self.after_bind if self.bind_status == 0 else [])]
        if pdu.command_id == SUBMIT_SM:
            body = MESSAGE_ID.encode() + b"\0" if self.submit_status == 0 else b"\0"
            answer = pack(SUBMIT_SM | RESPONSE, body, self.submit_status, pdu.sequence)
            return [answer, *self.after_submit]
        if pdu.command_id == UNBIND:
            return [pack(UNBIND | RESPONSE, sequence=pdu.sequence)]
        return []
