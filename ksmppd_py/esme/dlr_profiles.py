"""The profiles that accounts name: the two that are built in, and those of the configuration."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ksmppd_py.config import DlrProfileGroup, KsmppdGroup, MessageIdKind
from ksmppd_py.config.dlr_groups import DataCoding1, ReceiptAddresses
from ksmppd_py.model.account import Account
from ksmppd_py.translate.dlr_profile import KANNEL, STANDARD, DlrProfile, IdForm, Statuses
from ksmppd_py.translate.receipt_dates import write_date, zone_of
from ksmppd_py.translate.report_text import err_length

logger = logging.getLogger(__name__)

_DIGITS = {KANNEL.id: 12, STANDARD.id: 10}
_BASES = {MessageIdKind.DECIMAL: 10, MessageIdKind.HEX: 16}
_LENGTHS = {10: 10, 16: 16}


@dataclass(frozen=True, slots=True)
class ConfiguredProfile:
    """A profile; `leaves_addresses` and `leaves_err`: keys of group ksmppd decide about these."""

    profile: DlrProfile
    leaves_addresses: bool = True
    leaves_err: bool = True


class DlrProfiles:
    """All profiles by their ids; `default` is the id of the one for accounts that name none.

    `counts_ids`: there is a database that counts message ids; without one all ids are UUIDs.
    """

    def __init__(
        self, groups: Iterable[DlrProfileGroup] = (), default: str = KANNEL.id, counts_ids: bool = True
    ) -> None:
        self._by_id: dict[str, ConfiguredProfile] = {
            KANNEL.id: ConfiguredProfile(KANNEL),
            STANDARD.id: ConfiguredProfile(STANDARD, False, False),
        }
        self._by_id |= {group.id: _configured(group, self._by_id) for group in groups}
        self._default = self._by_id[default]
        self._counts_ids = counts_ids

    def of(self, account: Account) -> ConfiguredProfile:
        """Return the account's profile. An unknown name is the default, with a WARNING that names both."""
        name = account.dlr_profile
        found = self._default if name is None else self._by_id.get(name)
        if found is None:
            logger.warning(
                "SMPP[%s] there is no dlr-profile %r, %r is used",
                account.system_id,
                name,
                self._default.profile.id,
            )
            found = self._default
        if found.profile.id_form is not None and not self._counts_ids:
            logger.warning(
                "SMPP[%s] message ids of dlr-profile %r need a database, they are UUIDs",
                account.system_id,
                found.profile.id,
            )
            found = replace(found, profile=replace(found.profile, id_form=None))
        return found

    @property
    def statuses(self) -> Statuses:
        """The statuses for peers whose account isn't known."""
        return self._default.profile.statuses


def resolve(configured: ConfiguredProfile, account: Account, ksmppd: KsmppdGroup) -> DlrProfile:
    """Return the profile of a bind: the account's own columns come first, then the profile, then group ksmppd."""
    profile, switch, length = configured.profile, account.switch_dlr_addr, account.dlr_err_length
    if switch is None:
        switch = ksmppd.switch_dlr_addr if configured.leaves_addresses else profile.exchanged
    if length is not None:
        length = err_length(length)
    else:
        length = ksmppd.dlr_err_length if configured.leaves_err else profile.err_length
    if (switch, length) == (profile.exchanged, profile.err_length):
        return profile
    return replace(profile, exchanged=switch, err_length=length)


def _configured(group: DlrProfileGroup, built_in: Mapping[str, ConfiguredProfile]) -> ConfiguredProfile:
    """Return the profile of a group, whose absent keys are those of the built-in one of its id, else of `kannel`."""
    base = built_in.get(group.id, built_in[KANNEL.id])
    given: dict[str, Any] = {
        "exchanged": None if group.addresses is None else group.addresses is ReceiptAddresses.EXCHANGED,
        "err_length": group.err,
        "err_missing": group.err_missing.encode() or None,
        "text_octets": group.text,
        "text_key": None if group.text_key is None else group.text_key.value.encode(),
        "tlvs": group.tlvs,
        "data_coding_1_as_gsm": None
        if group.data_coding_1 is None
        else group.data_coding_1 is DataCoding1.GSM,
    }
    if group.dates is not None or group.time_zone:
        digits = group.dates or _DIGITS.get(group.id, _DIGITS[KANNEL.id])
        given["write_date"] = write_date(zone_of(group.time_zone or "local"), digits)
    statuses = {name: getattr(group, name) for name in Statuses._fields}
    given["statuses"] = base.profile.statuses._replace(
        **{name: status for name, status in statuses.items() if status is not None}
    )
    profile = replace(base.profile, id=group.id, **{k: v for k, v in given.items() if v is not None})
    return ConfiguredProfile(
        replace(profile, id_form=_id_form(group, base.profile.id_form)),
        base.leaves_addresses and group.addresses is None,
        base.leaves_err and group.err is None,
    )


def _id_form(group: DlrProfileGroup, base: IdForm | None) -> IdForm | None:
    if group.message_id is MessageIdKind.UUID:
        return None
    if group.message_id is not None:
        number = _BASES[group.message_id]
        return IdForm(number, group.message_id_length or _LENGTHS[number])
    if base is not None and group.message_id_length:
        return base._replace(length=group.message_id_length)
    return base
