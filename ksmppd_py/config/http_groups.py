"""The groups of the administration port."""

# ruff: noqa: RUF009 - the functions that make fields are what dataclasses.field is

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kannel_conf import Change, boolean, converted, integer, text
from ksmppd_py.config.convert import (
    to_address_patterns,
    to_host_names,
    to_http_url,
    to_interface,
    to_path,
    to_username,
    to_word,
)

RELOAD = Change.RELOAD


class UserRole(Enum):
    """The words of `role`."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


def _path(doc: str) -> str:
    return converted(to_path, doc, type="path", default="", change=RELOAD)


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpServer:
    """`group = http-server`: the administration port. Single, required."""

    port: int = integer("TCP port; 0 takes any free one", low=0, high=65535)
    password: str = text("password of every command", required=True, secret=True, change=RELOAD)
    interface: str = converted(
        to_interface,
        "address that the port is bound to; all of IPv4 and IPv6 when absent, 0.0.0.0: all of IPv4",
        type="address",
        default="",
    )
    host_names: tuple[str, ...] = converted(
        to_host_names,
        "names by which browsers reach the dashboard, `;` between; addresses, localhost, names without a dot, "
        "`interface` and this machine's own name need not be listed",
        type="host names",
        default=(),
        change=RELOAD,
    )
    prometheus_url: str = converted(
        to_http_url,
        "URL of the Prometheus that scrapes this server, such as `http://localhost:9090`: the console shows "
        "up to 90 days from there, instead of an hour",
        type="URL",
        default="",
    )
    ssl: bool = boolean("speak HTTPS; needs ssl-server-cert-file")
    ssl_server_cert_file: str = _path("PEM file with the certificate and its chain, for ssl")
    ssl_server_key_file: str = _path("PEM file with the key; in the certificate's file when absent")


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpUser:
    """`group = http-user`: an operator of the administration port. Multi."""

    username: str = converted(
        to_username,
        "name of the user; admin is the one of `password` in http-server",
        type="string",
        change=RELOAD,
    )
    password: str = text(
        "the user's password, or its bcrypt hash (`$2y$...`)", required=True, secret=True, change=RELOAD
    )
    role: UserRole = converted(
        to_word(UserRole),
        "admin: everything; operator: binds, queues, blocks, credit, suspending; viewer: reading",
        type="admin, operator or viewer",
        change=RELOAD,
    )
    allow_ip: tuple[str, ...] = converted(
        to_address_patterns,
        "addresses that the user may come from, `*` for any octet or group, or networks; any when absent",
        type="IP addresses",
        default=(),
        change=RELOAD,
    )
