"""Longer histories than the server's own, from the Prometheus that scrapes it (`prometheus-url`)."""

from __future__ import annotations

import json
import math
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode

from ksmppd_py.errors import BackendUnavailable

TIMEOUT = 5.0
"""Seconds for an answer of Prometheus."""
LONGEST_ANSWER = 4 * 1024 * 1024
"""Octets of an answer of Prometheus."""
POINTS = 360
"""Points of one history, at most; those of a short one are a minute apart."""

_QUERIES: Mapping[str, str] = {
    "submits": 'sum(rate(ksmppd_submits_total{{command_status="ESME_ROK"{also}}}[{step}s]))',
    "refused": 'sum(rate(ksmppd_submits_total{{command_status!="ESME_ROK"{also}}}[{step}s]))',
    "deliveries": 'sum(rate(ksmppd_deliver_sm_total{{kind="mo",outcome="accepted"{also}}}[{step}s]))',
    "reports": 'sum(rate(ksmppd_deliver_sm_total{{kind="report",outcome="accepted"{also}}}[{step}s]))',
    "binds": "sum(ksmppd_binds{selector})",
}


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus server at `url`, without its /api/v1."""

    url: str

    def columns(
        self, system_id: str | None, seconds: int, now: float
    ) -> tuple[list[int], dict[str, list[float | None]]]:
        """Return times (epoch seconds) and the values of each series, of one account or of all; None = no value.

        Raises BackendUnavailable. Yields, at most TIMEOUT for each series.
        """
        step = max(60, seconds // POINTS)
        end = int(now) // step * step
        times = list(range(end - seconds // step * step, end + 1, step))
        also = f",system_id={json.dumps(system_id)}" if system_id is not None else ""
        selector = f"{{{also[1:]}}}" if also else ""
        columns: dict[str, list[float | None]] = {}
        for name, query in _QUERIES.items():
            asked = query.format(also=also, selector=selector, step=max(step, 120))
            found = self._values(asked, times[0], times[-1], step)
            columns[name] = [found.get(time) for time in times]
        return times, columns

    def _values(self, query: str, start: int, end: int, step: int) -> dict[int, float | None]:
        parameters = urlencode({"query": query, "start": start, "end": end, "step": step})
        address = f"{self.url.rstrip('/')}/api/v1/query_range?{parameters}"
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
                document = json.loads(answer.read(LONGEST_ANSWER))
            result = document["data"]["result"]
            rows = result[0]["values"] if result else []
            return {int(float(time)): _number(value) for time, value in rows}
        except (URLError, OSError, ValueError, LookupError, TypeError) as error:
            raise BackendUnavailable(f"Prometheus doesn't answer: {error}") from error


def _number(text: Any) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
