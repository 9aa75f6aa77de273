"""MT: every outcome of docs/rules/flows.md 1.1, default_smsc, throughput, and what happens without a bearerbox."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from ksmppd_py.errors import (
    BackendUnavailable,
    DatabaseUnavailable,
    KsmppdError,
    MessageTooLong,
    NoRoute,
    RouteRefused,
    SenderRefused,
)
from ksmppd_py.flows.submit import _in_pieces
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.account import Account, Simulation
from ksmppd_py.model.esme import LONG_MESSAGE
from ksmppd_py.model.outcomes import SubmitResult
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import Submit
from ksmppd_py.smpp.pdus import DataSm, SubmitSm
from tests.flows.conftest import SubmitBed
from tests.flows.memory import NOW, MemoryOrigin, MemoryRouter, submit_sm

UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def statuses(batch: list[Submit]) -> list[int | None]:
    return [submit.command_status for submit in batch]


def test_what_the_bearerbox_gets(bed: SubmitBed) -> None:
    """docs/rules/flows.md 1, docs/rules/smpp-session.md 7."""
    bed.submit()
    [sent] = bed.gateway.sent
    sms = sent.sms
    assert sms is not None
    assert (sms.sms_type, sms.service, sms.msgdata, sms.time) == (SmsType.MT_PUSH, b"esme", b"hello", NOW)
    assert UUID.fullmatch(sms.id)
    assert sms.dlr_url == b"esme|%d|%b" % (NOW, sms.id)
    assert sms.smsc_id is None
    assert sent.command_status is None


@pytest.mark.parametrize(
    ("pdu", "status"),
    [
        (submit_sm(b"491700", dest_addr_ton=1, source_addr_ton=1), 0x00),
        (SubmitSm(source_addr=b"abc", source_addr_ton=1, destination_addr=b"491700"), 0x0A),  # row 3
        (submit_sm(b"abc", dest_addr_ton=1), 0x0B),  # row 3, Improve
        (submit_sm(b""), 0x0B),  # row 4
        (submit_sm(text=b"\x20abc", esm_class=0x40), 0x43),  # row 5
        (submit_sm(text=b"", esm_class=0x40), 0x43),
        (
            submit_sm(
                text=b"\x06\x05\x04\x0b\x84\x00\x00a",
                esm_class=0x40,
                tlvs={0x020C: b"\0\1", 0x020E: b"\2", 0x020F: b"\1"},
            ),
            0xC4,  # row 6
        ),
        (DataSm(source_addr=b"1", destination_addr=b"491700", tlvs={0x0424: b"hi"}), 0x00),
        (DataSm(source_addr=b"1", destination_addr=b""), 0x0B),
    ],
)
def test_conversion(bed: SubmitBed, pdu: SubmitSm | DataSm, status: int) -> None:
    """docs/rules/flows.md 1.1; conversion errors count as errors (docs/rules/smpp-session.md 13)."""
    [submit] = bed.submit(pdu)
    if status:
        assert submit.command_status == status
        assert bed.counted == (0, 1)
        assert bed.gateway.sent == []
    else:
        bed.gateway.settle(0)
        assert statuses(bed.conclude()) == [0]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (NoRoute(), 0x0B),  # row 7
        (SenderRefused(), 0x0A),  # row 8
        (RouteRefused(), 0x45),  # row 9
        (RouteRefused(0x0F), 0x0F),
        (BackendUnavailable("router down"), 0x08),  # docs/rules/flows.md 9, row 11
        (DatabaseUnavailable("no routes yet"), 0x08),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else hex(value),
)
@pytest.mark.parametrize("waits", [False, True])
def test_routing_refuses(answer: KsmppdError, status: int, waits: bool) -> None:
    bed = SubmitBed(router=MemoryRouter(waits=waits))
    bed.router.everything = answer
    [submit] = bed.submit()
    assert submit.command_status == status
    assert bed.counted == (0, 1)
    assert bed.gateway.sent == []


@pytest.mark.parametrize(
    ("nack", "status"), [(0, 0), (3, 0), (1, 0x45), (2, 0x08), (4, 0x08), (99, 0x08)]
)  # rows 11 to 13
def test_the_bearerboxs_ack(bed: SubmitBed, nack: int, status: int) -> None:
    bed.submit()
    bed.gateway.settle(nack)
    [concluded] = bed.conclude()
    assert concluded.command_status == status
    assert bed.counted == ((0, 1) if status else (1, 0))
    assert bed.store.saved == []


def test_no_bearerbox_and_stored(bed: SubmitBed) -> None:
    """docs/rules/flows.md 9, row 15."""
    bed.gateway.online = False
    [submit] = bed.submit()
    assert submit.command_status == 0
    assert bed.store.saved == [submit.sms]
    assert bed.counted == (1, 0)


def test_no_bearerbox_and_no_queue() -> None:
    """docs/rules/flows.md 9, row 16."""
    bed = SubmitBed(queue=False)
    bed.gateway.online = False
    assert statuses(bed.submit()) == [0x08]
    assert bed.counted == (0, 1)


def test_no_bearerbox_and_no_database(bed: SubmitBed) -> None:
    """docs/rules/flows.md 9, row 16."""
    bed.gateway.online = False
    bed.store.failure = DatabaseUnavailable("gone")
    assert statuses(bed.submit(*[submit_sm()] * 3)) == [0x08] * 3
    assert bed.counted == (0, 3)


@pytest.mark.parametrize(("queue", "status"), [(True, 0), (False, 0x08)])
def test_a_bearerbox_that_went_and_didnt_come_back(queue: bool, status: int) -> None:
    """Submits that waited too long for a bearerbox are stored or refused temporarily."""
    bed = SubmitBed(queue=queue)
    bed.submit(submit_sm(), submit_sm())
    bed.gateway.settle(SubmitResult.NO_BEARERBOX)
    concluded = bed.conclude()
    assert statuses(concluded) == [status] * 2
    assert bed.store.saved == [each.sms for each in concluded if not status]
    assert bed.counted == ((0, 2) if status else (2, 0))


def test_lost_and_no_database(bed: SubmitBed) -> None:
    bed.submit()
    bed.gateway.settle(SubmitResult.NO_BEARERBOX)
    bed.store.failure = DatabaseUnavailable("gone")
    assert statuses(bed.conclude()) == [0x08]
    assert bed.counted == (0, 1)


def test_a_full_gateway_overflows_into_the_store_in_order(bed: SubmitBed) -> None:
    bed.gateway.room = 2
    batch = bed.submit(*[submit_sm(text=b"%d" % n) for n in range(5)])
    assert statuses(batch) == [None, None, 0, 0, 0]
    assert [sms.msgdata for sms in bed.store.saved] == [b"2", b"3", b"4"]


def test_one_message_that_no_column_holds_is_refused_alone(bed: SubmitBed) -> None:
    bed.gateway.online = False
    bed.store.refuses = lambda sms: MessageTooLong() if sms.msgdata == b"huge" else None
    batch = bed.submit(submit_sm(), submit_sm(text=b"huge"), submit_sm())
    assert statuses(batch) == [0, 0x01, 0]
    assert bed.store.saved == [batch[0].sms, batch[2].sms]
    assert bed.counted == (2, 1)


def test_one_message_that_meets_a_defect_of_the_store_is_refused_alone(
    bed: SubmitBed, caplog: pytest.LogCaptureFixture
) -> None:
    bed.gateway.online = False
    bed.store.refuses = lambda sms: 1 / 0 if sms.msgdata == b"poison" else None
    batch = bed.submit(submit_sm(), submit_sm(text=b"poison"), submit_sm())
    assert statuses(batch) == [0, 0x08, 0]
    assert bed.counted == (2, 1)
    assert "can't be stored" in caplog.text


def test_one_message_that_meets_a_defect_on_its_way_is_refused_alone(
    bed: SubmitBed, caplog: pytest.LogCaptureFixture
) -> None:
    poison = submit_sm(text=b"poison")
    object.__setattr__(poison, "data_coding", None)
    batch = bed.submit(submit_sm(), poison, submit_sm())
    assert [each.command_status for each in batch if each.pdu is poison] == [0x08]
    assert len(bed.gateway.sent) == 2
    assert bed.counted == (0, 1)
    assert "failed unexpectedly" in caplog.text


def test_a_batch_keeps_its_order(bed: SubmitBed) -> None:
    bed.router.everything = None
    bed.router.answers = {b"1": Route(), b"2": NoRoute(), b"3": Route()}
    batch = bed.submit(*[submit_sm(b"%d" % (n % 3 + 1), b"%d" % n) for n in range(9)])
    assert [each.sms.msgdata for each in bed.gateway.sent if each.sms] == [
        b"%d" % n for n in range(9) if n % 3 != 1
    ]
    assert statuses(batch) == [None, 0x0B, None] * 3


def test_a_router_that_waits_is_asked_once_a_batch() -> None:
    bed = SubmitBed(router=MemoryRouter(waits=True))
    bed.submit(submit_sm(), submit_sm(b""), submit_sm())
    assert [len(batch) for batch in bed.router.batches] == [2]
    assert len(bed.gateway.sent) == 2


def test_a_mixed_batch_is_concluded_each_by_its_own_ack(bed: SubmitBed) -> None:
    bed.submit(*[submit_sm() for _ in range(4)])
    for result in (0, 1, SubmitResult.NO_BEARERBOX, 2):
        bed.gateway.settle(result, 1)
    assert statuses(bed.conclude()) == [0, 0x45, 0, 0x08]
    assert len(bed.store.saved) == 1
    assert bed.counted == (2, 2)


# -- smsc_id ---------------------------------------------------------------------------------------------------------

WITH_DEFAULT = Account("esme", default_smsc="DEFAULT")


@pytest.mark.parametrize(
    ("answer", "account", "smsc_id"),
    [
        (Route(), Account("esme"), None),
        (Route(smsc_id="ROUTED"), Account("esme"), b"ROUTED"),
        (Route(smsc_id="ROUTED"), WITH_DEFAULT, b"ROUTED"),
        (Route(), WITH_DEFAULT, b"DEFAULT"),  # docs/rules/flows.md 7.1
        (NoRoute(), WITH_DEFAULT, b"DEFAULT"),  # docs/rules/flows.md 1 step 7: every failure
        (RouteRefused(0x0B), WITH_DEFAULT, b"DEFAULT"),
        (BackendUnavailable("down"), WITH_DEFAULT, b"DEFAULT"),
    ],
)
def test_where_a_message_goes(answer: Route | KsmppdError, account: Account, smsc_id: bytes | None) -> None:
    bed = SubmitBed(account=account)
    bed.router.everything = answer
    bed.submit()
    [sent] = bed.gateway.sent
    assert sent.sms is not None
    assert sent.sms.smsc_id == smsc_id


@pytest.mark.parametrize(
    ("answer", "status"),
    [(SenderRefused(), 0x0A), (RouteRefused(0x0B, is_final=True), 0x0B), (RouteRefused(is_final=True), 0x45)],
)
def test_what_no_default_smsc_takes(answer: KsmppdError, status: int) -> None:
    """A sender that the routes refuse, and a plugin's no."""
    bed = SubmitBed(account=WITH_DEFAULT)
    bed.router.everything = answer
    assert statuses(bed.submit()) == [status]
    assert bed.gateway.sent == []


def test_the_switch_for_refused_senders() -> None:
    """default-smsc-after-source-refusal: as the C daemon."""
    bed = SubmitBed(account=WITH_DEFAULT, after_source_refusal=True)
    bed.router.everything = SenderRefused()
    assert statuses(bed.submit()) == [None]
    [sent] = bed.gateway.sent
    assert sent.sms is not None
    assert sent.sms.smsc_id == b"DEFAULT"
    bed.router.everything = RouteRefused(0x0B, is_final=True)
    assert statuses(bed.submit()) == [0x0B]


def test_parts_are_counted_before_the_router_changes_the_text() -> None:
    """docs/rules/http.md 2.2."""
    bed = SubmitBed(account=Account("esme", enable_prepaid_billing=True))
    bed.router.waits = True
    bed.router.everything = Route(2.0)

    def change(system_id: str, batch: Sequence[Sms]) -> list[Route | KsmppdError]:
        for sms in batch:
            sms.msgdata = b"x" * 500
        return [Route(2.0) for _ in batch]

    bed.router.route_mt = change
    bed.credit.credit = 10.0
    [submit] = bed.submit(submit_sm(text=b"x" * 161))
    assert submit.cost == 4.0


# -- throughput and loads ------------------------------------------------------------------------------------------


def leave_tokens(bed: SubmitBed, count: int) -> None:
    """Spend what a bucket holds for a long message."""
    bed.bind.esme.bucket.take(LONG_MESSAGE - count, bed.clock.monotonic())


def test_above_the_throughput() -> None:
    """docs/rules/flows.md 9, row 2: only the first of a batch pass; the others count as errors, not in the load."""
    bed = SubmitBed(account=Account("esme", throughput=2))
    leave_tokens(bed, 2)
    batch = bed.submit(*[submit_sm() for _ in range(5)])
    assert statuses(batch) == [None, None, 0x58, 0x58, 0x58]
    assert bed.counted == (0, 3)
    assert bed.bind.inbound.rate(0, NOW) == 2.0
    assert bed.meters.inbound_processed == 2
    bed.clock.now += 1
    assert statuses(bed.submit(*[submit_sm() for _ in range(3)])) == [None, None, 0x58]


def test_all_binds_of_an_account_share_its_throughput() -> None:
    bed = SubmitBed(account=Account("esme", throughput=2))
    leave_tokens(bed, 2)
    bed.submit(submit_sm())
    first = bed.bind
    bed.bind = SubmitBed(account=first.account).bind
    bed.bind.esme = first.esme
    bed.flow.submit(batch := bed.submits([submit_sm(), submit_sm()]), bed.bind)
    assert statuses(batch) == [None, 0x58]


def test_every_submit_that_passed_the_throttle_is_load(bed: SubmitBed) -> None:
    """Also one that is refused afterwards (docs/rules/smpp-session.md 6 and 13)."""
    bed.submit(submit_sm(), submit_sm(b""), submit_sm())
    bind = bed.bind
    for load in (bind.inbound, bind.esme.inbound, bed.meters.inbound):
        assert load.rate(0, NOW) == 3.0
    assert bed.meters.inbound_processed == 3


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([10, 20, 30], [[10, 20, 30]]),
        ([60_000] * 20, [[60_000] * 18, [60_000] * 2]),
        ([2_000_000, 5, 2_000_000], [[2_000_000], [5, 2_000_000]]),
    ],
)
def test_long_texts_are_stored_some_at_a_time(sizes: list[int], expected: list[list[int]]) -> None:
    batch = []
    for size in sizes:
        submit = Submit(MemoryOrigin(), 1, None, 1)
        submit.sms = Sms(msgdata=b"x" * size)
        batch.append(submit)
    pieces = [[len(s.sms.msgdata or b"") for s in piece if s.sms] for piece in _in_pieces(batch)]
    assert pieces == expected


# -- without waiting -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "online", "waits"),
    [
        (Account("esme", simulation=Simulation()), True, False),
        (Account("esme", enable_prepaid_billing=True), True, False),
        (Account("esme"), False, False),
        (Account("esme"), True, True),
    ],
    ids=["simulated", "charged", "no bearerbox", "routes by HTTP"],
)
def test_nothing_is_done_where_something_has_to_be_waited_for(
    account: Account, online: bool, waits: bool
) -> None:
    bed = SubmitBed(account=account, router=MemoryRouter(waits=waits))
    bed.gateway.online = online
    assert bed.flow.submit_at_once(bed.submits([submit_sm()]), bed.bind) is None
    assert (bed.gateway.sent, bed.origin.items, bed.counted) == ([], [], (0, 0))


@pytest.mark.parametrize(("waits", "simulation"), [(True, None), (False, None), (True, Simulation())])
def test_batches_overlap_where_routes_are_waited_for(waits: bool, simulation: Simulation | None) -> None:
    bed = SubmitBed(account=Account("esme", simulation=simulation), router=MemoryRouter(waits=waits))
    assert bed.flow.overlaps(bed.bind) is (waits and simulation is None)


def test_at_once_refused_ones_are_returned_and_the_others_sent(bed: SubmitBed) -> None:
    good, bad = bed.submits([submit_sm(), submit_sm(destination=b"")])
    assert bed.flow.submit_at_once([good, bad], bed.bind) == [bad]
    assert bed.gateway.sent == [good]
    assert bed.counted == (0, 1)


def test_refused_by_the_caller(bed: SubmitBed) -> None:
    batch = bed.submits([submit_sm(), submit_sm()])
    bed.flow.refuse(batch, bed.bind, 0x14, "too much unanswered")
    assert statuses(batch) == [0x14, 0x14]
    assert bed.counted == (0, 2)
    assert [count.reason for count in bed.meters.refusals.recent()] == ["too much unanswered"]
