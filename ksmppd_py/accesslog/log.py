"""What the daemon has of its access log: it collects what was answered and hands it over to the scribe."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, time

import gevent
from gevent.event import Event
from gevent.hub import get_hub

from ksmppd_py.accesslog.batch import ACKED, READ, Batch, epoch_of_zero
from ksmppd_py.accesslog.frames import NO_ANSWER, PackedRun
from ksmppd_py.accesslog.notes import Answered, note_deliveries, note_sent, note_settled
from ksmppd_py.accesslog.process import ENDED, ScribeProcess, tell_loss
from ksmppd_py.accesslog.writer import Fate, Opening, Writer
from ksmppd_py.model.work import Delivery, Submission, Submitter
from ksmppd_py.transport.greenlets import Owner

logger = logging.getLogger(__name__)

HAND_OVER_INTERVAL = 0.1
"""Seconds for which turns of the loop are collected at most: each hand-over wakes the scribe."""
MOST_LINES = 4096
"""Lines of a turn that are handed over at once."""
FIRST_PAUSE = 1.0
"""Seconds until a scribe that ended is started again; doubles up to LAST_PAUSE."""
LAST_PAUSE = 60.0
LAST_WORDS = 2.0
"""Seconds for a scribe that is to end."""
_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class AccessLogSettings:
    """`path` empty = no access log. `text`: messages' texts stand in the lines."""

    path: str = ""
    json: bool = False
    text: bool = False

    @property
    def style(self) -> tuple[bool, bool]:
        """What lines look like."""
        return self.json, self.text


class AccessLog:
    """Implements model.ports.AccessLog. While `on` is false nobody needs to call it.

    The file is opened here, and its descriptor goes to the scribe between the frames: what was answered before a
    change is in the old file, what comes later in the new one.

    The scribe is told what a bearerbox is sent and, once more, what it acks: it brings together what belongs together,
    so that the daemon need not look at each message again. Without a scribe, and when it doesn't keep up, lines are
    made and written here, each from what is known when its message is answered. `since` parts the two.
    """

    def __init__(self, settings: AccessLogSettings) -> None:
        self.on = False
        self.since = 0.0
        self._settings = AccessLogSettings()
        self._descriptor = -1
        self._here = Writer()
        self._scheduled = False
        self._waiting = False
        self._some = Event()
        self._wanted = Event()
        self._scribe: ScribeProcess | None = None
        self._followed: ScribeProcess | None = None
        """As `_scribe`, but also one that was told to end and hasn't yet."""
        self._owner = Owner("access log")
        self._batch = Batch(None)
        self._settled: list[tuple[Submitter, Sequence[Submission]]] = []
        self._deliveries: list[Answered] = []
        self.change(settings)

    def start(self) -> None:
        """Write from now on by a process of its own. Doesn't yield."""
        self._owner.supervise("access log", self._hand_over_often)
        self._owner.supervise("access log scribe", self._keep_scribe)

    @property
    def scribe_pid(self) -> int:
        """The process that writes; 0 while this one does."""
        return self._scribe.pid if self._scribe is not None else 0

    def stop(self, timeout: float = LAST_WORDS) -> None:
        """Write what is there, wait for the scribe for at most `timeout` seconds, close the file. May yield."""
        self._turn_over()
        self._wanted.clear()
        self._leave()
        self.on = False
        self.since = 0.0
        if self._followed is not None:
            self._followed.finish(timeout)
        self._owner.end(1.0)
        self._settings = AccessLogSettings()
        self._close()

    def change(self, settings: AccessLogSettings) -> None:
        """Write as `settings` say from now on; a file that can't be opened is an ERROR line. Doesn't yield."""
        if settings == self._settings:
            return
        self._turn_over()
        if settings.path != self._settings.path:
            if settings.path:
                self._open(settings.path)
            else:
                self._close()
        if self._scribe is not None and self.since < _NEVER and settings.style != self._settings.style:
            # The scribe read what it was told of in the old style, and forgets it with that.
            self.since = monotonic()
        self._settings = settings
        self._tell_opening()

    def reopen(self) -> None:
        """Open the file anew by its name, after rotation; one that can't be opened stays as it was. Doesn't yield."""
        if self._settings.path:
            self._turn_over()
            self._open(self._settings.path)
            self._tell_opening()

    def sending(
        self, link: int, batch: Sequence[Submission], octets: bytes, mixed: bool, alike: bool
    ) -> None:
        """See model.ports.AccessLog.

        The way of most is all in here: once a turn, whatever has to be fetched into the cache costs more than it does.
        Who isn't charged has no costs; and of one bind's all were read together if the first and the last were.
        """
        notes, first = self._batch, batch[0]
        submitter, start, read_at = first.desk.submitter, notes.at, first.received_at
        end = start + len(octets)
        if (
            end > notes.limit
            or mixed
            or submitter is None
            or read_at is not batch[-1].received_at
            or submitter.is_charged
        ):
            self._send_slowly(link, batch, octets)
            return
        notes.memory[start:end] = octets
        notes.at = end
        run = len(batch), submitter.service, submitter.bind_id, read_at
        notes.steps.append((READ, link, alike, *run, start, end))
        if not self._waiting:
            self._wake()

    def _send_slowly(self, link: int, batch: Sequence[Submission], octets: bytes) -> None:
        if self.since == _NEVER:
            return
        try:
            self._make_room(len(octets))
            self._batch.sent(link, note_sent(batch), octets)
            self._wake()
        except Exception:
            logger.exception("%d line(s) of the access log are lost", len(batch))

    def acked(self, link: int, acks: bytes, now: float) -> None:
        """See model.ports.AccessLog. What is said of `sending` is true here, too."""
        notes = self._batch
        start, length = notes.at, len(acks)
        end = start + length
        if end > notes.limit:
            self._note_acks(link, acks, now)
            return
        notes.memory[start:end] = acks
        notes.at = end
        notes.acks += length
        notes.steps.append((ACKED, link, now, (start, length)))
        if not self._waiting:
            self._wake()

    def _note_acks(self, link: int, acks: bytes, now: float) -> None:
        if self.since < _NEVER:
            self._make_room(len(acks))
            self._batch.acked(link, now, acks)
            self._wake()

    def _make_room(self, octets: int) -> None:
        """Have another batch where these don't fit into the page. Doesn't yield."""
        notes = self._batch
        if notes.is_full or not notes.has_room(octets):
            self._hand_over()

    def lost(self, link: int) -> None:
        """See model.ports.AccessLog."""
        if self.since < _NEVER:
            self._batch.lost(link)
            self._wake()

    def submitted(self, settled: Sequence[Submission], submitter: Submitter) -> None:
        """See model.ports.AccessLog."""
        self._settled.append((submitter, settled))
        if not self._scheduled:
            self._schedule()

    def delivered(self, delivery: Delivery, bind_id: int, command_status: int, sent_at: float) -> None:
        """See model.ports.AccessLog."""
        self._deliveries.append((delivery, bind_id, command_status, sent_at))
        if not self._scheduled:
            self._schedule()

    def unanswered(self, delivery: Delivery, bind_id: int, sent_at: float) -> None:
        """See model.ports.AccessLog."""
        self.delivered(delivery, bind_id, NO_ANSWER, sent_at)

    def _schedule(self) -> None:
        self._scheduled = True
        get_hub().loop.run_callback(self._turn_ends)

    def _turn_ends(self) -> None:
        """Note what this turn has brought. Runs in the hub, so it must neither wait nor fail."""
        self._scheduled = False
        try:
            self._note_turn()
        except Exception:
            logger.exception("The access log failed unexpectedly")
        if self._batch.lines >= MOST_LINES or self._batch.is_full:
            self._hand_over()
        elif self._batch.steps:
            self._wake()

    def _wake(self) -> None:
        """See to it that what there is will be handed over. Doesn't yield."""
        if not self._waiting:
            self._waiting = True
            self._some.set()

    def _note_turn(self) -> None:
        settled, self._settled = self._settled, []
        deliveries, self._deliveries = self._deliveries, []
        runs: list[PackedRun] = []
        frames: list[bytes] = []
        for submitter, submissions in settled:
            note_settled(submitter, submissions, runs, frames)
        columns, delivered = note_deliveries(deliveries)
        if self.on and (frames or delivered):
            self._batch.add(int(time()), monotonic(), runs, frames, columns, delivered)

    def _hand_over_often(self) -> None:
        while True:
            self._some.wait()
            gevent.sleep(HAND_OVER_INTERVAL)
            self._some.clear()
            self._waiting = False
            self._hand_over()

    def _turn_over(self) -> None:
        """Hand over everything that belongs into the file of now. Doesn't yield."""
        self._note_turn()
        self._hand_over()

    def _hand_over(self) -> None:
        """May run in the hub, so it must neither wait nor fail."""
        scribe, batch = self._scribe, self._batch
        pages = scribe.pages if scribe is not None else None
        if not batch.steps and batch.pages is pages:
            return
        self._batch = Batch(pages)
        is_taken = False
        try:
            is_taken = (
                scribe is not None
                and batch.pages in (scribe.pages, None)
                and scribe.take(batch.frame(), batch.lines, batch.needs_order)
            )
            if not is_taken:
                self._write_here(batch)
        except Exception:
            logger.exception("%d line(s) of the access log are lost", batch.lines)
        if not is_taken:
            batch.withdraw()
        self._look_at_scribe()

    def _write_here(self, batch: Batch) -> None:
        here = self._here
        here.take(batch.steps, batch.lines, batch.get, epoch_of_zero())
        here.write()
        tell_loss(here.fate())
        if batch.needs_order:  # what was sent before, only the scribe knew
            tell_loss(Fate(here.strays, here.strays, ENDED))
            here.strays = 0
            here.forget()

    def _look_at_scribe(self) -> None:
        """Tell it of what is sent while it keeps up. Doesn't yield."""
        scribe = self._scribe
        if scribe is None:
            return
        if not scribe.keeps_up:
            if self.since < _NEVER:
                self._batch.lost(None)
                self.since = _NEVER
        elif self.since == _NEVER:
            self.since = monotonic()
        self._batch.hurry(self.since < _NEVER)

    def _keep_scribe(self) -> None:
        """Have a scribe while there is an access log."""
        pause = FIRST_PAUSE
        while True:
            self._wanted.wait()
            started_at = monotonic()
            try:
                scribe = ScribeProcess(self._owner)
            except OSError as error:
                logger.error("The access log's process can't be started: %s", error)
            else:
                self._follow(scribe)
                if scribe.finished:
                    continue
            if monotonic() - started_at > LAST_PAUSE:
                pause = FIRST_PAUSE
            logger.warning("The access log is written without a process of its own for %d s", pause)
            gevent.sleep(pause)
            pause = min(LAST_PAUSE, pause * 2)

    def _follow(self, scribe: ScribeProcess) -> None:
        """Let a scribe write until it has ended. May yield."""
        self._followed = scribe
        try:
            if self.on:
                self._turn_over()
                scribe.open(self._opening())
                self._scribe = scribe
                self._batch = Batch(scribe.pages)
                self.since = monotonic()
            else:  # its access log was taken away meanwhile
                self._owner.spawn("access log end", scribe.finish, LAST_WORDS)
            scribe.run()
        finally:
            self._followed = None
            if self._scribe is scribe:
                self._leave()
            scribe.close()

    def _leave(self) -> None:
        """Lines are made here until there is another scribe, also those that are in its ring and it doesn't know of."""
        self._scribe = None
        self._turn_over()
        self.since = _NEVER if self.on else 0.0

    def _opening(self) -> Opening:
        return Opening(self._descriptor, self._settings.json, not self._settings.text)

    def _tell_opening(self) -> None:
        """Everybody who writes learns where, and how it is to look. Doesn't yield."""
        if not self.on:
            return
        opening = self._opening()
        self._here.open(opening)
        if self._scribe is not None:
            try:
                self._scribe.open(opening)
            except OSError as error:
                logger.error("The access log's process can't be told of its file: %s", error)
                self._dismiss()  # the next one will be

    def _dismiss(self) -> None:
        """Let the scribe end in its own time. Doesn't yield."""
        scribe = self._scribe
        if scribe is not None:
            self._leave()
            self._owner.spawn("access log end", scribe.finish, LAST_WORDS)

    def _open(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            fresh = os.open(path, flags, 0o640)
        except OSError as error:
            logger.error("Couldn't open access log `%s'", path, exc_info=error)
            return
        self._descriptor = fresh
        if not self.on:
            self.on = True
            self.since = _NEVER
        self._wanted.set()

    def _close(self) -> None:
        self.on = False
        self.since = 0.0
        self._wanted.clear()
        self._here.close()
        self._dismiss()
