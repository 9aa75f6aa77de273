"""The ports of model/ports.py in memory, and a clock that the test moves."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ksmppd_py.errors import DatabaseUnavailable, KsmppdError, NoRoute, TemporaryError
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.account import Account
from ksmppd_py.model.esme import Counters, Esme, ServerMeters
from ksmppd_py.model.ids import MessageIds
from ksmppd_py.model.meters import BIND_INTERVALS, Load
from ksmppd_py.model.outcomes import Outcome, SubmitResult, result_of_ack
from ksmppd_py.model.routes import Route
from ksmppd_py.model.store import StoredMessage, StoredPdu
from ksmppd_py.model.work import BindContext, Delivery, Submit
from ksmppd_py.smpp.pdus import DeliverSm, SubmitSm
from ksmppd_py.translate.bind_options import BindOptions

NOW = 1_700_000_000


class Clock:
    """Epoch and monotonic seconds at once."""

    def __init__(self, now: float = NOW) -> None:
        self.now = float(now)

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class MemoryOrigin:
    """An origin that keeps what returns to it."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def settled(self, item: Any) -> None:
        self.items.append(item)

    put = settled  # also a queue of wake-ups

    def take(self) -> list[Any]:
        items, self.items = self.items, []
        return items


class MemoryRouter:
    """Answers by the receiver: a Route, or an error to raise; what isn't listed has no route."""

    def __init__(self, answers: dict[bytes, Route | KsmppdError] | None = None, waits: bool = False) -> None:
        self.waits = waits
        self.answers = answers if answers is not None else {}
        self.everything: Route | KsmppdError | None = None
        self.batches: list[list[Sms]] = []

    def is_ready(self, system_id: str) -> bool:
        return not self.waits

    def _answer(self, sms: Sms) -> Route | KsmppdError:
        if self.everything is not None:
            return self.everything
        return self.answers.get(sms.receiver or b"", NoRoute())

    def route_mt(self, system_id: str, batch: Sequence[Sms]) -> list[Route | KsmppdError]:
        self.batches.append(list(batch))
        return [self._answer(sms) for sms in batch]

    def route_mo(self, sms: Sms) -> Route:
        answer = self._answer(sms)
        if isinstance(answer, KsmppdError):
            raise answer
        return answer

    def rebuild(self) -> None:
        pass


class MemoryGateway:
    """Keeps what it is handed; `settle` gives it back with an ack."""

    def __init__(self, online: bool = True) -> None:
        self.online = online
        self.room = 1_000_000
        self.sent: list[Submit] = []

    def send(self, submit: Submit) -> bool:
        if not self.online or self.room <= 0:
            return False
        self.room -= 1
        submit.sent_at = 1.0
        self.sent.append(submit)
        return True

    def send_all(self, batch: Sequence[Submit]) -> list[Submit]:
        return [submit for submit in batch if not self.send(submit)]

    def settle(self, result: int | SubmitResult, count: int | None = None) -> list[Submit]:
        """Answer the first `count` (or all) of what was handed over, as an ack of this number or with this result."""
        settled, self.sent = self.sent[:count], self.sent[count:] if count is not None else []
        self.room += len(settled)
        for submit in settled:
            submit.result = result if isinstance(result, SubmitResult) else result_of_ack(result)
            submit.origin.settled(submit)
        return settled


class MemoryCredit:
    """One account's credit; `down` makes the database fail."""

    def __init__(self, credit: float = 0.0) -> None:
        self.credit = credit
        self.down = False
        self.charges: list[list[float]] = []
        self.refunds: list[float] = []

    def charge(self, system_id: str, costs: Sequence[float]) -> int:
        self._check()
        self.charges.append(list(costs))
        for paid, cost in enumerate(costs):
            if cost > self.credit:
                return paid
            self.credit -= cost
        return len(costs)

    def refund(self, system_id: str, amount: float) -> None:
        self._check()
        self.refunds.append(amount)
        self.credit += amount

    def balance(self, system_id: str) -> float | None:
        self._check()
        return self.credit

    def _check(self) -> None:
        if self.down:
            raise DatabaseUnavailable("down")


class MemoryStore:
    """Both tables as dictionaries; `failure` is raised by everything that asks the database."""

    def __init__(self) -> None:
        self.messages: dict[int, StoredMessage] = {}
        self.pdus: dict[int, StoredPdu] = {}
        self.failure: KsmppdError | None = None
        self.refuses: Callable[[Sms], KsmppdError | None] = lambda sms: None
        self.unreadable: dict[int, tuple[int, bytes]] = {}
        self.pages = 0
        self._ids = itertools.count(1)

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def save(self, batch: Sequence[Sms]) -> list[int]:
        self._check()
        for sms in batch:
            refusal = self.refuses(sms)
            if refusal is not None:
                raise refusal
        rows = [next(self._ids) for _ in batch]
        self.messages.update((row, StoredMessage(row, sms)) for row, sms in zip(rows, batch, strict=True))
        return rows

    def add_unreadable(self, sms_type: int = int(SmsType.MT_PUSH), service: bytes = b"esme") -> int:
        """A row that can't be read."""
        row = next(self._ids)
        self.messages[row] = StoredMessage(row, None, "column coding holds 2147483648")
        self.unreadable[row] = (sms_type, service)
        return row

    def page(self, sms_type: int, after: int, limit: int, service: str | None = None) -> list[StoredMessage]:
        self._check()
        self.pages += 1
        found = []
        for row, message in sorted(self.messages.items()):
            if message.sms is None:
                kind, owner = self.unreadable[row]
            else:
                kind, owner = message.sms.sms_type, message.sms.service or b""
            if row > after and kind == sms_type and service in (None, owner.decode().lower()):
                found.append(message)
        return found[:limit]

    def expired_mts(self, now: int, after: int, limit: int) -> list[StoredMessage]:
        mts = self.page(int(SmsType.MT_PUSH), after, len(self.messages))
        return [row for row in mts if row.sms is not None and 0 < row.sms.validity < now][:limit]

    def last_surplus(self, system_id: str, keep: int) -> int:
        kinds = (SmsType.MO, SmsType.REPORT_MO)
        rows = [row for kind in kinds for row in self.page(int(kind), 0, len(self.messages), system_id)]
        return max([0, *sorted(row.global_id for row in rows)[: max(0, len(rows) - keep)]])

    def unaddressed(self, after: int, limit: int) -> list[StoredMessage]:
        self._check()
        kinds = (SmsType.MO, SmsType.REPORT_MO)
        rows = [row for _, row in sorted(self.messages.items()) if row.global_id > after]
        return [
            row for row in rows
            if (row.sms is None and self.unreadable[row.global_id] == (SmsType.MO, b""))
            or (row.sms is not None and not row.sms.service and row.sms.sms_type in kinds)
        ][:limit]  # fmt: skip

    def set_account(self, global_id: int, system_id: str) -> None:
        self._check()
        sms = self.messages[global_id].sms
        assert sms is not None
        sms.service = system_id.encode("latin-1")

    def remove(self, global_ids: Sequence[int]) -> None:
        for row in global_ids:
            del self.messages[row]

    def save_pdus(self, system_id: str, batch: Sequence[bytes]) -> None:
        self._check()
        for octets in batch:
            row = next(self._ids)
            self.pdus[row] = StoredPdu(row, system_id, octets)

    def page_pdus(self, system_id: str, after: int, limit: int) -> list[StoredPdu]:
        self._check()
        rows = [row for _, row in sorted(self.pdus.items())]
        return [row for row in rows if row.global_id > after and row.system_id.lower() == system_id][:limit]

    def remove_pdus(self, global_ids: Sequence[int]) -> None:
        for row in global_ids:
            del self.pdus[row]

    def receivers_with_rows(self, among: Collection[str]) -> set[str]:
        self._check()
        kinds = (SmsType.MO, SmsType.REPORT_MO)
        stored = [row.sms for row in self.messages.values() if row.sms and row.sms.sms_type in kinds]
        names = {(sms.service or b"").decode().lower() for sms in stored}
        return (names | {row.system_id.lower() for row in self.pdus.values()}) & set(among)

    def has_mts(self) -> bool:
        return bool(self.page(int(SmsType.MT_PUSH), 0, 1))

    @property
    def saved(self) -> list[Sms]:
        """The readable messages that are there, in order."""
        return [row.sms for _, row in sorted(self.messages.items()) if row.sms is not None]


class MemoryReceiver:
    """A bind with a window; `answer` ends the oldest open part."""

    def __init__(self, window: int = 500, options: BindOptions | None = None) -> None:
        self.options = options or BindOptions()
        self.window = window
        self.open: list[Delivery] = []
        self.pdus: list[DeliverSm] = []
        self._references = itertools.count()

    @property
    def room(self) -> int:
        return self.window - len(self.open)

    def next_reference(self) -> int:
        return next(self._references) & 0xFF

    def deliver(self, pdus: Sequence[DeliverSm], delivery: Delivery) -> None:
        self.pdus.extend(pdus)
        self.open.extend([delivery] * len(pdus))

    def answer(self, outcome: Outcome = Outcome.DONE, count: int = 1) -> None:
        for _ in range(count):
            self.open.pop(0).part_ended(outcome)

    @property
    def texts(self) -> list[bytes]:
        return [pdu.short_message for pdu in self.pdus]


class MemoryReceivers:
    """Return the binds."""

    def __init__(self, **receivers: MemoryReceiver) -> None:
        self.binds = receivers

    def best(self, system_id: str) -> MemoryReceiver | None:
        bind = self.binds.get(system_id)
        return bind if bind is not None and bind.room > 0 else None

    def bound(self, system_id: str) -> bool:
        return system_id in self.binds

    def room(self, system_id: str) -> int:
        bind = self.binds.get(system_id)
        return max(0, bind.room) if bind is not None else 0

    def receiving(self) -> list[str]:
        return [system_id for system_id, bind in self.binds.items() if bind.room > 0]


class MemoryLeases:
    """The counters of message ids; `failure` is raised instead."""

    def __init__(self) -> None:
        self.next: dict[str, int] = {}
        self.calls = 0
        self.failure: TemporaryError | None = None

    def lease(self, system_id: str, count: int) -> int:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        start = self.next.get(system_id, 0)
        self.next[system_id] = start + count
        return start


def make_ids() -> MessageIds:
    return MessageIds(os.urandom)


def make_bind(account: Account, options: BindOptions | None = None, now: float = NOW) -> BindContext:
    """A fresh bind of an account."""
    return BindContext(
        Esme(account, now, now),
        account,
        options or BindOptions(),
        account.system_id.encode(),
        Counters(),
        Load(BIND_INTERVALS, int(now)),
    )


def make_meters() -> ServerMeters:
    return ServerMeters(NOW)


def submit_sm(destination: bytes = b"491700", text: bytes = b"hello", **fields: Any) -> SubmitSm:
    return SubmitSm(source_addr=b"12345", destination_addr=destination, short_message=text, **fields)


def mo(text: bytes = b"hello", receiver: bytes = b"7777", service: bytes | None = None, **fields: Any) -> Sms:
    return Sms(
        sender=b"491700",
        receiver=receiver,
        msgdata=text,
        time=NOW,
        smsc_id=b"FAKE",
        service=service,
        id=make_ids().next(),
        sms_type=int(SmsType.MO),
        coding=0,
        **fields,
    )


def report(system_id: bytes = b"esme", mask: int = 1, service: bytes | None = None, **fields: Any) -> Sms:
    """A report on a message of that account."""
    ids = make_ids()
    values: dict[str, Any] = {"dlr_url": b"%b|%d|%b" % (system_id, NOW, ids.next()), **fields}
    return Sms(
        sender=b"12345",
        receiver=b"491700",
        msgdata=b"",
        time=NOW + 5,
        service=service,
        id=ids.next(),
        sms_type=int(SmsType.REPORT_MO),
        dlr_mask=mask,
        **values,
    )
