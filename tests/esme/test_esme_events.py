"""Events of binds and blocked addresses."""

from __future__ import annotations

from ksmppd_py.model.events import Event, EventKind
from tests.esme.conftest import Bed, StartBed
from tests.fakes import smpp_wire as wire
from tests.parts.waiting import wait_until


def events_of(bed: Bed, kind: EventKind) -> list[Event]:
    return bed.registry.meters.events.select(None, 100, frozenset({kind}))


def test_a_bind_and_its_end(bed: Bed) -> None:
    esme = bed.bind("transmitter")
    [event] = events_of(bed, EventKind.BIND)
    assert event.text == "esme bound from 127.0.0.1"
    bind_id = event.fields["bind_id"]
    assert event.fields == {"system_id": "esme", "bind_id": bind_id, "ip": "127.0.0.1", "bind_type": 1}
    assert events_of(bed, EventKind.UNBIND) == []
    esme.close()
    [end] = wait_until(lambda: events_of(bed, EventKind.UNBIND), "the end of the bind")
    assert end.text == "esme from 127.0.0.1 has unbound"
    assert (end.fields["bind_id"], end.fields["mt"]) == (bind_id, 0)


def test_a_blocked_address_is_one_event(start: StartBed) -> None:
    bed = start(ip_blocklist_attempts=2)
    for _ in range(2):
        assert bed.connect().bind("esme", "wrong").command_status == wire.RBINDFAIL
    [event] = events_of(bed, EventKind.ADDRESS_BLOCKED)
    assert event.text == "127.0.0.1 is blocked after refused binds"
    assert event.fields == {"ip": "127.0.0.1", "system_id": "esme"}
