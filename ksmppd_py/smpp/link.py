"""One end of a connection, without the socket: octets in, PDUs out; and our own sequence numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Container
from typing import Any

from ksmppd_py.smpp.codec import UNPACKERS
from ksmppd_py.smpp.constants import (
    HEADER_LENGTH,
    MAX_COMMAND_LENGTH,
    MAX_SEQUENCE_NUMBER,
    MIN_COMMAND_LENGTH,
)
from ksmppd_py.smpp.errors import BrokenFraming, MalformedPdu, UnknownCommand
from ksmppd_py.smpp.pdus import Pdu

# command_id, command_status, sequence_number, and the PDU or what is wrong with it
Received = tuple[int, int, int, Pdu | MalformedPdu]

_read_header: Callable[[bytes, int], tuple[Any, ...]] = struct.Struct(">4I").unpack_from


# How other protocols begin that come to SMPP ports by mistake.
_OTHERS = {
    b"\x16\x03": "TLS",
    b"GET ": "HTTP",
    b"POST": "HTTP",
    b"PROX": "a PROXY header",
    b"\r\n\r\n": "a PROXY header",
}


class SmppLink:
    """Cuts a stream into PDUs (2.4, 3.2) and counts our requests (5.1.4).

    `broken` is set as soon as a command_length can't be; the stream has no known boundaries any more and the
    connection must be closed.
    """

    __slots__ = ("_last_sequence_number", "_longest", "_rest", "broken")

    def __init__(self, max_command_length: int = MAX_COMMAND_LENGTH) -> None:
        self.broken: BrokenFraming | None = None
        self._longest = max_command_length
        self._rest = b""
        self._last_sequence_number = 0

    @property
    def pending(self) -> int:
        """Octets of a PDU that isn't whole yet."""
        return len(self._rest)

    def receive(self, octets: bytes) -> list[Received]:
        """Take what came from the peer and return the PDUs that became whole, in order.

        The PDUs before a broken frame are returned, what follows it is dropped; look at `broken` after them.
        """
        received: list[Received] = []
        if self.broken is not None:
            return received
        if self._rest:
            octets = self._rest + octets
        longest = self._longest
        size = len(octets)
        position = 0
        body = HEADER_LENGTH
        while body <= size:
            length, command_id, command_status, sequence_number = _read_header(octets, position)
            if not MIN_COMMAND_LENGTH <= length <= longest:
                break
            end = position + length
            if end > size:
                break
            unpack = UNPACKERS.get(command_id)
            try:
                pdu = UnknownCommand(command_id) if unpack is None else unpack(octets, body, end)
            except MalformedPdu as malformed:
                pdu = malformed.with_traceback(None)  # its frames would keep all the octets
            received.append((command_id, command_status, sequence_number, pdu))
            position = end
            body = end + HEADER_LENGTH
        self._keep(octets, position)
        return received

    def _keep(self, octets: bytes, position: int) -> None:
        """Keep what isn't whole yet, or see that it never will be."""
        self._rest = octets[position:]
        if len(self._rest) >= 4:
            length = int.from_bytes(self._rest[:4], "big")
            if not MIN_COMMAND_LENGTH <= length <= self._longest:
                self.broken = BrokenFraming(f"command_length {length}{_other_protocol(self._rest)}")
                self._rest = b""

    def next_sequence(self, open_numbers: Container[int] = ()) -> int:
        """Return the number of our next request: 1, 2 ... 0x7FFFFFFF, 1 ..., leaving out those still open."""
        number = self._last_sequence_number
        while True:
            number = number % MAX_SEQUENCE_NUMBER + 1
            if number not in open_numbers:
                self._last_sequence_number = number
                return number


def _other_protocol(octets: bytes) -> str:
    """Return words for a protocol other than SMPP, recognised by its first four octets."""
    names = [name for beginning, name in _OTHERS.items() if octets.startswith(beginning)]
    return f": that is {names[0]}, not SMPP" if names else ""
