"""The session's clocks, set to seconds (docs/rules/smpp-session.md 8, 9; D-12)."""

from __future__ import annotations

import pytest

from tests.fakes import box_wire
from tests.fakes import esme as fake_esme
from tests.fakes import smpp_wire as wire
from tests.integration.bed import StartBed, mt

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SILENT = fake_esme.always(fake_esme.NEVER)


def test_an_unanswered_delivery_ends_the_session(start_bed: StartBed) -> None:
    """docs/rules/flows.md 4: action 0 closes the bind and retries the message."""
    bed = start_bed(ksmppd={"wait-ack-timeout": 1})
    customer = bed.customer()
    esme = bed.esme(customer, policy=SILENT)
    mo = bed.box.send_mo("+49170", customer.short_code, "unanswered")
    esme.wait_text(b"unanswered")
    esme.wait_closed(8)
    assert bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    bed.wait_rows(customer, 1)
    again = bed.esme(customer)
    again.wait_text(b"unanswered", 15)
    bed.wait_rows(customer, 0)


def test_an_unanswered_delivery_is_dropped(start_bed: StartBed) -> None:
    """docs/rules/flows.md 4: action 1 treats it as done and keeps the session."""
    bed = start_bed(ksmppd={"wait-ack-timeout": 1, "wait-ack-action": 1})
    customer = bed.customer()
    esme = bed.esme(customer, policy=SILENT)
    mo = bed.box.send_mo("+49170", customer.short_code, "unanswered")
    assert bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    assert bed.rows(customer) == 0
    assert esme.submit(mt()).command_status == wire.ROK
    esme.answer(esme.deliveries[0])
    assert esme.enquire_link().command_status == wire.ROK


def test_a_stored_delivery_times_out_too(start_bed: StartBed) -> None:
    bed = start_bed(ksmppd={"wait-ack-timeout": 1, "wait-ack-action": 1})
    customer = bed.customer()
    bed.box.wait_for_ack(bed.box.send_mo("+49170", customer.short_code, "stored"))
    bed.wait_rows(customer, 1)
    esme = bed.esme(customer, policy=SILENT)
    esme.wait_text(b"stored", 15)
    bed.wait_rows(customer, 0)


def test_a_connection_without_bind_is_closed(start_bed: StartBed) -> None:
    """docs/rules/smpp-session.md 2; it does not count for the block list."""
    bed = start_bed(ksmppd={"session-init-timeout": 1, "ip-blocklist-attempts": 1})
    silent = bed.connect(source_ip="127.0.0.11")
    silent.wait_closed(8)
    customer = bed.customer()
    bed.esme(customer, source_ip="127.0.0.11")


def test_an_idle_session_is_asked(start_bed: StartBed) -> None:
    bed = start_bed(ksmppd={"enquire-link-interval": 1, "inactivity-timeout": 30})
    esme = bed.esme(bed.customer())
    esme.wait_for(
        lambda: [pdu.command_id for pdu in esme.requests].count(wire.ENQUIRE_LINK) >= 2,
        "two enquire_links",
        10,
    )
    assert esme.submit(mt()).command_status == wire.ROK


def test_a_dead_session_is_unbound(start_bed: StartBed) -> None:
    """An ESME that does not even answer enquire_link."""
    bed = start_bed(ksmppd={"enquire-link-interval": 1, "inactivity-timeout": 3})
    customer = bed.customer()
    esme = bed.esme(customer)
    esme.answers_enquire_links = False
    esme.answers_unbinds = False
    esme.wait_closed(15)
    assert wire.ENQUIRE_LINK in {pdu.command_id for pdu in esme.requests}
