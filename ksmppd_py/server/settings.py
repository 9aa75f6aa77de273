"""Makes the settings of each package from the configuration."""

from __future__ import annotations

from urllib.parse import urlsplit

from ksmppd_py.accesslog.log import AccessLogSettings
from ksmppd_py.admin.server import AdminSettings
from ksmppd_py.admin.users import Role, UserSettings
from ksmppd_py.config import (
    AccessLogFormat,
    Config,
    HttpUser,
    MysqlConnection,
    PgsqlConnection,
    Sqlite3Connection,
)
from ksmppd_py.config.convert import url_problem
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.sqlite import SQLiteDatabase
from ksmppd_py.translate.tlvs import TlvDefinition, TlvTables


def hosts(config: Config) -> list[str]:
    """Return the host names that will be looked up, once for each use."""
    found = [box.host for box in config.bearerboxes]
    if isinstance(config.database, MysqlConnection | PgsqlConnection):
        found += [host for host in config.database.host.split(",") if not host.startswith("/")]
    urls = (config.ksmppd.auth_url, config.routing.http_routing_url)
    return found + [host for host in (urlsplit(url).hostname for url in urls if not url_problem(url)) if host]


def tlvs(config: Config) -> TlvTables:
    """Return the operator's own optional parameters."""
    return TlvTables(
        TlvDefinition(tlv.name, tlv.tag, tlv.length, tlv.type, tlv.smsc_ids) for tlv in config.tlvs
    )


def admin(config: Config) -> AdminSettings:
    """Return the settings of the administration port; without TLS no certificate."""
    http = config.http_server
    return AdminSettings(
        http.port,
        http.password,
        http.interface,
        certfile=(http.ssl and http.ssl_server_cert_file) or None,
        keyfile=(http.ssl and http.ssl_server_key_file) or None,
        host_names=http.host_names,
        users=[_user(user) for user in config.http_users],
        more_secrets=getattr(config.database, "password", "").encode("utf-8", "surrogateescape"),
    )


def _user(user: HttpUser) -> UserSettings:
    password = user.password.encode("utf-8", "surrogateescape")
    return UserSettings(user.username, password, Role[user.role.name], ";".join(user.allow_ip))


def access_log(config: Config) -> AccessLogSettings:
    """Return the path and style of the access log."""
    ksmppd = config.ksmppd
    json = ksmppd.access_log_format is AccessLogFormat.JSON
    return AccessLogSettings(ksmppd.access_log, json, ksmppd.access_log_text)


def open_database(config: Config) -> Database:
    """Return the configured database, not yet connected; one in memory when none is needed."""
    group = config.database
    if isinstance(group, MysqlConnection):
        return MySQLDatabase(group)
    if isinstance(group, PgsqlConnection):
        from ksmppd_py.storage.postgresql import PostgreSQLDatabase  # noqa: PLC0415 - libpq is loaded if it is used

        return PostgreSQLDatabase(group)
    return SQLiteDatabase(group or Sqlite3Connection(database=":memory:"))
