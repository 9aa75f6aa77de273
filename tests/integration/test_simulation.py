"""Simulated accounts (docs/rules/flows.md 6): no bearerbox, answers made up by the daemon; on both databases.

The counter behind "every n" counts all PDUs of a bind, the bind request being the first, so the first submit
is number 2. Sessions leave deliver_sm unanswered where a response would disturb the count.
"""

from __future__ import annotations

import pytest

from tests.fakes import esme as fake_esme
from tests.fakes import smpp_wire as wire
from tests.integration.bed import Bed, mt

pytestmark = pytest.mark.integration

SILENT = fake_esme.always(fake_esme.NEVER)


def test_a_receipt_for_each_submit(bed: Bed) -> None:
    """A report is made for every value of registered_delivery (step 5)."""
    esme = bed.esme(bed.customer(simulate=1, simulate_deliver_every=1))
    replies = [esme.submit(mt(f"simulated {number}")) for number in range(5)]
    assert {reply.command_status for reply in replies} == {wire.ROK}
    for reply in replies:
        receipt = esme.wait_receipt(reply.text)
        assert receipt.receipt["stat"] == "DELIVRD"
        assert (receipt.source_addr, receipt.destination_addr) == (b"12345", b"491701234567")
    assert not bed.box.submits


def test_mo_every_second_pdu(bed: Bed) -> None:
    """Step 6: the same text, sender and receiver swapped."""
    esme = bed.esme(bed.customer(simulate=1, simulate_mo_every=2), policy=SILENT)
    for text in ("n is 2", "n is 3", "n is 4"):
        assert esme.submit(mt(text)).command_status == wire.ROK
    messages = esme.wait_deliveries(2)
    assert [entry.short_message for entry in messages] == [b"n is 2", b"n is 4"]
    assert {(entry.source_addr, entry.source_addr_ton) for entry in messages} == {(b"491701234567", 1)}
    assert {entry.destination_addr for entry in messages} == {b"12345"}
    assert not any(entry.is_receipt for entry in messages)


def test_failures(bed: Bed) -> None:
    """Steps 1 and 2: the temporary failure is looked at first."""
    customer = bed.customer(
        simulate=1, simulate_temporary_failure_every=2, simulate_permanent_failure_every=3
    )
    esme = bed.esme(customer)
    statuses = [esme.submit(mt()).command_status for _ in range(6)]
    ok, full, fail = wire.ROK, wire.RMSGQFUL, wire.RSUBMITFAIL
    assert statuses == [full, fail, full, ok, full, ok]


def test_receipts_wait_for_a_receiver(bed: Bed) -> None:
    """No receiver, queue on: INSERT into the PDU table; delivered after a bind."""
    customer = bed.customer(simulate=1, simulate_deliver_every=1)
    transmitter = bed.esme(customer, "transmitter")
    reply = transmitter.submit(mt())
    bed.wait_rows(customer, 1, "smpp_queued_pdu")
    receiver = bed.esme(customer, "receiver")
    receiver.wait_receipt(reply.text, 20)
    bed.wait_rows(customer, 0, "smpp_queued_pdu")


def test_nothing_is_routed_or_billed(bed: Bed) -> None:
    customer = bed.customer(
        outbound=[], simulate=1, simulate_deliver_every=1, enable_prepaid_billing=1, credit=0.0
    )
    assert bed.esme(customer).submit(mt()).command_status == wire.ROK
