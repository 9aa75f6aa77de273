"""Session states, binds, timers, versions: C-001 to C-034, C-064 to C-074."""

from __future__ import annotations

import time

from tests.conformance.bench import (
    ENQUIRE_LINK,
    INACTIVITY,
    SERVER_ID,
    SESSION_INIT,
    VENDOR_TAG,
    Bench,
    alive,
    cancel_sm,
    data_sm,
    ended,
    header,
    nacked,
    pdu,
    query_sm,
    raw,
    replace_sm,
    smin,
    submit_multi,
    to,
)
from tests.conformance.clauses import clause
from tests.fakes import bearerbox as fake_box
from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.esme import Esme

KINDS = ("transmitter", "receiver", "transceiver")
ID = b"0" * 36


def bind_body(
    system_id: bytes,
    password: bytes,
    *,
    system_type: bytes = b"",
    version: int = 0x34,
    address_range: bytes = b"",
) -> bytes:
    return (
        system_id
        + b"\0"
        + password
        + b"\0"
        + system_type
        + b"\0"
        + bytes([version, 0, 0])
        + address_range
        + b"\0"
    )


@clause("C-001", "C-064")
def silent_connection(bench: Bench) -> None:
    esme = bench.open()
    assert ended(esme, SESSION_INIT + 3) > SESSION_INIT - 1
    assert [*esme.requests, *esme.responses, *esme.nacks] == []
    alive(bench.trx())


@clause("C-002")
def two_connections(bench: Bench) -> None:
    transmitter, receiver = bench.tx(), bench.rx()
    sms = bench.sms(transmitter, smin(registered_delivery=1))
    bench.box.send_dlr(sms)
    receiver.wait_receipt(sms.id)
    assert not transmitter.deliveries


@clause("C-003")
def bind_while_bound(bench: Bench) -> None:
    esme = bench.trx()
    for kind in KINDS:
        reply = esme.bind(bench.account.system_id, bench.account.password, kind)
        assert reply.command_status == wire.RALYNBD
    bench.sms(esme, smin())


@clause("C-004")
def submit_sm_needs_a_transmitter(bench: Bench) -> None:
    for esme in (bench.open(), bench.rx()):
        bench.refuses(esme, smin(), wire.RINVBNDSTS)
        alive(esme)


@clause("C-005")
def operations_need_a_transmitter(bench: Bench) -> None:
    for esme in (bench.open(), bench.rx()):
        for command_id, body in (
            (wire.SUBMIT_MULTI, submit_multi(to(b"491709999999"))),
            (wire.QUERY_SM, query_sm(ID)),
            (wire.CANCEL_SM, cancel_sm(ID)),
        ):
            reply = esme.request(command_id, body)
            assert (reply.command_id, reply.command_status) == (command_id | wire.RESPONSE, wire.RINVBNDSTS)
        alive(esme)


@clause("C-006", "C-150", "C-050")
def replace_sm_is_refused(bench: Bench) -> None:
    transmitter = bench.tx()
    sms = bench.sms(transmitter, smin())
    for esme in (bench.trx(), transmitter):
        reply = esme.request(wire.REPLACE_SM, replace_sm(sms.id))
        assert (reply.command_id, reply.command_status) == (wire.REPLACE_SM | wire.RESPONSE, 0x13)
        assert len(reply.octets) == 16
        alive(esme)
    assert len(bench.box.submits) == 1


@clause("C-007")
def data_sm_needs_a_transmitter(bench: Bench) -> None:
    assert bench.rx().request(wire.DATA_SM, data_sm()).command_status == wire.RINVBNDSTS


@clause("C-008")
def deliver_sm_needs_a_receiver(bench: Bench) -> None:
    transmitter = bench.tx()
    bench.mo("waits")
    alive(transmitter)
    assert not transmitter.deliveries
    bench.rx().wait_text(b"waits", 15)
    assert not transmitter.deliveries


@clause("C-010", "C-033")
def unbind_in_all_states(bench: Bench) -> None:
    for esme in (*map(bench.bind, KINDS), bench.open()):
        raw(esme, "00000010 00000006 00000000 00000005")
        assert esme.wait_response(5).octets.hex() == "00000010800000060000000000000005"
        ended(esme, 1)


@clause("C-011", "C-180")
def enquire_link_in_all_states(bench: Bench) -> None:
    for esme in (*map(bench.bind, KINDS), bench.open()):
        raw(esme, "00000010 00000015 00000000 00000007")
        assert esme.wait_response(7).octets.hex() == "00000010800000150000000000000007"


@clause("C-180")
def enquire_link_overtakes_submits(bench: Bench) -> None:
    bench.hold()
    esme = bench.trx()
    waiting = [esme.send_submit(smin()) for _ in range(900)]
    alive(esme)
    assert not set(waiting) & set(esme.responses)
    for submit in bench.box.wait_for(lambda: bench.box.submits[:900][899:], "900 MTs"):
        assert submit.sms.msgdata == b"Hello"
    for submit in bench.box.submits:
        bench.box.ack(submit)
    esme.wait_response(waiting[-1])


@clause("C-012")
def unknown_request_when_open(bench: Bench) -> None:
    assert nacked(bench.open(), pdu(0x777, sequence=9)).command_status == wire.RINVCMDID


@clause("C-013")
def deliver_sm_from_an_esme(bench: Bench) -> None:
    esme = bench.trx()
    reply = nacked(esme, pdu(wire.DELIVER_SM, wire.pack_message(smin())))
    assert reply.command_status == wire.RINVCMDID
    alive(esme)


@clause("C-014")
def outbind_from_an_esme(bench: Bench) -> None:
    esme = bench.open()
    assert nacked(esme, pdu(0x0B, b"smsc\0pw\0")).command_status == wire.RINVCMDID
    assert esme.bind(bench.account.system_id, bench.account.password).command_status == wire.ROK


@clause("C-015")
def alert_notification_from_an_esme(bench: Bench) -> None:
    esme = bench.trx()
    raw(esme, pdu(0x102, b"\x01\x01491701\0\x01\x01491702\0", sequence=77))
    alive(esme)
    assert 77 not in esme.responses
    assert not esme.nacks


@clause("C-016")
def every_request_is_answered_once(bench: Bench) -> None:
    esme = bench.trx()
    requests = [
        (wire.BIND_RECEIVER, bind_body(b"x", b"y")),
        (wire.BIND_TRANSMITTER, bind_body(b"x", b"y")),
        (wire.QUERY_SM, query_sm(ID)),
        (wire.SUBMIT_SM, wire.pack_message(smin())),
        (wire.DELIVER_SM, wire.pack_message(smin())),
        (wire.REPLACE_SM, replace_sm(ID)),
        (wire.CANCEL_SM, cancel_sm(ID)),
        (wire.BIND_TRANSCEIVER, bind_body(b"x", b"y")),
        (wire.ENQUIRE_LINK, b""),
        (wire.SUBMIT_MULTI, submit_multi(to(b"491709999999"))),
        (0x102, b"\x01\x011\0\x01\x012\0"),
        (wire.DATA_SM, data_sm()),
    ]
    for sequence, (command_id, body) in enumerate(requests, 1000):
        raw(esme, pdu(command_id, body, sequence))
    raw(esme, pdu(wire.UNBIND, sequence=1999))
    ended(esme)
    answered = sorted([*esme.responses, *(nack.sequence_number for nack in esme.nacks)])
    asked = [number for number, (command_id, _) in enumerate(requests, 1000) if command_id != 0x102]
    assert answered[1:] == [*asked, 1999]  # the first one is the bind's


@clause("C-017")
def no_response_before_the_ack(bench: Bench) -> None:
    bench.hold()
    esme = bench.trx()
    sequence = esme.send_submit(smin())
    submit = bench.box.wait_for_text(b"Hello")
    alive(esme)
    assert sequence not in esme.responses
    bench.box.ack(submit)
    assert esme.wait_response(sequence).text == submit.sms.id


@clause("C-018")
def unbind_waits_for_answers(bench: Bench) -> None:
    bench.hold()
    esme = bench.trx()
    number = esme.send_submit(smin())
    unbind = esme.send_request(wire.UNBIND)
    submit = bench.box.wait_for_text(b"Hello")
    time.sleep(0.3)
    assert unbind not in esme.responses
    bench.box.ack(submit)
    assert esme.wait_response(number).text == submit.sms.id
    assert esme.wait_response(unbind).command_status == wire.ROK
    assert list(esme.responses)[-2:] == [number, unbind]


@clause("C-019")
def responses_to_nothing(bench: Bench) -> None:
    esme = bench.trx()
    for command_id in (wire.SUBMIT_SM, wire.DATA_SM, wire.DELIVER_SM, wire.UNBIND, wire.ENQUIRE_LINK):
        raw(esme, pdu(command_id | wire.RESPONSE, sequence=555))
    alive(esme)
    assert 555 not in esme.responses
    assert not esme.nacks


# -- Binds -------------------------------------------------------------------------------------------------------------


@clause("C-020")
def three_kinds_of_bind(bench: Bench) -> None:
    for kind, number in (
        ("transmitter", 0x80000002),
        ("receiver", 0x80000001),
        ("transceiver", 0x80000009),
    ):
        reply = bench.open().bind(bench.account.system_id, bench.account.password, kind)
        assert (reply.command_id, reply.command_status) == (number, wire.ROK)


@clause("C-021")
def sizes_of_bind_fields(bench: Bench) -> None:
    longest = bench.other()
    name, password = "n" * 15, "p" * 8
    bench.daemon.database.execute(
        "UPDATE smpp_user SET system_id = ?, password = (SELECT password FROM smpp_user WHERE system_id = ?)"
        " WHERE system_id = ?",
        [name, longest.system_id, longest.system_id],
    )
    body = bind_body(name.encode(), longest.password.encode(), system_type=b"t" * 12, address_range=b"r" * 40)
    assert bench.open().request(wire.BIND_TRANSCEIVER, body).command_status == wire.ROK
    wrong = bench.open().request(wire.BIND_TRANSCEIVER, bind_body(name.encode(), password.encode()))
    assert wrong.command_status == wire.RBINDFAIL
    too_long = bench.open().request(wire.BIND_TRANSCEIVER, bind_body(b"n" * 17, b"p"))
    assert too_long.command_status == 0x0F


@clause("C-022")
def interface_version_is_mandatory(bench: Bench) -> None:
    esme = bench.open()
    account = bench.account
    whole = bind_body(account.system_id.encode(), account.password.encode())
    assert esme.request(wire.BIND_TRANSCEIVER, whole[:-1]).command_status == wire.RINVCMDLEN
    bench.refuses(esme, smin(), wire.RINVBNDSTS)


@clause("C-023", "C-028")
def wrong_credentials(bench: Bench) -> None:
    for system_id, password in ((bench.account.system_id, "wrong"), ("nobody", "nothing")):
        esme = bench.open()
        reply = esme.bind(system_id, password)
        assert (reply.command_status, len(reply.octets)) == (wire.RBINDFAIL, 16)
        ended(esme)


@clause("C-024")
def empty_password(bench: Bench) -> None:
    assert bench.open().bind(bench.account.system_id, "").command_status == wire.RBINDFAIL


@clause("C-025", "C-026")
def fields_without_effect(bench: Bench) -> None:
    account = bench.account
    for system_type in (b"", b"VMA", b"OTA"):
        body = bind_body(
            account.system_id.encode(),
            account.password.encode(),
            system_type=system_type,
            address_range=b"^44",
        )
        esme = bench.open()
        assert esme.request(wire.BIND_TRANSCEIVER, body).command_status == wire.ROK
        bench.mo(system_type or b"none")
        esme.wait_text(system_type or b"none")
        esme.unbind()


@clause("C-027")
def the_servers_id(bench: Bench) -> None:
    reply = bench.open().bind(bench.account.system_id, bench.account.password)
    assert len(SERVER_ID) > 15
    assert reply.text == SERVER_ID[:15].encode()
    assert reply.body[15] == 0


@clause("C-029")
def bound_by_the_response(bench: Bench) -> None:
    bench.mo("early")
    bench.box.wait_for(lambda: bench.box.acks, "the ack of an MO that waits")
    esme = bench.open()
    seen: list[bool] = []
    esme.policy = lambda message: seen.append(bool(esme.responses)) or 0  # type: ignore[func-returns-value]  # append
    esme.bind(bench.account.system_id, bench.account.password)
    esme.wait_text(b"early", 15)
    assert seen[0]


@clause("C-030")
def authentication_is_down(bench: Bench) -> None:
    account = bench.account
    database = bench.daemon.database
    database.execute("ALTER TABLE smpp_user RENAME TO smpp_user_away")
    try:
        esme = bench.open()
        reply = esme.bind(account.system_id, account.password)
        assert reply.command_status == wire.RSYSERR
        ended(esme)
    finally:
        database.execute("ALTER TABLE smpp_user_away RENAME TO smpp_user")
    alive(bench.trx())


@clause("C-032")
def unbind_is_the_end(bench: Bench) -> None:
    """An unanswered submit keeps the session between unbind and unbind_resp: no deliver_sm any more."""
    bench.hold()
    esme = bench.trx()
    esme.send_submit(smin())
    submit = bench.box.wait_for_text(b"Hello")
    unbind = esme.send_request(wire.UNBIND)
    time.sleep(0.3)
    bench.mo("late")
    time.sleep(0.2)
    bench.box.ack(submit)
    esme.wait_response(unbind)
    ended(esme, 1)
    assert not esme.deliveries
    assert list(esme.responses)[-1] == unbind


@clause("C-034", "C-054")
def the_server_unbinds(bench: Bench) -> None:
    polite, rude = bench.trx(), bench.trx()
    rude.answers_unbinds = False
    bench.box.send_dlr(bench.sms(polite, smin(registered_delivery=1)))
    bench.daemon.admin("/esme-unbind", system_id=bench.account.system_id)
    for esme, within in ((polite, 2.0), (rude, 7.0)):
        unbind = esme.wait_request(wire.UNBIND)
        ended(esme, within)
        ours = sorted(
            [each.sequence_number for each in esme.deliveries]
            + [each.sequence_number for each in esme.requests]
        )
        assert ours == list(range(1, len(ours) + 1))
        assert unbind.sequence_number in ours
        assert unbind.command_status == 0


# -- Timers ------------------------------------------------------------------------------------------------------------


@clause("C-065", "C-066", "C-068", "C-181")
def silence_on_a_bind(bench: Bench) -> None:
    esme = bench.trx()
    esme.answers_enquire_links = esme.answers_unbinds = False
    began = time.monotonic()
    asked = esme.wait_request(wire.ENQUIRE_LINK, ENQUIRE_LINK + 3)
    assert time.monotonic() - began > ENQUIRE_LINK - 1
    assert header(asked.octets) == (16, wire.ENQUIRE_LINK, 0, 1)
    unbind = esme.wait_request(wire.UNBIND, INACTIVITY + 3)
    assert unbind.sequence_number > asked.sequence_number
    ended(esme, 5)
    assert time.monotonic() - began > INACTIVITY - 1


@clause("C-067")
def silence_about_a_deliver_sm(bench: Bench) -> None:
    mute = bench.rx(policy=bench.deaf())
    bench.mo("unanswered")
    mute.wait_text(b"unanswered")
    other = bench.rx()
    ended(mute, 8)
    other.wait_text(b"unanswered", 15)


@clause("C-069")
def any_pdu_stands_for_enquire_link_resp(bench: Bench) -> None:
    esme = bench.trx()
    esme.answers_enquire_links = False
    began = time.monotonic()
    while time.monotonic() - began < INACTIVITY + 1:
        before = len(esme.requests)
        esme.wait_for(lambda before=before: len(esme.requests) > before, "an enquire_link", ENQUIRE_LINK + 3)
        bench.sms(esme, smin())
    assert {request.command_id for request in esme.requests} == {wire.ENQUIRE_LINK}
    alive(esme)


# -- Versions ----------------------------------------------------------------------------------------------------------


@clause("C-070", "C-072")
def versions(bench: Bench) -> None:
    for version in (0x00, 0x33, 0x34, 0x50):
        reply = bench.open().bind(bench.account.system_id, bench.account.password, version=version)
        assert reply.command_status == wire.ROK
        assert reply.body.endswith(b"\x02\x10\0\x01\x34") == (version >= 0x34)


@clause("C-071", "C-167")
def no_tlvs_to_old_esmes(bench: Bench) -> None:
    esme = bench.trx(version=0x33)
    receipt = bench.receipt(esme, meta_data=b"?smpp?vendor=x&dlr_err=%03%00%1B&")
    assert receipt.tlvs == {}
    bench.mo("old", meta_data=b"?smpp?vendor=x&")
    assert esme.wait_text(b"old").tlvs == {}
    reply = esme.submit(smin(tlvs={VENDOR_TAG: b"x"}))
    assert reply.body == reply.text + b"\0"


@clause("C-073", "C-173")
def ids_of_36_octets(bench: Bench) -> None:
    esme = bench.trx(version=0x33)
    receipt = bench.receipt(esme)
    assert len(receipt.receipt["id"]) == 36
    assert receipt.receipt["id"].encode() in [each.sms.id for each in bench.box.submits]


@clause("C-074")
def tlvs_of_old_esmes_count(bench: Bench) -> None:
    esme = bench.trx(version=0x33)
    assert bench.sms(esme, smin(b"", tlvs={wire.MESSAGE_PAYLOAD: b"x"})).msgdata == b"x"


@clause("C-051")
def nack_of_ours(bench: Bench) -> None:
    esme = bench.trx(policy=bench.deaf())
    mo = bench.mo("nacked")
    message = esme.wait_text(b"nacked")
    raw(esme, pdu(wire.GENERIC_NACK, sequence=0, status=3))
    raw(esme, pdu(wire.GENERIC_NACK, sequence=message.sequence_number, status=3))
    assert bench.box.wait_for_ack(mo).nack == box_wire.ACK_FAILED
    alive(esme)
    assert not esme.nacks


@clause("C-061")
def window_of_deliver_sm(bench: Bench) -> None:
    esme = bench.trx(policy=bench.deaf())
    for number in range(30):
        bench.mo(f"mo {number}")
    esme.wait_deliveries(20)
    alive(esme)
    assert len(esme.deliveries) == 20
    for message in esme.deliveries:
        esme.answer(message)
    esme.policy = fake_accept
    esme.wait_deliveries(30, 15)


def fake_accept(_message: wire.Message) -> int | None:
    return wire.ROK


@clause("C-063")
def temporary_refusals(bench: Bench) -> None:
    bench.box.policy = fake_box.always(box_wire.ACK_FAILED_TMP)
    bench.refuses(bench.trx(), smin(), wire.RSYSERR)
    simulated = bench.other(simulate=1, simulate_temporary_failure_every=1)
    esme: Esme = bench.trx_of(simulated)
    bench.refuses(esme, smin(), wire.RMSGQFUL)
