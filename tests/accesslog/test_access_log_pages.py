"""The memory that the daemon and its scribe share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ksmppd_py.accesslog import pages as pages_module
from ksmppd_py.accesslog.batch import NO_PAGE, Batch
from ksmppd_py.accesslog.pages import PAGES, Pages, PagesView

SIZE = 100


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    monkeypatch.setattr(pages_module, "PAGE_OCTETS", SIZE)
    monkeypatch.setattr("ksmppd_py.accesslog.batch.PAGE_OCTETS", SIZE)
    made = Pages()
    yield made
    made.close_descriptor()
    made.close()


def test_the_other_side_reads_what_was_put(pages: Pages) -> None:
    view = PagesView(pages.descriptor)
    pages.memory[SIZE : SIZE + 3] = b"one"
    assert (view.get(SIZE, 3), pages.get(SIZE, 3)) == (b"one", b"one")


def test_each_has_a_page_for_itself_and_the_lowest_comes_first(pages: Pages) -> None:
    assert [pages.take() for _ in range(PAGES)] == list(range(PAGES))
    assert pages.take() is None
    pages.give_back(7)
    pages.give_back(3)
    assert [pages.take(), pages.take(), pages.take()] == [3, 7, None]


def places(batch: Batch) -> list[object]:
    return [step[3] for step in batch.steps]


def test_a_batch_puts_octets_into_its_page_and_no_other(pages: Pages) -> None:
    first, second = Batch(pages), Batch(pages)
    for batch in (first, second):
        for octets in (b"x" * 60, b"y" * 41, b"z" * 40):
            batch.sent(1, [], octets)
    assert places(first) == [(0, 60), b"y" * 41, (60, 40)]
    assert places(second) == [(SIZE, 60), b"y" * 41, (SIZE + 60, 40)]
    assert first.get(60, 40) == b"z" * 40


def test_without_a_page_octets_are_in_the_frame_and_no_more_than_a_page_of_them(pages: Pages) -> None:
    for _ in range(PAGES):
        pages.take()
    batch = Batch(pages)
    assert batch.page == NO_PAGE
    batch.sent(1, [], b"x" * (SIZE - 1))
    assert places(batch) == [b"x" * (SIZE - 1)]
    assert not batch.is_full
    batch.sent(1, [], b"x")
    assert batch.is_full


def test_a_withdrawn_batch_gives_its_page_back_once(pages: Pages) -> None:
    batch = Batch(pages)
    batch.withdraw()
    assert pages.take() == 0
    batch.withdraw()
    assert pages.take() == 1


def test_no_descriptor_is_left_when_there_is_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(pages_module, "PAGE_OCTETS", -1)
    with pytest.raises((OSError, ValueError)):
        Pages()
    assert os.listdir("/proc/self/fd") == before
