"""The operators who may use the administration port, and what each role may do (docs/http-api.md)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from time import monotonic
from typing import Protocol

from ksmppd_py.admin.guesses import GuessLimit
from ksmppd_py.ip_addresses import matches

ADMIN = "admin"
"""The user of the password in group http-server."""
_BCRYPT = b"$2"


class HashChecks(Protocol):
    """Checks bcrypt hashes."""

    def takes(self, hashed: bytes, password: bytes) -> bool:
        """Whether `hashed` is the hash of this password. May yield. Raises errors.QueueFull."""

    def close(self) -> None:
        """End all checks. May yield."""


class Role(IntEnum):
    """A role; a higher one may do all that a lower one may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class User:
    """An operator whose password was right."""

    username: str
    role: Role


@dataclass(frozen=True, slots=True)
class UserSettings:
    """A user as configured. `password` is plain or a bcrypt hash; `allow_ip` are patterns, empty = any address."""

    username: str
    password: bytes = field(repr=False)
    role: Role
    allow_ip: str = ""

    @property
    def password_form(self) -> str:
        """Return bcrypt or plain."""
        return "bcrypt" if self.password.startswith(_BCRYPT) else "plain"


class Users:
    """Checks usernames and passwords, those of each address at a bounded rate.

    `password` is the one of group http-server, whose user is ADMIN; an empty one matches nothing.
    """

    def __init__(
        self,
        password: bytes,
        users: Sequence[UserSettings],
        hash_checks: HashChecks,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._hash_checks = hash_checks
        self._guesses = GuessLimit(now)
        self.reconfigure(password, users)

    def reconfigure(self, password: bytes, users: Sequence[UserSettings]) -> None:
        """Take over other passwords and users. Doesn't yield."""
        self._admin = UserSettings(ADMIN, password, Role.ADMIN)
        self._users = {ADMIN: self._admin, **{user.username: user for user in users}}

    def all(self) -> Sequence[UserSettings]:
        """Return all users as configured, ADMIN first."""
        return list(self._users.values())

    def find(self, username: str, ip: str) -> User | None:
        """Return a user who signed in before; None when the user is gone, or may not come from `ip`."""
        user = self._users.get(username)
        if user is None or not _may_come_from(user, ip):
            return None
        return User(user.username, user.role)

    def check(self, username: str, given: bytes, ip: str, *, any_name: bool = False) -> User | None:
        """Return the user whose password this is; a wrong one is counted and logged. Raises TooManyGuesses.

        With `any_name` the password of ADMIN counts beside every username. May yield. Raises errors.QueueFull.
        """
        found: list[UserSettings] = []

        def is_right() -> bool:
            candidates = [user for user in (self._users.get(username),) if user is not None]
            if any_name and self._admin not in candidates:
                candidates.insert(0, self._admin)
            found.extend(user for user in candidates if self._matches(user, given, ip))
            if not found and not any(_is_hashed(user) and _may_come_from(user, ip) for user in candidates):
                self._spend_time(given)
            return bool(found)

        if not self._guesses.check(
            ip, username.encode("utf-8", "replace") + b"\0" + given if given else b"", is_right
        ):
            return None
        return User(found[0].username, found[0].role)

    def _spend_time(self, given: bytes) -> None:
        """Check any user's hash, so that the time of the answer doesn't show which names have one. May yield."""
        hashed = next(
            (user for user in self._users.values() if user is not self._admin and _is_hashed(user)), None
        )
        if hashed is not None:
            self._hash_checks.takes(hashed.password, given)

    def _matches(self, user: UserSettings, given: bytes, ip: str) -> bool:
        if not user.password or not _may_come_from(user, ip):
            return False
        if user is not self._admin and _is_hashed(user):
            return self._hash_checks.takes(user.password, given)
        return hmac.compare_digest(_digest(given), _digest(user.password))


def _is_hashed(user: UserSettings) -> bool:
    return user.password.startswith(_BCRYPT)


def _may_come_from(user: UserSettings, ip: str) -> bool:
    return not user.allow_ip or matches(user.allow_ip, ip)


def _digest(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()
