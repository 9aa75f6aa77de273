"""The least that Python and gevent can do for a submit_sm: a relay without accounts, routes or checks.

Started as `python -m benchmarks.floor SMPP_PORT BOX_PORT`. A yardstick, not a server: processor time per message
divided by this one's, in the same run, compares from machine to machine.
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
from gevent.server import StreamServer  # noqa: E402

HEADER = struct.Struct(">IIII")
NUMBER = struct.Struct(">I")
UNDEFINED = b"\xff\xff\xff\xff"
ZERO = b"\0\0\0\0"
RECEIVE = 262144


def string(octets: bytes) -> bytes:
    return NUMBER.pack(len(octets)) + octets


class Box:
    def __init__(self) -> None:
        self.socket: Any = None
        self.out: list[bytes] = []
        self.pending: dict[bytes, tuple[Esme, int]] = {}

    def flush(self) -> None:
        octets = b"".join(self.out)
        self.out.clear()
        self.socket.sendall(octets)

    def read(self, port: int) -> None:
        while self.socket is None:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port))
            except OSError:
                gevent.sleep(0.1)
        self.socket.sendall(NUMBER.pack(13) + struct.pack(">II", 1, 3) + string(b"X"))
        kept = b""
        while True:
            octets = self.socket.recv(RECEIVE)
            if not octets:
                return
            octets = kept + octets
            position, size, touched = 0, len(octets), set()
            while size - position >= 4:
                length = NUMBER.unpack_from(octets, position)[0]
                if size - position < length + 4:
                    break
                if octets[position + 7] == 3:
                    message_id = octets[position + 20 : position + 56]
                    esme, number = self.pending.pop(message_id)
                    esme.out.append(HEADER.pack(53, 0x80000004, 0, number) + message_id + b"\0")
                    touched.add(esme)
                position += length + 4
            kept = octets[position:]
            for esme in touched:
                esme.flush()


class Esme:
    def __init__(self, connected: Any) -> None:
        self.socket = connected
        self.out: list[bytes] = []

    def flush(self) -> None:
        octets = b"".join(self.out)
        self.out.clear()
        self.socket.sendall(octets)


def relay(box: Box, esme: Esme, octets: bytes, at: int, number: int, now: bytes) -> None:
    end = octets.index(0, at)
    service = octets[at:end]
    source_ton, at = octets[end + 1], end + 3
    end = octets.index(0, at)
    source = octets[at:end]
    dest_ton, at = octets[end + 1], end + 3
    end = octets.index(0, at)
    dest = octets[at:end]
    protocol_id, priority = octets[end + 2], octets[end + 3]
    end = octets.index(0, end + 4)
    end = octets.index(0, end + 1)
    registered, length = octets[end + 1], octets[end + 5]
    text = octets[end + 6 : end + 6 + length]
    if source_ton == 1 and not source.startswith(b"+"):
        source = b"+" + source
    if dest_ton == 1 and not dest.startswith(b"+"):
        dest = b"+" + dest
    digits = os.urandom(16).hex()
    message_id = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}".encode()
    parts = (
        *(b"\0\0\0\2", string(source), string(dest), UNDEFINED, string(text), now, string(b"ksmppd3")),
        *(UNDEFINED, UNDEFINED, string(b"load"), UNDEFINED, string(message_id), b"\0\0\0\2", UNDEFINED),
        *(UNDEFINED, ZERO, UNDEFINED, UNDEFINED, UNDEFINED, NUMBER.pack(19 if registered else 0)),
        *(string(b"load|1760000000|" + message_id), NUMBER.pack(protocol_id), UNDEFINED, UNDEFINED),
        *(UNDEFINED, string(b"KSMPPD"), string(service), UNDEFINED, NUMBER.pack(priority), UNDEFINED),
        *(UNDEFINED, string(b"?smpp?")),
    )
    body = b"".join(parts)
    box.out.append(NUMBER.pack(len(body)))
    box.out.append(body)
    box.pending[message_id] = (esme, number)


def main() -> None:
    box = Box()

    def serve(connected: Any, _address: Any) -> None:
        esme = Esme(connected)
        kept = b""
        while True:
            octets = connected.recv(RECEIVE)
            if not octets:
                return
            octets = kept + octets
            position, size = 0, len(octets)
            now = NUMBER.pack(int(time.time()))
            while size - position >= 16:
                length, command, _, number = HEADER.unpack_from(octets, position)
                if size - position < length:
                    break
                if command == 4:
                    relay(box, esme, octets, position + 16, number, now)
                elif command == 9:
                    esme.out.append(HEADER.pack(18, 0x80000009, 0, number) + b"K\0")
                    esme.flush()
                position += length
            kept = octets[position:]
            if box.out:
                box.flush()

    gevent.spawn(box.read, int(sys.argv[2]))
    StreamServer(("127.0.0.1", int(sys.argv[1])), serve).serve_forever()


if __name__ == "__main__":
    main()
