"""The daemon's state as lines for the log."""

from __future__ import annotations

import contextlib
import gc
import os
import weakref
from collections.abc import Iterator
from pathlib import Path

from greenlet import greenlet

from ksmppd_py.model.esme import ServerSnapshot
from ksmppd_py.model.refusals import Refusals
from ksmppd_py.server.status import ServerStatus
from ksmppd_py.smpp.describe import describe_status

_remembered: weakref.WeakSet[greenlet] = weakref.WeakSet()


def statistics(snapshot: ServerSnapshot, server_status: ServerStatus) -> Iterator[str]:
    """Yield all lines for SIGQUIT. Looks at every object, which takes a moment in which nothing else runs."""
    metrics = server_status.metrics()
    boxes = metrics.bearerboxes
    binds = sum(len(esme.binds) for esme in snapshot.esmes)
    yield f"{binds} bind(s) of {len(snapshot.esmes)} account(s), {metrics.connections} connection(s)"
    yield f"{snapshot.inbound_processed} submits, {snapshot.outbound_processed} deliver_sm_resp"
    yield f"{boxes.online} of {len(boxes.bearerboxes)} bearerbox(es) online, {boxes.waiting} MT(s) wait for them"
    for box in boxes.bearerboxes:
        state = "online" if box.online else "away"
        yield f"Bearerbox {box.name} is {state}, {box.open_acks} MT(s) unacked, {box.incoming} MO(s) and DLR(s) to ack"
    yield from load_lines(snapshot)
    yield _process()


def refusal_lines(refusals: Refusals, now: float) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield format and values of a line for each kind of refusals that isn't logged yet.

    The reason is part of the format, so that lines with other reasons aren't left out with it.
    """
    for refusal in refusals.take_unlogged(now):
        last = refusal.example
        yield (
            f"SMPP[%s] %d message(s) refused within %d s: {refusal.reason}, %s; the last from %s to %s, id %s",
            (
                refusal.system_id,
                refusal.count,
                max(1, round(now - refusal.first)),
                describe_status(last.command_status),
                last.sender,
                last.receiver,
                last.message_id or "none",
            ),
        )


def remember_greenlets() -> None:
    """Note the greenlets that are there: the collector lists no object any more after gc.freeze(). Doesn't yield."""
    _remembered.update(thing for thing in gc.get_objects() if isinstance(thing, greenlet))


def _greenlets() -> int:
    """Number of greenlets that run or wait, those of the start included."""
    found = {thing for thing in gc.get_objects() if isinstance(thing, greenlet)}
    return sum(not thing.dead for thing in found.union(_remembered))


def _process() -> str:
    parts = [f"{_greenlets()} greenlets"]
    with contextlib.suppress(OSError, ValueError, IndexError):  # where there is no /proc
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        parts.append(f"{pages * os.sysconf('SC_PAGE_SIZE') / 2**20:.1f} MiB of memory")
        parts.append(f"{len(os.listdir('/proc/self/fd'))} open files and connections")
    return ", ".join(parts)


def load_lines(snapshot: ServerSnapshot) -> Iterator[str]:
    """Yield the lines that KSMPPD writes about each account twice a minute."""
    for esme in snapshot.esmes:
        binds = ", ".join(
            f"{bind.bind_id} (type {bind.bind_type}, {bind.open_acks} open acks, load {bind.inbound_load:g}/"
            f"{bind.outbound_load:g}, queued {bind.inbound_queued}/{bind.outbound_queued}, processed "
            f"{bind.inbound_processed}/{bind.outbound_processed})"
            for bind in esme.binds
        )
        yield f"SMPP[{esme.system_id}] has {len(esme.binds)} bind(s): {binds or 'none'}"
