"""The settings of one bearerbox connection, from the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from ksmppd_py.bearerbox.incoming import MAX_PENDING


@dataclass(frozen=True, slots=True)
class BoxSettings:
    """A bearerbox-connection group. `boxc_id` None = anonymous; `max_pending` is the bearerbox's smsbox-max-pending."""

    host: str
    port: int
    boxc_id: str | None = None
    tls: bool = False
    max_pending: int = MAX_PENDING

    @property
    def name(self) -> str:
        """The name in log lines."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.boxc_id or 'anonymous'}@{host}:{self.port}"
