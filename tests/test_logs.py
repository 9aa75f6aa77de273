"""Log lines: their format octet by octet, levels, places, files and rotation."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest

from ksmppd_py import logs
from ksmppd_py.logs import destinations, repeats

log = logging.getLogger("ksmppd_py.esme.session")
Start = Callable[..., logs.LogHandler]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that sets up logging with the file `stderr` for stderr; everything is put back."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    names = ("raiseExceptions", "logThreads", "logProcesses", "logMultiprocessing", "_srcfile")
    globals_before = {name: getattr(logging, name) for name in names}
    descriptor = os.open(tmp_path / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    handlers = []

    def set_up(level: int = 0, places: str = "") -> logs.LogHandler:
        handlers.append(logs.set_up(level, places, descriptor))
        return handlers[-1]

    yield set_up
    for handler in handlers:
        handler.close()
    os.close(descriptor)
    root.handlers[:], level = before
    root.setLevel(level)
    for name, value in globals_before.items():
        setattr(logging, name, value)


def texts(path: Path) -> list[str]:
    """Return the lines of a file without their prefix up to the level."""
    prefix = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[\d+\] \[\d+\] ")
    lines = path.read_text().splitlines()
    assert all(prefix.match(line) for line in lines)
    return [prefix.sub("", line) for line in lines]


def test_format(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        handler = start()
        record = logging.LogRecord("x", logging.INFO, "", 0, "a %s", ("b",), None)
        record.created = 1769817901.9
        handler.handle(record)
        record.created = 1769817902.0
        handler.handle(record)
    finally:
        monkeypatch.undo()
        time.tzset()
    pid = os.getpid()
    assert (tmp_path / "stderr").read_bytes() == (
        f"2026-01-31 09:05:01 [{pid}] [0] INFO: a b\n2026-01-31 09:05:02 [{pid}] [0] INFO: a b\n".encode()
    )


def test_levels(start: Start, tmp_path: Path) -> None:
    start()
    for level in (5, *logs.LEVELS, 60):
        logging.getLogger().setLevel(0)
        log.log(level, "x")
    assert texts(tmp_path / "stderr") == [
        f"{name}: x" for name in ("DEBUG", "DEBUG", "INFO", "WARNING", "ERROR", "PANIC", "PANIC")
    ]


@pytest.mark.parametrize(("level", "expected"), [(0, 5), (1, 4), (4, 1), (5, 0)])
def test_stderr_from_its_level_on(start: Start, tmp_path: Path, level: int, expected: int) -> None:
    start(level)
    for number in logs.LEVELS:
        log.log(number, "x")
    assert len(texts(tmp_path / "stderr")) == expected


def test_nothing_is_formatted_for_nobody(start: Start, tmp_path: Path) -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("formatted")

    start(2)
    logs.add_file(str(tmp_path / "file"), 1)
    assert not log.isEnabledFor(logging.DEBUG)
    log.debug("%s", Costly())
    log.info("this")
    assert (texts(tmp_path / "stderr"), texts(tmp_path / "file")) == ([], ["INFO: this"])


def test_the_file_level_changes_files_only(start: Start, tmp_path: Path) -> None:
    start(3)
    logs.add_file(str(tmp_path / "file"), 4)
    log.warning("unseen")
    logs.set_file_level(0)
    assert logs.file_level() == 0
    log.debug("seen")
    logs.set_file_level(99)
    log.error("on stderr")
    assert (texts(tmp_path / "stderr"), texts(tmp_path / "file")) == (["ERROR: on stderr"], ["DEBUG: seen"])
    assert logging.getLogger().level == logging.ERROR


def test_the_same_file_twice_takes_each_line_once(start: Start, tmp_path: Path) -> None:
    start(5)
    (tmp_path / "link").symlink_to("file")
    logs.add_file(str(tmp_path / "file"), 3)
    logs.add_file(str(tmp_path / "link"), 1)
    log.info("x")
    assert texts(tmp_path / "file") == ["INFO: x"]


def test_rotation_loses_nothing(start: Start, tmp_path: Path) -> None:
    start(5)
    logs.add_file(str(tmp_path / "file"), 0)
    log.info("1")
    (tmp_path / "file").rename(tmp_path / "old")
    log.info("2")
    logs.reopen()
    log.info("3")
    assert (texts(tmp_path / "old"), texts(tmp_path / "file")) == (["INFO: 1", "INFO: 2"], ["INFO: 3"])
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_reopened_is_kept(start: Start, tmp_path: Path) -> None:
    start(5)
    (tmp_path / "d").mkdir()
    path = tmp_path / "d" / "file"
    logs.add_file(str(path), 0)
    (tmp_path / "d").rename(tmp_path / "e")
    logs.reopen()
    assert texts(tmp_path / "e" / "file") == [
        f"ERROR: Couldn't re-open logfile `{path}'",
        "ERROR: System error 2: No such file or directory",
    ]


def test_a_file_that_cannot_be_opened_is_an_error_line(start: Start, tmp_path: Path) -> None:
    start()
    logs.add_file(str(tmp_path), 0)
    assert texts(tmp_path / "stderr") == [
        f"ERROR: Couldn't open logfile `{tmp_path}'",
        "ERROR: System error 21: Is a directory",
    ]


def test_control_characters_make_no_lines(start: Start, tmp_path: Path) -> None:
    start()
    log.info("a\nb\r\x1b[0m %s", "é\udce9\x00")
    assert texts(tmp_path / "stderr") == ["INFO: a\\x0ab\\x0d\\x1b[0m é\\udce9\\x00"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x85\x9b2J", "\\x85\\x9b2J"),  # C1: next line, and what terminals take for ESC [
        ("".join(map(chr, range(0x80, 0xA0))), "".join(f"\\x{code:02x}" for code in range(0x80, 0xA0))),
        ("\x7f\x00\t", "\\x7f\\x00\\x09"),
        ("a\u2028b\u2029", "a\\u2028b\\u2029"),
        ("\u202eetis", "\\u202eetis"),
        ("\u2066\u200b\ufeff\xad", "\\u2066\\u200b\\ufeff\\xad"),
        ("\U000e0041", "\\U000e0041"),
        ("\udc9b", "\\udc9b"),
        ("Grüße привет €", "Grüße привет €"),
    ],
)
@pytest.mark.parametrize("place", ["message", "context", "exception"])
def test_a_strangers_text_stays_text(start: Start, tmp_path: Path, text: str, shown: str, place: str) -> None:
    start()
    if place == "message":
        log.warning("SMPP[%s] refused", text)
    elif place == "context":
        log.warning("refused", extra={"context": text})
    else:
        log.error("refused", exc_info=ValueError(text))
    octets = (tmp_path / "stderr").read_bytes()
    assert shown.encode() in octets
    if shown != text:
        assert text.encode("utf-8", "surrogatepass") not in octets
    assert len(octets.decode().splitlines()) == octets.count(b"\n")


def test_a_traceback_is_log_lines(start: Start, tmp_path: Path) -> None:
    start()
    try:
        raise KeyError("x")
    except KeyError:
        log.exception("failed")
    lines = texts(tmp_path / "stderr")
    assert lines[:2] == ["ERROR: failed", "ERROR: Traceback (most recent call last):"]
    assert lines[-1] == "ERROR: KeyError: 'x'"


def test_a_message_that_cannot_be_formatted_is_no_catastrophe(start: Start, tmp_path: Path) -> None:
    start()
    log.info("%d", "x")
    assert texts(tmp_path / "stderr")[0].startswith("INFO: '%d' can't be formatted: ")


def test_a_closed_stderr_is_no_catastrophe(start: Start, tmp_path: Path) -> None:
    handler = start()
    logs.add_file(str(tmp_path / "file"), 0)
    handler.destinations[0].descriptor = 9999
    log.info("x")
    assert texts(tmp_path / "file") == ["INFO: x"]


def test_in_the_background_nothing_goes_to_stderr(start: Start, tmp_path: Path) -> None:
    start(0)
    logs.add_file(str(tmp_path / "file"), 2)
    logs.leave_stderr()
    assert not log.isEnabledFor(logging.INFO)
    log.error("x")
    assert (texts(tmp_path / "stderr"), texts(tmp_path / "file")) == ([], ["ERROR: x"])


PLACES = [
    ("esme.session", True),
    ("ESME.*", True),
    ("ksmppd_py.esme.session", True),
    ("ksmppd_py.*", True),
    ("esme", False),
    ("smpp, esme.session", True),
    ("esme.* -esme.session", False),
    ("-bearerbox.*", False),
    ("*,-bearerbox.*", True),
]


@pytest.mark.parametrize(("places", "wanted"), PLACES)
def test_places_of_debug_lines(start: Start, tmp_path: Path, places: str, wanted: bool) -> None:
    start(0, places)
    log.debug("x")
    log.debug("y")
    log.info("z")
    assert texts(tmp_path / "stderr") == ["DEBUG: x", "DEBUG: y"] * wanted + ["INFO: z"]


def test_threads_are_kinds_of_greenlets(start: Start, tmp_path: Path) -> None:
    start()
    for name in ("session 1", "session 27", "bearerbox", "session 1"):
        greenlet = gevent.Greenlet(log.info, "x")
        greenlet.name = name
        greenlet.start()
        greenlet.join()
    log.info("x")
    threads = re.findall(r"\] \[(\d+)\] INFO", (tmp_path / "stderr").read_text())
    assert threads == ["1", "1", "2", "1", "0"]


def test_libraries_do_not_tell_urls_and_sql(start: Start) -> None:
    start(0)
    assert not logging.getLogger("urllib3.connectionpool").isEnabledFor(logging.INFO)
    assert not logging.getLogger("sqlalchemy.engine.Engine").isEnabledFor(logging.INFO)


class TestRepeats:
    """One line for repeated trouble: docs/rules/operations.md 2."""

    @pytest.fixture
    def clock(self, start: Start) -> Callable[[float], None]:
        """Set up logging; the test moves the clock of the repeats."""
        now = [1000.0]
        start()._repeats = repeats.Repeats(lambda: now[0])

        def forward(seconds: float) -> None:
            now[0] += seconds
            logs.log_repeats()

        return forward

    def test_the_first_few_are_written_then_the_last_with_their_number(
        self, clock: Callable[[float], None], tmp_path: Path
    ) -> None:
        for number in range(1, 1006):
            log.warning("Message %d can't be stored", number)
        written = texts(tmp_path / "stderr")
        assert written == [f"WARNING: Message {number} can't be stored" for number in range(1, 6)]
        clock(29)
        assert texts(tmp_path / "stderr") == written
        clock(2)
        [more] = texts(tmp_path / "stderr")[5:]
        assert more == "WARNING: Message 1005 can't be stored (and 1,000 more like this in 31 s)"

    def test_while_it_goes_on_there_is_one_line_a_window(
        self, clock: Callable[[float], None], tmp_path: Path
    ) -> None:
        for _ in range(10):
            for _ in range(100):
                log.error("Away")
            clock(30)
        assert len(texts(tmp_path / "stderr")) == 5 + 10

    def test_after_a_quiet_window_it_is_new_trouble(
        self, clock: Callable[[float], None], tmp_path: Path
    ) -> None:
        for _ in range(6):
            log.error("Away")
        clock(30)
        clock(30)
        log.error("Away")
        assert texts(tmp_path / "stderr") == ["ERROR: Away"] * 5 + [
            "ERROR: Away (and 1 more like this in 30 s)",
            "ERROR: Away",
        ]

    def test_kinds_are_apart_and_some_lines_are_never_left_out(
        self, clock: Callable[[float], None], tmp_path: Path
    ) -> None:
        for number in range(20):
            log.warning("One kind")
            log.warning("Bind %d refused", number, extra=logs.EACH)
            log.info("Not trouble")
            log.critical("The end")
        log.warning("Another kind")
        written = texts(tmp_path / "stderr")
        assert written.count("WARNING: One kind") == 5
        assert sum("refused" in line for line in written) == 20
        assert written.count("INFO: Not trouble") == written.count("PANIC: The end") == 20
        assert written[-1] == "WARNING: Another kind"

    def test_what_was_left_out_is_told_at_the_end(
        self, clock: Callable[[float], None], tmp_path: Path
    ) -> None:
        for _ in range(9):
            log.error("Away")
        logs.log_repeats(at_once=True)
        assert texts(tmp_path / "stderr")[-1].startswith("ERROR: Away (and 4 more like this in ")

    def test_it_forgets_and_has_a_bound(self) -> None:
        now = [0.0]
        counted = repeats.Repeats(lambda: now[0])

        def record(text: str) -> logging.LogRecord:
            return logging.LogRecord("name", logging.ERROR, "", 0, text, (), None)

        for number in range(repeats.MOST_KINDS + 5):
            assert counted.admits(record(f"kind {number}"))
        assert len(counted._kinds) == repeats.MOST_KINDS
        now[0] = 31.0
        assert counted.due() == []
        assert len(counted._kinds) == 0


def test_lines_of_a_session_bear_its_names(start: Start, tmp_path: Path) -> None:
    start()

    def session() -> None:
        gevent.getcurrent().log_context = "[system_id:acme] [bind:7]"
        log.info("Hello")

    gevent.spawn(session).join()
    log.info("Told elsewhere", extra={"context": "[system_id:acme] [bind:8]"})
    log.info("Of nobody")
    assert texts(tmp_path / "stderr") == [
        "INFO: Hello [system_id:acme] [bind:7]",
        "INFO: Told elsewhere [system_id:acme] [bind:8]",
        "INFO: Of nobody",
    ]


@pytest.mark.parametrize(
    ("room", "torn", "told"),
    [(0, False, ["2 lost"]), (30, True, ["2 lost"]), (10_000, False, ["one", "two"])],
    ids=["full", "within a line", "room"],
)
def test_a_full_disk_loses_lines_and_tells_how_many(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, torn: bool, told: list[str]
) -> None:
    handler = start(4)
    handler.add_file(str(tmp_path / "log"), 1)
    left, write = room, os.write

    def take(descriptor: int, octets: bytes) -> int:
        nonlocal left
        if not left:
            raise OSError(28, "No space left on device")
        octets, left = octets[:left], max(left - len(octets), 0)
        return write(descriptor, octets)

    monkeypatch.setattr(destinations.os, "write", take)
    log.info("one")
    log.info("two")
    left = 10_000
    log.info("three")
    log.info("four")
    lines = (tmp_path / "log").read_text().splitlines()
    assert (len(lines[0]) == room) is torn
    texts = [line.partition(": ")[2] for line in lines[torn:]]
    lost = "line(s) of this log are lost: [Errno 28] No space left on device"
    assert texts == [*(text.replace("lost", lost) for text in told), "three", "four"]


def test_a_rotated_log_begins_with_a_line_of_its_own(start: Start, tmp_path: Path) -> None:
    handler = start(4)
    handler.add_file(str(tmp_path / "log"), 1)
    handler.destinations[1].is_torn = True
    (tmp_path / "log").rename(tmp_path / "log.1")
    handler.reopen()
    log.info("one")
    assert (tmp_path / "log").read_text().startswith("2")
