"""Messages for the tests of the access log."""

from __future__ import annotations

import time
from typing import Any

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Account, Simulation
from ksmppd_py.model.esme import Counters, Esme
from ksmppd_py.model.meters import BIND_INTERVALS, Load
from ksmppd_py.model.outcomes import SubmitResult
from ksmppd_py.model.work import BindContext, Submit
from ksmppd_py.smpp.pdus import SubmitSm
from ksmppd_py.translate.bind_options import BindOptions

EPOCH = 1_700_000_000
STAMP = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(EPOCH))
ID = b"0a1b2c3d-0000-4000-8000-000000000001"
OTHER_ID = b"0a1b2c3d-0000-4000-8000-000000000002"
MT, MO, REPORT = 2, 0, 3


class Nowhere:
    """An origin to which nothing returns here."""

    def settled(self, item: Any) -> None:
        """Drop the message."""


def bind(simulation: Simulation | None = None, bind_id: int = 7) -> BindContext:
    account = Account("acme", simulation=simulation)
    counters, load = Counters(), Load(BIND_INTERVALS, EPOCH)
    return BindContext(
        Esme(account, EPOCH, 0.0),
        account,
        BindOptions(),
        b"acme",
        counters,
        load,
        bind_type=3,
        bind_id=bind_id,
    )


def sms(**fields: Any) -> Sms:
    usual: dict[str, Any] = {
        "sender": b"12345",
        "receiver": b"+491700",
        "msgdata": b"secret",
        "smsc_id": b"smsc1",
        "id": ID,
        "sms_type": MT,
        "coding": 0,
        "dlr_mask": 19,
    }
    return Sms(**{**usual, **fields})


def submit(
    message: Sms | None,
    result: SubmitResult | None = SubmitResult.ACCEPTED,
    status: int = 0,
    cost: float = 0.0,
) -> Submit:
    made = Submit(Nowhere(), 1, SubmitSm(source_addr=b"raw", destination_addr=b"491701"), 2)
    made.sms, made.result, made.command_status, made.cost = message, result, status, cost
    made.received_at = 99.5
    return made
