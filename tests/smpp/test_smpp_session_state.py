"""The rules of session states against table 2-1 of the standard, and against the clauses of our statement on it."""

from __future__ import annotations

import pytest

from ksmppd_py.smpp.constants import RESPONSE, CommandId
from ksmppd_py.smpp.session_state import (
    BOUND,
    FROM_ESME,
    FROM_SERVER,
    RULES,
    STATE_OF_BIND,
    BindType,
    SessionState,
    Unexpected,
)
from tests.conformance.clauses import CLAUSES

OPEN, TX, RX, TRX, CLOSED = SessionState
BINDS = ("bind_receiver", "bind_transmitter", "bind_transceiver")
SIDES = {"-": (False, False), "E": (True, False), "S": (False, True), "B": (True, True)}

TABLE_2_1 = """
                            OPEN  TX  RX  TRX
bind_transmitter            E     -   -   -
bind_transmitter_resp       S     -   -   -
bind_receiver               E     -   -   -
bind_receiver_resp          S     -   -   -
bind_transceiver            E     -   -   -
bind_transceiver_resp       S     -   -   -
outbind                     S     -   -   -
unbind                      -     B   B   B
unbind_resp                 -     B   B   B
submit_sm                   -     E   -   E
submit_sm_resp              -     S   -   S
submit_multi                -     E   -   E
submit_multi_resp           -     S   -   S
data_sm                     -     B   B   B
data_sm_resp                -     B   B   B
deliver_sm                  -     -   S   S
deliver_sm_resp             -     -   E   E
query_sm                    -     E   -   E
query_sm_resp               -     S   -   S
cancel_sm                   -     E   -   E
cancel_sm_resp              -     S   -   S
replace_sm                  -     E   -   -
replace_sm_resp             -     S   -   -
enquire_link                -     B   B   B
enquire_link_resp           -     B   B   B
alert_notification          -     -   S   S
generic_nack                -     B   B   B
"""
"""As printed in issue 1.2: E the ESME issues it, S the SMSC, B both."""

DIFFERENCES = {
    ("unbind", OPEN): "C-010",
    ("unbind_resp", OPEN): "C-010",
    ("enquire_link", OPEN): "C-011",
    ("enquire_link_resp", OPEN): "C-011",
    ("generic_nack", OPEN): "C-012",
    ("replace_sm", TRX): "C-006",
    ("replace_sm_resp", TRX): "C-006",
    ("data_sm", RX): "C-007",
}
"""Differences of the rules from the printed table, and the clause on each."""


def printed() -> dict[tuple[str, SessionState], tuple[bool, bool]]:
    """Whether (the ESME, the SMSC) may issue a PDU in a state, as printed."""
    found = {}
    for line in TABLE_2_1.strip().splitlines()[1:]:
        name, *cells = line.split()
        for state, cell in zip((OPEN, TX, RX, TRX), cells, strict=True):
            found[name, state] = SIDES[cell]
    return found


def ruled() -> dict[tuple[str, SessionState], tuple[bool, bool]]:
    return {
        (CommandId(command_id).name.lower(), state): (state in rule.from_esme, state in rule.from_server)
        for command_id, rule in RULES.items()
        for state in (OPEN, TX, RX, TRX)
    }


def test_table_2_1() -> None:
    standard, ours = printed(), ruled()
    assert set(standard) == set(ours)
    assert {key for key in ours if ours[key] != standard[key]} == set(DIFFERENCES)


@pytest.mark.parametrize(("name", "clause_id"), [(name, clause) for (name, _), clause in DIFFERENCES.items()])
def test_a_clause_gives_the_reason_of_each_difference(name: str, clause_id: str) -> None:
    [clause] = [clause for clause in CLAUSES if clause.id == clause_id]
    assert "T2-1" in clause.section
    assert name.removesuffix("_resp") in clause.text


FROM_AN_ESME, FROM_US = "from_esme", "from_server"
TRANSMITS, RECEIVES = {"BOUND_TX": TX, "BOUND_TRX": TRX}, {"RX": RX, "TRX": TRX}
ALREADY, INVALID = (Unexpected.ALREADY_BOUND, "resp 0x05"), (Unexpected.INVALID_STATE, "0x04")
NACK, IGNORED = (Unexpected.NACK, "nack 0x03"), (Unexpected.IGNORED, "no answer")


@pytest.mark.parametrize(
    ("clause_id", "names", "side", "states", "otherwise"),
    [
        ("C-003", BINDS, FROM_AN_ESME, {"OPEN": OPEN}, ALREADY),
        ("C-004", ("submit_sm",), FROM_AN_ESME, TRANSMITS, INVALID),
        ("C-005", ("submit_multi", "query_sm", "cancel_sm"), FROM_AN_ESME, TRANSMITS, INVALID),
        ("C-006", ("replace_sm",), FROM_AN_ESME, TRANSMITS, INVALID),
        ("C-007", ("data_sm",), FROM_AN_ESME, {"TX": TX, "TRX": TRX}, INVALID),
        ("C-008", ("deliver_sm",), FROM_US, RECEIVES, None),
        ("C-010", ("unbind",), FROM_AN_ESME, {"OPEN": OPEN, "bound": None}, None),
        ("C-011", ("enquire_link",), FROM_AN_ESME, {"OPEN": OPEN, "bound": None}, None),
        ("C-012", ("generic_nack",), FROM_AN_ESME, {"bound": None}, None),
        ("C-013", ("deliver_sm",), FROM_AN_ESME, {}, NACK),
        ("C-014", ("outbind",), FROM_AN_ESME, {}, NACK),
        ("C-015", ("alert_notification",), FROM_AN_ESME, {}, IGNORED),
        ("C-015", ("alert_notification",), FROM_US, RECEIVES, IGNORED),
        ("C-019", ("submit_sm_resp", "deliver_sm_resp", "unbind_resp"), FROM_AN_ESME, None, IGNORED),
    ],
)
def test_the_clauses_say_the_same(
    clause_id: str,
    names: tuple[str, ...],
    side: str,
    states: dict[str, SessionState | None] | None,
    otherwise: tuple[Unexpected, str] | None,
) -> None:
    """The clause names the PDU, the states and the answer; `bound` is all three bound states."""
    [clause] = [clause for clause in CLAUSES if clause.id == clause_id]
    for name in names:
        rule = RULES[CommandId[name.upper()]]
        assert name in clause.text + clause.stimulus or (name in BINDS and "bind_*" in clause.text)
        if states is not None:
            assert all(word in clause.text for word in states)
            named = {state for state in states.values() if state is not None}
            assert getattr(rule, side) == named | (BOUND if "bound" in states else set())
        if otherwise is not None:
            answer, words = otherwise
            assert rule.otherwise is answer
            assert words in clause.expected or (answer is Unexpected.INVALID_STATE and clause_id == "C-006")


def test_no_clause_on_table_2_1_is_left_out() -> None:
    """C-001 and C-009 say what is never sent, C-034 is an unbind of the server."""
    compared = {"C-003", "C-004", "C-005", "C-006", "C-007", "C-008", *(f"C-{n:03}" for n in range(10, 16))}
    assert {clause.id for clause in CLAUSES if "T2-1" in clause.section} == compared | {
        "C-001",
        "C-009",
        "C-034",
    }


def test_each_pdu_has_a_rule() -> None:
    assert set(RULES) == set(CommandId)


@pytest.mark.parametrize("command_id", list(CommandId))
def test_responses_are_never_answered(command_id: CommandId) -> None:
    if command_id & RESPONSE:
        assert RULES[command_id].otherwise is Unexpected.IGNORED


@pytest.mark.parametrize("state", list(SessionState))
def test_the_sets_by_state_are_the_rules(state: SessionState) -> None:
    for command_id, rule in RULES.items():
        assert (command_id in FROM_ESME[state]) == (state in rule.from_esme)
        assert (command_id in FROM_SERVER[state]) == (state in rule.from_server)


def test_nothing_belongs_to_a_closed_connection() -> None:
    assert FROM_ESME[CLOSED] == FROM_SERVER[CLOSED] == frozenset()


@pytest.mark.parametrize(
    ("command_id", "state", "bind_type"),
    [
        (CommandId.BIND_TRANSMITTER, TX, BindType.TRANSMITTER),
        (CommandId.BIND_RECEIVER, RX, BindType.RECEIVER),
        (CommandId.BIND_TRANSCEIVER, TRX, BindType.TRANSCEIVER),
    ],
)
def test_binds(command_id: CommandId, state: SessionState, bind_type: BindType) -> None:
    assert STATE_OF_BIND[command_id] is state
    assert state.bind_type == bind_type


@pytest.mark.parametrize("state", [OPEN, CLOSED])
def test_unbound_states_have_no_bind_type(state: SessionState) -> None:
    assert state.bind_type == 0
