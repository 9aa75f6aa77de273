"""Messages of binds whose profile counts message ids."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.model.account import Account, Simulation
from ksmppd_py.model.counted_ids import CountedIds
from ksmppd_py.model.work import id_for_esme
from ksmppd_py.smpp.pdus import DataSm
from ksmppd_py.translate.dlr_profile import STANDARD, IdForm
from ksmppd_py.translate.dlr_url import message_id_of
from tests.flows.conftest import SubmitBed
from tests.flows.memory import MemoryLeases, submit_sm


@pytest.fixture
def leases() -> MemoryLeases:
    return MemoryLeases()


@pytest.fixture
def counted(bed: SubmitBed, leases: MemoryLeases) -> SubmitBed:
    bed.bind.ids = CountedIds("esme", IdForm(10, 10), leases, bed.clock)
    bed.bind.options = replace(bed.bind.options, profile=STANDARD)
    return bed


def test_ids_come_in_the_order_of_the_submits(counted: SubmitBed) -> None:
    batch = counted.submit(submit_sm(), DataSm(source_addr=b"1", destination_addr=b"2"), submit_sm())
    messages = [submit.sms for submit in batch if submit.sms]
    assert [id_for_esme(sms) for sms in messages] == [b"1000000000", b"1000000001", b"1000000002"]
    for sms in messages:
        assert (len(sms.id), message_id_of(sms.dlr_url or b"")) == (36, sms.id)


def test_a_refused_submit_takes_no_id_of_others(counted: SubmitBed) -> None:
    bad, good = counted.submit(submit_sm(destination=b""), submit_sm())
    assert bad.command_status == 0x0B
    assert good.sms is not None
    assert id_for_esme(good.sms).startswith(b"100000000")


def test_the_reader_submits_only_with_ids_at_hand(counted: SubmitBed, leases: MemoryLeases) -> None:
    batch = counted.submits([submit_sm()])
    assert counted.flow.submit_at_once(batch, counted.bind) is None
    assert leases.calls == 0
    counted.flow.submit(batch, counted.bind)
    assert counted.flow.submit_at_once(counted.submits([submit_sm()]), counted.bind) == []
    assert leases.calls == 1


@pytest.mark.parametrize("simulation", [None, Simulation()])
def test_without_the_database_submits_are_refused_temporarily(
    counted: SubmitBed, leases: MemoryLeases, simulation: Simulation | None
) -> None:
    leases.failure = DatabaseUnavailable("gone")
    counted.bind.account = Account("esme", simulation=simulation)
    batch = counted.submit(submit_sm(), submit_sm())
    assert [submit.command_status for submit in batch] == [8, 8]
    assert counted.gateway.sent == []
    leases.failure = None
    [submit] = counted.submit(submit_sm())
    assert submit.sms is not None


def test_simulated_reports_have_the_id(counted: SubmitBed) -> None:
    counted.bind.account = Account("esme", simulation=Simulation(deliver_every=1))
    [submit] = counted.submit(submit_sm())
    assert submit.sms is not None
    [(_, delivery)] = counted.simulation._waiting
    assert delivery.sms is not None
    assert delivery.sms.dlr_url == submit.sms.dlr_url
    assert id_for_esme(delivery.sms) == b"1000000000"
