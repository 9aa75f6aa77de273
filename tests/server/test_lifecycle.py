"""Starting in order, stopping in reverse, also after half a start."""

from __future__ import annotations

import gevent
import pytest

from ksmppd_py.server.lifecycle import Lifecycle, Step, StopInBackground


class Steps:
    """Steps that note what happens to them."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.left: list[float] = []

    def step(self, name: str, start: BaseException | None = None, stop: Exception | None = None) -> Step:
        """A step whose start or stop raises the given error."""

        def begin() -> None:
            self.happened.append(f"+{name}")
            if start is not None:
                raise start

        def end(left: float) -> None:
            self.happened.append(f"-{name}")
            self.left.append(left)
            if stop is not None:
                raise stop

        return Step(name, begin, end)


def test_the_stop_goes_in_reverse_and_once() -> None:
    steps, lifecycle = Steps(), Lifecycle(5.0)
    for each in (
        steps.step("a"),
        Step("stop only", stop=lambda _: steps.happened.append("-s")),
        steps.step("b"),
    ):
        lifecycle.begin(each)
    lifecycle.stop()
    lifecycle.stop()
    assert steps.happened == ["+a", "+b", "-b", "-s", "-a"]
    assert all(4.0 < left <= 5.0 for left in steps.left)


@pytest.mark.parametrize("error", [ValueError("no port"), KeyboardInterrupt(), gevent.Timeout(1)])
def test_half_a_start_is_undone(error: BaseException) -> None:
    """The step that failed is stopped too, since it may have opened something; later ones aren't."""
    steps, lifecycle = Steps(), Lifecycle(5.0)
    begun = (steps.step("a"), steps.step("b", start=error), steps.step("c"))
    with pytest.raises(type(error)) as raised, lifecycle.unwinding():
        list(map(lifecycle.begin, begun))
    assert raised.value is error
    assert steps.happened == ["+a", "+b", "-b", "-a"]


def test_a_stop_that_fails_keeps_no_other_from_it(caplog: pytest.LogCaptureFixture) -> None:
    steps, lifecycle = Steps(), Lifecycle(5.0)
    for each in (steps.step("a"), steps.step("b", stop=RuntimeError("a defect"))):
        lifecycle.begin(each)
    lifecycle.stop()
    assert steps.happened == ["+a", "+b", "-b", "-a"]
    assert caplog.messages == ["The stop of b failed unexpectedly"]


def test_no_time_is_left_when_it_is_over() -> None:
    steps, lifecycle = Steps(), Lifecycle(0.0)
    lifecycle.begin(steps.step("a"))
    lifecycle.stop()
    assert steps.left == [0.0]


def test_a_stop_in_the_background_runs_once() -> None:
    stops: list[int] = []
    stop = StopInBackground(lambda: stops.append(1))
    stop.begin()
    assert not stops
    stop.end()
    stop.begin()
    stop.end()
    assert stops == [1]


def test_a_stop_in_the_background_that_was_never_begun() -> None:
    stops: list[int] = []
    StopInBackground(lambda: stops.append(1)).end()
    assert stops == [1]
