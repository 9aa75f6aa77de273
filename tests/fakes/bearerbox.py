"""A scripted bearerbox: listens for boxes, records what they send, acks by a policy, sends MO and DLR."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from tests.fakes import box_wire
from tests.fakes.box_wire import Sms

T = TypeVar("T")

NEVER = "never"  # leave the MT without an ack; FakeBearerbox.ack can still give it, as late as the test wants
CLOSE = "close"  # close the connection instead of acknowledging

Decision = int | str
Policy = Callable[[Sms], Decision]


def accept_all(sms: Sms) -> Decision:
    return box_wire.ACK_SUCCESS


def always(decision: Decision) -> Policy:
    """The policy that treats every MT alike: 0, 1, 2, 3, NEVER or CLOSE."""
    return lambda sms: decision


@dataclass(frozen=True)
class Submit:
    """An MT as it came in, with the connection that brought it."""

    sms: Sms
    link: BoxLink
    at: float


@dataclass(frozen=True)
class AckReceived:
    """The ack of a box to an MO or DLR."""

    nack: int
    time: int
    id: bytes
    at: float


class BoxLink:
    """One accepted box connection."""

    def __init__(self, owner: FakeBearerbox, peer: socket.socket, number: int) -> None:
        self.number = number
        self.boxc_id: bytes | None = None
        self.http_port: int | None = None
        self.identified = False
        self.closed = False
        self.heartbeats: list[int] = []
        self._greenlets = owner
        self._socket = peer
        self._write_lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def send(self, octets: bytes) -> None:
        """Write raw octets; a closed peer is ignored."""
        with self._write_lock:
            try:
                self._socket.sendall(octets)
            except OSError:
                self.closed = True

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        try:
            while True:
                (length,) = struct.unpack(">i", self._exactly(4))
                self._handle(self._exactly(length))
        except (OSError, EOFError):
            pass
        except ValueError as problem:
            self._greenlets.complain(f"box {self.number}: {problem}")
        finally:
            self._socket.close()
            self._greenlets.left(self)

    def _handle(self, octets: bytes) -> None:
        fields = box_wire.Fields(octets)
        kind = fields.integer()
        if kind == box_wire.HEARTBEAT:
            self._greenlets.heard_heartbeat(self, fields.integer())
        elif kind == box_wire.ADMIN:
            command = fields.integer()
            boxc_id = fields.string()
            self.http_port = None if fields.is_at_end() else fields.integer()
            self._greenlets.heard_admin(self, command, boxc_id)
        elif kind == box_wire.SMS:
            self._greenlets.heard_sms(self, box_wire.unpack_sms(fields))
            return
        elif kind == box_wire.ACK:
            nack, stamp = fields.integer(), fields.integer()
            self._greenlets.heard_ack(self, AckReceived(nack, stamp, fields.uuid(), time.monotonic()))
        else:
            raise ValueError(f"message of unknown type {kind}")
        fields.end()

    def _exactly(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = self._socket.recv(count - len(octets))
            if not more:
                raise EOFError
            octets += more
        return octets


class FakeBearerbox:
    """Listens on a port that it keeps over stop and start, like a bearerbox that goes away and comes back.

    `problems` collects what a real bearerbox would have died of or hung up on; stop() raises if there is any.
    """

    def __init__(self, policy: Policy = accept_all, port: int = 0) -> None:
        self.policy = policy
        self.port = port
        self.links: list[BoxLink] = []
        self.submits: list[Submit] = []
        self.acks: list[AckReceived] = []
        self.problems: list[str] = []
        self.connections = 0
        self._changed = threading.Condition()
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None

    def start(self) -> FakeBearerbox:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(16)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._acceptor = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Close the listener and all connections at once, like a bearerbox that was killed."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            assert self._acceptor is not None
            self._acceptor.join(5)
        for link in list(self.links):
            link.close()
            link.thread.join(5)
        if self.problems:
            raise AssertionError(f"the real bearerbox would not have borne this: {self.problems}")

    def __enter__(self) -> FakeBearerbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_for(self, predicate: Callable[[], T], what: str = "an event", timeout: float = 10.0) -> T:
        """Wait until `predicate()` is true, looked at after each event, and return what it returned."""
        with self._changed:
            found = self._changed.wait_for(predicate, timeout)
        if not found:
            raise AssertionError(
                f"fake bearerbox waited {timeout:g} s without success for {what}; links {len(self.links)}, "
                f"texts {[entry.sms.msgdata for entry in self.submits]}, acks {self.acks}"
            )
        return found

    def wait_for_box(self, count: int = 1, timeout: float = 15.0) -> list[BoxLink]:
        """Wait until `count` live connections are identified, and return them."""
        self.wait_for(lambda: len(self._identified()) >= count, f"{count} identified boxes", timeout)
        return self._identified()

    def wait_for_sms(self, count: int = 1, timeout: float = 10.0) -> list[Sms]:
        """Wait until at least `count` MTs came in, and return all of them."""
        self.wait_for(lambda: len(self.submits) >= count, f"{count} MTs", timeout)
        return [entry.sms for entry in self.submits]

    def wait_for_text(self, text: bytes, timeout: float = 10.0) -> Submit:
        """Wait for the first MT with exactly this text."""

        def found() -> Submit | None:
            return next((entry for entry in self.submits if entry.sms.msgdata == text), None)

        submit = self.wait_for(found, f"an MT {text!r}", timeout)
        assert submit is not None
        return submit

    def wait_for_ack(self, sms_id: bytes, timeout: float = 10.0) -> AckReceived:
        """Wait for the first ack of an MO or DLR that this fake sent."""

        def found() -> AckReceived | None:
            return next((ack for ack in self.acks if ack.id == sms_id), None)

        ack = self.wait_for(found, f"an ack of {sms_id!r}", timeout)
        assert ack is not None
        return ack

    def acks_of(self, sms_id: bytes) -> list[AckReceived]:
        return [ack for ack in self.acks if ack.id == sms_id]

    def ack(self, submit: Submit, nack: int = box_wire.ACK_SUCCESS) -> None:
        """Give the ack that the policy NEVER withheld."""
        submit.link.send(box_wire.pack_ack(nack, submit.sms.id, submit.sms.time))

    def send_mo(
        self,
        sender: str,
        receiver: str,
        text: bytes | str,
        *,
        link: BoxLink | None = None,
        smsc_id: bytes = b"FAKE",
        coding: int = 0,
        **fields: object,
    ) -> bytes:
        """Send an MO as the real bearerbox does; return its id."""
        sms = Sms(
            sender=sender.encode(),
            receiver=receiver.encode(),
            msgdata=text.encode() if isinstance(text, str) else text,
            time=int(time.time()),
            smsc_id=smsc_id,
            sms_type=box_wire.MO,
            coding=coding,
        )
        return self.send(replace(sms, **fields), link)

    def send_dlr(
        self, mt: Sms, mask: int = 1, text: bytes = b"", *, link: BoxLink | None = None, **fields: object
    ) -> bytes:
        """Send the report on an MT as the real bearerbox does (addresses not swapped); return its id."""
        report = Sms(
            sender=mt.sender,
            receiver=mt.receiver,
            msgdata=text,
            time=int(time.time()),
            smsc_id=mt.smsc_id or b"FAKE",
            foreign_id=mt.id,
            service=mt.service,
            sms_type=box_wire.REPORT_MO,
            dlr_mask=mask,
            dlr_url=mt.dlr_url,
            boxc_id=mt.boxc_id,
            meta_data=b"?orig_msg?dlr_mask=%d&" % mt.dlr_mask,
        )
        return self.send(replace(report, **fields), link)

    def send(self, sms: Sms, link: BoxLink | None = None) -> bytes:
        """Send any sms through `link`, or through the first identified box."""
        (link or self.wait_for_box()[0]).send(box_wire.pack_sms(sms))
        return sms.id

    def _identified(self) -> list[BoxLink]:
        return [link for link in self.links if link.identified and not link.closed]

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                link = BoxLink(self, peer, self.connections)
                self.links.append(link)
                self._changed.notify_all()
            link.thread.start()

    # What the links report.

    def heard_heartbeat(self, link: BoxLink, load: int) -> None:
        with self._changed:
            link.heartbeats.append(load)
            self._changed.notify_all()

    def heard_admin(self, link: BoxLink, command: int, boxc_id: bytes | None) -> None:
        with self._changed:
            if command == box_wire.IDENTIFY:
                link.boxc_id, link.identified = boxc_id, True
            else:
                self.problems.append(f"box {link.number}: admin command {command}")
            self._changed.notify_all()

    def heard_sms(self, link: BoxLink, sms: Sms) -> None:
        submit = Submit(sms, link, time.monotonic())
        decision = self.policy(sms)
        with self._changed:
            self.submits.append(submit)
            self._changed.notify_all()
        if decision == CLOSE:
            link.close()
        elif isinstance(decision, int):
            self.ack(submit, decision)

    def heard_ack(self, link: BoxLink, ack: AckReceived) -> None:
        with self._changed:
            self.acks.append(ack)
            self._changed.notify_all()

    def complain(self, problem: str) -> None:
        with self._changed:
            self.problems.append(problem)
            self._changed.notify_all()

    def left(self, link: BoxLink) -> None:
        with self._changed:
            link.closed = True
            if link in self.links:
                self.links.remove(link)
            self._changed.notify_all()
