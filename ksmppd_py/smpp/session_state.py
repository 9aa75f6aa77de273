"""The states of a session, and which PDU belongs to which of them (SMPP 3.4, 2.2 and table 2-1), as data.

The table differs from the standard's in five places. unbind, enquire_link and generic_nack may come before the bind,
where the standard leaves them to the server. A transceiver may send replace_sm, as 2.2 and 2.7 say. data_sm is a
transmitter's, as 2.5 and 4.1 say.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from ksmppd_py.smpp.constants import CommandId


class BindType(IntEnum):
    """KSMPPD's numbers of the three binds: bit 1 may submit, bit 2 receives deliver_sm."""

    TRANSMITTER = 1
    RECEIVER = 2
    TRANSCEIVER = 3


class SessionState(IntEnum):
    """The session states of SMPP 3.4, 2.2; the bound states have the numbers of their BindType."""

    OPEN = 0
    BOUND_TX = 1
    BOUND_RX = 2
    BOUND_TRX = 3
    CLOSED = 4

    @property
    def bind_type(self) -> int:
        """The BindType of a bound state, otherwise 0."""
        return self.value if self in BOUND else 0


class Unexpected(Enum):
    """The answer to a PDU that doesn't belong to the state, or that no ESME sends."""

    INVALID_STATE = "its response with ESME_RINVBNDSTS"
    ALREADY_BOUND = "its response with ESME_RALYNBD"
    NACK = "generic_nack with ESME_RINVCMDID"
    IGNORED = "none"


@dataclass(frozen=True, slots=True)
class Rule:
    """The states in which each side may send a PDU, and the answer to an ESME that sends it in another one."""

    from_esme: frozenset[SessionState]
    from_server: frozenset[SessionState]
    otherwise: Unexpected


_NEVER: Final[frozenset[SessionState]] = frozenset()
_OPEN: Final = frozenset({SessionState.OPEN})
BOUND: Final = frozenset({SessionState.BOUND_TX, SessionState.BOUND_RX, SessionState.BOUND_TRX})
_CONNECTED: Final = _OPEN | BOUND
_TRANSMITS: Final = frozenset({SessionState.BOUND_TX, SessionState.BOUND_TRX})
_RECEIVES: Final = frozenset({SessionState.BOUND_RX, SessionState.BOUND_TRX})

_BIND: Final = Rule(_OPEN, _NEVER, Unexpected.ALREADY_BOUND)
_BIND_RESP: Final = Rule(_NEVER, _OPEN, Unexpected.IGNORED)
_SUBMIT: Final = Rule(_TRANSMITS, _NEVER, Unexpected.INVALID_STATE)
_SUBMIT_RESP: Final = Rule(_NEVER, _TRANSMITS, Unexpected.IGNORED)

RULES: Final[dict[int, Rule]] = {
    CommandId.BIND_TRANSMITTER: _BIND,
    CommandId.BIND_TRANSMITTER_RESP: _BIND_RESP,
    CommandId.BIND_RECEIVER: _BIND,
    CommandId.BIND_RECEIVER_RESP: _BIND_RESP,
    CommandId.BIND_TRANSCEIVER: _BIND,
    CommandId.BIND_TRANSCEIVER_RESP: _BIND_RESP,
    CommandId.OUTBIND: Rule(_NEVER, _OPEN, Unexpected.NACK),
    CommandId.UNBIND: Rule(_CONNECTED, BOUND, Unexpected.INVALID_STATE),
    CommandId.UNBIND_RESP: Rule(BOUND, _CONNECTED, Unexpected.IGNORED),
    CommandId.SUBMIT_SM: _SUBMIT,
    CommandId.SUBMIT_SM_RESP: _SUBMIT_RESP,
    CommandId.SUBMIT_MULTI: _SUBMIT,
    CommandId.SUBMIT_MULTI_RESP: _SUBMIT_RESP,
    CommandId.DATA_SM: Rule(_TRANSMITS, BOUND, Unexpected.INVALID_STATE),
    CommandId.DATA_SM_RESP: Rule(BOUND, BOUND, Unexpected.IGNORED),
    CommandId.DELIVER_SM: Rule(_NEVER, _RECEIVES, Unexpected.NACK),
    CommandId.DELIVER_SM_RESP: Rule(_RECEIVES, _NEVER, Unexpected.IGNORED),
    CommandId.QUERY_SM: _SUBMIT,
    CommandId.QUERY_SM_RESP: _SUBMIT_RESP,
    CommandId.CANCEL_SM: _SUBMIT,
    CommandId.CANCEL_SM_RESP: _SUBMIT_RESP,
    CommandId.REPLACE_SM: _SUBMIT,
    CommandId.REPLACE_SM_RESP: _SUBMIT_RESP,
    CommandId.ENQUIRE_LINK: Rule(_CONNECTED, BOUND, Unexpected.INVALID_STATE),
    CommandId.ENQUIRE_LINK_RESP: Rule(BOUND, _CONNECTED, Unexpected.IGNORED),
    CommandId.ALERT_NOTIFICATION: Rule(_NEVER, _RECEIVES, Unexpected.IGNORED),
    CommandId.GENERIC_NACK: Rule(BOUND, _CONNECTED, Unexpected.IGNORED),
}
"""By command_id. All others are unknown, and generic_nack answers them."""

STATE_OF_BIND: Final[dict[int, SessionState]] = {
    CommandId.BIND_TRANSMITTER: SessionState.BOUND_TX,
    CommandId.BIND_RECEIVER: SessionState.BOUND_RX,
    CommandId.BIND_TRANSCEIVER: SessionState.BOUND_TRX,
}
"""The state after the positive response to a bind request."""

FROM_ESME: Final[dict[SessionState, frozenset[int]]] = {
    state: frozenset(int(command_id) for command_id, rule in RULES.items() if state in rule.from_esme)
    for state in SessionState
}
FROM_SERVER: Final[dict[SessionState, frozenset[int]]] = {
    state: frozenset(int(command_id) for command_id, rule in RULES.items() if state in rule.from_server)
    for state in SessionState
}
"""The command_ids that each side may send, by state."""
