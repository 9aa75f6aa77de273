"""State of an account while the daemon runs, and messages in flight."""

from __future__ import annotations

import dataclasses

import pytest

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Account
from ksmppd_py.model.esme import (
    LONG_MESSAGE,
    BindSnapshot,
    BindSnapshots,
    Counters,
    Esme,
    EsmeSnapshot,
    ServerMeters,
)
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.refusals import BIND, MOST_REMEMBERED, SIMULATED, SUBMIT, Example, RefusalCount, Refusals
from ksmppd_py.model.work import Delivery, Submit


def test_a_new_account_starts_at_zero() -> None:
    esme = Esme(Account("smppusera", throughput=8), 1000.7, 5.0)
    assert esme.system_id == "smppusera"
    assert esme.inbound.rates(1000) == esme.outbound.rates(1000) == (0.0, 0.0, 0.0)
    assert [getattr(esme.counters, name) for name in Counters.__slots__] == [0, 0, 0, 0]
    assert esme.bucket.take(9, 5.0) == 8


def test_the_last_bind_wins_and_the_counters_stay() -> None:
    esme = Esme(Account("smppusera", throughput=8), 1000, 5.0)
    esme.totals_of(1).mt = 3
    esme.totals_of(3).mt = 4
    esme.inbound.add(5, 1000)
    newest = Account("smppusera", throughput=10, max_binds=3)
    esme.rebind(newest, 5.0)
    assert esme.account is newest
    assert esme.counters.mt == 7
    assert esme.inbound.rate(0, 1000) == 5.0
    assert esme.bucket.capacity == 10
    assert esme.bucket.take(9, 5.0) == 8  # no fresh burst by binding again


def test_server_meters_start_at_zero() -> None:
    meters = ServerMeters(1000.9)
    assert meters.inbound.rates(1000) == meters.outbound.rates(1000) == (0.0, 0.0, 0.0)
    assert (meters.inbound_processed, meters.outbound_processed) == (0, 0)


def test_snapshots_cannot_be_changed() -> None:
    zeros = (0.0, 0.0, 0.0)
    snapshot = EsmeSnapshot("a", 0, zeros, 0.0, zeros, 0, 0, 0, 0)
    assert snapshot.binds == ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        snapshot.mt = 1  # type: ignore[misc]  # that is the point


class MemoryOrigin:
    """An origin that keeps what returns to it."""

    def __init__(self) -> None:
        self.items: list[object] = []

    def settled(self, item: object) -> None:
        self.items.append(item)


def test_a_delivery_comes_back_once_with_its_last_part() -> None:
    origin = MemoryOrigin()
    delivery = Delivery(origin, Sms())
    delivery.left = 3
    delivery.part_ended(Outcome.DONE)
    delivery.part_ended(Outcome.TEMPORARY)
    assert origin.items == []
    delivery.part_ended(Outcome.PERMANENT)
    assert origin.items == [delivery]
    assert delivery.outcome is Outcome.TEMPORARY


def test_a_submit_starts_open() -> None:
    submit = Submit(MemoryOrigin(), 5, object(), 2)
    assert (submit.result, submit.command_status, submit.answered) == (None, None, False)


def test_what_was_not_delivered_counts_by_outcome() -> None:
    totals = Esme(Account("smppusera"), 1000, 5.0).totals_of(2)
    totals.count_undelivered(True, Outcome.TEMPORARY)
    totals.count_undelivered(True, Outcome.TEMPORARY)
    totals.count_undelivered(False, Outcome.GONE)
    assert totals.undelivered == {(True, Outcome.TEMPORARY): 2, (False, Outcome.GONE): 1}


def test_repeated_refusals_are_one_entry() -> None:
    refusals = Refusals()
    refusals.add(SUBMIT, "a", "", "no route", 10.0, 3)
    refusals.add(BIND, "a", "10.0.0.1", "credentials", 11.0)
    refusals.add(SUBMIT, "a", "", "no route", 12.0, 2)
    assert refusals.recent() == [
        RefusalCount(SUBMIT, "a", "", "no route", 5, 10.0, 12.0),
        RefusalCount(BIND, "a", "10.0.0.1", "credentials", 1, 11.0, 11.0),
    ]
    assert refusals.binds == {"credentials": 1}


def test_the_oldest_refusals_are_forgotten_but_counted() -> None:
    refusals = Refusals()
    for number in range(MOST_REMEMBERED + 5):
        refusals.add(BIND, str(number), "", "credentials", float(number))
    assert len(refusals.recent()) == MOST_REMEMBERED
    assert refusals.recent()[-1].system_id == "5"
    assert refusals.binds == {"credentials": MOST_REMEMBERED + 5}


def test_refusals_with_another_status_are_another_kind() -> None:
    refusals = Refusals()
    for number, status in enumerate((0x45, 0x08, 0x45)):
        example = Example(status, "1", str(number), f"id{number}")
        refusals.add(SUBMIT, "a", "", "refused by the bearerbox", float(number), 2, example)
    assert [(each.count, each.first, each.last, each.example) for each in refusals.recent()] == [
        (4, 0.0, 2.0, Example(0x45, "1", "2", "id2")),
        (2, 1.0, 1.0, Example(0x08, "1", "1", "id1")),
    ]
    reason = "refused by the bearerbox"
    assert refusals.counts == {(SUBMIT, reason, 0x45): 4, (SUBMIT, reason, 0x08): 2}


def test_statuses_that_a_router_invents_are_counted_as_one() -> None:
    refusals = Refusals()
    for number in range(10_000):
        refusals.add(SUBMIT, "a", "", "refused by the router", 1.0, example=Example(0x500 + number))
    assert refusals.counts == {(SUBMIT, "refused by the router", 0x500): 10_000}
    assert len(refusals.recent()) == MOST_REMEMBERED


def test_log_lines_are_due_at_once_and_then_every_30_seconds() -> None:
    refusals = Refusals()

    def logged(now: float) -> list[tuple[str, int, float]]:
        return [(each.system_id, each.count, each.first) for each in refusals.take_unlogged(now)]

    assert logged(0.0) == []
    refusals.add(SUBMIT, "a", "", "no route", 1.0, 3)
    assert logged(1.5) == [("a", 3, 1.0)]
    refusals.add(SUBMIT, "a", "", "no route", 2.0, 1000)
    refusals.add(SUBMIT, "a", "", "no route", 3.0, 1000)
    refusals.add(SUBMIT, "b", "", "no route", 3.0)
    assert logged(3.5) == [("b", 1, 3.0)]
    assert logged(31.4) == []
    assert logged(31.5) == [("a", 2000, 2.0)]
    assert logged(1000.0) == []


def test_simulated_refusals_are_not_logged() -> None:
    refusals = Refusals()
    refusals.add(BIND, "a", "10.0.0.1", "credentials", 1.0)
    refusals.add(SUBMIT, "a", "", SIMULATED, 1.0)
    assert [each.kind for each in refusals.take_unlogged(1.0)] == [BIND]
    assert len(refusals.recent()) == 2


def test_what_is_untold_has_a_bound() -> None:
    refusals = Refusals()
    for number in range(3 * MOST_REMEMBERED):
        refusals.add(SUBMIT, str(number), "", "no route", 1.0)
    assert len(refusals.take_unlogged(2.0)) == MOST_REMEMBERED


def test_a_long_message_passes_at_once_however_low_the_limit() -> None:
    esme = Esme(Account("smppusera", throughput=1), 1000, 5.0)
    assert esme.bucket.take(9, 5.0) == LONG_MESSAGE == 6
    assert esme.bucket.take(9, 7.0) == 2


class Counted:
    """A bind that counts how often it is looked at."""

    def __init__(self, bind_id: int) -> None:
        self.bind_id = bind_id
        self.looks = 0

    def snapshot(self, now: float) -> BindSnapshot:
        self.looks += 1
        return BindSnapshot(
            self.bind_id, "::1", int(now), 9, 0, False, 0.0, 0, 0, 0, 0.0, 0, 0, mt=0, mo=0, dlr=0, errors=0
        )


def test_snapshots_of_binds_are_made_when_they_are_looked_at() -> None:
    binds = [Counted(number) for number in range(5)]
    snapshots = BindSnapshots(binds, 1000.0)
    assert len(snapshots) == 5
    assert snapshots
    assert [bind.looks for bind in binds] == [0] * 5
    assert [each.bind_id for each in snapshots[1:3]] == [1, 2]
    assert snapshots[4].uptime == 1000
    assert [bind.looks for bind in binds] == [0, 1, 1, 0, 1]
    assert [each.bind_id for each in snapshots] == [0, 1, 2, 3, 4]
    assert snapshots == tuple(bind.snapshot(1000.0) for bind in binds)
    assert snapshots != ()
    assert BindSnapshots([], 1.0) == ()
    assert hash(snapshots) == hash(tuple(snapshots))
