"""`ksmppd --test --live`: tries everything that a configuration names, without changing or disturbing anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from ksmppd_py.bearerbox import reach as box_reach
from ksmppd_py.callbacks import reach as http_reach
from ksmppd_py.callbacks.endpoint import Endpoint, ca_certificates
from ksmppd_py.config import Config, Method, Sqlite3Connection
from ksmppd_py.errors import DatabaseUnavailable, StartError
from ksmppd_py.model.routes import RegexChecker
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.opening import database_of
from ksmppd_py.storage.routes import DatabaseRoutes
from ksmppd_py.storage.table_check import check_tables, reason_of, version_of
from ksmppd_py.storage.upgrade import describe
from ksmppd_py.transport.certificates import validity

TIMEOUT = 5.0
"""Seconds that each database, bearerbox or server has to answer."""
EXPIRY_WARNING = timedelta(days=30)
"""Time before a certificate's end from which on it gets a warning."""


class Finding(NamedTuple):
    """One line of the result. `failed`: the server can't work with it; `doubtful`: it soon can't, or not always."""

    subject: str
    text: str
    failed: bool = False
    doubtful: bool = False

    def __str__(self) -> str:
        word = "FAILED" if self.failed else "WARNING" if self.doubtful else "ok"
        return f"{word:8}{self.subject}: {self.text}"


def check_live(config: Config, now: Callable[[], datetime] | None = None) -> Iterator[Finding]:
    """Yield a finding for each thing that the configuration names, when it has been tried.

    May yield to the hub, too.
    """
    if config.database is not None:
        yield from _database(config)
    yield from _http_servers(config)
    for box in config.bearerboxes:
        problem = box_reach.problem_of(box, TIMEOUT)
        subject = f"bearerbox {box.host}:{box.port}{' (TLS)' if box.ssl else ''}"
        yield Finding(subject, problem or "takes connections", bool(problem))
    yield from _certificates(config, (now or _utc)())


def _utc() -> datetime:
    return datetime.now(timezone.utc)


def _database(config: Config) -> Iterator[Finding]:
    group = config.database
    assert group is not None
    if isinstance(group, Sqlite3Connection):
        subject = f"database {group.database}"
        if group.database != ":memory:" and not os.path.exists(group.database):
            yield _new_file(subject, os.path.dirname(group.database))
            return
    else:
        subject = f"database {group.database} at {group.host}{f':{group.port}' if group.port else ''}"
    database = database_of(config.database)
    try:
        database.start(0.0)
        yield Finding(subject, version_of(database))
        layout = describe(database, config.ksmppd)
        needed = _needed_tables(config)
        for table in check_tables(database, layout):
            text, failed = table.problem or table.note, bool(table.problem)
            yield Finding(f"table {table.name}", text, failed and table.use in needed, failed)
        if config.routing.routing_method is Method.DATABASE and layout.columns(layout.tables.route):
            yield from _routes(database, layout)
    except (StartError, DatabaseUnavailable) as error:
        yield Finding(subject, reason_of(error), True)
    finally:
        database.close()


def _needed_tables(config: Config) -> set[str]:
    """Return the tables without which nothing works; missing others are only logged."""
    needed = {"store", "pdu"} if config.ksmppd.database_enable_queue else set()
    if config.ksmppd.auth_method is Method.DATABASE:
        needed.add("user")
    if config.routing.routing_method is Method.DATABASE:
        needed.add("route")
    return needed


def _new_file(subject: str, directory: str) -> Finding:
    if os.access(directory, os.W_OK | os.X_OK):
        return Finding(subject, "isn't there yet, the first start makes it")
    return Finding(subject, f"isn't there, and {directory} can't be written to", True)


def _routes(database: Database, layout: Layout) -> Iterator[Finding]:
    checker = RegexChecker()
    count, all_good = 0, True
    for portion in DatabaseRoutes(database, layout).everything():
        for route in (row.route for row in portion):
            count += 1
            reason = checker.problem(route)
            if reason:
                all_good = False
                yield Finding(f"route {route.route_id}", f"the expression can't be used: {reason}", True)
    if all_good:
        yield Finding("routes", f"{count}, all expressions can be used")


def _http_servers(config: Config) -> Iterator[Finding]:
    ksmppd, routing = config.ksmppd, config.routing
    asked = []
    if ksmppd.auth_method is Method.HTTP:
        asked.append(("auth-url", ksmppd.auth_url, ksmppd.auth_ssl_trusted_ca_file))
    if routing.routing_method is Method.HTTP:
        asked.append(("http-routing-url", routing.http_routing_url, routing.http_routing_ssl_trusted_ca_file))
    for key, url, authorities in asked:
        endpoint = Endpoint.of(url, key)
        problem, answer = http_reach.problem_of(endpoint, ca_certificates(authorities, key), TIMEOUT)
        yield Finding(f"{key} {endpoint.name}", problem or answer, bool(problem))


def _certificates(config: Config, now: datetime) -> Iterator[Finding]:
    ksmppd, server, routing = config.ksmppd, config.http_server, config.routing
    by_http = ksmppd.auth_method is Method.HTTP, routing.routing_method is Method.HTTP
    named = (
        ("smpp-tls-cert-file", ksmppd.smpp_tls_cert_file, bool(ksmppd.smpp_tls_port)),
        ("smpp-tls-ca-file", ksmppd.smpp_tls_ca_file, bool(ksmppd.smpp_tls_port)),
        ("ssl-server-cert-file", server.ssl_server_cert_file, server.ssl),
        ("auth-ssl-trusted-ca-file", ksmppd.auth_ssl_trusted_ca_file, by_http[0]),
        ("http-routing-ssl-trusted-ca-file", routing.http_routing_ssl_trusted_ca_file, by_http[1]),
    )
    for key, path, is_used in named:
        if is_used and path and not os.path.isdir(path):
            yield _dates(f"{key} {path}", path, now)


def _dates(subject: str, path: str, now: datetime) -> Finding:
    """Return the finding about a file of certificates.

    All of a chain have to be valid; of CAs one is enough, because bundles contain many expired ones.
    """
    try:
        found = validity(path)
    except (OSError, ValueError) as error:
        return Finding(subject, f"can't be read: {error}", True)
    decisive = max if "-ca-file" in subject else min
    start, end = decisive(found, key=lambda each: each[1])
    if end < now:
        return Finding(subject, f"expired on {end:%Y-%m-%d}", True)
    if start > now:
        return Finding(subject, f"isn't valid before {start:%Y-%m-%d}", True)
    return Finding(subject, f"valid until {end:%Y-%m-%d}", doubtful=end - now < EXPIRY_WARNING)
