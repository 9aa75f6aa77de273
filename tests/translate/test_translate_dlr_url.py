"""dlr_url: what is written into an MT is read from the reports on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.translate.dlr_url import (
    DlrUrl,
    esme_id,
    ids_of,
    make_dlr_url,
    message_id_of,
    parse_dlr_url,
    price_of,
    system_id_of,
    with_id,
    with_price,
)
from ksmppd_py.translate.errors import Untranslatable

ID = b"dcd3c2b4-1111-4222-8333-0123456789ab"


@pytest.mark.parametrize(
    "dlr_url",
    [
        None,
        b"",
        b"e|1|x_",
        b"e|1|1 2",
        b"e|1700000000|" + b"_" * 23,
        b"e|1700000000" + b"x" * 40,
        b"e|1700000000|x|y" + b"x" * 40,
        b"e|1700000000|" + b";" * 40,
        b"e" * 40 + b"|1|",
    ],
)
def test_foreign_dlr_url(dlr_url: bytes | None) -> None:
    with pytest.raises(Untranslatable):
        parse_dlr_url(dlr_url)
    if not dlr_url or not dlr_url.endswith(b";"):  # only the ids are missing there
        with pytest.raises(Untranslatable):
            system_id_of(dlr_url or b"")


@pytest.mark.parametrize(
    ("dlr_url", "expected"),
    [
        (b"esme1|1700000000|" + ID, DlrUrl(b"esme1", 1700000000, None, [ID])),
        (b"esme1|1700000000|" + ID + b"|", DlrUrl(b"esme1", 1700000000, None, [ID])),
        (b"e|1700000000|" + b"x" * 24, DlrUrl(b"e", 1700000000, None, [b"x" * 24])),
        (b"e|1700000000|" + ID + b";;b;", DlrUrl(b"e", 1700000000, None, [ID, b"b"])),
        (b"e|1|x", DlrUrl(b"e", 1, None, [b"x"])),
        (b"e|1|1000000007", DlrUrl(b"e", 1, None, [b"1000000007"])),
        (b"e|1/" + ID + b"|1000000007", DlrUrl(b"e", 1, None, [b"1000000007"])),
        (b"e|1.7/" + ID + b"|" + b"f" * 64, DlrUrl(b"e", 1, 7, [b"f" * 64])),
        (b"e|1700000000.0|" + ID, DlrUrl(b"e", 1700000000, 0, [ID])),
        (b"e|1700000000.65535|" + ID, DlrUrl(b"e", 1700000000, 65535, [ID])),
        (b"e|1700000000.65536|" + ID, DlrUrl(b"e", 1700000000, None, [ID])),
        (b"e|" + b"9" * 5000 + b"|" + ID, DlrUrl(b"e", 10**15 - 1, None, [ID])),
        (b"e||" + ID, DlrUrl(b"e", 0, None, [ID])),
        (b"e|-5x|" + ID, DlrUrl(b"e", -5, None, [ID])),
        (b"%7ca%3Bb%25c%2|1|" + ID, DlrUrl(b"|a;b%c%2", 1, None, [ID])),
    ],
)
def test_dlr_url(dlr_url: bytes, expected: DlrUrl) -> None:
    assert parse_dlr_url(dlr_url) == expected
    assert system_id_of(dlr_url) == expected.system_id


def test_make_dlr_url() -> None:
    assert make_dlr_url(b"esme1", 1700000000, ID) == b"esme1|1700000000|" + ID
    assert make_dlr_url(b"a|b;c%d e", 1, ID, 9) == b"a%7Cb%3Bc%25d e|1.9|" + ID


@given(st.binary(max_size=15), st.integers(0, 2**40), st.none() | st.integers(0, 0xFFFF), st.uuids())
def test_dlr_url_round_trip(system_id: bytes, now: int, reference: int | None, uuid: object) -> None:
    id = str(uuid).encode()
    dlr_url = make_dlr_url(system_id, now, id, reference)
    assert parse_dlr_url(dlr_url) == DlrUrl(system_id, now, reference, [id])
    assert (system_id_of(dlr_url), ids_of(dlr_url), message_id_of(dlr_url)) == (system_id, [id], id)


@given(st.binary() | st.from_regex(rb"[a%|]{1,3}\|[0-9.]{1,9}\|[x;]{30,40}", fullmatch=True))
def test_parse_dlr_url_takes_anything(dlr_url: bytes) -> None:
    try:
        url = parse_dlr_url(dlr_url)
    except Untranslatable:
        return
    assert url.ids


@pytest.mark.parametrize(
    ("dlr_url", "ids"),
    [
        (b"esme1|1700000000|" + ID, [ID]),
        (b"esme1|1700000000|" + ID + b";b;;c", [ID, b"b", b"c"]),
        (b"http://example.com/dlr", [b"http://example.com/dlr"]),
        (b"", [b""]),
    ],
)
def test_ids_of_any_dlr_url(dlr_url: bytes, ids: list[bytes]) -> None:
    assert ids_of(dlr_url) == ids


def test_message_ids_are_compared_in_lower_case() -> None:
    assert message_id_of(b"esme1|1700000000|" + ID.upper()) == ID


@pytest.mark.parametrize("reference", [None, 0, 65535])
@pytest.mark.parametrize("counted", [b"1", b"10000000", b"1000000007", b"f" * 32])
@pytest.mark.parametrize("system_id", [b"e", b"x" * 15, b"a|b;c%"])
def test_an_id_of_its_own_for_the_esme(system_id: bytes, counted: bytes, reference: int | None) -> None:
    """All readers find both ids, and nothing else changes."""
    plain = make_dlr_url(system_id, 1700000000, ID, reference)
    assert (esme_id(plain), message_id_of(plain)) == (ID, ID)
    dlr_url = with_id(plain, ID, counted)
    assert (esme_id(dlr_url), ids_of(dlr_url)) == (counted, [counted])
    assert message_id_of(dlr_url) == ID
    assert system_id_of(dlr_url) == system_id
    assert parse_dlr_url(dlr_url) == DlrUrl(system_id, 1700000000, reference, [counted])


@pytest.mark.parametrize("price", [0.000001, 0.25, 1.0, 123456789.5])
@pytest.mark.parametrize("reference", [None, 7])
@pytest.mark.parametrize("system_id", [b"e", b"a/b$c", b"a|b;c%", b"$1.000000"])
def test_a_price(system_id: bytes, reference: int | None, price: float) -> None:
    plain = make_dlr_url(system_id, 1700000000, ID, reference)
    for dlr_url in (plain, with_id(plain, ID, b"1000000007")):
        assert price_of(dlr_url) == 0.0
        priced = with_price(dlr_url, price)
        assert price_of(priced) == price
        assert parse_dlr_url(priced) == parse_dlr_url(dlr_url)
        assert message_id_of(priced) == ID
        assert esme_id(priced) == esme_id(dlr_url)
