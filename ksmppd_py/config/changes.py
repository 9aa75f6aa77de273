"""Finds the changes of a configuration that take a restart; others can be applied while the server runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kannel_conf import Change, keys_of
from ksmppd_py.config.load import Config


def restart_changes(old: Config, new: Config) -> Iterator[str]:
    """Yield the name of each changed key that takes a restart, or of its group. Never a value: some are secret."""
    yield from _of_group("ksmppd", old.ksmppd, new.ksmppd)
    yield from _of_group("smpp-routing", old.routing, new.routing)
    yield from _of_group("http-server", old.http_server, new.http_server)
    if old.database != new.database:
        yield "the database's connection group"
    if (old.auth_plugin, old.routing_plugin) != (new.auth_plugin, new.routing_plugin):
        yield "ksmppd-plugin"


def _of_group(name: str, old: Any, new: Any) -> Iterator[str]:
    for spec in keys_of(type(old)):
        if spec.change is Change.RESTART and getattr(old, spec.attribute) != getattr(new, spec.attribute):
            yield f"{name}: {spec.key}"
