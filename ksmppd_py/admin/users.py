"""The operators who may use the administration port, and what each role may do (docs/http-api.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from ksmppd_py.admin.access import PasswordCheck, TooManyGuesses, password_in
from ksmppd_py.admin.requests import Request

ADMIN = "admin"
"""The user of the password in group http-server."""
CHALLENGE = (("WWW-Authenticate", 'Bearer realm="ksmppd"'),)
"""Browsers would ask for Basic credentials, and then add them to requests that other sites cause."""


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


class NotSignedIn(Exception):
    """A request without valid credentials; `status` and `headers` are for the answer."""

    def __init__(self, status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers


class Authentication:
    """Finds the user of a request: HTTP Basic, or the old password as a Bearer token."""

    def __init__(self, passwords: PasswordCheck) -> None:
        self._passwords = passwords

    def user_of(self, request: Request, changes: bool) -> User:
        """Return the user. Raises NotSignedIn. May yield."""
        given = password_in(request.header("Authorization"))
        try:
            if given and self._passwords.accepts(given, request.ip):
                return User(ADMIN, Role.ADMIN)
        except TooManyGuesses as pause:
            raise NotSignedIn(
                429, f"too many wrong passwords from this address, {pause}", pause.headers
            ) from None
        raise NotSignedIn(401, "username or password is wrong or missing", CHALLENGE)
