"""The figures that the benchmark computes and prints."""

from __future__ import annotations

from benchmarks.profile import by_step
from benchmarks.render import page_with
from benchmarks.run import steadiest


def test_a_step_has_the_samples_of_the_functions_in_it() -> None:
    text = "\n".join((
        "run (a.py:1);Session._read (session.py:1);SmppLink.receive (link.py:3);unpack (<unpack>:1) 30",
        "run (a.py:1);Session._read (session.py:1);FramedSocket._read (framed.py:3) 7",
        "run (a.py:1);Hub.run (hub.py:1);FramedSocket._flush (framed.py:9);FramedSocket._write (framed.py:1) 2",
        "run (a.py:1);Hub.run (hub.py:1) 1",
        "worker (b.py:1);acquire_with_timeout (_threading.py:1) 500",
    ))  # fmt: skip
    steps, functions = by_step(text)
    assert steps == {
        "parse PDUs": 30,
        "read from sockets, wait": 7,
        "write to sockets": 2,
        "the event loop and everything else": 1,
    }
    assert functions == {"unpack": 30, "FramedSocket._read": 7, "FramedSocket._write": 2, "Hub.run": 1}


def test_the_run_counts_that_had_the_same_speed_before_and_after() -> None:
    assert steadiest([8.0, 12.0, 12.5, 9.0]) == (1, 12.25)
    assert steadiest([8.0, 12.0]) == (0, 10.0)


def test_the_page_has_the_figures_of_the_report() -> None:
    submit = {
        "cpu_us": 12.0, "costs": [12.0, 19.0], "floor_us": 8.0, "floors": [8.0, 10.0], "ratio": 1.5,
        "per_second": 50000.0, "p99_ms": 3.0, "rss_mb": 70.0, "idle_kb": 0.0,
    }  # fmt: skip
    machine = {
        "date": "2026-01-02T00:00", "commit": "abc", "python": "3.11", "kernel": "6", "processor": "x", "processors": 8,
    }  # fmt: skip
    finding = {"name": "start", "what": "with rows", "value": 1.5, "unit": "s", "goal": 2}
    begin = "<!-- figures: make bench, python -m benchmarks.render bench.json -->"
    page = page_with(
        f"before\n{begin}\nold\n<!-- end of figures -->\nafter\n",
        {"machine": machine, "scenarios": {"submit": submit}, "conditions": [finding]},
    )
    assert "| 12.0 µs (12 to 19) | 8.0 µs (8 to 10) | 1.50 | ≤ 2.5 × | 50,000 | 3.0 ms | 70 MB |" in page
    assert "| start: with rows | 1.5 s | below 2 s |" in page
    assert "Python 3.11, Linux 6, x, 8 processors." in page
    assert page.startswith("before")
    assert page.endswith("after\n")
    assert "old" not in page
