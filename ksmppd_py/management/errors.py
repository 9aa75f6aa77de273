"""Reasons why a change isn't made. Nothing was written when one of them is raised."""

from __future__ import annotations

from ksmppd_py.errors import PermanentError


class ChangeRefused(PermanentError):
    """A change that isn't made; `field` is the one at fault, empty when there is none."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


class InvalidValue(ChangeRefused):
    """A value breaks a rule of its field."""


class NotFound(ChangeRefused):
    """There is no such account, route or entry."""


class AlreadyExists(ChangeRefused):
    """There is such an account already, or the key was used for another change."""


class Outdated(ChangeRefused):
    """The object was changed since it was read."""


class NotPossible(ChangeRefused):
    """The tables have no room for the change: a column is missing or too short."""
