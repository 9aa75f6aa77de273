"""The operator's route-test: translates and routes a message that is then dropped (docs/rules/flows.md 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from ksmppd_py.errors import CreditTooLow, KsmppdError, NoBearerbox, Throttled
from ksmppd_py.flows.routing import Routing, words_of
from ksmppd_py.flows.submit import SubmitFlow
from ksmppd_py.ip_addresses import matches
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.account import Account
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.esme import Counters, Esme
from ksmppd_py.model.meters import BIND_INTERVALS, Load
from ksmppd_py.model.outcomes import command_status_of
from ksmppd_py.model.ports import Credit, UserRows
from ksmppd_py.model.route_test import (
    InboundTestQuery,
    InboundTestResult,
    RouteTestQuery,
    RouteTestResult,
    number,
)
from ksmppd_py.model.work import BindContext
from ksmppd_py.smpp.constants import MAX_SHORT_MESSAGE, CommandStatus, Npi, Ton
from ksmppd_py.smpp.pdus import SubmitSm
from ksmppd_py.smpp.tlvs import TlvTag
from ksmppd_py.translate import gsm0338
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_profile import KANNEL_STATUSES, Statuses

_MESSAGE_PAYLOAD = int(TlvTag.MESSAGE_PAYLOAD)
_ENCODINGS = {1: "ascii", 3: "latin-1", 6: "iso8859-5", 7: "iso8859-8", 8: "utf-16-be"}


class Binds(Protocol):
    """The accounts that have bound, and their live binds."""

    def find(self, system_id: str) -> Esme | None:
        """Return the account's entry; None when it hasn't bound since the start."""

    def binds_of(self, system_id: str) -> int:
        """Return the number of live binds."""

    def bound(self, system_id: str) -> bool:
        """Whether the account has a receiving bind."""


class RouteTest:
    """Finds out how a message of an account would be routed, and whether the account may send it now."""

    def __init__(
        self,
        routing: Routing,
        flow: SubmitFlow,
        binds: Binds,
        rows: UserRows | None,
        credit: Credit,
        options_of: Callable[[Account], BindOptions],
        clock: Clock,
        is_blocked: Callable[[str], bool],
    ) -> None:
        """With `rows` None accounts come from an HTTP server or a plugin, and only bound ones are known.

        `is_blocked` returns whether binds of an address are refused now.
        """
        self._routing = routing
        self._flow = flow
        self._binds = binds
        self._rows = rows
        self._credit = credit
        self._options_of = options_of
        self._clock = clock
        self._is_blocked = is_blocked

    def run(self, query: RouteTestQuery) -> RouteTestResult:
        """Route one message. An HTTP server or a plugin is really asked; nothing is sent, charged or counted.

        May yield.
        """
        bound = self._binds.find(query.system_id)
        account, is_known = Account(query.system_id), False
        if self._rows is not None:
            try:
                row = self._rows.row(query.system_id)
            except KsmppdError as error:
                return _refused(RouteTestResult(query.sender, query.receiver, 0, is_known=False), error)
            if row is None or row.is_suspended:
                words = "unknown account" if row is None else "suspended"
                return _no_bind(query, words, is_known=row is not None)
            account, is_known = row.account, True
        elif bound is not None:
            account, is_known = bound.account, True
        if words := self._address_problem(query.ip, account):
            return _no_bind(query, words, is_known)
        result = self._routing.test_route(submit_sm(query), self._bind_context(account), is_known)
        result = replace(
            result,
            has_queue=self._flow.has_queue,
            throughput=account.throughput,
            is_outdated=bound is not None
            and bound.account != account
            and self._binds.binds_of(account.system_id) > 0,
        )
        return result if result.command_status else self._checked(result, account, bound)

    def run_inbound(self, query: InboundTestQuery) -> InboundTestResult:
        """Route one message from an SMSC. An HTTP server or a plugin is really asked; nothing is delivered.

        May yield.
        """
        sms = Sms(
            sms_type=int(SmsType.MO),
            sender=query.sender.encode("utf-8", "replace"),
            receiver=query.receiver.encode("utf-8", "replace"),
            smsc_id=query.smsc_id.encode("latin-1", "replace"),
        )
        result = InboundTestResult(query, has_queue=self._flow.has_queue)
        try:
            route = self._routing.test_inbound(sms)
            system_id = route.system_id or ""
            is_known = self._binds.find(system_id) is not None
            if self._rows is not None and system_id:
                is_known = self._rows.row(system_id) is not None
        except KsmppdError as error:
            return replace(result, refusal=words_of(error), reason=str(error))
        result = replace(result, route_id=route.route_id, system_id=system_id)
        if not system_id:
            return replace(result, refusal="no account", reason="the route names no system_id")
        return replace(result, is_known=is_known, is_bound=self._binds.bound(system_id))

    def _address_problem(self, ip: str, account: Account) -> str:
        """Return why an ESME may not bind from this address; "" when it may."""
        if not ip:
            return ""
        if self._is_blocked(ip):
            return "blocked"
        allowed = account.connect_allow_ip
        return "address not allowed" if allowed and not matches(allowed, ip) else ""

    def _bind_context(self, account: Account) -> BindContext:
        return BindContext(
            esme=Esme(account, self._clock.time(), 0.0),
            account=account,
            options=self._options_of(account),
            service=account.system_id.encode("latin-1", "replace"),
            counters=Counters(),
            inbound=Load(BIND_INTERVALS, int(self._clock.time())),
        )

    def _checked(self, result: RouteTestResult, account: Account, bound: Esme | None) -> RouteTestResult:
        """Check throughput, credit and the next hop for a message that has a route. May yield (credit)."""
        statuses = self._options_of(account).profile.statuses
        if bound is not None and not bound.bucket.lets_pass(self._clock.monotonic()):
            return _refused(
                result, Throttled(f"more than {number(bound.bucket.rate)} messages a second"), statuses
            )
        if result.is_charged:
            try:
                credit = self._credit.balance(account.system_id)
            except KsmppdError as error:
                return _refused(result, error)
            result = replace(result, credit=credit)
            price = round(result.cost * result.parts, 6)
            if credit is None or credit < price:
                return _refused(
                    result,
                    CreditTooLow(f"{number(price)} credits are needed, {number(credit or 0)} are there"),
                    statuses,
                )
        if result.decided_by != "simulation" and not self._flow.has_next_hop:
            return _refused(result, NoBearerbox("no bearerbox is connected, and there is no queue"))
        return result


def _refused(
    result: RouteTestResult, error: KsmppdError, statuses: Statuses = KANNEL_STATUSES
) -> RouteTestResult:
    """Return a result with a route that is refused all the same; the route stays in it."""
    status = command_status_of(error, statuses)
    return replace(result, command_status=status, reason=str(error), refusal=words_of(error))


def _no_bind(query: RouteTestQuery, words: str, is_known: bool) -> RouteTestResult:
    """Return the refusal of a message whose account can't bind; the status is that of its bind."""
    status = int(CommandStatus.RBINDFAIL)
    return RouteTestResult(
        query.sender, query.receiver, status, reason=words, is_known=is_known, refusal=words
    )


def submit_sm(query: RouteTestQuery) -> SubmitSm:
    """Return the submit_sm that an ESME would send for this query."""
    text = _octets(query.text, query.data_coding)
    is_long = len(text) > MAX_SHORT_MESSAGE
    source_ton, source_npi, source = _address(query.sender)
    ton, npi, destination = _address(query.receiver)
    return SubmitSm(
        source_addr_ton=source_ton,
        source_addr_npi=source_npi,
        source_addr=source,
        dest_addr_ton=ton,
        dest_addr_npi=npi,
        destination_addr=destination,
        data_coding=query.data_coding & 0xFF,
        short_message=b"" if is_long else text,
        tlvs={_MESSAGE_PAYLOAD: text} if is_long else {},
    )


def _octets(text: str, data_coding: int) -> bytes:
    if data_coding == 0:
        return gsm0338.encode(text.encode("utf-8", "replace"))
    encoding = _ENCODINGS.get(data_coding)
    return text.encode(encoding, "replace") if encoding else text.encode("utf-8", "surrogateescape")


def _address(typed: str) -> tuple[int, int, bytes]:
    """Return TON, NPI and digits. A leading blank counts as `+`, which becomes a blank in an URL."""
    is_international = typed[:1] in ("+", " ")
    address = (typed[1:] if is_international else typed).strip()
    octets = address.encode("utf-8", "surrogateescape")
    if is_international:
        return Ton.INTERNATIONAL, Npi.ISDN, octets
    if any(not char.isdigit() for char in address):
        return Ton.ALPHANUMERIC, Npi.UNKNOWN, octets
    return Ton.UNKNOWN, Npi.UNKNOWN, octets
