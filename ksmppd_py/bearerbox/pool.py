"""All bearerboxes as one next hop of MTs: choice, waiting, loss of connections (docs/rules/flows.md 1.2)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic

import gevent

from ksmppd_py.bearerbox.connection import BoxConnection
from ksmppd_py.bearerbox.inbound import InboundServices
from ksmppd_py.bearerbox.timings import BoxLimits, BoxTimings
from ksmppd_py.bearerbox.waiting_queue import WaitingQueue
from ksmppd_py.config import BearerboxConnection
from ksmppd_py.kannel.messages import DlrMask, Sms
from ksmppd_py.model.outcomes import SubmitResult
from ksmppd_py.model.status import BearerboxStatus
from ksmppd_py.model.work import REFUSED_IDS, Submit
from ksmppd_py.translate.dlr_url import message_id_of
from ksmppd_py.transport.greenlets import GreenletGroup

logger = logging.getLogger(__name__)

AT_ONCE = 256
"""MTs that are packed and written together, at most. The rest waits unpacked if the bearerbox doesn't read."""
_SMSC_FAIL = int(DlrMask.SMSC_FAIL)


class BearerboxPool:
    """Gives each MT to the connection with fewest unacked ones; higher priority first, then first come.

    MTs of a connection that is lost go to another one, or to the next that connects, with the same id. Implements
    ports.Gateway.
    """

    def __init__(
        self,
        settings: Sequence[BearerboxConnection],
        services: InboundServices,
        timings: BoxTimings,
        limits: BoxLimits,
    ) -> None:
        self._greenlets = GreenletGroup("bearerbox")
        self._waiting = WaitingQueue()
        self._online: list[BoxConnection] = []
        self._offline_since = monotonic()
        self._leaving: set[BoxConnection] = set()
        self._paused: set[BoxConnection] = set()
        self._refused: dict[bytes, None] = {}
        self._greenlets_of: dict[BoxConnection, GreenletGroup] = {}
        self.arrivals = 0
        self._started = False
        self._services = services
        self._timings = timings
        self._limits = limits
        self.connections = [self._make(box) for box in settings]

    def _make(self, box: BearerboxConnection) -> BoxConnection:
        greenlets = GreenletGroup(f"bearerbox {box.name}")
        connection = BoxConnection(box, self, self._services, greenlets, self._timings, self._limits)
        self._greenlets_of[connection] = greenlets
        return connection

    @property
    def online(self) -> bool:
        """Whether any bearerbox is connected."""
        return bool(self._online)

    def status(self) -> BearerboxStatus:
        """Return the state of all of them for operators."""
        now = monotonic()
        boxes = tuple(connection.snapshot(now) for connection in self.connections)
        return BearerboxStatus(len(self._online), len(self._waiting), boxes)

    def start(self) -> None:
        """Start to connect. Doesn't yield."""
        self._started = True
        for connection in self.connections:
            self._run(connection)
        self._greenlets.supervise("bearerbox housekeeping", self._keep_house)
        self._greenlets.supervise("bearerbox back-pressure", self._relieve_backpressure)

    def _run(self, connection: BoxConnection) -> None:
        self._greenlets_of[connection].spawn(f"bearerbox {connection.settings.name}", connection.run)

    def reconfigure(self, settings: Sequence[BearerboxConnection]) -> None:
        """Connect to these bearerboxes from now on; connections to others finish their messages and end.

        Doesn't yield.
        """
        wanted = list(settings)
        kept, gone = [], []
        for connection in self.connections:
            if connection.settings in wanted:
                wanted.remove(connection.settings)
                kept.append(connection)
            else:
                gone.append(connection)
        fresh = [self._make(box) for box in wanted]
        self.connections = kept + fresh
        for connection in fresh:
            logger.info("Bearerbox %s is new in the configuration", connection.settings.name)
            if self._started:
                self._run(connection)
        for connection in gone:
            logger.info("Bearerbox %s is in the configuration no more", connection.settings.name)
            self._greenlets.spawn(
                f"bearerbox {connection.settings.name} retirement", self._retire, connection
            )

    def _retire(self, connection: BoxConnection) -> None:
        """Give it nothing more, wait for its acks and its messages, close. May yield, about 10 seconds."""
        self.leaving(connection)
        self._paused.discard(connection)
        deadline = monotonic() + self._timings.retirement_timeout
        while connection.open and monotonic() < deadline:
            gevent.sleep(0.05)
        connection.stop(max(0.1, deadline - monotonic()))
        self._leaving.discard(connection)
        greenlets = self._greenlets_of.pop(connection)
        greenlets.join(1.0)
        greenlets.end(1.0)

    def give_up(self) -> None:
        """Return every MT without ack: NO_BEARERBOX if it waits, otherwise refused temporarily. May yield."""
        now = monotonic()
        self._give_up(now)
        for connection in self.connections:
            connection.refuse_for_now(now)

    def stop(self, timeout: float) -> None:
        """Send what is due and close all connections. May yield, about `timeout` seconds at most."""
        gevent.joinall(
            [
                self._greenlets.spawn(f"bearerbox {connection.settings.name} stop", connection.stop, timeout)
                for connection in self.connections
            ]
        )
        self._greenlets.end(timeout)
        for greenlets in list(self._greenlets_of.values()):
            greenlets.end(timeout)

    def send(self, submit: Submit) -> bool:
        """Send or queue an MT; False when no bearerbox is connected or too many wait. Doesn't yield."""
        return not self.send_all((submit,))

    def send_all(self, batch: Sequence[Submit]) -> list[Submit]:
        """Send or queue MTs in order; return those that can't be: no bearerbox, or too many wait. Doesn't yield."""
        if not self._online:
            return list(batch)
        now = monotonic()
        waiting = self._waiting
        sent = 0
        while sent < len(batch) and not waiting:
            some = batch if len(batch) <= AT_ONCE else batch[sent : sent + AT_ONCE]
            taken = self._send_some(some, now)
            sent += taken
            if taken < len(some):
                break
        room = max(0, self._limits.most_waiting - len(waiting))
        for submit in batch[sent : sent + room]:
            submit.waits_since = now
            waiting.add(submit)
        return list(batch[sent + room :])

    def _send_some(self, batch: Sequence[Submit], now: float) -> int:
        """Send the first of these, as many as there is room for; return how many. Doesn't yield."""
        if len(self._online) > 1:
            return self._spread(batch, now)
        connection = self._online[0]
        sent = min(len(batch), self._room_of(connection))
        if sent:
            connection.send_all(batch if sent == len(batch) else batch[:sent], now)
        return sent

    def _spread(self, batch: Sequence[Submit], now: float) -> int:
        """Send each to the connection with fewest unacked MTs; return how many there was room for."""
        shares: dict[BoxConnection, list[Submit]] = {
            connection: [] for connection in self._online if self._room_of(connection)
        }
        sent = 0
        for submit in batch:
            connection = self._with_room(shares)
            if connection is None:
                break
            shares[connection].append(submit)
            sent += 1
        for connection, share in shares.items():
            connection.send_all(share, now)
        return sent

    def _with_room(self, shares: dict[BoxConnection, list[Submit]]) -> BoxConnection | None:
        best = None
        fewest = self._limits.window
        for connection in self._online:
            share = shares.get(connection)
            if share is None:
                continue
            unanswered = len(connection.open) + len(share)
            if unanswered < fewest:
                best, fewest = connection, unanswered
        if best is not None:
            self._online.remove(best)  # to the end, so that equals take turns
            self._online.append(best)
        return best

    def has_room(self, connection: BoxConnection) -> None:
        """Send waiting MTs over this connection, as far as its window allows. Doesn't yield."""
        if not self._waiting or connection not in self._online:
            return
        now = monotonic()
        waiting = self._waiting
        while waiting and (room := self._room_of(connection)):
            some = min(len(waiting), room, AT_ONCE)
            connection.send_all([waiting.pop() for _ in range(some)], now)

    def came_online(self, connection: BoxConnection) -> None:
        """Use a connection that is up; the MTs that waited longest go first. Doesn't yield."""
        self.arrivals += 1
        self._leaving.discard(connection)
        if connection not in self._paused:
            self._online.append(connection)
            self.has_room(connection)

    def went_offline(self, connection: BoxConnection, unanswered: list[Submit]) -> None:
        """Stop using a lost connection; its unacked MTs wait for another one, ahead of later ones. Doesn't yield."""
        self._leaving.discard(connection)
        if connection in self._online:
            self._online.remove(connection)
        if not self._online and connection.proven:
            self._offline_since = monotonic()
        self._waiting.put_back(unanswered)
        for other in self._online:
            self.has_room(other)

    def leaving(self, connection: BoxConnection) -> None:
        """Give this connection nothing more, though it still acks. Doesn't yield."""
        self._leaving.add(connection)
        self._stop_using(connection)

    def pause(self, connection: BoxConnection) -> None:
        """Give this connection nothing more until `resume`, also when it connects again. Doesn't yield.

        It still acks, and messages from it are taken: it drains.
        """
        self._paused.add(connection)
        self._stop_using(connection)

    def is_paused(self, connection: BoxConnection) -> bool:
        """Whether an operator has it given nothing. Doesn't yield."""
        return connection in self._paused

    def resume(self, connection: BoxConnection) -> None:
        """End a pause. Doesn't yield."""
        self._paused.discard(connection)
        if connection.online and connection not in self._leaving and connection not in self._online:
            self._online.append(connection)
            self.has_room(connection)

    def _stop_using(self, connection: BoxConnection) -> None:
        if connection in self._online:
            self._online.remove(connection)
            if not self._online:
                self._offline_since = monotonic()

    def refused(self, message_id: bytes) -> None:
        """Remember an MT that was refused permanently, since the bearerbox may also send a report on it."""
        self._refused[message_id] = None
        if len(self._refused) > REFUSED_IDS:
            del self._refused[next(iter(self._refused))]

    def is_duplicate_report(self, report: Sms) -> bool:
        """Whether a report repeats a refusal that was the submit_sm_resp already (docs/rules/box-protocol.md 6.1)."""
        if not self._refused or report.dlr_mask != _SMSC_FAIL or report.dlr_url is None:
            return False
        message_id = message_id_of(report.dlr_url)
        if message_id not in self._refused:
            return False
        del self._refused[message_id]
        return True

    def _keep_house(self) -> None:
        while True:
            gevent.sleep(self._timings.housekeeping_interval)
            now = monotonic()
            for connection in list(self.connections):
                connection.tick(now)
                self.has_room(connection)
            if (
                not self._online
                and self._waiting
                and now - self._offline_since >= self._timings.reconnect_timeout
            ):
                logger.warning("No bearerbox came back within %s s", self._timings.reconnect_timeout)
                self._give_up(now)
            elif self._waiting:
                self._give_up(now - self._timings.longest_wait)

    def _relieve_backpressure(self) -> None:
        while True:
            gevent.sleep(self._timings.relief_interval)
            for connection in list(self.connections):
                connection.inbound.relieve_backpressure(monotonic())

    def _give_up(self, before: float) -> None:
        """Return every MT that waits since `before` (monotonic seconds) or longer, as NO_BEARERBOX. Doesn't yield."""
        given_up = self._waiting.take_older(before)
        if not given_up:
            return
        logger.warning("%d message(s) that no bearerbox took in time go back", len(given_up))
        for submit in given_up:
            submit.result = SubmitResult.NO_BEARERBOX
            submit.origin.settled(submit)

    def _room_of(self, connection: BoxConnection) -> int:
        """Return how many more MTs the connection may be sent now."""
        return 0 if connection.is_clogged else max(0, self._limits.window - len(connection.open))
