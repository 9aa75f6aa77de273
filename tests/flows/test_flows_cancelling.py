"""cancel_sm of stored MTs: each is either cancelled or sent, in any order of events (SMPP 3.4, 4.9)."""

from __future__ import annotations

import gevent
import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.flows.message_lookup import MessageLookup
from ksmppd_py.flows.submit_replay import SubmitReplay
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.history import MessageHistory
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.pdus import CancelSm
from tests.flows.memory import NOW, Clock, MemoryGateway, MemoryOrigin, MemoryStore, make_ids, make_meters


class Store(MemoryStore):
    """Finds what waits for the bearerbox, and may fail to delete it."""

    breaks: BaseException | None = None

    def find_mts(self, system_id: str, message_id: bytes, limit: int) -> list[object]:
        return [row for row in self.messages.values() if row.sms is not None and row.sms.id == message_id]

    def delete(self, global_ids: list[int]) -> int:
        if self.breaks is not None:
            raise self.breaks
        self.remove(global_ids)
        return len(global_ids)


class Bed:
    def __init__(self) -> None:
        self.clock = Clock()
        self.store = Store()
        self.gateway = MemoryGateway()
        ids = make_ids()
        self.replay = SubmitReplay(
            self.store,
            self.gateway,
            MemoryOrigin(),
            MemoryOrigin(),
            ids,
            self.clock,
            MessageHistory(0),
            make_meters(),
        )
        self.lookup = MessageLookup(
            MessageHistory(0),
            self.store,
            self.replay,
            ids,
            self.clock,
        )
        self.id = ids.next()
        url = b"esme|%d|%b" % (NOW, self.id)
        sms = Sms(b"12345", b"491700", service=b"esme", id=self.id, sms_type=SmsType.MT_PUSH, dlr_url=url)
        self.store.save([sms])

    def cancel(self) -> int:
        return self.lookup.cancel("esme", CancelSm(message_id=self.id, source_addr=b"12345"))


@pytest.fixture
def bed() -> Bed:
    return Bed()


def test_what_is_cancelled_isnt_sent(bed: Bed) -> None:
    assert bed.cancel() == CommandStatus.ROK
    bed.replay.advance()
    assert bed.gateway.sent == []
    assert bed.store.messages == {}


def test_what_is_on_its_way_isnt_cancelled(bed: Bed) -> None:
    bed.replay.advance()
    assert bed.cancel() == CommandStatus.RCANCELFAIL
    assert len(bed.gateway.sent) == 1


def test_what_couldnt_be_deleted_is_sent(bed: Bed) -> None:
    bed.store.breaks = DatabaseUnavailable("away")
    assert bed.cancel() == CommandStatus.RSYSERR
    bed.replay.advance()
    assert len(bed.gateway.sent) == 1


@pytest.mark.parametrize("end", [RuntimeError("a defect"), gevent.GreenletExit()])
def test_so_it_is_after_a_defect_and_when_the_greenlet_is_ended(bed: Bed, end: BaseException) -> None:
    """Or it would wait in the store, neither cancelled nor sent, until a restart."""
    bed.store.breaks = end
    with pytest.raises(type(end)):
        bed.cancel()
    bed.replay.advance()
    assert len(bed.gateway.sent) == 1
