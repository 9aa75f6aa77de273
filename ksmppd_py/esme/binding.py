"""The bind handshake: who may bind, from where, how often (spec/smpp-session.md 5)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from ksmppd_py.errors import TemporaryError
from ksmppd_py.esme.addresses import matches
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.esme.settings import SessionSettings
from ksmppd_py.logs import EACH
from ksmppd_py.model.account import Account
from ksmppd_py.model.ports import Authenticator
from ksmppd_py.model.refusals import BIND, Example
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.pdus import BindReceiver, BindTransceiver, BindTransmitter
from ksmppd_py.translate.coding import known_charset
from ksmppd_py.translate.dialect import Dialect
from ksmppd_py.translate.tlvs import TlvTables

logger = logging.getLogger(__name__)

BindRequest = BindTransmitter | BindReceiver | BindTransceiver
TRANSMITTER, RECEIVER, TRANSCEIVER = 1, 2, 3
"""bind_type: bit 1 may submit, bit 2 may be delivered to."""
BIND_TYPES: dict[type, int] = {
    BindTransmitter: TRANSMITTER,
    BindReceiver: RECEIVER,
    BindTransceiver: TRANSCEIVER,
}
_SC_INTERFACE_VERSION = {0x0210: b"\x34"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a bind was refused; `counts` = it is a failure of the peer and counts for the IP block list."""

    command_status: int
    counts: bool


class Binder:
    """Authenticates binds and checks their limits."""

    def __init__(
        self,
        authenticator: Authenticator,
        registry: EsmeRegistry,
        blocklist: BlockList,
        settings: SessionSettings,
        tlvs: TlvTables,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._authenticator = authenticator
        self._registry = registry
        self._blocklist = blocklist
        self._settings = settings
        self._tlvs = tlvs
        self._clock = clock

    def authenticate(self, request: BindRequest, ip: str) -> Account | Refusal:
        """The account that may bind now, or why not. May yield (database, HTTP).

        After this returned an account, the caller adds the bind to the registry without yielding in between.
        """
        name = request.system_id.decode("latin-1")
        if _has_controls(request.system_id) or _has_controls(request.password):
            return self._refused(name, ip, "control characters", CommandStatus.RBINDFAIL, counts=True)
        try:
            account = self._authenticator.authenticate(request.system_id, request.password, ip)
        except TemporaryError as error:
            return self._refused(
                name, ip, "back end", CommandStatus.RSYSERR, counts=False, details=f": {error}"
            )
        if account is None:
            return self._refused(name, ip, "credentials", CommandStatus.RBINDFAIL, counts=True)
        if account.connect_allow_ip and not matches(account.connect_allow_ip, ip):
            return self._refused(name, ip, "ip", CommandStatus.RBINDFAIL, counts=True)
        bound = self._registry.binds_of(account.system_id)
        if 0 < account.max_binds <= bound:
            limit = f"has exceeded its bind limit ({bound}/{account.max_binds}), rejecting"
            return self._refused(name, ip, "max_binds", CommandStatus.RBINDFAIL, counts=False, limit=limit)
        self._blocklist.succeeded(ip)
        logger.info("SMPP[%s] Successfully authenticated", account.system_id)
        return account

    def _refused(
        self,
        name: str,
        ip: str,
        reason: str,
        command_status: int,
        counts: bool,
        details: str = "",
        limit: str = "",
    ) -> Refusal:
        if limit:  # the original's words in front, since people look for them
            logger.warning("SMPP[%s] %s bind from %s: %s", name, limit, ip, reason, extra=EACH)
        else:
            logger.warning("SMPP[%s] bind from %s refused: %s%s", name, ip, reason, details, extra=EACH)
        example = Example(int(command_status))
        self._registry.meters.refusals.add(BIND, name, ip, reason, self._clock(), example=example)
        return Refusal(int(command_status), counts)

    def change(self, settings: SessionSettings, tlvs: TlvTables) -> None:
        """Later binds, and `dialect`, are by these."""
        self._settings = settings
        self._tlvs = tlvs

    def response(self, command_id: int, sequence_number: int, dialect: Dialect) -> bytes:
        """The positive answer to a bind request."""
        response = codec.response_to(command_id)
        assert response is not None
        tlvs = _SC_INTERFACE_VERSION if dialect.takes_tlvs else {}
        return codec.pack(response(self._settings.server_id, tlvs), sequence_number)  # type: ignore[call-arg]  # every bind_*_resp has these two

    def dialect(self, account: Account, interface_version: int) -> Dialect:
        """How a bind of this account speaks."""
        switch = account.switch_dlr_addr
        return Dialect(
            interface_version=interface_version,
            alt_charset=_charset(account) or self._settings.default_alt_charset,
            tlvs=self._tlvs.for_system_id(account.system_id),
            switch_dlr_addr=self._settings.switch_dlr_addr if switch is None else switch,
            long_mo_as_payload=self._settings.long_mo_as_payload,
            cut_err=self._settings.cut_dlr_err,
            fields_in_meta_data=self._settings.submit_fields_in_meta_data,
        )


def _charset(account: Account) -> str | None:
    """The account's own alphabet; one that nobody knows is as none."""
    if not account.alt_charset:
        return None
    try:
        return known_charset(account.alt_charset)
    except (LookupError, ValueError):
        logger.error("SMPP[%s] alt_charset %r is unknown, ignored", account.system_id, account.alt_charset)
        return None


def _has_controls(octets: bytes) -> bool:
    return any(octet < 0x20 or octet == 0x7F for octet in octets)
