"""A client in the role of an ESME: bind, submit, receive, unbind. It blocks the caller's thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from ksmppd_py.tools import words
from ksmppd_py.tools.link import EsmeError, Link
from ksmppd_py.tools.words import Receipt

BINDS = ("transmitter", "receiver", "transceiver")
UNBIND_SECONDS = 5.0
RINVCMDID = 0x03
CUT_OFF = "; servers do that to addresses with too many refused binds, and on a port for TLS to those without (--tls)"
REFUSED_BIND = {
    0x0D: "wrong system_id or password, an address that isn't allowed, or too many binds",
    0x0E: "wrong password",
    0x0F: "wrong system_id",
    0x05: "already bound",
    0x08: "the server can't decide now, its database or authentication is away",
}


class EsmeClient:
    """One bind. Every method that waits takes `deadline` (time.monotonic seconds) and raises EsmeError."""

    def __init__(self, link: Link) -> None:
        self.receipts: list[Receipt] = []
        self.arrived = 0  # deliver_sm of any kind
        self.messages = 0  # deliver_sm that are no receipts
        self._link = link
        self._bound = False
        self._responses: dict[int, Any] = {}

    def bind(self, kind: str, system_id: str, password: str, deadline: float) -> None:
        """Bind as a `kind` of BINDS. Raises EsmeError with the server's reason for a refusal."""
        sequence = self._link.request(f"bind_{kind}", system_id=system_id, password=password)
        try:
            response = self._response(sequence, deadline)
        except EsmeError as error:
            raise EsmeError(f"{error} instead of answering the bind{CUT_OFF}") from error
        if response is None:
            raise EsmeError(f"{self._link.peer} didn't answer the bind in time")
        if response.status:
            hint = REFUSED_BIND.get(response.status, "")
            reason = words.status(response.status) + (f" - {hint}" if hint else "")
            raise EsmeError(f"{self._link.peer} refused the bind of {words.quoted(system_id)}: {reason}")
        self._bound = True

    def submit(
        self, deadline: float, command: str, tlvs: Sequence[tuple[int, bytes]] = (), **fields: object
    ) -> str:
        """Send a submit_sm or submit_multi; return the message_id. Raises EsmeError when refused, also in part."""
        response = self.ask(deadline, command, "the message", tlvs, **fields)
        refused = getattr(response, "refused", ())
        if refused:
            which = ", ".join(f"{address} ({words.status(status)})" for address, status in refused)
            raise EsmeError(f"{self._link.peer} refused the message to {which}")
        return words.text_of(response.message_id)

    def ask(
        self,
        deadline: float,
        command: str,
        subject: str,
        tlvs: Sequence[tuple[int, bytes]] = (),
        **fields: object,
    ) -> Any:
        """Send any request and return the response. Raises EsmeError that names `subject` when it is refused."""
        response = self._response(self._link.request(command, tlvs, **fields), deadline)
        if response is None:
            raise EsmeError(f"{self._link.peer} didn't answer the {command} in time")
        if response.status or response.command == "generic_nack":
            raise EsmeError(f"{self._link.peer} refused {subject}: {words.status(response.status)}")
        return response

    def wait_until(self, condition: Callable[[], bool], deadline: float) -> bool:
        """Receive PDUs until `condition` holds; return False when `deadline` comes first."""
        while not condition():
            try:
                if not self._turn(deadline):
                    return False
            except EsmeError:
                self._bound = False
                raise
        return True

    def unbind(self) -> None:
        """Send unbind and wait up to UNBIND_SECONDS for the answer; a lost connection is no error."""
        if not self._bound:
            return
        try:
            sequence = self._link.request("unbind")
            self._response(sequence, time.monotonic() + UNBIND_SECONDS)
        except EsmeError:
            return

    def _response(self, sequence: int, deadline: float) -> Any:
        self.wait_until(lambda: sequence in self._responses, deadline)
        return self._responses.pop(sequence, None)

    def _turn(self, deadline: float) -> bool:
        """Receive one PDU and answer it; return False when none came in time."""
        pdu = self._link.receive(deadline)
        if pdu is not None:
            self.take(pdu)
        return pdu is not None

    def take(self, pdu: Any) -> None:
        """Answer a request of the server, or keep a response for its request."""
        if pdu.command.endswith("_resp") or pdu.command == "generic_nack":
            self._responses[pdu.sequence] = pdu
        elif pdu.command == "deliver_sm":
            self._take(pdu)
            self._link.answer(pdu.sequence, "deliver_sm_resp")
        elif pdu.command in ("enquire_link", "data_sm"):
            self._link.answer(pdu.sequence, f"{pdu.command}_resp")
        elif pdu.command == "unbind":
            self._link.answer(pdu.sequence, "unbind_resp")
            raise EsmeError(f"{self._link.peer} ended the session (unbind)")
        elif pdu.command != "alert_notification":  # which has no response
            self._link.answer(pdu.sequence, "generic_nack", RINVCMDID)

    def _take(self, pdu: Any) -> None:
        self.arrived += 1
        receipt = words.receipt_of(pdu)
        if receipt is None:
            self.messages += 1
        else:
            self.receipts.append(receipt)
