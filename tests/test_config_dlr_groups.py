"""Groups dlr-profile and error-map: every key, and every wrong value with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ksmppd_py.config import Config, ConfigProblems, DlrProfileGroup, ErrorMapGroup, MessageIdKind, load
from ksmppd_py.config.dlr_groups import DataCoding1, ReceiptAddresses, TextKey

HEAD = "group = ksmppd\n"
DATABASE = "database-type = sqlite3\ndatabase-config = demo\n"
REST = """
group = sqlite3-connection
id = demo
database = :memory:

group = bearerbox-connection
host = localhost
port = 13001

group = http-server
port = 14010
password = p

"""
OTHERS = "auth-method = http\nauth-url = http://h/\n"


def read(directory: Path, groups: str, ksmppd: str = DATABASE) -> Config:
    path = directory / "x.conf"
    path.write_text(HEAD + ksmppd + REST + groups)
    return load(str(path))


def test_a_profile_with_every_key(tmp_path: Path) -> None:
    [profile] = read(
        tmp_path,
        """group = dlr-profile
id = acme
message-id = Hex
message-id-length = 0x20
addresses = exchanged
dates = 10
time-zone = Europe/Berlin
err = whole
err-missing = 0
text = 80
text-key = Text:
tlvs = no
data-coding-1 = gsm
too-many-binds = 0x05
bad-credentials = 14
no-credit = 0x401
queue-full = 20
throttled = 0x58
""",
    ).dlr_profiles
    assert profile == DlrProfileGroup(
        id="acme",
        message_id=MessageIdKind.HEX,
        message_id_length=32,
        addresses=ReceiptAddresses.EXCHANGED,
        dates=10,
        time_zone="Europe/Berlin",
        err=16,
        err_missing="0",
        text=80,
        text_key=TextKey.UPPER,
        tlvs=False,
        data_coding_1=DataCoding1.GSM,
        too_many_binds=5,
        bad_credentials=14,
        no_credit=0x401,
        queue_full=20,
        throttled=0x58,
    )


def test_absent_keys_are_left_to_the_built_in_profile(tmp_path: Path) -> None:
    config = read(tmp_path, "group = dlr-profile\nid = x\n", DATABASE + "dlr-profile = x\n")
    assert config.dlr_profiles == (DlrProfileGroup(id="x"),)
    assert config.ksmppd.dlr_profile == "x"


def test_an_error_map_in_the_order_of_the_file(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        """group = error-map
smsc-id = A
code = 04*
err = 27
stat = undeliv
refund = yes

group = error-map
if-stat = expired
stat = UNDELIV
""",
    )
    assert config.error_map == (
        ErrorMapGroup(smsc_id="A", code="04*", err="27", stat="UNDELIV", refund=True),
        ErrorMapGroup(if_stat="EXPIRED", stat="UNDELIV"),
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("message-id = guid", "'guid' is none of uuid, decimal, hex"),
        (
            "message-id = decimal\nmessage-id-length = 7",
            "'message-id-length' of decimal ids is 8 to 20, not 7.",
        ),
        (
            "message-id = decimal\nmessage-id-length = 21",
            "'message-id-length' of decimal ids is 8 to 20, not 21.",
        ),
        ("message-id = hex\nmessage-id-length = 7", "'message-id-length' of hex ids is 8 to 32, not 7."),
        ("message-id-length = 33", "33 is not between 0 and 32"),
        ("addresses = swapped", "'swapped' is none of submitted, exchanged"),
        ("dates = 11", "11 is neither 10 nor 12"),
        ("time-zone = Mars/Olympus", "is no time zone"),
        ("err = 2", "2 is neither `whole` nor 3 to 16 characters"),
        ("err-missing = none!", "is no error code"),
        ("text = 81", "81 is not 0 to 80"),
        ("text-key = TEXT:", "is neither text: nor Text:"),
        ("tlvs = perhaps", "'perhaps' is neither true nor false"),
        ("data-coding-1 = ucs2", "'ucs2' is none of ascii, gsm"),
        ("throttled = 0", "0 is neither a command_status of 0x01 to 0xFF nor one of 0x400 to 0x4FF"),
        ("no-credit = 0x300", "0x300 is neither"),
        ("queue-full = full", "'full'"),
        ("colour = red", "'colour'"),
    ],
)
def test_wrong_values_of_a_profile(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        read(tmp_path, f"group = dlr-profile\nid = x\n{line}\n")
    [text] = caught.value.problems
    last = (HEAD + DATABASE + REST).count("\n") + 2 + line.count("\n") + 1
    assert text.startswith(f"{tmp_path}/x.conf:{last}: ")
    assert problem in text


@pytest.mark.parametrize(
    ("groups", "ksmppd", "problem"),
    [
        ("group = dlr-profile\n", DATABASE, "needs the field 'id'"),
        ("group = dlr-profile\nid = a b\n", DATABASE, "'a b' must be up to 64 printable characters"),
        ("group = dlr-profile\nid = x\n\ngroup = dlr-profile\nid = x\n", DATABASE, "The id 'x' is taken"),
        ("", DATABASE + "dlr-profile = x\n", "There is no group 'dlr-profile' with the id 'x'."),
        ("group = error-map\ncode = 1*2\nerr = 1\n", DATABASE, "'1*2' is no error code"),
        ("group = error-map\ncode = **\nerr = 1\n", DATABASE, "is no error code"),
        ("group = error-map\ncode = 1\nstat = GONE\n", DATABASE, "'GONE' is none of DELIVRD"),
        ("group = error-map\nif-stat = GONE\n", DATABASE, "'GONE' is none of DELIVRD"),
        ("group = error-map\nsmsc-id = A\nerr = 1\n", DATABASE, "needs the field 'code' or 'if-stat'"),
    ],
)
def test_problems_between_keys(tmp_path: Path, groups: str, ksmppd: str, problem: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        read(tmp_path, groups, ksmppd)
    assert any(problem in text and text.startswith(f"{tmp_path}/x.conf:") for text in caught.value.problems)


def test_counted_ids_need_a_database(tmp_path: Path) -> None:
    routing = "group = smpp-routing\nrouting-method = http\nhttp-routing-url = http://h/\n\n"
    with pytest.raises(ConfigProblems, match="'message-id' decimal needs 'database-type'"):
        read(tmp_path, routing + "group = dlr-profile\nid = x\nmessage-id = decimal\n", OTHERS)
    assert read(tmp_path, routing + "group = dlr-profile\nid = x\nmessage-id = uuid\n", OTHERS).dlr_profiles


def test_a_rule_without_effect_is_a_warning(tmp_path: Path) -> None:
    config = read(tmp_path, "group = error-map\ncode = 1\n")
    assert "has neither 'err', 'stat' nor 'refund'" in config.warnings[0]
