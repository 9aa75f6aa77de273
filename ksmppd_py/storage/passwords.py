"""The forms of the user table's password column (docs/rules/database.md 5.1).

| column | made by |
|---|---|
| `*` and 40 hexadecimal digits | MySQL's PASSWORD() of 4.1 and later: SHA-1 of SHA-1, what the C daemon compares |
| 64 hexadecimal digits | SHA2(password, 256): SHA-256, what the diviky fork compares |
| `$2b$10$` and 53 characters | bcrypt ($2a$, $2b$, $2x$ or $2y$) |
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import Enum

MOST_ROUNDS = 15
"""bcrypt's cost above which a hash isn't checked: a guess would take 2 s of a processor."""
_MYSQL = re.compile(rb"\*[0-9A-F]{40}")
_SHA256 = re.compile(rb"[0-9A-F]{64}")
_BCRYPT = re.compile(rb"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}")
_OLD = re.compile(rb"[0-9A-F]{16}")
_FILLING = b" \0"
"""Octets with which CHAR and BINARY columns are padded."""


class Form(Enum):
    """The kind of a password hash."""

    MYSQL = 1
    SHA256 = 2
    BCRYPT = 3


@dataclass(frozen=True, slots=True)
class Stored:
    """The content of a password column. `form` None: no password matches it, and `problem` says why.

    `octets` have the case in which their form is compared.
    """

    octets: bytes
    form: Form | None
    problem: str = ""


def read_column(column: bytes | None) -> Stored:
    """Return the form of a password column; no text contains the column, as it may be a password."""
    octets = (column or b"").rstrip(_FILLING)
    upper = octets.upper()
    if _MYSQL.fullmatch(upper):
        return Stored(upper, Form.MYSQL)
    if _SHA256.fullmatch(upper):
        return Stored(upper, Form.SHA256)
    if found := _BCRYPT.fullmatch(octets):
        if 4 <= int(found[1]) <= MOST_ROUNDS:
            return Stored(octets, Form.BCRYPT)
        return Stored(octets, None, f"holds a bcrypt hash of cost {int(found[1])}, not 4 to {MOST_ROUNDS}")
    return Stored(octets, None, _problem(octets, upper))


def _problem(octets: bytes, upper: bytes) -> str:
    if not octets:
        return "is empty"
    if octets.startswith(b"!"):
        return "begins with `!`, which suspends the account"
    if _OLD.fullmatch(upper):
        return "holds 16 digits, a hash of MySQL before 4.1"
    if octets.startswith(b"$2"):
        return f"holds a damaged bcrypt hash ({len(octets)} characters, not 60)"
    if upper.startswith(b"*"):
        return f"holds a damaged hash of PASSWORD() ({len(octets)} characters, not `*` and 40 digits)"
    return f"holds no hash that is known ({len(octets)} characters)"


def password_hash(password: bytes) -> bytes:
    """Return the value of MySQL's PASSWORD(), also for the empty password, for which PASSWORD() returned nothing."""
    inner = hashlib.sha1(password, usedforsecurity=False).digest()
    return b"*" + hashlib.sha1(inner, usedforsecurity=False).hexdigest().upper().encode()


def takes(stored: Stored, password: bytes) -> bool:
    """Whether a hash of the quick forms is this password's, in constant time; False for all others."""
    if stored.form is Form.MYSQL:
        return hmac.compare_digest(stored.octets, password_hash(password))
    if stored.form is Form.SHA256:
        digest = hashlib.sha256(password).hexdigest().upper().encode()
        return hmac.compare_digest(stored.octets, digest)
    return False
