"""The number of password guesses that reach the authenticator is limited; the test sets the time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent.event import Event

from ksmppd_py.config import KsmppdGroup
from ksmppd_py.errors import BackendUnavailable
from ksmppd_py.esme.admission import BLOCKED, DISCONNECTED, Admission, BindAttempt, NotAdmitted
from ksmppd_py.esme.binding import Binder, BindRefused
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.model.account import Account
from ksmppd_py.smpp.pdus import BindTransceiver
from ksmppd_py.translate.tlvs import TlvTables
from tests.esme.conftest import blocking
from tests.flows import memory

OK, FAIL, SYSERR = 0x00, 0x0D, 0x08
IP, OTHER_IP, EXEMPT_IP = "10.0.0.1", "10.0.0.2", "10.0.0.3"
LIMIT = 5
RIGHT = "right"
Guess = tuple[str, str, str]


class Place:
    """A binder whose authenticator answers one request after the other, when the test says so; also its clock."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.now = 1000.0
        self.asked: list[tuple[str, str]] = []
        self.under_way: list[Event] = []
        self.most_under_way = 0
        self.accounts = {
            "esme": Account("esme"),
            "victim": Account("victim"),
            "elsewhere": Account("elsewhere"),
        }
        self.accounts["elsewhere"] = Account("elsewhere", connect_allow_ip="192.168.*.*")
        self.accounts["full"] = Account("full", max_binds=1)
        self.blocklist = BlockList(blocking(limit, 300, EXEMPT_IP))
        self.registry = EsmeRegistry(memory.make_meters(), self)
        self.registry.esme_of(self.accounts["full"])
        self.binder = Binder(self, self.registry, self.blocklist, KsmppdGroup(), TlvTables(), self)
        self.attempts: list[BindAttempt] = []
        self.jobs: list[gevent.Greenlet] = []

    def time(self) -> float:
        return self.now

    monotonic = time

    def authenticate(self, system_id: bytes, password: bytes, peer_ip: str) -> Account | None:
        self.asked.append((system_id.decode(), password.decode()))
        answered = Event()
        self.under_way.append(answered)
        self.most_under_way = max(self.most_under_way, len(self.under_way))
        answered.wait()
        if system_id == b"broken":
            raise BackendUnavailable("500")
        return self.accounts.get(system_id.decode().lower()) if password == RIGHT.encode() else None

    def bind(self, ip: str, name: str, password: str) -> gevent.Greenlet:
        """A bind request on a connection that was there already."""
        attempt = BindAttempt(ip, (name.encode(), password.encode()))
        request = BindTransceiver(name.encode(), password.encode(), b"", 0x34, 0, 0, b"")
        self.attempts.append(attempt)
        self.jobs.append(gevent.spawn(self._status, request, attempt))
        return self.jobs[-1]

    def _status(self, request: BindTransceiver, attempt: BindAttempt) -> int:
        decision = self.binder.authenticate(request, attempt)
        return decision.command_status if isinstance(decision, BindRefused) else OK

    def answer(self, index: int = 0) -> None:
        """Answer one of the requests that are under way."""
        self.under_way.pop(index).set()
        gevent.sleep(0)
        gevent.sleep(0)

    def answer_all(self) -> list[int]:
        """Answer until no request is left; return the statuses in the order of the binds."""
        gevent.sleep(0)
        while self.under_way:
            self.answer()
        gevent.joinall(self.jobs, timeout=5, raise_error=True)
        return [job.value for job in self.jobs]


@pytest.fixture
def place() -> Iterator[Place]:
    with gevent.Timeout(20):
        yield Place()


def wrong(count: int, ip: str = IP, name: str = "esme") -> list[Guess]:
    return [(ip, name, f"wrong{number}") for number in range(count)]


RIGHT_ONE: Guess = (IP, "esme", RIGHT)


@pytest.mark.parametrize(
    ("guesses", "asked", "statuses"),
    [
        pytest.param(wrong(1000), 5, {FAIL: 1000}, id="a thousand at once"),
        pytest.param([*wrong(999), RIGHT_ONE], 5, {FAIL: 1000}, id="the right one last"),
        pytest.param(
            [*wrong(500), RIGHT_ONE, *wrong(1000)[500:]], 5, {FAIL: 1001}, id="the right one in the middle"
        ),
        pytest.param([*wrong(5), RIGHT_ONE], 5, {FAIL: 6}, id="the right one just too late"),
        pytest.param(
            [(IP, name, "wrong") for name in map("user{}".format, range(100))],
            5,
            {FAIL: 100},
            id="one for many names",
        ),
        pytest.param([(IP, "elsewhere", RIGHT)] * 5 + [RIGHT_ONE], 6, {FAIL: 6}, id="forbidden address"),
        pytest.param([(IP, "esme", "a\rb")] * 5 + [RIGHT_ONE], 0, {FAIL: 6}, id="control characters"),
        pytest.param([*wrong(4), RIGHT_ONE], 5, {FAIL: 4, OK: 1}, id="the right one in time"),
        pytest.param([RIGHT_ONE] * 300, 300, {OK: 300}, id="many binds of one account"),
        pytest.param([(IP, "full", RIGHT)] * 20, 20, {OK: 20}, id="a limit that isn't reached"),
        pytest.param([(IP, "broken", "x")] * 20 + [RIGHT_ONE], 21, {SYSERR: 20, OK: 1}, id="back end fails"),
        pytest.param(wrong(50, EXEMPT_IP), 50, {FAIL: 50}, id="exempt address"),
        pytest.param(
            wrong(50, IP) + wrong(50, OTHER_IP), 10, {FAIL: 100}, id="two addresses have their own count"
        ),
        pytest.param(
            wrong(50, IP) + [(OTHER_IP, "esme", RIGHT)] * 3, 8, {FAIL: 50, OK: 3}, id="others go on"
        ),
    ],
)
def test_guesses_at_once(place: Place, guesses: list[Guess], asked: int, statuses: dict[int, int]) -> None:
    for guess in guesses:
        place.bind(*guess)
    assert Counter(place.answer_all()) == statuses
    assert len(place.asked) == asked
    assert place.binder._admission._addresses == {}


@pytest.mark.parametrize("seed", range(20))
def test_guesses_answered_in_any_order(place: Place, seed: int) -> None:
    dice = random.Random(seed)
    guesses = [*wrong(99, name="victim"), RIGHT_ONE]  # a good bind of one's own among them
    dice.shuffle(guesses)
    for guess in guesses:
        place.bind(*guess)
    gevent.sleep(0)
    while place.under_way:
        place.answer(dice.randrange(len(place.under_way)))
    gevent.joinall(place.jobs, timeout=5, raise_error=True)
    tried = {guess for guess in place.asked if guess[1] != RIGHT}
    assert len(tried) == LIMIT
    assert [job.value for job in place.jobs].count(FAIL) >= 99


def one_by_one(place: Place, guesses: list[Guess]) -> list[int]:
    found = []
    for guess in guesses:
        job = place.bind(*guess)
        place.answer_all()
        found.append(job.value)
    return found


def own_good_binds_between(place: Place) -> None:
    for _ in range(3):
        assert one_by_one(place, [*wrong(1, name="victim"), RIGHT_ONE]) == [FAIL, OK]
    assert one_by_one(place, wrong(2, name="victim")) == [FAIL, FAIL]


def mistyped_then_right(place: Place) -> None:
    for _ in range(5):
        assert one_by_one(place, [*wrong(4), RIGHT_ONE]) == [FAIL] * 4 + [OK]
    place.asked.clear()
    assert one_by_one(place, wrong(5)) == [FAIL] * 5


def by_another_spelling(place: Place) -> None:
    names = ["victim", "Victim", "VICTIM", "victim ", "vICTIM"]
    assert one_by_one(place, [(IP, name, "wrong") for name in names]) == [FAIL] * 5


def slowly_enough(place: Place) -> None:
    for _ in range(20):
        assert one_by_one(place, wrong(1)) == [FAIL]
        place.now += 300.1
    place.asked.clear()
    one_by_one(place, wrong(5))


def a_new_time(place: Place) -> None:
    one_by_one(place, wrong(9))
    place.now += 300.1
    assert one_by_one(place, [RIGHT_ONE]) == [OK]
    place.asked.clear()
    one_by_one(place, wrong(5))


def cleared_by_the_operator(place: Place) -> None:
    one_by_one(place, wrong(9))
    assert place.blocklist.clear(IP, place.now) == 1
    place.asked.clear()
    one_by_one(place, wrong(5))


def a_lower_limit_while_they_wait(place: Place) -> None:
    for guess in wrong(50):
        place.bind(*guess)
    gevent.sleep(0)
    place.blocklist.reconfigure(blocking(1, 300))
    assert set(place.answer_all()) == {FAIL}


@pytest.mark.parametrize(
    "guessing",
    [
        own_good_binds_between,
        mistyped_then_right,
        by_another_spelling,
        slowly_enough,
        a_new_time,
        cleared_by_the_operator,
        a_lower_limit_while_they_wait,
    ],
)
def test_guesses_in_sequence(place: Place, guessing: Callable[[Place], None]) -> None:
    """After each of these the address has had its five guesses."""
    guessing(place)
    wrong_ones = [guess for guess in place.asked if guess[1] != RIGHT]
    assert len(wrong_ones) % LIMIT == 0
    place.asked.clear()
    assert one_by_one(place, [RIGHT_ONE, *wrong(1)]) == [FAIL, FAIL]
    assert place.asked == []


def test_a_right_password_is_refused_when_others_failed_meanwhile(place: Place) -> None:
    """It was under way when the address was blocked."""
    place.bind(*RIGHT_ONE)
    gevent.sleep(0)
    for _ in range(LIMIT):
        place.blocklist.failed(IP, "esme", place.now)
    assert place.answer_all() == [FAIL]
    assert place.registry.meters.refusals.binds == {BLOCKED: 1}


def test_one_address_has_its_share_of_the_authenticator(place: Place) -> None:
    for _ in range(400):
        place.bind(*RIGHT_ONE)
    place.bind(OTHER_IP, "esme", RIGHT)
    gevent.sleep(0)
    assert len(place.under_way) == 126  # an eighth of 1000, and the other's
    assert set(place.answer_all()) == {OK}
    assert place.most_under_way == 126


def test_no_limit_without_a_block_list() -> None:
    place = Place(limit=0)
    for guess in wrong(200):
        place.bind(*guess)
    assert set(place.answer_all()) == {FAIL}
    assert (len(place.asked), place.most_under_way) == (200, 125)


# -- waiting -------------------------------------------------------------------------------------------------------


@pytest.fixture
def line() -> Admission:
    """At most one password of an address at a time, and hardly any time to wait."""
    return Admission(BlockList(blocking(1, 300)), 1000, memory.Clock(0.0), timeout=0.02)


def take(line: Admission, password: bytes, until: Event | None = None) -> str:
    try:
        with line.take(BindAttempt(IP, (b"esme", password))):
            if until is not None:
                until.wait()
            return "asked"
    except NotAdmitted as refusal:
        return refusal.reason


def test_who_waits_too_long_is_sent_away(line: Admission) -> None:
    until = Event()
    first = gevent.spawn(take, line, b"a", until)
    gevent.sleep(0)
    assert take(line, b"b") == "busy"
    until.set()
    assert first.get() == "asked"
    assert take(line, b"b") == "asked"
    assert line._addresses == {}


def test_whose_connection_is_closed_waits_no_longer(line: Admission) -> None:
    until = Event()
    first = gevent.spawn(take, line, b"a", until)
    gevent.sleep(0)
    attempt = BindAttempt(IP, (b"esme", b"b"))
    found: list[str] = []

    def wait() -> None:
        with pytest.raises(NotAdmitted) as refused, line.take(attempt):
            pass
        found.append(refused.value.reason)

    second = gevent.spawn(wait)
    gevent.sleep(0)
    assert attempt.waits
    attempt.settle(DISCONNECTED)
    second.get()
    assert found == [DISCONNECTED]
    assert not attempt.waits
    until.set()
    first.get()
    assert line._addresses == {}


@pytest.mark.parametrize("called", [False, True])
def test_a_greenlet_that_ends_leaves_no_place_taken(line: Admission, called: bool) -> None:
    until = Event()
    first = gevent.spawn(take, line, b"a", until)
    gevent.sleep(0)
    second = gevent.spawn(take, line, b"b")
    gevent.sleep(0)
    if called:
        until.set()
        gevent.spawn(second.kill, block=False)  # runs after the first has left and before the second goes on
        gevent.sleep(0)
    else:
        second.kill()
        until.set()
    gevent.joinall([first, second])
    assert take(line, b"c") == "asked"
    assert line._addresses == {}


def test_an_outer_limit_is_not_ours(line: Admission) -> None:
    until = Event()
    first = gevent.spawn(take, line, b"a", until)
    gevent.sleep(0)
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.005):
        take(line, b"b")
    until.set()
    first.get()
    assert line._addresses == {}
