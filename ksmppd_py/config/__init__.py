"""The configuration: read once, checked as a whole, handed on as frozen dataclasses."""

from __future__ import annotations

from kannel_conf import printable
from ksmppd_py.config.changes import restart_changes
from ksmppd_py.config.convert import AccessLogFormat, DatabaseType, Method, SslMode, WaitAckAction
from ksmppd_py.config.databases import Database, MysqlConnection, PgsqlConnection, Sqlite3Connection
from ksmppd_py.config.groups import (
    BearerboxConnection,
    HttpServer,
    KsmppdGroup,
    KsmppdPlugin,
    SmppRouting,
    SmppTlv,
)
from ksmppd_py.config.load import Config, ConfigProblems, load
from ksmppd_py.config.reference import render_reference

__all__ = [
    "AccessLogFormat",
    "BearerboxConnection",
    "Config",
    "ConfigProblems",
    "Database",
    "DatabaseType",
    "HttpServer",
    "KsmppdGroup",
    "KsmppdPlugin",
    "Method",
    "MysqlConnection",
    "PgsqlConnection",
    "SmppRouting",
    "SmppTlv",
    "Sqlite3Connection",
    "SslMode",
    "WaitAckAction",
    "load",
    "printable",
    "render_reference",
    "restart_changes",
]
