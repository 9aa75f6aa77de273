"""Checks that the values of a group, and the files that they name, go together."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kannel_conf import Findings, Group
from ksmppd_py.config.convert import Method, url_problem
from ksmppd_py.config.files import authorities_problem, certificate_problem, log_kind_problem, log_problem
from ksmppd_py.config.groups import KsmppdGroup
from ksmppd_py.config.http_groups import HttpServer, HttpUser

ADMIN = "admin"
"""The user of `password` in group http-server."""
BCRYPT = re.compile(r"\$2[abxy]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}")
"""Hashes of the costs that are checked."""
AUTH_KEYS = {"auth-url": Method.HTTP, "auth-plugin-id": Method.PLUGIN}
ROUTING_KEYS = {"http-routing-url": Method.HTTP, "plugin-id": Method.PLUGIN}
"""The method that reads each key."""


def check_http_server(server: HttpServer, group: Group, findings: Findings) -> None:
    """Check that an HTTPS port has a certificate that can be used."""
    if not server.ssl:
        return
    if not server.ssl_server_cert_file:
        findings.error(group.place_of("ssl"), "'ssl' needs the field 'ssl-server-cert-file'.")
        return
    problem = certificate_problem(server.ssl_server_cert_file, server.ssl_server_key_file)
    _problem(problem, "ssl-server-cert-file", group, findings)


def check_http_users(users: Sequence[tuple[HttpUser, Group]], findings: Findings) -> None:
    """Check that each username is given once, and that no password is a damaged hash."""
    taken: dict[str, Group] = {}
    for user, group in users:
        if user.username == ADMIN:
            text = f"'username' {ADMIN} is the user of 'password' in group http-server."
            findings.error(group.place_of("username"), text)
        elif user.username in taken:
            text = f"The username {user.username!r} is taken by the group at {taken[user.username].place}."
            findings.error(group.place_of("username"), text)
        taken.setdefault(user.username, group)
        if user.password.startswith("$2") and not BCRYPT.fullmatch(user.password):
            text = f"'password' begins as a bcrypt hash does, but is none ({len(user.password)} characters)."
            findings.error(group.place_of("password"), text)


def check_smpp(ksmppd: KsmppdGroup, group: Group, findings: Findings) -> None:
    """Check the settings of the SMPP ports and the logs."""
    if ksmppd.smpp_tls_port:
        _check_tls(ksmppd, group, findings)
    elif ksmppd.smpp_tls_only:
        findings.error(group.place_of("smpp-tls-only"), "'smpp-tls-only' needs a port, 'smpp-tls-port'.")
    if ksmppd.smpp_proxy_protocol and not ksmppd.smpp_proxy_allow_ip:
        text = "'smpp-proxy-protocol' needs the addresses of the proxies, 'smpp-proxy-allow-ip'."
        findings.error(group.place_of("smpp-proxy-protocol"), text)
    if ksmppd.access_log and ksmppd.access_log == ksmppd.log_file:
        text = "'access-log' and 'log-file' are one file, they need to be two."
        findings.error(group.place_of("access-log"), text)
    for key, path in (("log-file", ksmppd.log_file), ("access-log", ksmppd.access_log)):
        _problem(log_kind_problem(path), key, group, findings)
        problem = log_problem(path) if path else ""
        if problem:
            findings.warning(group.place_of(key), f"'{key}': {problem}.")


def _check_tls(ksmppd: KsmppdGroup, group: Group, findings: Findings) -> None:
    if not ksmppd.smpp_tls_cert_file:
        text = "'smpp-tls-port' needs a certificate, 'smpp-tls-cert-file'."
        findings.error(group.place_of("smpp-tls-port"), text)
        return
    problem = certificate_problem(ksmppd.smpp_tls_cert_file, ksmppd.smpp_tls_key_file)
    _problem(problem, "smpp-tls-cert-file", group, findings)
    check_authorities(ksmppd.smpp_tls_ca_file, "smpp-tls-ca-file", group, findings)


def check_url(url: str, key: str, group: Group, findings: Findings) -> None:
    """Check that a URL that will be asked is one."""
    _problem(url_problem(url), key, group, findings)


def check_authorities(path: str, key: str, group: Group, findings: Findings) -> None:
    """Check that CA certificates, if any are named, can be read."""
    _problem(authorities_problem(path) if path else "", key, group, findings)


def _problem(problem: str, key: str, group: Group, findings: Findings) -> None:
    if problem:
        findings.error(group.place_of(key), f"'{key}': {problem}.")


def check_ports(
    ksmppd: KsmppdGroup, group: Group, server: HttpServer, server_group: Group, findings: Findings
) -> None:
    """Check that the server's ports differ where they are on one address."""
    plain, tls, http = ksmppd.smpp_port, ksmppd.smpp_tls_port, server.port
    if ksmppd.smpp_tls_only:
        plain = 0
    if tls and tls == plain:
        findings.error(group.place_of("smpp-tls-port"), f"'smpp-tls-port' {tls} is 'smpp-port', too.")
    if http and http in (plain, tls) and _overlap(ksmppd.interface, server.interface):
        key = "smpp-port" if http == plain else "smpp-tls-port"
        findings.error(server_group.place_of("port"), f"'port' {http} is '{key}' of group ksmppd, too.")


def _overlap(one: str, other: str) -> bool:
    """Whether two ports with one number on these interfaces are the same port."""
    if one == other or not {one, other}.isdisjoint(("", "::")):
        return True
    return "0.0.0.0" in (one, other) and ":" not in one + other


def warn_unused(
    method: Method, group: Group, method_key: str, users: dict[str, Method], findings: Findings
) -> None:
    """Warn of keys that only a method reads which isn't chosen: `users` has the method of each key."""
    for key, user in users.items():
        if user is not method and group.texts().get(key):
            text = f"'{key}' has no effect: '{method_key}' is {method.value} ({method.name.lower()})."
            findings.warning(group.place_of(key), text)
