"""The bind handshake: who may bind, from where, how often (SMPP 3.4, 4.1; docs/rules/smpp-session.md 2 and 5)."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from ksmppd_py.config import KsmppdGroup
from ksmppd_py.errors import BackendUnavailable, TemporaryError
from ksmppd_py.esme.admission import BLOCKED, BUSY, DISCONNECTED, Admission, BindAttempt, NotAdmitted
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.dlr_profiles import ConfiguredProfile, DlrProfiles, resolve
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.esme.settings import server_id
from ksmppd_py.ip_addresses import matches
from ksmppd_py.logs import EACH
from ksmppd_py.model.account import Account
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.counted_ids import CountedIdsOfAccounts
from ksmppd_py.model.esme import Counters, Esme
from ksmppd_py.model.events import EventKind
from ksmppd_py.model.meters import Load
from ksmppd_py.model.names import to_octets
from ksmppd_py.model.ports import Authenticator
from ksmppd_py.model.refusals import BIND, Example
from ksmppd_py.model.work import BindContext
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.pdus import BindReceiver, BindTransceiver, BindTransmitter
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.coding import known_charset
from ksmppd_py.translate.tlvs import TlvTables

logger = logging.getLogger(__name__)

BindRequest = BindTransmitter | BindReceiver | BindTransceiver
_MOST_TRIES = 5
"""Tries to authenticate a bind while its account changes."""
_SC_INTERFACE_VERSION = {0x0210: b"\x34"}


@dataclass(frozen=True, slots=True)
class BindRefused:
    """A bind was refused with this status."""

    command_status: int


class Binder:
    """Authenticates binds and checks their limits."""

    def __init__(
        self,
        authenticator: Authenticator,
        registry: EsmeRegistry,
        blocklist: BlockList,
        settings: KsmppdGroup,
        tlvs: TlvTables,
        clock: Clock = time,
        profiles: DlrProfiles | None = None,
        ids: CountedIdsOfAccounts | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._registry = registry
        self._blocklist = blocklist
        self._admission = Admission(blocklist, settings.max_unbound_connections, clock)
        self._settings = settings
        self._tlvs = tlvs
        self._clock = clock
        self._profiles = profiles or DlrProfiles()
        self._ids = ids

    def authenticate(self, request: BindRequest, attempt: BindAttempt) -> Account | BindRefused:
        """Return the account that may bind now, or the refusal. May yield (other binds of the address, database, HTTP).

        A failure is counted when this returns. After this returned an account, the caller adds the bind to the registry
        without yielding in between.
        """
        name = request.system_id.decode("latin-1")
        try:
            with self._admission.take(attempt):
                decision, counts = self._decide(request, name, attempt.ip)
                if counts:
                    self._count_failure(attempt.ip, name)
                elif self._admission.is_blocked(attempt.ip):
                    raise NotAdmitted(BLOCKED)  # others of this address failed meanwhile
                elif isinstance(decision, Account):
                    self._blocklist.succeeded(attempt.ip, _key(name))
                    logger.info("SMPP[%s] Successfully authenticated", decision.system_id)
                return decision
        except NotAdmitted as refusal:
            return self._not_admitted(name, attempt.ip, refusal.reason)

    def _decide(self, request: BindRequest, name: str, ip: str) -> tuple[Account | BindRefused, bool]:
        """Return the account or the refusal, and whether it counts for the block list. May yield."""
        if _has_controls(request.system_id) or _has_controls(request.password):
            return self._refused(name, ip, "control characters", self._bad_credentials), True
        try:
            account = self._account(request, ip)
        except TemporaryError as error:
            return self._refused(name, ip, "back end", CommandStatus.RSYSERR, f": {error}"), False
        if account is None:
            return self._refused(name, ip, "credentials", self._bad_credentials), True
        if account.connect_allow_ip and not matches(account.connect_allow_ip, ip):
            return self._refused(name, ip, "ip", self._bad_credentials), True
        bound = self._registry.binds_of(account.system_id)
        if 0 < account.max_binds <= bound:
            # KSMPPD's words come first, because operators search for them.
            text = f"has exceeded its bind limit ({bound}/{account.max_binds}), rejecting bind from {ip}: max_binds"
            logger.warning("SMPP[%s] %s", name, text, extra=EACH)
            status = self._profiles.of(account).profile.statuses.too_many_binds
            return self._noted(name, ip, "max_binds", status), False
        return account, False

    def _account(self, request: BindRequest, ip: str) -> Account | None:
        """Ask the authenticator, once more when an operator changed or deleted the account meanwhile. May yield."""
        for _ in range(_MOST_TRIES):
            before = self._registry.changes
            account = self._authenticator.authenticate(request.system_id, request.password, ip)
            if account is None or not self._registry.has_changed(account.system_id, before):
                return account
        raise BackendUnavailable("the account changes all the time")

    def _count_failure(self, ip: str, name: str) -> None:
        if self._blocklist.failed(ip, _key(name), self._clock.monotonic()):
            fields = {"ip": ip, "system_id": name}
            text = f"{ip} is blocked after refused binds"
            self._registry.meters.events.add(EventKind.ADDRESS_BLOCKED, text, self._clock.time(), fields)

    def _refused(
        self,
        name: str,
        ip: str,
        reason: str,
        command_status: int,
        details: str = "",
    ) -> BindRefused:
        logger.warning("SMPP[%s] bind from %s refused: %s%s", name, ip, reason, details, extra=EACH)
        return self._noted(name, ip, reason, command_status)

    def _noted(self, name: str, ip: str, reason: str, command_status: int) -> BindRefused:
        example = Example(int(command_status))
        self._registry.meters.refusals.add(BIND, name, ip, reason, self._clock.time(), example=example)
        return BindRefused(int(command_status))

    def _not_admitted(self, name: str, ip: str, reason: str) -> BindRefused:
        """Refuse a bind that the authenticator wasn't asked about: there may be very many of these."""
        if reason == DISCONNECTED:
            return BindRefused(int(CommandStatus.RSYSERR))  # the connection has ended
        if reason == BUSY:
            logger.warning("Too many binds from %s wait for authentication, one is refused", ip)
            return self._noted(name, ip, reason, CommandStatus.RSYSERR)
        logger.debug("SMPP[%s] bind from %s refused: %s", name, ip, reason)
        return self._noted(name, ip, reason, self._bad_credentials)

    @property
    def _bad_credentials(self) -> int:
        return self._profiles.statuses.bad_credentials

    def reconfigure(self, settings: KsmppdGroup, tlvs: TlvTables, profiles: DlrProfiles) -> None:
        """Take over other settings, for later binds and later calls of `options`. Doesn't yield."""
        self._settings = settings
        self._tlvs = tlvs
        self._profiles = profiles
        self._admission.reconfigure(settings.max_unbound_connections)

    def response(self, command_id: int, sequence_number: int, options: BindOptions) -> bytes:
        """Return the frame of the positive response to a bind request."""
        response = codec.response_to(command_id)
        assert response is not None
        tlvs = _SC_INTERFACE_VERSION if options.takes_tlvs else {}
        return codec.pack(response(server_id(self._settings), tlvs), sequence_number)  # type: ignore[call-arg]  # every bind_*_resp has these two

    def profile_of(self, account: Account) -> ConfiguredProfile:
        """Return the profile of the account's new binds; an unknown one is logged."""
        return self._profiles.of(account)

    def context(
        self,
        esme: Esme,
        account: Account,
        options: BindOptions,
        counters: Counters,
        inbound: Load,
        bind_type: int,
        bind_id: int,
    ) -> BindContext:
        """Return the context of a new bind, with the message ids that its profile wants."""
        form = options.profile.id_form
        ids = self._ids.of(account.system_id, form) if form is not None and self._ids is not None else None
        service = to_octets(account.system_id)
        return BindContext(esme, account, options, service, counters, inbound, bind_type, bind_id, ids)

    def options(
        self, account: Account, interface_version: int, configured: ConfiguredProfile | None = None
    ) -> BindOptions:
        """Return the settings by which messages of this account's bind are translated.

        `configured` is the profile that a bind keeps, None for a new bind.
        """
        profile = resolve(configured or self._profiles.of(account), account, self._settings)
        return BindOptions(
            interface_version=interface_version,
            alt_charset=_charset(account) or self._settings.default_alt_charset,
            tlvs=self._tlvs.for_system_id(account.system_id),
            profile=profile,
            long_mo_as_payload=self._settings.long_mo_as_payload,
            fields_in_meta_data=self._settings.submit_fields_in_meta_data,
            dlr_always=self._settings.dlr_always and account.simulation is None,
        )


def _charset(account: Account) -> str | None:
    """The account's own alphabet; None when it has none or an unknown one, which is logged."""
    if not account.alt_charset:
        return None
    try:
        return known_charset(account.alt_charset)
    except (LookupError, ValueError):
        logger.error("SMPP[%s] alt_charset %r is unknown, ignored", account.system_id, account.alt_charset)
        return None


def _key(name: str) -> str:
    """Return one key for all spellings of a system_id that may be the same account."""
    return name.lower().rstrip(" ")


def _has_controls(octets: bytes) -> bool:
    return any(octet < 0x20 or octet == 0x7F for octet in octets)
