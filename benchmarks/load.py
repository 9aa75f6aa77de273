"""A closed-loop load generator that plays both neighbours of a server: ESMEs and, if wanted, the bearerbox.

`run(Load(...))` drives one server from one epoll loop in this process and returns a `Result`; it keeps `window`
submits outstanding on each bind until `total` are answered. All it asks of the server goes over sockets.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import psutil

HEADER = struct.Struct(">IIII")
NUMBER = struct.Struct(">I")
RECEIVE = 262144
AT_ONCE = 200
"""Binds that are asked for at a time."""
BIND_TRANSCEIVER, SUBMIT_SM, DELIVER_SM, ENQUIRE_LINK = 9, 4, 5, 0x15
RESPONSE = 0x80000000
SENDER = b"447700900000"
RECEIPT_TEXT = b"id:1 sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000"


@dataclass(frozen=True)
class Load:
    """Load: `rate` is submits a second over all binds, 0 = as fast as answers come; `idle` binds send nothing.

    `warm_up` submits are answered before anything is measured.
    """

    smpp_port: int
    box_port: int = 0
    pids: tuple[int, ...] = ()
    system_id: str = "load"
    password: str = "pw"
    binds: int = 4
    window: int = 50
    total: int = 40_000
    reports: bool = False
    destination: str = "447700900123"
    text: bytes = b"a" * 20
    udh: bytes = b""
    stored: int = 0
    rate: float = 0.0
    warm_up: int = 0
    idle: int = 0
    tls: bool = False
    limit: float = 120.0


@dataclass
class Result:
    """Results of a run. Times are seconds, `cpu_us` the server's processor time per submit (or stored row)."""

    answered: int = 0
    ok: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    reports: int = 0
    seconds: float = 0.0
    per_second: float = 0.0
    cpu_us: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    rss_mb: float = 0.0
    idle_kb: float = 0.0


class Peer:
    """One connection: unsent output, and input that isn't a whole PDU yet."""

    __slots__ = ("fd", "kept", "out", "outstanding", "poll", "sent_at", "sequence", "socket")

    def __init__(self, connected: Any, poll: select.epoll) -> None:
        self.socket = connected
        self.fd = connected.fileno()
        self.poll = poll
        self.kept = b""
        self.out = b""
        self.sequence = 0
        self.outstanding = 0
        self.sent_at: dict[int, float] = {}
        connected.setblocking(False)
        poll.register(self.fd, select.EPOLLIN)

    def send(self, octets: bytes) -> None:
        if self.out:
            self.out += octets
        else:
            self.out = octets
            self.flush(False)

    def flush(self, was_full: bool) -> None:
        """Send the buffer; wait for writability only if a part is left."""
        try:
            while self.out:
                sent = self.socket.send(self.out)
                self.out = self.out[sent:]
        except (BlockingIOError, ssl.SSLWantWriteError):
            if not was_full:
                self.poll.modify(self.fd, select.EPOLLIN | select.EPOLLOUT)
            return
        if was_full:
            self.poll.modify(self.fd, select.EPOLLIN)

    def receive(self) -> bytes:
        try:
            octets: bytes = self.socket.recv(RECEIVE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return b""
        if not octets:
            raise ConnectionError("the server closed a connection")
        return self.kept + octets if self.kept else octets


def _string(octets: bytes | None) -> bytes:
    return b"\xff\xff\xff\xff" if octets is None else NUMBER.pack(len(octets)) + octets


class Driver:
    """The loop and everything counted in it."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.result = Result()
        self.poll = select.epoll()
        self.peers: dict[int, Peer] = {}
        self.esmes: list[Peer] = []
        self.boxes: set[int] = set()
        self.sent = 0
        self.bound = 0
        self.turns = 0
        self.latencies: list[float] = []
        self.began = 0.0
        self.ended = 0.0
        self.listener: socket.socket | None = None
        self.reported = 0
        self.delivered_acks = 0
        flags = 1 if load.reports else 0
        esm_class = 0x40 if load.udh else 0
        text = load.udh + load.text
        self.body = b"\0\1\1%b\0\1\1%b\0" % (SENDER, load.destination.encode())
        self.body += bytes((esm_class, 0, 0)) + b"\0\0"
        if len(text) <= 254:
            self.body += bytes((flags, 0, 0, 0, len(text))) + text
        else:
            self.body += bytes((flags, 0, 0, 0, 0)) + b"\x04\x24" + struct.pack(">H", len(text)) + text
        self.head = struct.pack(">III", 16 + len(self.body), SUBMIT_SM, 0)

    # -- ESMEs

    def bind_all(self) -> None:
        load = self.load
        for index in range(load.binds + load.idle):
            connected: Any = socket.create_connection(("127.0.0.1", load.smpp_port))
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if load.tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                connected = context.wrap_socket(connected)
            peer = Peer(connected, self.poll)
            self.peers[peer.fd] = peer
            if index < load.binds:
                self.esmes.append(peer)
            body = load.system_id.encode() + b"\0" + load.password.encode() + b"\0load\0\x34\0\0\0"
            peer.sequence = 1
            peer.send(HEADER.pack(16 + len(body), BIND_TRANSCEIVER, 0, 1) + body)
            while index + 1 - self.bound > AT_ONCE:
                self.turn(0.1)
        while self.bound < load.binds + load.idle:
            self.turn(0.1)

    def offer(self) -> None:
        """Send the submits that are due at the rate, all on one bind, and the next time on the next one."""
        load, esmes = self.load, self.esmes
        due = min(int((time.monotonic() - self.began) * load.rate), load.total) - self.sent
        if due > 0:
            self.turns += 1
            self.submit(esmes[self.turns % len(esmes)], due)

    def fill(self, esme: Peer) -> None:
        """Submit as much as the window allows."""
        self.submit(esme, self.load.window - esme.outstanding)

    def submit(self, esme: Peer, most: int) -> None:
        room = min(most, self.load.window - esme.outstanding, self.load.total - self.sent)
        if room <= 0:
            return
        now = time.monotonic()
        head, body, sent_at = self.head, self.body, esme.sent_at
        parts = []
        for sequence in range(esme.sequence + 1, esme.sequence + 1 + room):
            parts.append(head + NUMBER.pack(sequence) + body)
            sent_at[sequence] = now
        esme.sequence += room
        esme.outstanding += room
        self.sent += room
        esme.send(b"".join(parts))

    def esme_read(self, esme: Peer) -> None:
        octets = esme.receive()
        if not octets:
            return
        position, size, now = 0, len(octets), time.monotonic()
        answers = []
        while size - position >= 16:
            length, command, status, number = HEADER.unpack_from(octets, position)
            if size - position < length:
                break
            if command == RESPONSE | SUBMIT_SM:
                esme.outstanding -= 1
                self.result.answered += 1
                self.result.statuses[status] = self.result.statuses.get(status, 0) + 1
                self.latencies.append(now - esme.sent_at.pop(number))
                self.ended = now
            elif command == DELIVER_SM:
                self.result.reports += 1
                answers.append(HEADER.pack(17, RESPONSE | DELIVER_SM, 0, number) + b"\0")
                self.ended = now
            elif command == RESPONSE | BIND_TRANSCEIVER:
                if status:
                    raise ConnectionError(f"bind refused: 0x{status:08X}")
                self.bound += 1
            elif command == ENQUIRE_LINK:
                answers.append(HEADER.pack(16, RESPONSE | ENQUIRE_LINK, 0, number))
            position += length
        esme.kept = octets[position:]
        if answers:
            esme.send(b"".join(answers))
        if self.began and not self.load.rate:
            self.fill(esme)

    # -- bearerbox

    def listen(self) -> None:
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.load.box_port))
        self.listener.listen(8)
        self.listener.setblocking(False)
        self.poll.register(self.listener.fileno(), select.EPOLLIN)

    def box_read(self, box: Peer) -> None:
        octets = box.receive()
        if not octets:
            return
        position, size = 0, len(octets)
        answers = []
        now = NUMBER.pack(int(time.time()))
        while size - position >= 4:
            length = NUMBER.unpack_from(octets, position)[0]
            if size - position < length + 4:
                break
            kind = octets[position + 7]
            if kind == 2:
                message_id, dlr_url = self._ids(octets, position + 8)
                answers.append(b"\0\0\0\x34\0\0\0\3\0\0\0\0" + now + b"\0\0\0\x24" + message_id)
                if self.load.reports:
                    answers.append(self._report(dlr_url, now))
            elif kind == 3:
                self.delivered_acks += 1
            position += length + 4
        box.kept = octets[position:]
        if answers:
            box.send(b"".join(answers))

    @staticmethod
    def _ids(octets: bytes, at: int) -> tuple[bytes, bytes]:
        for field_number in range(10):
            if field_number == 4:  # time
                at += 4
                continue
            length = NUMBER.unpack_from(octets, at)[0]
            at += 4 + (length if length != 0xFFFFFFFF else 0)
        message_id = octets[at + 4 : at + 40]
        at += 40 + 32
        length = NUMBER.unpack_from(octets, at)[0]
        return message_id, octets[at + 4 : at + 4 + length]

    def _report(self, dlr_url: bytes, now: bytes) -> bytes:
        self.reported += 1
        undefined = b"\xff\xff\xff\xff"
        own_id = b"%08x-0000-4000-8000-%012x" % (os.getpid(), self.reported)
        body = b"".join(
            (
                *(b"\0\0\0\2", _string(b"447700900123"), _string(b"447700900000"), undefined),
                *(_string(RECEIPT_TEXT), now, _string(b"ksmppd3"), undefined * 4, _string(own_id)),
                *(b"\0\0\0\3", undefined * 6, b"\0\0\0\1", _string(dlr_url), undefined * 11),
            )
        )
        return NUMBER.pack(len(body)) + body

    # -- the loop

    def turn(self, timeout: float) -> None:
        for fd, events in self.poll.poll(timeout):
            if self.listener is not None and fd == self.listener.fileno():
                accepted, _ = self.listener.accept()
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                box = Peer(accepted, self.poll)
                self.peers[box.fd] = box
                self.boxes.add(box.fd)
                continue
            peer = self.peers[fd]
            if events & select.EPOLLOUT:
                peer.flush(True)
            if events & ~select.EPOLLOUT:
                if fd in self.boxes:
                    self.box_read(peer)
                else:
                    self.esme_read(peer)

    def pump(self, deadline: float) -> None:
        """Go on until all is answered. Raises TimeoutError."""
        load = self.load
        if not load.rate:
            for esme in self.esmes:
                self.fill(esme)
        while not self.finished():
            self.turn(0.001 if load.rate else 0.1)
            if load.rate:
                self.offer()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.result.answered} of {load.total} answered")

    def finished(self) -> bool:
        load, result = self.load, self.result
        if result.answered < load.total:
            return False
        if load.reports and result.reports < self.reported:
            return False
        return result.reports >= load.stored


def _processor_seconds(pids: tuple[int, ...]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return float(sum(each.user + each.system for each in times))


def _resident(pids: tuple[int, ...]) -> int:
    return sum(psutil.Process(pid).memory_info().rss for pid in pids)


def run(load: Load, all_bound: Callable[[], None] = lambda: None) -> Result:
    """Drive one server; `all_bound` is called before the first submit.

    Raises ConnectionError when the server hangs up, TimeoutError after `load.limit` seconds.
    """
    if load.warm_up:
        run(replace(load, total=load.warm_up, warm_up=0))
        load = replace(load, warm_up=0)
    driver = Driver(load)
    deadline = time.monotonic() + load.limit
    try:
        if load.box_port:
            driver.listen()
            while not driver.boxes:
                driver.turn(0.1)
                if time.monotonic() > deadline:
                    raise TimeoutError("the server didn't connect to its bearerbox")
        before = _resident(load.pids)
        driver.bind_all()
        if load.idle:
            grown = _resident(load.pids) - before
            driver.result.idle_kb = grown / 1024 / (load.idle + load.binds)
        all_bound()
        used = _processor_seconds(load.pids)
        driver.began = time.monotonic()
        driver.pump(deadline)
        used = _processor_seconds(load.pids) - used
        return _summed_up(driver, used)
    finally:
        for peer in driver.peers.values():
            peer.socket.close()
        if driver.listener is not None:
            driver.listener.close()


def _summed_up(driver: Driver, used: float) -> Result:
    result = driver.result
    done = max(result.answered, result.reports) if not driver.load.total else result.answered
    result.ok = result.statuses.get(0, 0)
    result.seconds = driver.ended - driver.began
    result.per_second = done / result.seconds if result.seconds else 0.0
    result.cpu_us = used / done * 1e6 if done else 0.0
    result.rss_mb = _resident(driver.load.pids) / 2**20
    ordered = sorted(driver.latencies)
    if ordered:
        result.p50_ms = ordered[len(ordered) // 2] * 1000
        result.p99_ms = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000
    return result
