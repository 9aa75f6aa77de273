"""Password columns, and the passwords that they take; without a database."""

from __future__ import annotations

import hashlib
import threading
import time

import bcrypt
import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.errors import QueueFull
from ksmppd_py.storage.bcrypt_checks import BcryptChecks
from ksmppd_py.storage.passwords import Form, password_hash, read_column, takes

MYSQL = password_hash(b"userA")
SHA256 = hashlib.sha256(b"userA").hexdigest().encode()
BCRYPT = b"$2b$04$lcDzygd5eam1EaCTehEeweDxLI4MmVRIaMC9mu0he.bPdmPB2sVCm"  # userA
BCRYPT_OF_NOTHING = b"$2b$04$/4YLRyZvOjfIUaA0vMxM/OlA6NkCdg954FYcW1K3qf83roH/ZtNgm"


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        (b"mypass", b"*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4"),
        (b"userA", b"*CD655601E5571F49CAB1BFBC3335F6EF8D3EEAB6"),
        (b"", b"*BE1BDEC0AA74B4DCB079943E70528096CCA985F8"),
    ],
)
def test_password_hash(password: bytes, expected: bytes) -> None:
    assert password_hash(password) == expected


@pytest.mark.parametrize(
    ("column", "form"),
    [
        (MYSQL, Form.MYSQL),
        (MYSQL.lower(), Form.MYSQL),
        (MYSQL + b"   ", Form.MYSQL),
        (MYSQL + bytes(23), Form.MYSQL),
        (SHA256, Form.SHA256),
        (SHA256.upper(), Form.SHA256),
        (SHA256 + b" \0", Form.SHA256),
        (BCRYPT, Form.BCRYPT),
        (BCRYPT + b"    ", Form.BCRYPT),
        (BCRYPT.replace(b"$2b$", b"$2a$"), Form.BCRYPT),
        (BCRYPT.replace(b"$2b$", b"$2y$"), Form.BCRYPT),
        (BCRYPT.replace(b"$04$", b"$15$"), Form.BCRYPT),
    ],
)
def test_forms(column: bytes, form: Form) -> None:
    stored = read_column(column)
    assert (stored.form, stored.problem) == (form, "")
    assert takes(stored, b"userA") is (form is not Form.BCRYPT)  # that takes a thread
    assert not takes(stored, b"usera")
    assert not takes(stored, b"")


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (None, "is empty"),
        (b"", "is empty"),
        (b"     ", "is empty"),
        (bytes(41), "is empty"),
        (b"*", "holds a damaged hash of PASSWORD() (1 characters, not `*` and 40 digits)"),
        (MYSQL[:-1], "holds a damaged hash of PASSWORD() (40 characters, not `*` and 40 digits)"),
        (MYSQL + b"0", "holds a damaged hash of PASSWORD() (42 characters, not `*` and 40 digits)"),
        (MYSQL[1:], "holds no hash that is known (40 characters)"),
        (b" " + MYSQL, "holds no hash that is known (42 characters)"),
        (SHA256[:-1], "holds no hash that is known (63 characters)"),
        (SHA256[:-1] + b"g", "holds no hash that is known (64 characters)"),
        (b"6f8c114b58f2ce9e", "holds 16 digits, a hash of MySQL before 4.1"),
        (b"!" + MYSQL, "begins with `!`, which suspends the account"),
        (b"!" + SHA256[:-1], "begins with `!`, which suspends the account"),
        (b"!" + BCRYPT, "begins with `!`, which suspends the account"),
        (BCRYPT[:-1], "holds a damaged bcrypt hash (59 characters, not 60)"),
        (BCRYPT[:40], "holds a damaged bcrypt hash (40 characters, not 60)"),
        (BCRYPT.replace(b"$2b$", b"$2$"), "holds a damaged bcrypt hash (59 characters, not 60)"),
        (BCRYPT.replace(b"$04$", b"$16$"), "holds a bcrypt hash of cost 16, not 4 to 15"),
        (BCRYPT.replace(b"$04$", b"$03$"), "holds a bcrypt hash of cost 3, not 4 to 15"),
        (BCRYPT.replace(b"$04$", b"$31$"), "holds a bcrypt hash of cost 31, not 4 to 15"),
        (b"$argon2id$v=19$m=65536", "holds no hash that is known (22 characters)"),
        (b"userA", "holds no hash that is known (5 characters)"),
        ("ÄÖ".encode(), "holds no hash that is known (4 characters)"),
    ],
)
def test_columns_that_take_no_password(column: bytes | None, problem: str) -> None:
    stored = read_column(column)
    assert (stored.form, stored.problem) == (None, problem)
    for password in (b"", b"userA", column or b"", b"*"):
        assert not takes(stored, password)


@given(st.binary(max_size=70), st.binary(max_size=70))
def test_no_column_is_a_password_itself(column: bytes, password: bytes) -> None:
    assert takes(read_column(column), password) is False
    assert takes(read_column(password_hash(password)), password)
    assert takes(read_column(hashlib.sha256(password).hexdigest().encode()), password)


# -- bcrypt --------------------------------------------------------------------------------------------------------


class Counted:
    """Checks as bcrypt does, and counts; threads stand still until `go` is set."""

    def __init__(self) -> None:
        self.count = 0
        self.at_once = 0
        self.most_at_once = 0
        self.go = True
        self._lock = gevent.monkey.get_original("threading", "Lock")()

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        with self._lock:
            self.count += 1
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
        while not self.go:
            gevent.monkey.get_original("time", "sleep")(0.001)
        with self._lock:
            self.at_once -= 1
        return bcrypt.checkpw(password, hashed)


@pytest.fixture
def check() -> Counted:
    return Counted()


@pytest.mark.parametrize(
    ("hashed", "password", "right"),
    [
        (BCRYPT, b"userA", True),
        (BCRYPT.replace(b"$2b$", b"$2y$"), b"userA", True),
        (BCRYPT, b"usera", False),
        (BCRYPT, b"", False),
        (BCRYPT, b"userA\0", False),
        (BCRYPT, b"x" * 300, False),
        (BCRYPT_OF_NOTHING, b"", True),
        (BCRYPT_OF_NOTHING, b"userA", False),
        # It looks at no more than 72 octets.
        pytest.param(bcrypt.hashpw(b"\xe4" * 72, bcrypt.gensalt(4)), b"\xe4" * 100, True, id="long"),
        (BCRYPT[:-1] + b"\xff", b"userA", False),
    ],
)
def test_bcrypt(hashed: bytes, password: bytes, right: bool) -> None:
    checks = BcryptChecks()
    assert [checks.takes(hashed, password) for _ in range(2)] == [right, right]
    checks.close()


def test_a_right_pair_costs_one_check(check: Counted) -> None:
    checks = BcryptChecks(check)
    storm = [gevent.spawn(checks.takes, BCRYPT, b"userA") for _ in range(1000)]
    gevent.joinall(storm, raise_error=True)
    assert all(one.value for one in storm)
    assert checks.takes(BCRYPT, b"userA")
    assert check.count == 1
    checks.close()


def test_wrong_pairs_are_checked_each_time_but_together_once(check: Counted) -> None:
    checks = BcryptChecks(check)
    storm = [gevent.spawn(checks.takes, BCRYPT, b"wrong") for _ in range(100)]
    gevent.joinall(storm, raise_error=True)
    assert not any(one.value for one in storm)
    assert check.count == 1
    assert not checks.takes(BCRYPT, b"wrong")
    assert check.count == 2
    checks.close()


def test_a_changed_hash_is_checked_at_once(check: Counted) -> None:
    checks = BcryptChecks(check)
    assert checks.takes(BCRYPT, b"userA")
    assert not checks.takes(BCRYPT_OF_NOTHING, b"userA")
    assert checks.takes(BCRYPT, b"userA")
    assert check.count == 2
    checks.close()


def test_no_password_is_kept() -> None:
    checks = BcryptChecks()
    checks.takes(BCRYPT, b"userA")
    checks.takes(BCRYPT, b"wrong-one")
    assert "userA" not in repr(vars(checks))
    assert "wrong-one" not in repr(vars(checks))
    other = BcryptChecks()
    other.takes(BCRYPT, b"userA")
    assert not checks._right.keys() & other._right.keys()  # digests of two processes have nothing in common
    for each in (checks, other):
        each.close()


def test_so_many_are_remembered(check: Counted) -> None:
    checks = BcryptChecks(check, remembered=2)
    hashes = [bcrypt.hashpw(b"userA", bcrypt.gensalt(4)) for _ in range(3)]
    for hashed in hashes:
        assert checks.takes(hashed, b"userA")
    assert checks.takes(hashes[2], b"userA")
    assert check.count == 3
    assert checks.takes(hashes[0], b"userA")
    assert check.count == 4
    checks.close()


def test_so_many_run_and_wait_and_everybody_else_goes_on(check: Counted) -> None:
    check.go = False
    checks = BcryptChecks(check, threads=2, waiting=4)
    jobs = [gevent.spawn(checks.takes, BCRYPT, b"wrong %d" % number) for number in range(4)]
    gevent.sleep(0)
    with pytest.raises(QueueFull, match="4 passwords wait"):
        checks.takes(BCRYPT, b"one more")
    turns = 0
    while check.at_once < 2:
        gevent.sleep(0)  # the loop turns while threads work
        turns += 1
    check.go = True
    gevent.joinall(jobs, raise_error=True)
    assert (turns > 0, check.most_at_once, check.count) == (True, 2, 4)
    checks.close()


def test_who_waits_too_long_is_told_to_come_back(check: Counted) -> None:
    check.go = False
    checks = BcryptChecks(check, threads=1, patience=0.05)
    first, second = (gevent.spawn(checks.takes, BCRYPT, password) for password in (b"userA", b"wrong"))
    gevent.joinall([first, second])
    assert isinstance(first.exception, QueueFull)
    assert isinstance(second.exception, QueueFull)
    check.go = True
    assert checks.takes(BCRYPT, b"userA")
    assert check.count == 1  # what a thread had begun was remembered, what it hadn't was dropped
    checks.close()


def test_who_leaves_takes_nobody_along(check: Counted) -> None:
    check.go = False
    checks = BcryptChecks(check)
    first, second = (gevent.spawn(checks.takes, BCRYPT, b"userA") for _ in range(2))
    gevent.sleep(0.01)
    first.kill()
    check.go = True
    assert second.get(timeout=5)
    assert check.count == 1
    checks.close()


def test_threads_give_way() -> None:
    found: list[int] = []

    def look(_password: bytes, _hashed: bytes) -> bool:
        import os

        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return True

    import os

    before = os.getpriority(os.PRIO_PROCESS, 0)
    checks = BcryptChecks(look)
    checks.takes(BCRYPT, b"userA")
    assert found == [min(19, before + 5)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
    checks.close()


def test_an_outer_limit_is_not_ours(check: Counted) -> None:
    check.go = False
    checks = BcryptChecks(check)
    began = time.monotonic()
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.02):
        checks.takes(BCRYPT, b"userA")
    assert time.monotonic() - began < 5
    check.go = True
    checks.close()
