"""Logs each command of an operator, and adds an event for each that changes something."""

from __future__ import annotations

import base64
import binascii
import logging
import time
from collections.abc import Mapping

from ksmppd_py.admin.commands import COMMANDS, PUBLIC, role_needed
from ksmppd_py.admin.users import Role
from ksmppd_py.model.events import EventKind, EventStream

logger = logging.getLogger(__name__)

BY_PAGE, BY_PASSWORD = "the dashboard", "the password"
_NEVER_LOGGED = frozenset({"password", "text"})
"""Parameters that are never logged: the password, and texts of messages."""
_LONGEST = 100


def log_command(events: EventStream, path: str, parameters: Mapping[str, str], ip: str, user: str) -> None:
    """Log a command. Those of load balancers, and pages that aren't commands, aren't logged."""
    if path not in COMMANDS or path in PUBLIC:
        return
    given = "".join(
        f" {name[:_LONGEST]}={value[:_LONGEST]}"
        for name, value in parameters.items()
        if name.lower() not in _NEVER_LOGGED
    )
    logger.info("Administration: %s%s from %s by %s", path[1:], given, ip, user)
    if role_needed(path, parameters) > Role.VIEWER:
        add_change(events, path[1:] + given, ip, user)


def add_change(events: EventStream, operation: str, ip: str, user: str) -> None:
    """Add the event of a change by an operator. Doesn't yield."""
    fields = {"operation": operation, "username": user, "address": ip}
    events.add(EventKind.CHANGE, f"{operation} by {user}", time.time(), fields)


def user_of(authorization: str) -> str:
    """Return the user of an Authorization header; BY_PASSWORD without one."""
    scheme, _, credentials = authorization.strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            user = base64.b64decode(credentials.strip(), validate=True).partition(b":")[0]
        except (binascii.Error, ValueError):
            user = b""
        if user:
            return f"user {user[:_LONGEST].decode('utf-8', 'replace')}"
    return BY_PASSWORD
