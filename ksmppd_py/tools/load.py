"""Sends many messages over one bind, and measures how fast that is and how long each answer took."""

from __future__ import annotations

import math
import struct
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from ksmppd_py.tools import pdus, words
from ksmppd_py.tools.esme_client import EsmeClient
from ksmppd_py.tools.link import EsmeError, Link

_RESPONSES = (0x80000004, 0x80000021, 0x80000000)  # submit_sm_resp, submit_multi_resp, generic_nack
_QUANTILES = (("median", 0.5), ("p95", 0.95), ("p99", 0.99))


@dataclass(slots=True)
class Outcome:
    """The result of a run. `latencies`: seconds from sending to the answer, by command_status, in no order."""

    asked: int
    sent: int = 0
    seconds: float = 0.0
    latencies: dict[int, list[float]] = field(default_factory=dict)
    reports: Counter[str] = field(default_factory=Counter)
    problem: str = ""

    @property
    def answered(self) -> int:
        """The number of answers, of any kind."""
        return sum(len(each) for each in self.latencies.values())

    def lines(self) -> list[str]:
        """Return the result in words, a line for each status."""
        rate = self.answered / self.seconds if self.seconds else 0.0
        lines = [
            f"{self.sent:,} of {self.asked:,} sent, {self.answered:,} answered in {self.seconds:.2f} s ({rate:,.1f}/s)"
        ]
        for status, numbers in sorted(_quantiles_by_status(self).items()):
            shown = ", ".join(f"{name} {value:.1f}" for name, value in numbers.items())
            lines.append(
                f"{words.status(status)}: {len(self.latencies[status]):,}; ms to the answer: {shown}"
            )
        if self.reports:
            counts = ", ".join(f"{count:,} {stat}" for stat, count in sorted(self.reports.items()))
            lines.append(f"final delivery reports: {counts}")
        return lines

    def facts(self) -> dict[str, Any]:
        """Return the result for programs; times are milliseconds."""
        statuses = [
            {
                "status": status,
                "status_name": words.status(0) if status == 0 else words.status_name(status),
                "count": len(self.latencies[status]),
                "milliseconds": {name: round(value, 3) for name, value in numbers.items()},
            }
            for status, numbers in sorted(_quantiles_by_status(self).items())
        ]
        return {
            "asked": self.asked,
            "sent": self.sent,
            "answered": self.answered,
            "seconds": round(self.seconds, 3),
            "statuses": statuses,
            "reports": dict(self.reports),
        }


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return minimum, median, 95 and 99 %, maximum, in milliseconds: each is a measured value (nearest rank)."""
    ordered = sorted(seconds)
    found = {"min": ordered[0]}
    for name, share in _QUANTILES:
        found[name] = ordered[math.ceil(share * len(ordered)) - 1]
    found["max"] = ordered[-1]
    return {name: value * 1000 for name, value in found.items()}


def _quantiles_by_status(outcome: Outcome) -> dict[int, dict[str, float]]:
    return {status: quantiles(latencies) for status, latencies in outcome.latencies.items()}


class Load:
    """Submits each message `count` times, with at most `window` unanswered.

    `rate`: submits a second (0: no limit). `patience`: seconds without an answer before it gives up.
    """

    def __init__(
        self, link: Link, client: EsmeClient, count: int, rate: float, window: int, patience: float
    ) -> None:
        self._link = link
        self._client = client
        self._count = count
        self._rate = rate
        self._window = window
        self._patience = patience
        self._open: dict[int, float] = {}
        self._ids: set[bytes] = set()
        self._began = 0.0

    def run(
        self, requests: Sequence[tuple[str, dict[str, Any]]], tlvs: Sequence[tuple[int, bytes]], reports: bool
    ) -> Outcome:
        """Send and take the answers, then the final reports if `reports`. An early end has its reason in `problem`."""
        packed = [
            pdus.with_tlvs(pdus.make(name, client=self._link, **fields).generate(), tlvs)
            for name, fields in requests
        ]
        outcome = Outcome(self._count * len(packed))
        self._began = last = time.monotonic()
        with tqdm(total=outcome.asked, unit=" msg", file=sys.stderr, disable=None, leave=False) as bar:
            try:
                while outcome.answered < outcome.asked and not outcome.problem:
                    self._send(packed, outcome)
                    if self._take(self._next_send(outcome, last + self._patience), outcome):
                        last = time.monotonic()
                        bar.update(outcome.answered - bar.n)
                    elif time.monotonic() > last + self._patience and self._open:
                        outcome.problem = (
                            f"no answer for {self._patience:g} s, {len(self._open):,} are missing"
                        )
            except KeyboardInterrupt:
                outcome.problem = "interrupted"
            except EsmeError as error:
                outcome.problem = str(error)
        outcome.seconds = time.monotonic() - self._began
        if reports and not outcome.problem:
            self._await_reports(outcome)
        return outcome

    def _send(self, packed: Sequence[bytes], outcome: Outcome) -> None:
        now = time.monotonic()
        due = outcome.asked if not self._rate else 1 + int((now - self._began) * self._rate)
        while outcome.sent < min(due, outcome.asked) and len(self._open) < self._window:
            octets = packed[outcome.sent % len(packed)]
            sequence = self._link.next_sequence()
            self._open[sequence] = time.monotonic()
            self._link.write(octets[:12] + struct.pack(">L", sequence) + octets[16:])
            outcome.sent += 1

    def _next_send(self, outcome: Outcome, deadline: float) -> float:
        """Return when to stop waiting for answers: at the next message's time, if the window has room for it."""
        if not self._rate or outcome.sent >= outcome.asked or len(self._open) >= self._window:
            return deadline
        next_one = self._began + outcome.sent / self._rate
        return min(deadline, next_one) if self._open else next_one

    def _take(self, deadline: float, outcome: Outcome) -> bool:
        """Take one PDU; return whether it answered a message of this run."""
        octets = self._link.next_octets(deadline)
        if octets is None:
            return False
        _, command_id, status, sequence = struct.unpack_from(">4L", octets)
        if command_id in _RESPONSES and sequence in self._open:
            outcome.latencies.setdefault(status, []).append(time.monotonic() - self._open.pop(sequence))
            if status == 0:
                self._ids.add(octets[16 : octets.find(b"\0", 16)])
            return True
        pdu = self._link.parse(octets)
        if pdu is not None:
            self._client.take(pdu)
        return False

    def _await_reports(self, outcome: Outcome) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            receipts = self._client.receipts
            for receipt in receipts:
                identity = receipt.message_id.encode("ascii", "replace")
                if receipt.final and identity in self._ids:
                    self._ids.discard(identity)
                    outcome.reports[receipt.stat] += 1
                    deadline = time.monotonic() + self._patience
            receipts.clear()
            try:
                if not self._ids or not self._client.wait_until(
                    lambda: bool(self._client.receipts), deadline
                ):
                    break
            except EsmeError as error:
                outcome.problem = str(error)
                return
            except KeyboardInterrupt:
                outcome.problem = "interrupted"
                return
        if self._ids:
            outcome.problem = f"{len(self._ids):,} final delivery reports are missing"
