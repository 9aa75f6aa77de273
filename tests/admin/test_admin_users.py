"""Users of the administration port: passwords, hashes, addresses, roles."""

from __future__ import annotations

import bcrypt
import gevent
import pytest
from admin_fakes import PlainHashChecks

from ksmppd_py.admin.commands import COMMANDS, role_needed
from ksmppd_py.admin.guesses import TooManyGuesses
from ksmppd_py.admin.users import Role, User, Users, UserSettings

HASH = bcrypt.hashpw(b"hashed", bcrypt.gensalt(4))
CONFIGURED = (
    UserSettings("ann", b"plain", Role.OPERATOR),
    UserSettings("ben", HASH, Role.VIEWER),
    UserSettings("cid", b"plain", Role.ADMIN, "10.0.*.*;192.168.0.0/16"),
    UserSettings("dan", b"", Role.ADMIN),
)
IP = "127.0.0.1"


def users() -> Users:
    return Users(b"master", CONFIGURED, PlainHashChecks())


@pytest.mark.parametrize(
    ("username", "password", "ip", "role"),
    [
        ("admin", b"master", IP, Role.ADMIN),
        ("ann", b"plain", IP, Role.OPERATOR),
        ("ann", b"master", IP, None),
        ("ben", b"hashed", IP, Role.VIEWER),
        ("ben", HASH, IP, None),
        ("admin", b"plain", IP, None),
        ("cid", b"plain", IP, None),
        ("cid", b"plain", "10.0.3.4", Role.ADMIN),
        ("cid", b"plain", "192.168.3.4", Role.ADMIN),
        ("dan", b"", IP, None),
        ("eve", b"plain", IP, None),
        ("", b"master", IP, None),
    ],
)
def test_passwords(username: str, password: bytes, ip: str, role: Role | None) -> None:
    assert users().check(username, password, ip) == (User(username, role) if role else None)


class SlowHashChecks(PlainHashChecks):
    """Counts checks, in each of which other greenlets run."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def takes(self, hashed: bytes, password: bytes) -> bool:
        self.count += 1
        gevent.sleep(0)
        return super().takes(hashed, password)


@pytest.mark.parametrize(
    ("username", "ip"),
    [("ben", IP), ("ann", IP), ("eve", IP), ("cid", IP), ("cid", "10.0.0.1"), ("admin", IP)],
)
def test_the_time_of_a_refusal_shows_no_name(username: str, ip: str) -> None:
    """Each wrong password costs one check of a hash, whether the name is known or not."""
    checks = SlowHashChecks()
    assert Users(b"master", CONFIGURED, checks).check(username, b"wrong", ip) is None
    assert checks.count == 1


def test_one_password_for_many_names_at_once() -> None:
    """Each name is a guess of its own."""
    several = [UserSettings(f"user{number}", HASH, Role.VIEWER) for number in range(20)]
    users = Users(b"master", several, SlowHashChecks())
    guesses = [gevent.spawn(users.check, user.username, b"wrong", IP) for user in several]
    gevent.joinall(guesses)
    assert sum(guess.successful() for guess in guesses) == 5


@pytest.mark.parametrize(
    ("username", "password", "found"),
    [
        ("anybody", b"master", User("admin", Role.ADMIN)),
        ("", b"master", User("admin", Role.ADMIN)),
        ("ann", b"master", User("admin", Role.ADMIN)),
        ("ann", b"plain", User("ann", Role.OPERATOR)),
        ("anybody", b"plain", None),
    ],
)
def test_the_old_password_beside_any_name(username: str, password: bytes, found: User | None) -> None:
    assert users().check(username, password, IP, any_name=True) == found


def test_guesses_are_counted_over_all_names() -> None:
    some = users()
    for name in ("ann", "ben", "admin", "eve", "ann"):
        assert some.check(name, b"wrong", IP) is None
    with pytest.raises(TooManyGuesses):
        some.check("ann", b"plain", IP)


def test_a_user_who_is_gone_isnt_found() -> None:
    some = users()
    assert some.find("cid", "10.0.3.4") == User("cid", Role.ADMIN)
    assert some.find("cid", IP) is None
    assert some.find("eve", IP) is None
    some.reconfigure(b"master", CONFIGURED[1:])
    assert some.find("ann", IP) is None


def test_passwords_arent_shown() -> None:
    assert "plain" not in repr(CONFIGURED)


CHANGES = {
    "/log-level": ({"level": "1"}, Role.ADMIN),
    "/esme-unbind": ({"system-id": "x"}, Role.OPERATOR),
    "/rebuild-routes": ({}, Role.OPERATOR),
    "/blocked-ips": ({"clear": "all"}, Role.OPERATOR),
}


@pytest.mark.parametrize("path", COMMANDS)
def test_roles_of_commands(path: str) -> None:
    parameters, role = CHANGES.get(path, ({}, Role.VIEWER))
    assert role_needed(path, parameters) is role
    if path in ("/log-level", "/blocked-ips"):
        assert role_needed(path, {}) is Role.VIEWER
