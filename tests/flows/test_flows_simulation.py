"""Simulated accounts: which PDU counts, the steps in order, the delay, the PDU table (docs/rules/flows.md 6)."""

from __future__ import annotations

import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.model.account import Account, Simulation
from ksmppd_py.model.esme import LONG_MESSAGE
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.work import Submit
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandId
from ksmppd_py.smpp.pdus import DataSm, DeliverSm
from ksmppd_py.translate.bind_options import BindOptions
from tests.flows.conftest import SubmitBed
from tests.flows.memory import NOW, MemoryReceiver, MemoryReceivers, submit_sm


def simulating(
    receiver: MemoryReceiver | None = None, queue: bool = True, throughput: float = 0, **every: int
) -> SubmitBed:
    account = Account("esme", throughput=throughput, simulation=Simulation(**every))
    binds = MemoryReceivers() if receiver is None else MemoryReceivers(esme=receiver)
    return SubmitBed(account=account, queue=queue, receivers=binds)


def statuses(batch: list[Submit]) -> list[int | None]:
    return [submit.command_status for submit in batch]


def test_everything_is_accepted_and_goes_nowhere() -> None:
    bed = simulating()
    batch = bed.submit(submit_sm(), DataSm(source_addr=b"1", destination_addr=b"2"))
    assert statuses(batch) == [0, 0]
    assert len({submit.sms.id for submit in batch if submit.sms}) == 2
    assert bed.gateway.sent == []
    assert bed.store.messages == {}
    assert bed.counted == (2, 0)


@pytest.mark.parametrize("every", [1, 2, 3, 5])
def test_the_ordinal_of_the_pdu_decides(every: int) -> None:
    """The first submit right after the bind is PDU number 2 of the bind."""
    bed = simulating(temporary_failure_every=every)
    batch = bed.submit(*[submit_sm() for _ in range(12)])
    assert statuses(batch) == [0x14 if ordinal % every == 0 else 0 for ordinal in range(2, 14)]
    refused = sum(1 for ordinal in range(2, 14) if ordinal % every == 0)
    assert bed.counted == (12 - refused, refused)


def test_temporary_comes_before_permanent_and_both_before_conversion() -> None:
    bed = simulating(temporary_failure_every=2, permanent_failure_every=3)
    batch = bed.submit(*[submit_sm(b"") for _ in range(5)])  # ordinals 2 to 6
    assert statuses(batch) == [0x14, 0x45, 0x14, 0x0B, 0x14]


def test_a_simulated_failure_makes_no_report() -> None:
    receiver = MemoryReceiver()
    bed = simulating(receiver, temporary_failure_every=1, deliver_every=1, mo_every=1)
    bed.submit()
    bed.simulation.deliver_due()
    assert receiver.pdus == []


def test_the_throttle_comes_first() -> None:
    bed = simulating(throughput=1)
    statuses_of_seven = statuses(bed.submit(*[submit_sm() for _ in range(LONG_MESSAGE + 1)]))
    assert statuses_of_seven == [0] * LONG_MESSAGE + [0x58]
    assert bed.counted == (LONG_MESSAGE, 1)


def test_reports_come_with_the_next_round_whatever_was_asked() -> None:
    """D-14."""
    receiver = MemoryReceiver()
    bed = simulating(receiver, deliver_every=1)
    [submit] = bed.submit(submit_sm(registered_delivery=0))
    assert receiver.pdus == []
    bed.simulation.deliver_due()
    [pdu] = receiver.pdus
    assert submit.sms is not None
    assert pdu.esm_class & 0x04
    assert pdu.short_message.startswith(b"id:" + submit.sms.id)
    assert b"stat:DELIVRD" in pdu.short_message
    assert (pdu.source_addr, pdu.destination_addr) == (b"12345", b"491700")
    bed.simulation.deliver_due()
    assert len(receiver.pdus) == 1


def test_messages_come_back_with_the_addresses_exchanged() -> None:
    receiver = MemoryReceiver()
    bed = simulating(receiver, mo_every=2)
    bed.submit(submit_sm(text=b"ping", data_coding=4), submit_sm(), submit_sm(text=b"again"))
    bed.simulation.deliver_due()
    assert receiver.texts == [b"ping", b"again"]
    [first, _] = receiver.pdus
    assert (first.source_addr, first.destination_addr) == (b"491700", b"12345")
    assert first.data_coding == 4
    assert not first.esm_class & 0x04


def test_a_report_and_a_message_may_both_come() -> None:
    receiver = MemoryReceiver()
    bed = simulating(receiver, deliver_every=2, mo_every=4)
    bed.submit(*[submit_sm(text=b"%d" % ordinal) for ordinal in (2, 3, 4)])
    bed.simulation.deliver_due()
    kinds = ["report" if pdu.esm_class & 4 else pdu.short_message.decode() for pdu in receiver.pdus]
    assert kinds == ["report", "report", "4"]


def test_a_user_data_header_comes_back() -> None:
    receiver = MemoryReceiver()
    bed = simulating(receiver, mo_every=1)
    segment = b"\x05\x00\x03\x07\x02\x01part"
    bed.submit(submit_sm(text=segment, esm_class=0x40, data_coding=4))
    bed.simulation.deliver_due()
    [pdu] = receiver.pdus
    assert (pdu.esm_class, pdu.short_message) == (0x40, segment)


def test_without_a_receiver_it_goes_to_the_pdu_table() -> None:
    bed = simulating(deliver_every=1, mo_every=1)
    bed.submit(submit_sm(text=b"ping"))
    bed.simulation.deliver_due()
    rows = sorted(bed.store.pdus.values(), key=lambda row: row.global_id)
    assert [row.system_id for row in rows] == ["esme", "esme"]
    for row in rows:
        assert row.octets[:4] == CommandId.DELIVER_SM.to_bytes(4, "big")  # no command_length
    pdus = [codec.unpack_body(CommandId.DELIVER_SM, row.octets, 12, len(row.octets)) for row in rows]
    assert isinstance(pdus[1], DeliverSm)
    assert pdus[1].short_message == b"ping"


def test_a_stored_pdu_suits_any_bind_that_comes() -> None:
    """One that can't be sent TLVs would get an empty text."""
    bed = simulating(mo_every=1)
    bed.bind.options = BindOptions(long_mo_as_payload=True)
    bed.submit(submit_sm(text=b"x" * 200))
    bed.simulation.deliver_due()
    rows = bed.store.pdus.values()
    pdus = [codec.unpack_body(CommandId.DELIVER_SM, row.octets, 12, len(row.octets)) for row in rows]
    assert [(len(pdu.short_message), pdu.tlvs) for pdu in pdus if isinstance(pdu, DeliverSm)] == [
        (159, {}),
        (53, {}),
    ]


def test_without_a_receiver_and_queue_it_is_dropped() -> None:
    bed = simulating(queue=False, deliver_every=1)
    bed.submit()
    bed.simulation.deliver_due()
    assert bed.store.pdus == {}


def test_without_a_receiver_and_database_it_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    bed = simulating(deliver_every=1)
    bed.submit()
    bed.store.failure = DatabaseUnavailable("gone")
    bed.simulation.deliver_due()
    assert "could not be stored" in caplog.text


def test_a_full_window_only_delays() -> None:
    receiver = MemoryReceiver(window=1)
    bed = simulating(receiver, mo_every=1)
    bed.submit(submit_sm(text=b"1"), submit_sm(text=b"2"))
    bed.simulation.deliver_due()
    assert receiver.texts == [b"1"]
    receiver.answer()
    bed.simulation.deliver_due()
    assert receiver.texts == [b"1", b"2"]
    assert bed.store.pdus == {}


@pytest.mark.parametrize(
    ("outcome", "stored"),
    [
        (Outcome.DONE, 0),
        (Outcome.PERMANENT, 0),
        (Outcome.TEMPORARY, 1),
        (Outcome.TIMEOUT, 1),
        (Outcome.GONE, 1),
    ],
)
def test_how_a_simulated_delivery_may_end(outcome: Outcome, stored: int) -> None:
    """docs/rules/flows.md 4: the rules for every origin; it has no row yet, so it gets one."""
    receiver = MemoryReceiver()
    bed = simulating(receiver, mo_every=1)
    bed.submit()
    bed.simulation.deliver_due()
    receiver.answer(outcome)
    [delivery] = bed.simulated.take()
    bed.simulation.conclude(delivery, delivery.outcome)
    assert len(bed.store.pdus) == stored


def test_simulated_messages_are_load_too() -> None:
    bed = simulating()
    bed.submit(*[submit_sm() for _ in range(3)])
    assert bed.meters.inbound.rate(0, NOW) == 3.0
    assert bed.bind.inbound.rate(0, NOW) == 3.0
