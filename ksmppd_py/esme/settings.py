"""What the configuration says about sessions."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import NamedTuple

from ksmppd_py.smpp.timers import TimerSettings
from ksmppd_py.transport.tls import server_context


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Times are seconds. `server_id` goes into bind responses, at most 15 octets of it.

    `wait_ack_drops` is wait-ack-action 1: an unanswered deliver_sm counts as done; otherwise its bind is closed.
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
        """The timers of section 7.2 that run on silence; the response timer is wait_ack_timeout."""
        return TimerSettings(
            session_init=self.session_init_timeout,
            enquire_link=self.enquire_link_interval,
            inactivity=self.inactivity_timeout,
        )


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """A port for TLS. Paths of PEM files; with `authorities` ESMEs need a certificate that one of those signed."""

    port: int
    certificate: str
    key: str
    authorities: str = ""

    def context(self) -> ssl.SSLContext:
        """Read the files. Raises StartError."""
        return server_context(self.certificate, self.key, self.authorities)


class BlockListSettings(NamedTuple):
    """Failed binds that block an address (0 = none do), seconds until they are forgiven, patterns of whom it spares."""

    attempts: int
    time: float
    exempt: str
