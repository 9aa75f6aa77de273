"""Stored reports in any number, and an ESME that takes them as fast as they come."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

from tests.fakes import smpp_wire as wire
from tests.parts.database import Database

_INTEGERS = [
    "time",
    "mclass",
    "mwi",
    "coding",
    "compress",
    "validity",
    "deferred",
    "pid",
    "alt_dcs",
    "rpi",
    "msg_left",
    "priority",
    "resend_try",
    "resend_time",
]
_ID = "%s-0000-4000-8000-%s"


def fill(
    database: Database,
    system_id: str,
    count: int,
    sms_type: int = 3,
    first: int = 1,
    unaddressed: bool = False,
) -> None:
    """Insert `count` rows; report n is about the message_id `message_id(n)`. `unaddressed`: only dlr_url has it."""
    step = 100_000
    for start in range(first, first + count, step):
        service = "NULL" if unaddressed else f"'{system_id}'"
        _fill(database, system_id, service, start, min(start + step, first + count) - 1, sms_type)


def _fill(database: Database, system_id: str, service: str, first: int, last: int, sms_type: int) -> None:
    columns = [
        "sender",
        "receiver",
        "service",
        "id",
        "sms_type",
        "dlr_mask",
        "dlr_url",
        "smsc_id",
        *_INTEGERS,
    ]
    if database.kind == "mysql":
        source = f"seq_{first}_to_{last}"
        number = "LPAD(HEX(seq), 12, '0')"
        url, uuid = f"CONCAT('{system_id}|1700000000|00000000-0000-4000-8000-', {number})", "UUID()"
        head = ""
    elif database.kind == "pgsql":
        source = f"generate_series({first}, {last}) AS numbers(seq)"
        number = "upper(lpad(to_hex(seq), 12, '0'))"
        url = f"convert_to('{system_id}|1700000000|00000000-0000-4000-8000-' || {number}, 'UTF8')"
        uuid = f"'11111111-0000-4000-8000-' || {number}"
        head = ""
    else:
        source = "numbers"
        number = "printf('%012X', seq)"
        url = f"'{system_id}|1700000000|00000000-0000-4000-8000-' || {number}"
        uuid = f"'11111111-0000-4000-8000-' || {number}"
        next_one = f"SELECT seq + 1 FROM numbers WHERE seq < {last}"
        head = f"WITH RECURSIVE numbers(seq) AS (SELECT {first} UNION ALL {next_one}) "
    values = [  # literals that each database takes as octets
        "'49170'",
        "'4001'",
        service,
        uuid,
        str(sms_type),
        "1",
        url,
        "'FAKE'",
        *(["-1"] * len(_INTEGERS)),
    ]
    names = ", ".join(f"`{column}`" for column in columns)
    database.execute(f"INSERT INTO smpp_store ({names}) {head}SELECT {', '.join(values)} FROM {source}")


def message_id(number: int) -> bytes:
    """The message_id of report `number`, as it stands in the receipt."""
    return f"00000000-0000-4000-8000-{number:012X}".encode()


def resident(pid: int) -> float:
    """Resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def processor_time(pid: int) -> float:
    """Seconds that a process has used of all processors."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Taker:
    """Binds as a receiver and answers 0 to everything; `numbers` are the reports in order of arrival."""

    def __init__(self, port: int, system_id: str, password: str) -> None:
        self.numbers: list[int] = []
        self.times: list[float] = []
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self._socket.sendall(wire.pack(wire.BIND_RECEIVER, 0, 1, wire.pack_bind(system_id, password)))
        self._rest = b""
        self._socket.settimeout(30)

    def take_until(self, count: int, idle: Callable[[], None] = lambda: None) -> None:
        """Take reports until there are `count`; `idle` is called about each second."""
        next_idle = time.monotonic() + 1
        while len(self.numbers) < count:
            self._take(self._socket.recv(262144))
            if time.monotonic() > next_idle:
                idle()
                next_idle += 1

    def take_for(self, seconds: float) -> None:
        """Take what else comes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                self._take(self._socket.recv(262144))
            except TimeoutError:
                break
        self._socket.settimeout(30)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _take(self, octets: bytes) -> None:
        if not octets:
            raise AssertionError(f"closed after {len(self.numbers)} reports")
        octets = self._rest + octets
        at, answers, now = 0, [], time.monotonic()
        while len(octets) - at >= 16:
            length, command_id, _, sequence_number = struct.unpack_from(">IIII", octets, at)
            if len(octets) - at < length:
                break
            if command_id == wire.DELIVER_SM:
                begin = octets.index(b"id:00000000-0000-4000-8000-", at, at + length) + 27
                self.numbers.append(int(octets[begin : begin + 12], 16))
                self.times.append(now)
            if not command_id & wire.RESPONSE:
                body = b"\0" if command_id == wire.DELIVER_SM else b""
                answers.append(wire.pack(command_id | wire.RESPONSE, 0, sequence_number, body))
            at += length
        self._rest = octets[at:]
        if answers:
            self._socket.sendall(b"".join(answers))
