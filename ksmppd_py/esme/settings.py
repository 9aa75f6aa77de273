"""The settings of sessions, TLS and the block list, from the configuration."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import NamedTuple

from ksmppd_py.smpp.timers import TimerSettings
from ksmppd_py.transport.tls import server_context


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The settings of all sessions. Times are seconds; `server_id` goes into bind responses, at most 15 octets of it.

    `wait_ack_drops` is wait-ack-action 1: a deliver_sm without an answer counts as done. Otherwise its bind is closed.
    """

    server_id: bytes = b""
    max_open_acks: int = 500
    wait_ack_timeout: float = 120.0
    wait_ack_drops: bool = False
    session_init_timeout: float = 60.0
    enquire_link_interval: float = 180.0
    inactivity_timeout: float = 540.0
    switch_dlr_addr: bool = False
    default_alt_charset: str | None = None
    dlr_err_length: int = 3
    long_mo_as_payload: bool = False
    submit_fields_in_meta_data: bool = False
    max_unbound: int = 1000

    @property
    def timers(self) -> TimerSettings:
        """The timers that run on silence (SMPP 3.4, 7.2); the response timer is wait_ack_timeout."""
        return TimerSettings(
            session_init=self.session_init_timeout,
            enquire_link=self.enquire_link_interval,
            inactivity=self.inactivity_timeout,
        )


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The port for TLS.

    Paths are of PEM files; with `authorities` an ESME needs a certificate that one of those signed.
    """

    port: int
    certificate: str
    key: str
    authorities: str = ""

    def context(self) -> ssl.SSLContext:
        """Read the files. Raises StartError when one can't be used."""
        return server_context(self.certificate, self.key, self.authorities)


class BlockListSettings(NamedTuple):
    """Refused binds that block an address (0 = none do), seconds until they are forgotten, exempt addresses."""

    attempts: int
    time: float
    exempt: str
