"""The order of accounts on the dashboard, and which are listed when they are too many."""

from __future__ import annotations

from dataclasses import replace

import pytest
from admin_fakes import BIND, SMPPUSERA, SMPPUSERB

from ksmppd_py.admin.listing import MOST_ACCOUNTS, MOST_BINDS, Filter, listing

A = replace(
    SMPPUSERA, system_id="a", mt=1, mo=9, dlr=5, errors=0, inbound_load=(0, 0, 3), outbound_load=(0, 0, 1)
)
B = replace(
    SMPPUSERA,
    system_id="b",
    mt=3,
    mo=0,
    dlr=5,
    errors=7,
    inbound_load=(9, 9, 1),
    outbound_load=(0, 0, 2),
    binds=(
        replace(BIND, ip="10.0.0.9", uptime=5, open_acks=1),
        replace(BIND, ip="10.0.0.1", uptime=900, open_acks=0),
    ),
)
C = replace(SMPPUSERB, system_id="c", mt=2)


@pytest.mark.parametrize(
    ("sort", "rising", "descending"),
    [
        ("", "abc", "cba"),
        ("account", "abc", "cba"),
        ("nonsense", "abc", "cba"),
        ("binds", "cab", "bac"),
        ("in", "cba", "abc"),
        ("out", "cab", "bac"),
        ("mt", "acb", "bca"),
        ("mo", "bca", "abc"),
        ("reports", "cab", "abc"),
        ("refused", "acb", "bac"),
        ("from", "abc", "bac"),  # an account without binds has no address: it is last
        ("up", "abc", "bac"),
        ("open", "abc", "bac"),
    ],
)
def test_orders(sort: str, rising: str, descending: str) -> None:
    for is_descending, names in ((False, rising), (True, descending)):
        listed = listing((C, A, B), Filter(sort=sort, descending=is_descending))
        assert "".join(esme["system_id"] for esme in listed["esmes"]) == names


def test_of_many_accounts_the_first_in_this_order_are_listed() -> None:
    crowd = [replace(C, system_id=f"x{number:04}", mt=number) for number in range(MOST_ACCOUNTS + 50)]
    listed = listing(crowd, Filter(sort="mt", descending=True))
    assert [esme["mt"] for esme in listed["esmes"]] == list(range(MOST_ACCOUNTS + 49, 49, -1))
    assert listed["fit"] == MOST_ACCOUNTS + 50


def test_no_snapshots_of_too_many_binds_are_made() -> None:
    """A thousand of them take as long as a thousand messages."""

    class Unseen(tuple[object, ...]):
        def __getitem__(self, index: object) -> object:
            raise AssertionError("looked at")

        def __iter__(self) -> object:  # type: ignore[override]  # never called
            raise AssertionError("looked at")

    many = [replace(A, system_id=f"x{number}", binds=Unseen((BIND,) * MOST_BINDS)) for number in (2, 1)]
    for sort in ("from", "up", "open"):
        listed = listing(many, Filter(sort=sort))  # type: ignore[arg-type]  # as above
        assert [esme["system_id"] for esme in listed["esmes"]] == ["x1", "x2"]
