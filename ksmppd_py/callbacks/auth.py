"""The authenticator of `auth-method = http`: one GET per bind (docs/rules/http.md 1)."""

from __future__ import annotations

import logging
from http.cookiejar import DefaultCookiePolicy

import gevent
import requests
from gevent.lock import BoundedSemaphore
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER

from ksmppd_py.callbacks.answers import Headers, is_integer
from ksmppd_py.callbacks.endpoint import Endpoint, ca_certificates
from ksmppd_py.callbacks.strict_headers import adapter
from ksmppd_py.config import KsmppdGroup
from ksmppd_py.errors import BackendUnavailable
from ksmppd_py.model import costs
from ksmppd_py.model.account import Account, Simulation
from ksmppd_py.translate.coding import known_charset

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 5.0
"""Seconds until a connection to the authentication server stands."""
TOTAL_TIMEOUT = 10.0
"""Seconds from the request to the end of the answer's headers."""
MOST_CONNECTIONS = 100
"""Connections to the authentication server that are kept open."""
_BLANKS = b" \t"
_TOO_MANY_REQUESTS = 429
_AUTH = "X-KSMPPD-Auth"
_COST = "X-KSMPPD-Default-SMSC-Cost"
_SWITCH = "X-KSMPPD-Switch-DLR-Addr"
_ERR_LENGTH = "X-KSMPPD-DLR-Err-Length"


class HttpAuthenticator:
    """Implements ports.Authenticator by asking the customer's HTTP server.

    `can_bill`: there is a table of credit for prepaid accounts. At most `in_flight` requests run at a time; others wait
    within `total_timeout`. Timeouts are in seconds. Raises StartError for a URL or CA file that can't be used.
    """

    def __init__(
        self,
        settings: KsmppdGroup,
        *,
        can_bill: bool = True,
        in_flight: int = 512,
        connect_timeout: float = CONNECT_TIMEOUT,
        total_timeout: float = TOTAL_TIMEOUT,
    ) -> None:
        self._url = settings.auth_url
        self._name = Endpoint.of(self._url, "auth-url").name
        self._can_bill = can_bill
        self._connect_timeout = connect_timeout
        self._total_timeout = total_timeout
        self._turns = BoundedSemaphore(in_flight)
        self._session = requests.Session()
        self._session.trust_env = False  # neither proxies nor .netrc
        self._session.verify = ca_certificates(settings.auth_ssl_trusted_ca_file, "auth-ssl-trusted-ca-file")
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # none is kept
        self._session.headers.clear()
        # Scripts see what the C daemon sends and nothing else (docs/rules/http.md 1.1).
        self._session.headers.update({"User-Agent": SKIP_HEADER, "Accept-Encoding": SKIP_HEADER})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter(min(MOST_CONNECTIONS, in_flight)))

    def authenticate(self, system_id: bytes, password: bytes, peer_ip: str) -> Account | None:
        """See ports.Authenticator. Yields, at most `total_timeout`."""
        status, headers = self._ask(
            {
                "X-KSMPPD-system-id": system_id.strip(_BLANKS),
                "X-KSMPPD-password": password.strip(_BLANKS),  # HTTP knows no blanks at the ends of a value
                "X-KSMPPD-ip": peer_ip.encode("ascii"),
            }
        )
        if status >= 500 or status == _TOO_MANY_REQUESTS:
            raise BackendUnavailable(f"{self._name} answered {status}")
        if status != 200:
            logger.warning("%s answered %d, which refuses the bind", self._name, status)
            return None
        if not headers.integer(_AUTH):
            self._log_refusal(headers)
            return None
        # The name as the server saw it, so that an account can't use two.
        account = account_of(system_id.strip(_BLANKS).decode("latin-1").lower(), headers)
        if account.enable_prepaid_billing and not self._can_bill:
            raise BackendUnavailable(f"{account.system_id} is prepaid, but no database holds its credit")
        return account

    def _log_refusal(self, headers: Headers) -> None:
        """Log why an answer refuses the bind, unless it is a plain 0: others are probably faults of the HTTP server."""
        if _AUTH not in headers:
            logger.warning("%s answered without %s, which refuses the bind", self._name, _AUTH)
        elif not is_integer(headers.text(_AUTH)):
            text = headers.text(_AUTH) or ""
            logger.warning("%s: %s %r is no number, which refuses the bind", self._name, _AUTH, text)

    def close(self) -> None:
        """Close idle connections. Doesn't yield."""
        self._session.close()

    def _ask(self, headers: dict[str, str | bytes]) -> tuple[int, Headers]:
        """Return status and headers of the answer; its body isn't read. Raises BackendUnavailable. May yield."""
        limit = gevent.Timeout(self._total_timeout)
        try:
            with (
                limit,
                self._turns,
                self._session.get(
                    self._url,
                    headers=headers,
                    timeout=(self._connect_timeout, self._total_timeout),
                    allow_redirects=False,
                    stream=True,
                ) as answer,
            ):
                return answer.status_code, Headers(answer.raw.headers.items())
        except gevent.Timeout as timeout:
            if timeout is not limit:
                raise
            raise BackendUnavailable(f"{self._name}: no answer within {self._total_timeout:g} s") from None
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise BackendUnavailable(f"{self._name} can't be asked: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return an error's innermost text: requests wraps the cause three times."""
    innermost: BaseException = error
    while (cause := innermost.__cause__ or innermost.__context__) is not None:
        innermost = cause
    return f"{type(innermost).__name__}: {innermost}"


def account_of(system_id: str, headers: Headers) -> Account:
    """Return the account that accepting headers describe (docs/rules/http.md 1.2), with the table's defaults."""
    return Account(
        system_id=system_id,
        throughput=max(0.0, headers.real("X-KSMPPD-Throughput") or 0.0),
        default_smsc=headers.text("X-KSMPPD-Default-SMSC"),
        default_cost=_default_cost(system_id, headers.text(_COST)),
        enable_prepaid_billing=headers.integer("X-KSMPPD-Enable-Prepaid-Billing") != 0,
        max_binds=max(0, headers.integer("X-KSMPPD-Max-Binds")),
        connect_allow_ip=headers.text("X-KSMPPD-Connect-Allow-IP"),
        simulation=_simulation(headers) if headers.integer("X-KSMPPD-Simulate") else None,
        alt_charset=_charset(system_id, headers.text("X-KSMPPD-Alt-Charset")),
        switch_dlr_addr=headers.integer(_SWITCH) != 0 if headers.text(_SWITCH) else None,
        max_open_acks=max(0, headers.integer("X-KSMPPD-Max-Open-Acks")) or None,
        dlr_err_length=max(0, headers.integer(_ERR_LENGTH)) if headers.text(_ERR_LENGTH) else None,
        dlr_profile=headers.text("X-KSMPPD-DLR-Profile"),
    )


def _default_cost(system_id: str, text: str | None) -> float:
    """Return the cost of a part by the default SMSC; UNUSABLE when the header's can't be charged (D-33)."""
    cost = costs.read(text) if text is not None else 0.0
    if not costs.is_usable(cost):
        logger.warning(
            "SMPP[%s] %s %r is no decimal number: its default SMSC takes no message", system_id, _COST, text
        )
    return cost


def _charset(system_id: str, name: str | None) -> str | None:
    try:
        return None if name is None else known_charset(name)
    except LookupError:
        logger.warning("SMPP[%s] the character set %r isn't known and not used", system_id, name)
        return None


def _simulation(headers: Headers) -> Simulation:
    """Return the simulation of an account. KSMPPD's names of two headers lack "Simulate-"; both names are read."""

    def every(*names: str) -> int:
        values = (headers.integer(f"X-KSMPPD-{name}-Every") for name in names)
        return max(0, next((value for value in values if value), 0))

    return Simulation(
        deliver_every=every("Simulate-Deliver"),
        mo_every=every("Simulate-MO"),
        permanent_failure_every=every("Permanent-Failure", "Simulate-Permanent-Failure"),
        temporary_failure_every=every("Temporary-Failure", "Simulate-Temporary-Failure"),
        dlr_fail_every=every("Simulate-DLR-Fail"),
    )
