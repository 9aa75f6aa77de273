"""A bearerbox that an operator pauses: it gets nothing more, and finishes what it has."""

from __future__ import annotations

from ksmppd_py.model.outcomes import SubmitResult
from tests.bearerbox.conftest import Bed
from tests.fakes.bearerbox import NEVER, accept_all, always
from tests.parts.waiting import wait_until


def is_paused(bed: Bed) -> bool:
    return bed.pool.is_paused(bed.pool.connections[0])


def test_it_drains(bed: Bed) -> None:
    bed.box.policy = always(NEVER)
    bed.send(b"one")
    entry = bed.box.wait_for_text(b"one")
    [connection] = bed.pool.connections
    bed.pool.pause(connection)
    assert is_paused(bed)
    assert not bed.pool.online
    assert bed.pool.status().bearerboxes[0].online
    bed.box.ack(entry)
    assert bed.wait_results() == [SubmitResult.ACCEPTED]
    bed.box.policy = accept_all
    bed.pool.resume(connection)
    assert (is_paused(bed), bed.pool.online) == (False, True)
    bed.pool.resume(connection)
    bed.send(b"two")
    assert bed.wait_results() == [SubmitResult.ACCEPTED]


def test_a_pause_outlives_the_connection(bed: Bed) -> None:
    [connection] = bed.pool.connections
    bed.pool.pause(connection)
    bed.box.stop()
    wait_until(lambda: not connection.online, "the connection to end")
    bed.box.start()
    wait_until(lambda: connection.online, "the connection to come back")
    assert (is_paused(bed), bed.pool.online) == (True, False)
    bed.pool.resume(connection)
    bed.send(b"three")
    assert bed.wait_results() == [SubmitResult.ACCEPTED]
