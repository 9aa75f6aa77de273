"""/metrics: what it says, that it stays small, and that the examples name nothing that isn't there."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import gevent
import pytest
import yaml
from admin_fakes import FakeOperations, FakeServerStatus
from admin_http import Client
from prometheus_client.parser import text_string_to_metric_families

from ksmppd_py.admin.history import INTERVAL, POINTS, History
from ksmppd_py.admin.loop import LoopWatch
from ksmppd_py.admin.metrics import MOST_ACCOUNTS, OTHERS, Metrics
from ksmppd_py.model.account import Account
from ksmppd_py.model.condition import KINDS, Trouble
from ksmppd_py.model.esme import Esme
from ksmppd_py.model.status import Backlog, QueueDepth

MONITORING = Path(__file__).resolve().parents[2] / "examples/monitoring"
_NAME = re.compile(r"\b(?:ksmppd|process|python)_[a-z_]+\b")

Labels = tuple[tuple[str, str], ...]


def scrape(server_status: FakeServerStatus) -> dict[str, dict[Labels, float]]:
    """All samples by name and labels."""
    found: dict[str, dict[Labels, float]] = {}
    text = Metrics(server_status, LoopWatch()).text().decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples = found.setdefault(sample.name, {})
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in samples, f"{sample.name}{labels} twice"
            samples[labels] = sample.value
    return found


@pytest.fixture
def server_status() -> FakeServerStatus:
    return FakeServerStatus()


def of(labels: str) -> Labels:
    return tuple(sorted(tuple(each.split("=")) for each in labels.split(",") if each))  # type: ignore[arg-type]  # two parts each


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("ksmppd_uptime_seconds", "", 11.5),
        ("ksmppd_unusable_rows", "", 0.0),
        ("ksmppd_ready", "", 1),
        ("ksmppd_binds", "system_id=smppusera,bind_type=transceiver", 2),
        ("ksmppd_binds", "system_id=smppusera,bind_type=transmitter", 1),
        ("ksmppd_connections", "", 4),
        ("ksmppd_blocked_addresses", "", 2),
        ("ksmppd_throughput_limit", "system_id=smppusera", 11.0),
        ("ksmppd_credit", "system_id=smppusera", 12.5),
        ("ksmppd_trouble", "kind=bearerbox_refuses", 0),
        (
            "ksmppd_refusals_total",
            "kind=submit,reason=refused by the bearerbox,command_status=ESME_RSUBMITFAIL",
            3,
        ),
        ("ksmppd_refusals_total", "kind=bind,reason=credentials,command_status=ESME_RBINDFAIL", 1),
        ("ksmppd_connections_blocked_total", "", 6),
        ("ksmppd_binds_refused_total", "reason=credentials", 1),
        ("ksmppd_submits_total", "system_id=smppusera,bind_type=transceiver,command_status=ESME_ROK", 5),
        (
            "ksmppd_submits_total",
            "system_id=smppusera,bind_type=transceiver,command_status=ESME_RTHROTTLED",
            3,
        ),
        ("ksmppd_submits_total", "system_id=smppusera,bind_type=transceiver,command_status=vendor", 1),
        ("ksmppd_submits_total", "system_id=smppusera,bind_type=transceiver,command_status=other", 2),
        ("ksmppd_throttled_total", "system_id=smppusera", 3),
        ("ksmppd_reports_total", "system_id=smppusera", 2),
        ("ksmppd_deliver_sm_total", "system_id=smppusera,bind_type=transceiver,kind=mo,outcome=accepted", 1),
        (
            "ksmppd_deliver_sm_total",
            "system_id=smppusera,bind_type=transceiver,kind=report,outcome=timeout",
            1,
        ),
        ("ksmppd_bearerbox_up", "bearerbox=KSMPPD@127.0.0.1:14001", 1),
        ("ksmppd_bearerbox_up", "bearerbox=x", 0),
        ("ksmppd_bearerbox_open_acks", "bearerbox=x", 3),
        ("ksmppd_bearerbox_acks_total", "bearerbox=x,status=refused_for_now", 1),
        ("ksmppd_bearerbox_received_total", "bearerbox=x", 12),
        ("ksmppd_bearerbox_waiting", "", 9),
        ("ksmppd_route_seconds_bucket", "le=0.001", 0),
        ("ksmppd_route_seconds_bucket", "le=0.0025", 1),
        ("ksmppd_route_seconds_count", "", 1),
        ("ksmppd_database_failures_total", "", 1),
        ("ksmppd_database_up", "", 1),
        ("ksmppd_backlog_rows", "queue=mt,system_id=smppusera", 5),
        ("ksmppd_backlog_complete", "", 1),
        ("ksmppd_event_loop_lag_max_seconds", "", 0),
    ],
)
def test_samples(server_status: FakeServerStatus, name: str, labels: str, value: float) -> None:
    assert scrape(server_status)[name][of(labels)] == value


def test_ages(server_status: FakeServerStatus) -> None:
    samples = scrape(server_status)
    assert 60 <= samples["ksmppd_backlog_oldest_seconds"][of("queue=mt,system_id=smppusera")] < 70
    assert 3 <= samples["ksmppd_backlog_age_seconds"][()] < 13


def test_process_metrics(server_status: FakeServerStatus) -> None:
    samples = scrape(server_status)
    assert samples["process_resident_memory_bytes"][()] > 1e6
    assert samples["process_open_fds"][()] > 2


def test_thousands_of_accounts_stay_bounded(server_status: FakeServerStatus) -> None:
    server_status.esmes = []
    for number in range(MOST_ACCOUNTS + 500):
        esme = Esme(Account(f"a{number}"), 0, 0)
        esme.totals_of(1).mt = 2
        server_status.esmes.append(esme)
    submits = scrape(server_status)["ksmppd_submits_total"]
    assert len(submits) == MOST_ACCOUNTS + 1
    assert submits[of(f"system_id={OTHERS},bind_type=transmitter,command_status=ESME_ROK")] == 1000


def test_a_backlog_of_thousands_of_accounts_too(server_status: FakeServerStatus) -> None:
    depths = tuple(QueueDepth("mt", f"a{n}", 1, None) for n in range(MOST_ACCOUNTS + 500))
    server_status.backlog = Backlog(time.time(), True, depths)
    rows = scrape(server_status)["ksmppd_backlog_rows"]
    assert (len(rows), sum(rows.values())) == (MOST_ACCOUNTS + 1, MOST_ACCOUNTS + 500)


def test_before_the_database_answered(server_status: FakeServerStatus) -> None:
    server_status.backlog = None
    assert "ksmppd_backlog_rows" not in scrape(server_status)


def test_limits_and_credit_are_told_of_those_that_have_them(server_status: FakeServerStatus) -> None:
    samples = scrape(server_status)
    for metric in ("ksmppd_throughput_limit", "ksmppd_credit"):
        assert [dict(labels)["system_id"] for labels in samples[metric]] == ["smppusera"]
    server_status.esmes = [
        Esme(Account(f"n{number}", throughput=1.0), 0, 0) for number in range(MOST_ACCOUNTS + 5)
    ]
    assert len(scrape(server_status)["ksmppd_throughput_limit"]) == MOST_ACCOUNTS


def test_troubles_are_told(server_status: FakeServerStatus) -> None:
    server_status.troubles = (
        Trouble("bearerbox_refuses", "x"),
        Trouble("bearerbox_away", "x"),
        Trouble("bearerbox_away", "y"),
    )
    told = {dict(labels)["kind"]: value for labels, value in scrape(server_status)["ksmppd_trouble"].items()}
    assert set(told) == set(KINDS)
    assert {kind for kind, value in told.items() if value} == {"bearerbox_refuses", "bearerbox_away"}


def test_strange_names_are_escaped(server_status: FakeServerStatus) -> None:
    server_status.esmes = [Esme(Account('a"b\\c\n'), 0, 0)]
    server_status.esmes[0].totals_of(1).mt = 1
    samples = scrape(server_status)["ksmppd_submits_total"]
    assert any(dict(labels)["system_id"] == 'a"b\\c\n' for labels in samples)


def test_page(client: Client) -> None:
    answer = client.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert b"\nksmppd_ready 1.0\n" in answer.body
    assert client.get("/metrics", password="").status == 403


class TestExamples:
    def exported(self, server_status: FakeServerStatus) -> set[str]:
        return set(scrape(server_status))

    def test_dashboard(self, server_status: FakeServerStatus) -> None:
        dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text("utf-8"))
        queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
        queries += [variable["query"] for variable in dashboard["templating"]["list"] if "query" in variable]
        named = {name for query in queries for name in _NAME.findall(str(query))}
        assert len(named) > 15
        assert named - self.exported(server_status) == set()

    def test_alerts(self, server_status: FakeServerStatus) -> None:
        rules = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))
        alerts = [rule for group in rules["groups"] for rule in group["rules"]]
        assert len({rule["alert"] for rule in alerts}) == len(alerts) > 6
        for rule in alerts:
            named = set(_NAME.findall(rule["expr"]))
            assert named or rule["expr"] == 'up{job="ksmppd"} == 0'  # Prometheus' own
            assert named - self.exported(server_status) == set()
            assert {"summary", "description"} <= set(rule["annotations"])


def test_others_have_turns_while_it_is_written_down(server_status: FakeServerStatus) -> None:
    """With many accounts it takes longer than a message may wait."""
    turns = []
    other = gevent.spawn(lambda: [turns.append(gevent.sleep(0)) for _ in range(10)])
    Metrics(server_status, LoopWatch()).text()
    assert len(turns) > 5
    other.kill()


class TestHistory:
    def test_rates(self, server_status: FakeServerStatus) -> None:
        now = [0.0]
        history = History(server_status, LoopWatch(), lambda: 1000.0 + now[0], lambda: now[0])
        now[0] = 5.0
        history.add_point()
        server_status.esmes[0].totals_of(3).mt += 50
        server_status.esmes[1].totals_of(2).dlr += 10
        now[0] = 10.0
        history.add_point()
        first, second = history.points
        assert (first.submits, first.deliveries, first.reports, first.refused) == (1.0, 0.2, 0.4, 0.8)
        assert (second.submits, second.deliveries, second.reports, second.refused) == (10.0, 0.0, 2.0, 0.0)
        assert (second.time, second.binds, second.stored, second.bearerboxes) == (1010, 3, 5, 1)
        assert history.points_since(1005) == [second]

    def test_an_hour(self, server_status: FakeServerStatus) -> None:
        history = History(server_status, LoopWatch())
        for _ in range(POINTS + 10):
            history.add_point()
        assert len(history.points) == POINTS
        assert POINTS * INTERVAL == 3600

    def test_before_the_database_answered(self, server_status: FakeServerStatus) -> None:
        server_status.backlog = None
        history = History(server_status, LoopWatch())
        history.add_point()
        assert history.points[0].stored is None


def test_a_late_loop_is_seen(operations: FakeOperations) -> None:
    watch = LoopWatch()
    assert (watch.worst, watch.latest) == (0.0, 0.0)
    watch._recent.extend([0.5, *[0.001] * 30])
    assert (watch.worst, watch.latest) == (0.5, 0.001)


def test_two_boxes_with_one_name_dont_collide(server_status: FakeServerStatus) -> None:
    box = server_status.boxes.bearerboxes[0]
    server_status.boxes = replace(server_status.boxes, bearerboxes=(box, replace(box, name=f"{box.name}#2")))
    assert len(scrape(server_status)["ksmppd_bearerbox_up"]) == 2


def test_the_manual_tells_every_metric(server_status: FakeServerStatus) -> None:
    manual = (MONITORING.parents[1] / "docs/monitoring.md").read_text("utf-8")
    told = set(re.findall(r"^\| `(ksmppd_\w+)`", manual, flags=re.MULTILINE))
    exported = {re.sub(r"_(bucket|count|sum)$", "", name) for name in scrape(server_status)}
    assert told == {name for name in exported if name.startswith("ksmppd_")}
