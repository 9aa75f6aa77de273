"""Each PDU in each state: the session answers as the rules say (SMPP 3.4, table 2-1)."""

from __future__ import annotations

import pytest

from ksmppd_py.smpp.constants import CommandId
from ksmppd_py.smpp.session_state import RULES, SessionState, Unexpected
from tests.esme.conftest import PASSWORD, Bed
from tests.fakes import smpp_wire as wire
from tests.fakes.smpp_wire import Message

KINDS = {
    SessionState.OPEN: None,
    SessionState.BOUND_TX: "transmitter",
    SessionState.BOUND_RX: "receiver",
    SessionState.BOUND_TRX: "transceiver",
}
MT = wire.pack_message(Message(source_addr=b"12345", destination_addr=b"491700", short_message=b"hello"))
BIND = wire.pack_bind("esme", PASSWORD)
BODIES = {
    CommandId.BIND_TRANSMITTER: BIND,
    CommandId.BIND_RECEIVER: BIND,
    CommandId.BIND_TRANSCEIVER: BIND,
    CommandId.OUTBIND: b"smsc\0pw\0",
    CommandId.SUBMIT_SM: MT,
    CommandId.DELIVER_SM: MT,
    CommandId.DATA_SM: b"\0\0\0" + b"12345\0\0\0" + b"491700\0" + b"\0\0\0",
    CommandId.SUBMIT_MULTI: b"\0\0\0" + b"12345\0" + b"\x01\x01\0\0" + b"491700\0" + b"\0\0\0\0\0\0\0\0\0\0",
    CommandId.QUERY_SM: b"an-id\0\0\0\0",
    CommandId.CANCEL_SM: b"\0an-id\0\0\0\0\0\0\0",
    CommandId.REPLACE_SM: b"an-id\0\0\0\0\0\0\0\0\0",
    CommandId.ALERT_NOTIFICATION: b"\0\x001\0\0\x002\0",
}
"""Bodies of requests; responses may lack theirs."""
STATUSES = {CommandId.QUERY_SM: 0x67, CommandId.CANCEL_SM: 0x11, CommandId.REPLACE_SM: 0x13}
"""command_status where a PDU belongs to the state; 0 otherwise. No message has the id."""
OTHERWISE = {Unexpected.INVALID_STATE: 0x04, Unexpected.ALREADY_BOUND: 0x05}
NUMBER = 4711


def expected(command_id: CommandId, state: SessionState) -> tuple[int, int] | None:
    """The command_id and command_status of the answer; None without one."""
    rule = RULES[command_id]
    if state in rule.from_esme:
        return (
            None if command_id & wire.RESPONSE else (command_id | wire.RESPONSE, STATUSES.get(command_id, 0))
        )
    if rule.otherwise is Unexpected.NACK:
        return wire.GENERIC_NACK, 0x03
    if rule.otherwise is Unexpected.IGNORED:
        return None
    return command_id | wire.RESPONSE, OTHERWISE[rule.otherwise]


@pytest.mark.parametrize("state", list(KINDS))
def test_each_pdu_in_this_state(bed: Bed, state: SessionState) -> None:
    answers, wanted = {}, {}
    for command_id in CommandId:
        kind = KINDS[state]
        esme = bed.connect() if kind is None else bed.bind(kind)
        esme.send_octets(wire.pack(command_id, 0, NUMBER, BODIES.get(command_id, b"")))
        if command_id == CommandId.UNBIND:
            esme.wait_closed()
        else:
            assert esme.enquire_link().command_status == 0  # it comes after the answer
        reply = esme.responses.get(NUMBER) or next(iter(esme.nacks), None)
        answers[command_id.name] = reply and (reply.command_id, reply.command_status)
        wanted[command_id.name] = expected(command_id, state)
        esme.close()
    assert answers == wanted
