"""An account's settings, which every authenticator returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Simulation:
    """Simulated behaviour of an account (docs/rules/flows.md 6); each `every` counts PDUs of a bind, 0 = never."""

    deliver_every: int = 0
    mo_every: int = 0
    permanent_failure_every: int = 0
    temporary_failure_every: int = 0
    dlr_fail_every: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """Settings of one system_id, as they were at its bind.

    `system_id` is lower case. `throughput` is messages a second, 0 = unlimited. `default_cost` and route costs are
    credits a part. `max_binds` 0 = unlimited. `connect_allow_ip` None = no restriction. `alt_charset` is an iconv name
    used for data_coding 0 instead of GSM 03.38, None = GSM. `switch_dlr_addr` None = as configured, and so is
    `dlr_err_length`, the characters of error codes in receipts (0 = whole codes), and `dlr_profile`, the id of
    a profile.
    """

    system_id: str
    throughput: float = 0.0
    default_smsc: str | None = None
    default_cost: float = 0.0
    enable_prepaid_billing: bool = False
    max_binds: int = 0
    connect_allow_ip: str | None = None
    simulation: Simulation | None = None
    alt_charset: str | None = None
    switch_dlr_addr: bool | None = None
    max_open_acks: int | None = None
    dlr_err_length: int | None = None
    dlr_profile: str | None = None


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as its row is now, whether it ever bound or not.

    `is_suspended`: no password matches it, on purpose.
    """

    account: Account
    is_suspended: bool = False
