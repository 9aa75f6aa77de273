"""The error map of the configuration, for the two flows that it concerns."""

from __future__ import annotations

from dataclasses import dataclass

from ksmppd_py.config import Config
from ksmppd_py.flows.billing import Billing
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.server import settings


@dataclass(frozen=True, slots=True)
class ErrorMapping:
    """Reports are changed by `delivery`; where they may give prices back, `billing` notes these in messages."""

    delivery: DeliveryFlow
    billing: Billing

    def reconfigure(self, config: Config) -> None:
        """Take over the error map of a configuration, for later messages and reports. Doesn't yield."""
        error_map = settings.error_map(config)
        self.delivery.reconfigure(error_map)
        self.billing.notes_prices = error_map is not None and error_map.refunds
