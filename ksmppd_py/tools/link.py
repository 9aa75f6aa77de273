"""One SMPP connection of an ESME: whole PDUs in and out, each printed; smpplib packs and parses."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Sequence
from typing import Any

from smpplib.command import Param
from smpplib.exceptions import UnknownCommandError
from smpplib.pdu import extract_command

from ksmppd_py.tools import pdus
from ksmppd_py.tools.pdu_printer import RECEIVED, SENT, PduPrinter

HEADER = 16
LONGEST_PDU = 70_000  # octets; a message_payload may hold 65,535
LONGEST_TIMEOUT = 3600.0  # seconds, well below the longest timeout of a socket
LONGEST_PASSWORD = 65  # octets with the NUL: SMPP says 9, ESMEs and the daemon go beyond


class EsmeError(Exception):
    """The user's request failed; the message is one line for people."""


class Link:
    """A connected socket that speaks PDUs. Raises EsmeError when it can't connect or the server goes away."""

    def __init__(
        self, host: str, port: int, timeout: float, printer: PduPrinter, tls: ssl.SSLContext | None = None
    ) -> None:
        """Connect, with TLS if a context is given; `timeout` is in seconds, for connecting and for writing."""
        self.peer = f"{host}:{port}"
        self.sequence = 0
        self._printer = printer
        self._timeout = timeout
        self._received = bytearray()
        try:
            self._socket = socket.create_connection((host, port), timeout)
            if tls is not None:
                self._socket = tls.wrap_socket(self._socket, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            reason = f"the certificate of {self.peer} isn't trusted: {error.verify_message}"
            raise EsmeError(f"{reason} (--tls-ca names its CA, --tls-insecure trusts all)") from error
        except ssl.SSLError as error:
            reason = f"{self.peer} doesn't speak TLS with us: {_tls_reason(error)}"
            raise EsmeError(f"{reason} (--port is the server's port for TLS)") from error
        except OSError as error:
            raise EsmeError(f"can't connect to {self.peer}: {_reason(error)}") from error

    def close(self) -> None:
        """Close the socket at once."""
        self._socket.close()

    def next_sequence(self) -> int:
        """The next sequence_number; smpplib asks for it."""
        self.sequence += 1
        return self.sequence

    def request(self, command: str, tlvs: Sequence[tuple[int, bytes]] = (), **fields: object) -> int:
        """Send a request with optional parameters of one's own; return its sequence_number."""
        pdu = pdus.make(command, client=self, **fields)
        if "password" in pdu.params:  # smpplib would cut it to 8 octets without a word
            pdu.params = {**pdu.params, "password": Param(type=str, max=LONGEST_PASSWORD)}
        self._send(pdu, tlvs)
        return int(pdu.sequence)

    def answer(self, sequence: int, command: str, status: int = 0) -> None:
        """Send the response `command` (such as `deliver_sm_resp`) without a body. Raises EsmeError."""
        pdu = pdus.make(command, client=self, sequence=sequence)
        pdu.status = status
        pdu.sequence = sequence
        self._send(pdu)

    def _send(self, pdu: Any, tlvs: Sequence[tuple[int, bytes]] = ()) -> None:
        octets = pdus.with_tlvs(pdu.generate(), tlvs)
        self.write(octets)
        self._printer.pdu(SENT, pdu, octets, tlvs)

    def write(self, octets: bytes) -> None:
        """Send packed octets, without printing them. Raises EsmeError."""
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(octets)
        except OSError as error:
            raise EsmeError(f"{self.peer} doesn't take our octets: {_reason(error)}") from error

    def receive(self, deadline: float) -> Any:
        """Wait for the next PDU until `deadline` (time.monotonic seconds); None when none came in time."""
        while True:
            octets = self.next_octets(deadline)
            if octets is None:
                return None
            pdu = self.parse(octets)
            if pdu is not None:
                return pdu

    def next_octets(self, deadline: float) -> bytes | None:
        """Return the next PDU's octets, neither parsed nor printed; else as `receive`."""
        while True:
            octets = self._whole_pdu()
            if octets is not None:
                return octets
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

    def parse(self, octets: bytes) -> Any:
        """Print and return the PDU; answer one that smpplib can't read with generic_nack and return None."""
        try:
            # with a sequence given, smpplib doesn't take one of ours for the incoming PDU
            pdu = pdus.make(extract_command(octets), client=self, sequence=0, allow_unknown_opt_params=True)
            pdu.parse(octets)
        except (UnknownCommandError, KeyError, ValueError, struct.error, TypeError):
            _, command_id, _, sequence = struct.unpack(">4L", octets[:HEADER])
            self._printer.unreadable(octets)
            if not command_id & 0x80000000:
                self.answer(sequence, "generic_nack", 0x03)  # ESME_RINVCMDID
            return None
        self._printer.pdu(RECEIVED, pdu, octets)
        return pdu


def _tls_reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or str(error)
