"""/metrics for Prometheus: plain counters, collected when they are asked for, at no cost for the code that counts.

At most MOST_ACCOUNTS accounts have a label of their own, in the order in which they first bound; all other label values
are from fixed lists or from the configuration.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator, Mapping

import gevent
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from ksmppd_py import __version__
from ksmppd_py.admin.loop import LoopWatch
from ksmppd_py.admin.ports import ServerStatus
from ksmppd_py.model.condition import KINDS
from ksmppd_py.model.meters import Histogram
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.status import BearerboxSnapshot, ServerMetrics
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.session_state import BindType

MOST_ACCOUNTS = 1000
"""Accounts with a label of their own."""
OTHERS = "(others)"
CONTENT_TYPE = CONTENT_TYPE_LATEST
_BIND_TYPES = {int(bind_type): bind_type.name.lower() for bind_type in BindType}
_ACCEPTED = "accepted"

Samples = dict[tuple[str, ...], float]


class Metrics:
    """A registry apart from prometheus_client's global one, in which other code may register."""

    def __init__(self, server_status: ServerStatus, loop: LoopWatch) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_ServerCollector(server_status, loop))
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return all metrics now. May yield: with a thousand accounts the text takes 0.1 s and more."""
        parts = []
        for metric in list(self._registry.collect()):
            parts.append(generate_latest(_MetricCollector(metric)))
            gevent.sleep(0)
        return b"".join(parts)


class _MetricCollector(Collector):
    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> list[Metric]:
        """Return the one metric."""
        return [self._metric]


class _ServerCollector(Collector):
    def __init__(self, server_status: ServerStatus, loop: LoopWatch) -> None:
        self._server_status = server_status
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with all its samples."""
        metrics = self._server_status.metrics()
        yield InfoMetricFamily(
            "ksmppd",
            "Versions of the server and of Python.",
            {"version": __version__, "python": platform.python_version()},
        )
        yield _gauge("ksmppd_uptime_seconds", "Time since the start.", metrics.uptime)
        yield _gauge("ksmppd_ready", "Whether messages are accepted (as /readyz).", metrics.condition.ready)
        yield _gauges(
            "ksmppd_trouble",
            "Problems by kind; messages are accepted unless ksmppd_ready is 0.",
            ("kind",),
            _troubles(metrics),
        )
        yield from _esme_metrics(metrics)
        yield from _connection_metrics(metrics)
        yield _gauge(
            "ksmppd_blocked_addresses", "Addresses that may not connect now.", self._server_status.blocked()
        )
        yield from _bearerbox_metrics(metrics)
        yield from _database_metrics(metrics)
        yield from _backlog_metrics(metrics)
        yield _gauge(
            "ksmppd_unusable_rows",
            "Stored rows that can't be read, found since the start; their ids are in the log.",
            metrics.unusable_rows,
        )
        yield _histogram(
            "ksmppd_event_loop_lag_seconds",
            "Seconds by which a sleeping greenlet wakes too late.",
            self._loop.lag,
        )
        yield _gauge(
            "ksmppd_event_loop_lag_max_seconds",
            "The longest such delay of the last minute.",
            self._loop.worst,
        )


def _troubles(metrics: ServerMetrics) -> Samples:
    there = [trouble.kind for trouble in metrics.condition.troubles]
    return {(kind,): float(kind in there) for kind in KINDS}


def _esme_metrics(metrics: ServerMetrics) -> Iterator[Metric]:
    submits: Samples = {}
    throttled: Samples = {}
    delivered: Samples = {}
    reports: Samples = {}
    for number, esme in enumerate(metrics.esmes):
        account = esme.system_id if number < MOST_ACCOUNTS else OTHERS
        for bind_type, totals in esme.totals.items():
            kind = _BIND_TYPES[bind_type]
            _add(submits, totals.mt, account, kind, _status(0))
            for status, count in totals.refused.items():
                _add(submits, count, account, kind, _status(status))
            _add(throttled, totals.throttled, account)
            _add(delivered, totals.mo, account, kind, "mo", _ACCEPTED)
            _add(delivered, totals.dlr, account, kind, "report", _ACCEPTED)
            _add(reports, totals.dlr, account)
            for (is_report, outcome), count in totals.undelivered.items():
                _add(delivered, count, account, kind, "report" if is_report else "mo", _outcome(outcome))
    labels = ("system_id", "bind_type")
    yield _counters(
        "ksmppd_submits", "submit_sm and data_sm by answer.", (*labels, "command_status"), submits
    )
    yield _counters("ksmppd_throttled", "Submits above the throughput.", ("system_id",), throttled)
    yield _counters(
        "ksmppd_deliver_sm", "deliver_sm by how they ended.", (*labels, "kind", "outcome"), delivered
    )
    yield from _account_metrics(metrics)
    ends: Samples = {}
    shown = {esme.system_id for esme in metrics.esmes[:MOST_ACCOUNTS]}
    for (system_id, stat), count in metrics.meters.ends.items():
        _add(ends, count, system_id if system_id in shown else OTHERS, stat)
    yield _counters(
        "ksmppd_message_ends", "Final reports while dlr-always is on.", ("system_id", "stat"), ends
    )
    yield _counters("ksmppd_reports", "Delivery reports that ESMEs accepted.", ("system_id",), reports)


def _account_metrics(metrics: ServerMetrics) -> Iterator[Metric]:
    """Yield limits and credit of the accounts that have a label of their own."""
    accounts = [esme.account for esme in metrics.esmes[:MOST_ACCOUNTS]]
    limits: Samples = {(each.system_id,): each.throughput for each in accounts if each.throughput > 0}
    credit: Samples = {
        (each.system_id,): metrics.credits[each.system_id]
        for each in accounts
        if each.enable_prepaid_billing and each.system_id in metrics.credits
    }
    label = ("system_id",)
    yield _gauges("ksmppd_throughput_limit", "Messages a second that an account may submit.", label, limits)
    yield _gauges("ksmppd_credit", "Credit of prepaid accounts, read every 30 s.", label, credit)


def _connection_metrics(metrics: ServerMetrics) -> Iterator[Metric]:
    known = {esme.system_id: number for number, esme in enumerate(metrics.esmes)}
    binds: Samples = {}
    for (system_id, bind_type), count in metrics.binds.items():
        account = system_id if known.get(system_id, MOST_ACCOUNTS) < MOST_ACCOUNTS else OTHERS
        _add(binds, count, account, _BIND_TYPES[bind_type])
    yield _gauges("ksmppd_binds", "Live binds.", ("system_id", "bind_type"), binds)
    refused: Samples = {(reason,): float(count) for reason, count in metrics.meters.refusals.binds.items()}
    yield _counters("ksmppd_binds_refused", "Binds refused.", ("reason",), refused)
    refusals: Samples = {}
    for (kind, reason, status), count in metrics.meters.refusals.counts.items():
        _add(refusals, count, kind, reason, _status(status))
    yield _counters(
        "ksmppd_refusals", "Refused binds and submits.", ("kind", "reason", "command_status"), refusals
    )
    yield _gauge("ksmppd_submits_octets", "Memory that unanswered submits take, about.", metrics.held_octets)
    yield _gauge("ksmppd_connections", "Connections of ESMEs, bound or not.", metrics.connections)
    yield _counters(
        "ksmppd_connections_blocked",
        "Connections of blocked addresses, refused.",
        (),
        {(): metrics.connections_refused},
    )


def _bearerbox_metrics(metrics: ServerMetrics) -> Iterator[Metric]:
    boxes = metrics.bearerboxes.bearerboxes

    def each(value: str) -> Samples:
        return {(box.name,): float(getattr(box, value)) for box in boxes}

    label = ("bearerbox",)
    yield _gauges("ksmppd_bearerbox_up", "Whether the bearerbox is connected.", label, each("online"))
    yield _gauges("ksmppd_bearerbox_open_acks", "MTs sent and not acked.", label, each("open_acks"))
    yield _gauges("ksmppd_bearerbox_incoming", "MOs and reports not acked by us.", label, each("incoming"))
    yield _counters("ksmppd_bearerbox_received", "MOs and reports received.", label, each("received"))
    yield _counters("ksmppd_bearerbox_connects", "Connections made.", label, each("connects"))
    yield _counters("ksmppd_bearerbox_acks", "Acks of MTs.", (*label, "status"), _acks(boxes))
    yield _gauge(
        "ksmppd_bearerbox_waiting",
        "MTs that wait for room in any bearerbox's window.",
        metrics.bearerboxes.waiting,
    )
    latency = HistogramMetricFamily(
        "ksmppd_bearerbox_ack_seconds", "From sending an MT to its ack; one of each read.", labels=label
    )
    for name, histogram in metrics.acks.items():
        latency.add_metric([name], *_buckets(histogram))
    yield latency


def _acks(boxes: Iterable[BearerboxSnapshot]) -> Samples:
    return {
        (box.name, status): float(getattr(box, status))
        for box in boxes
        for status in ("accepted", "refused", "refused_for_now")
    }


def _database_metrics(metrics: ServerMetrics) -> Iterator[Metric]:
    yield _histogram(
        "ksmppd_route_seconds", "Routing a batch of submits of one bind.", metrics.meters.routing
    )
    database = metrics.database
    if database is not None:
        yield _histogram("ksmppd_database_seconds", "Operations of the database.", database.latency)
        failures: Samples = {(): database.failures}
        yield _counters(
            "ksmppd_database_failures", "Operations that failed because the database was away.", (), failures
        )
        yield _gauge(
            "ksmppd_database_up", "Whether the database answered the last operation.", database.available
        )


def _backlog_metrics(metrics: ServerMetrics) -> Iterator[Metric]:
    yield _counters(
        "ksmppd_queue_dropped",
        "Stored messages that were given up: MTs past their validity, MOs and reports above a limit.",
        ("reason",),
        {(reason.value,): float(count) for reason, count in metrics.meters.dropped.items()},
    )
    backlog = metrics.backlog
    if backlog is None:
        return
    now = time.time()
    rows: Samples = {}
    oldest: Samples = {}
    accounts = {depth.system_id for depth in backlog.depths}
    shown = set(sorted(accounts)[:MOST_ACCOUNTS])
    for depth in backlog.depths:
        labels = (depth.queue, depth.system_id if depth.system_id in shown else OTHERS)
        _add(rows, depth.rows, *labels)
        if depth.oldest is not None:
            oldest[labels] = max(oldest.get(labels, 0.0), now - depth.oldest)
    labels = ("queue", "system_id")
    yield _gauges("ksmppd_backlog_rows", "Stored messages that wait.", labels, rows)
    yield _gauges("ksmppd_backlog_oldest_seconds", "Age of the oldest stored message.", labels, oldest)
    yield _gauge("ksmppd_backlog_age_seconds", "How long ago the rows were counted.", now - backlog.taken)
    yield _gauge("ksmppd_backlog_complete", "Whether all rows were counted.", backlog.complete)


def _status(command_status: int) -> str:
    """Return a label for a status: SMPP's name, or `vendor` or `other`, since routers may send any number."""
    try:
        return f"ESME_{CommandStatus(command_status).name}"
    except ValueError:
        return "vendor" if 0x400 <= command_status <= 0x4FF else "other"


def _outcome(outcome: Outcome) -> str:
    return outcome.name.lower()


def _add(samples: Samples, count: float, *labels: str) -> None:
    samples[labels] = samples.get(labels, 0) + count


def _counters(
    name: str, words: str, labels: tuple[str, ...], samples: Mapping[tuple[str, ...], float]
) -> Metric:
    family = CounterMetricFamily(name, words, labels=labels)
    for values, value in samples.items():
        family.add_metric(values, value)
    return family


def _gauges(
    name: str, words: str, labels: tuple[str, ...], samples: Mapping[tuple[str, ...], float]
) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for values, value in samples.items():
        family.add_metric(values, value)
    return family


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=float(value))


def _histogram(name: str, words: str, histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(name, words)
    family.add_metric([], *_buckets(histogram))
    return family


def _buckets(histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    """Return Prometheus' buckets, each of which counts everything up to its bound, and the sum."""
    counted = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.counts, strict=True):
        counted += count
        buckets.append((bound, counted))
    return buckets, histogram.total
