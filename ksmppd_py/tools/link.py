"""One SMPP connection of an ESME: whole PDUs in and out, each told in words; smpplib packs and parses."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from smpplib import smpp
from smpplib.command import Param
from smpplib.exceptions import UnknownCommandError

from ksmppd_py.tools import words

HEADER = 16
LONGEST_PDU = 70_000  # octets; a message_payload may hold 65,535
LONGEST_TIMEOUT = 3600.0  # seconds, well below what a socket takes
LONGEST_PASSWORD = 65  # octets with the NUL: SMPP says 9, ESMEs and the daemon go beyond


class EsmeError(Exception):
    """What the user asked for didn't happen; the message is one line for people."""


class Link:
    """A connected socket that speaks PDUs. Raises EsmeError when it can't connect or the server goes away."""

    def __init__(self, host: str, port: int, timeout: float, tell: Callable[[str], None]) -> None:
        """Connect; `timeout` is in seconds, for connecting and for writing."""
        self.peer = f"{host}:{port}"
        self.sequence = 0
        self._tell = tell
        self._timeout = timeout
        self._received = bytearray()
        try:
            self._socket = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise EsmeError(f"can't connect to {self.peer}: {_reason(error)}") from error

    def close(self) -> None:
        """Close the socket at once."""
        self._socket.close()

    def next_sequence(self) -> int:
        """The next sequence_number; smpplib asks for it."""
        self.sequence += 1
        return self.sequence

    def request(self, command: str, **fields: object) -> int:
        """Send a request; return its sequence_number."""
        pdu = smpp.make_pdu(command, client=self, **fields)
        if "password" in pdu.params:  # smpplib would cut it to 8 octets without a word
            pdu.params = {**pdu.params, "password": Param(type=str, max=LONGEST_PASSWORD)}
        self._send(pdu)
        return int(pdu.sequence)

    def answer(self, sequence: int, command: str, status: int = 0) -> None:
        """Send a response."""
        pdu = smpp.make_pdu(command, client=self, sequence=sequence)
        pdu.status = status
        pdu.sequence = sequence
        self._send(pdu)

    def _send(self, pdu: Any) -> None:
        octets = pdu.generate()
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(octets)
        except OSError as error:
            raise EsmeError(f"{self.peer} doesn't take what we send: {_reason(error)}") from error
        self._tell(f"sent      {words.describe(pdu)}")

    def receive(self, deadline: float) -> Any:
        """Wait for the next PDU until `deadline` (time.monotonic seconds); None when none came in time."""
        while True:
            octets = self._whole_pdu()
            if octets is not None:
                pdu = self._parse(octets)
                if pdu is not None:
                    return pdu
                continue
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return None
            self._read(min(remaining, LONGEST_TIMEOUT))

    def _read(self, seconds: float) -> None:
        try:
            self._socket.settimeout(seconds)
            octets = self._socket.recv(65536)
        except TimeoutError:
            return
        except OSError as error:
            raise EsmeError(f"lost the connection to {self.peer}: {_reason(error)}") from error
        if not octets:
            raise EsmeError(f"{self.peer} closed the connection")
        self._received += octets

    def _whole_pdu(self) -> bytes | None:
        if len(self._received) < HEADER:
            return None
        length = int.from_bytes(self._received[:4], "big")
        if not HEADER <= length <= LONGEST_PDU:
            raise EsmeError(f"{self.peer} doesn't speak SMPP: a PDU of {length} octets")
        if len(self._received) < length:
            return None
        octets = bytes(self._received[:length])
        del self._received[:length]
        return octets

    def _parse(self, octets: bytes) -> Any:
        """Return the PDU and tell it; None, with a generic_nack, for one that smpplib can't read."""
        try:
            # with a sequence given, smpplib doesn't take one of ours for the incoming PDU
            pdu = smpp.parse_pdu(octets, client=self, sequence=0, allow_unknown_opt_params=True)
        except (UnknownCommandError, KeyError, ValueError, struct.error, TypeError):
            _, command_id, command_status, sequence = struct.unpack(">4L", octets[:HEADER])
            self._tell(
                f"received  unreadable PDU 0x{command_id:08X} #{sequence}, status 0x{command_status:02X}"
            )
            if not command_id & 0x80000000:
                self.answer(sequence, "generic_nack", 0x03)  # ESME_RINVCMDID
            return None
        self._tell(f"received  {words.describe(pdu)}")
        return pdu


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or str(error)
