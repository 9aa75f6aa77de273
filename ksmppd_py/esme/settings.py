"""What the configuration says about sessions."""

from __future__ import annotations

from dataclasses import dataclass

from ksmppd_py.smpp.timers import TimerSettings


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
    cut_dlr_err: bool = False
    max_unbound: int = 1000

    @property
    def timers(self) -> TimerSettings:
        """The four timers of section 7.2."""
        return TimerSettings(
            session_init=self.session_init_timeout,
            enquire_link=self.enquire_link_interval,
            inactivity=self.inactivity_timeout,
            response=self.wait_ack_timeout,
        )
