"""The operator's route-test: a message walks as far as the router's answer and is forgotten."""

from __future__ import annotations

from collections.abc import Callable

from ksmppd_py.flows.submission import SubmissionFlow
from ksmppd_py.model.account import Account
from ksmppd_py.model.esme import Counters, Esme
from ksmppd_py.model.meters import BIND_INTERVALS, Load
from ksmppd_py.model.trial import RouteQuestion, RouteTrial
from ksmppd_py.model.work import Submitter
from ksmppd_py.smpp.constants import Npi, Ton
from ksmppd_py.smpp.pdus import SubmitSm
from ksmppd_py.translate import gsm0338
from ksmppd_py.translate.dialect import Dialect

LONGEST_SHORT_MESSAGE = 254
_MESSAGE_PAYLOAD = 0x0424
_ENCODINGS = {1: "ascii", 3: "latin-1", 6: "iso8859-5", 7: "iso8859-8", 8: "utf-16-be"}


class RouteTrials:
    """Asks the router what it would do. `dialect_of` and `account_of` tell how an account speaks, if it is known."""

    def __init__(
        self,
        flow: SubmissionFlow,
        account_of: Callable[[str], Account | None],
        dialect_of: Callable[[Account], Dialect],
        clock: Callable[[], float],
    ) -> None:
        self._flow = flow
        self._account_of = account_of
        self._dialect_of = dialect_of
        self._clock = clock

    def run(self, question: RouteQuestion) -> RouteTrial:
        """Route it; an HTTP server or a plugin is really asked. Nothing is sent, charged or counted. May yield."""
        known = self._account_of(question.system_id)
        account = known or Account(question.system_id)
        submitter = Submitter(
            esme=Esme(account, self._clock(), 0.0),
            account=account,
            dialect=self._dialect_of(account),
            service=account.system_id.encode("latin-1", "replace"),
            counters=Counters(),
            inbound=Load(BIND_INTERVALS, int(self._clock())),
        )
        return self._flow.try_out(submit_sm(question), submitter, is_known=known is not None)


def submit_sm(question: RouteQuestion) -> SubmitSm:
    """The PDU that an ESME would send for this."""
    text = _octets(question.text, question.data_coding)
    is_long = len(text) > LONGEST_SHORT_MESSAGE
    source_ton, source_npi, source = _address(question.sender)
    ton, npi, destination = _address(question.receiver)
    return SubmitSm(
        source_addr_ton=source_ton,
        source_addr_npi=source_npi,
        source_addr=source,
        dest_addr_ton=ton,
        dest_addr_npi=npi,
        destination_addr=destination,
        data_coding=question.data_coding & 0xFF,
        short_message=b"" if is_long else text,
        tlvs={_MESSAGE_PAYLOAD: text} if is_long else {},
    )


def _octets(text: str, data_coding: int) -> bytes:
    if data_coding == 0:
        return gsm0338.encode(text.encode("utf-8", "replace"))
    encoding = _ENCODINGS.get(data_coding)
    return text.encode(encoding, "replace") if encoding else text.encode("utf-8", "surrogateescape")


def _address(typed: str) -> tuple[int, int, bytes]:
    """TON, NPI and digits. A blank in front was a `+` that nobody URL-encoded."""
    is_international = typed[:1] in ("+", " ")
    address = (typed[1:] if is_international else typed).strip()
    octets = address.encode("utf-8", "surrogateescape")
    if is_international:
        return Ton.INTERNATIONAL, Npi.ISDN, octets
    if any(not char.isdigit() for char in address):
        return Ton.ALPHANUMERIC, Npi.UNKNOWN, octets
    return Ton.UNKNOWN, Npi.UNKNOWN, octets
