"""Texts through the real bearerbox and an SMSC that speaks SMPP: what is billed is what leaves, no letter is lost."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from ksmppd_py.smpp.codec import unpack_body
from ksmppd_py.translate import gsm0338, udh
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.mt import from_submit_sm
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.fakes.smpp_wire import Message
from tests.fakes.smsc import SmppSmsc
from tests.integration.bed import BOX_ID, Bed, Customer, credit, mt
from tests.parts.config import Group
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import RouteRow, SqliteDatabase
from tests.parts.kannel import Bearerbox

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox]

SMSC = "NEXT"


@pytest.fixture(scope="module")
def smsc() -> Iterator[SmppSmsc]:
    with SmppSmsc() as smsc:
        yield smsc


@pytest.fixture(scope="module")
def bearerbox(smsc: SmppSmsc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bearerbox]:
    link = {
        "smsc": "smpp",
        "smsc-id": SMSC,
        "host": "127.0.0.1",
        "port": smsc.port,
        "transceiver-mode": True,
        "smsc-username": "kannel",
        "smsc-password": "secret",
        "system-type": "VMA",
        "max-pending-submits": 100,
    }
    route = ("smsbox-route", {"smsbox-id": BOX_ID, "smsc-id": SMSC})
    directory = tmp_path_factory.mktemp("kannel")
    core: dict[str, str | int] = {"log-level": 1}  # a line for each octet would take half of the time
    with Bearerbox(directory, "bearerbox", [("smsc", link)], others=[route], core=core) as bearerbox:
        bearerbox.wait_for_smsc(SMSC)
        yield bearerbox


@pytest.fixture(scope="module")
def bed(bearerbox: Bearerbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    directory = tmp_path_factory.mktemp("daemon")
    profile: Group = ("dlr-profile", {"id": "gsm-in-1", "data-coding-1": "gsm"})
    config = DaemonConfig([(BOX_ID, bearerbox.box_port)], others=[profile])
    database = SqliteDatabase(directory / "ksmppd.sqlite3")
    with Daemon(directory, config, database):
        database.execute("ALTER TABLE smpp_user ADD COLUMN alt_charset VARCHAR(64)")
        database.execute("ALTER TABLE smpp_user ADD COLUMN dlr_profile VARCHAR(64)")
    with FakeBearerbox() as nobody, Daemon(directory, config, database) as daemon:
        bearerbox.wait_for_box(BOX_ID)
        bed = Bed(daemon, nobody)
        yield bed
        bed.close()


def _customer(bed: Bed, alt_charset: str | None, **settings: Any) -> Customer:
    customer = bed.customer(**settings)
    bed.daemon.database.execute(
        "UPDATE smpp_user SET alt_charset = ? WHERE system_id = ?", [alt_charset, customer.system_id]
    )
    return customer


def _mo(
    bed: Bed, smsc: SmppSmsc, messages: list[Message], parts: int = 1, alt_charset: str | None = None
) -> list[Message]:
    """Send these from the SMSC to an account with this alphabet; return what its ESME gets, in order."""
    customer = _customer(bed, alt_charset)
    esme = bed.esme(customer)
    for message in messages:
        message.source_addr, message.destination_addr = b"491711", customer.short_code.encode()
        smsc.deliver(message)
    return sorted(esme.wait_deliveries(parts), key=lambda part: part.short_message[5:6])


def _characters(message: Message, alt_charset: str | None = None) -> str:
    octets = message.short_message
    if message.esm_class & 0x40:
        octets = octets[octets[0] + 1 :]
    if message.data_coding in (0x08, 0x19):  # 0x19: with message class 1
        return octets.decode("utf-16-be")
    return octets.decode(alt_charset) if alt_charset else gsm0338.decode(octets).decode()


@pytest.mark.parametrize(
    ("data_coding", "octets", "alt_charset", "text", "expected"),
    [
        (0x00, gsm0338.encode("mañana [€]".encode()), None, "mañana [€]", 0x00),
        (0x03, "mañana".encode("latin-1"), None, "mañana", 0x00),
        (0x03, "mañana está".encode("latin-1"), None, "mañana está", 0x08),
        (0x01, b"back`tick", None, "back`tick", 0x08),
        (
            0x01,
            "mañana está".encode("latin-1"),
            None,
            "mañana está",
            0x08,
        ),  # the bearerbox passes it on as it is
        (0x06, "Привет".encode("iso8859-5"), None, "Привет", 0x08),
        (0x07, "שלום".encode("iso8859-8"), None, "שלום", 0x08),
        (0x08, "Привет 😀".encode("utf-16-be"), None, "Привет 😀", 0x08),
        (0x03, "mañana está".encode("latin-1"), "ISO-8859-1", "mañana está", 0x00),
        (0x06, "Привет".encode("iso8859-5"), "KOI8-R", "Привет", 0x00),
        (0x06, "Привет".encode("iso8859-5"), "ISO-8859-1", "Привет", 0x08),
    ],
)
def test_an_mo_in_a_national_alphabet(
    bed: Bed,
    smsc: SmppSmsc,
    data_coding: int,
    octets: bytes,
    alt_charset: str | None,
    text: str,
    expected: int,
) -> None:
    message = Message(data_coding=data_coding, short_message=octets)
    [message] = _mo(bed, smsc, [message], alt_charset=alt_charset)
    assert (message.data_coding, message.esm_class) == (expected, 0)
    assert _characters(message, alt_charset) == text


def test_a_long_mo_in_a_national_alphabet(bed: Bed, smsc: SmppSmsc) -> None:
    """The bearerbox joins its two parts; they leave as three, since UCS-2 takes two octets a letter."""
    text = "Привет, как дела? " * 10
    halves = [text[:100], text[100:]]
    parts = [
        Message(
            data_coding=0x06,
            esm_class=0x40,
            short_message=bytes((5, 0, 3, 9, 2, number)) + half.encode("iso8859-5"),
        )
        for number, half in enumerate(halves, 1)
    ]
    messages = _mo(bed, smsc, parts, 3)
    assert [message.data_coding for message in messages] == [8, 8, 8]
    assert "".join(map(_characters, messages)) == text


def test_an_mo_with_ports_in_a_national_alphabet(bed: Bed, smsc: SmppSmsc) -> None:
    header = bytes.fromhex("06050415810000")
    octets = header + "Привет".encode("iso8859-5")
    [message] = _mo(bed, smsc, [Message(data_coding=0x06, esm_class=0x40, short_message=octets)])
    assert (message.data_coding, message.esm_class, message.short_message[:7]) == (8, 0x40, header)
    assert _characters(message) == "Привет"


@pytest.mark.parametrize("profile", ["gsm-in-1", None])
def test_data_coding_1_as_gsm(bed: Bed, smsc: SmppSmsc, profile: str | None) -> None:
    """The SMSC gets the septets in data_coding 0; as ASCII they would be other letters."""
    customer = bed.customer(outbound=[RouteRow(1, "", "", smsc_id=SMSC)])
    bed.daemon.database.execute(
        "UPDATE smpp_user SET dlr_profile = ? WHERE system_id = ?", [profile, customer.system_id]
    )
    septets, seen = b"\x00\x05\x1be\x11", len(smsc.submits)
    assert bed.esme(customer).submit(mt(septets, data_coding=1)).command_status == wire.ROK
    smsc.wait_for(lambda: len(smsc.submits) > seen, "the submit")
    message = smsc.submits[-1]
    assert message.data_coding == 0
    assert (message.short_message == septets) == (profile is not None)


def _submit_sm(number: int, data_coding: int, body: bytes, header: bytes = b"") -> Message:
    """A submit to a destination of its own; what doesn't fit into short_message goes as message_payload."""
    octets = header + body
    fields = {
        "destination_addr": b"49%09d" % number,
        "data_coding": data_coding,
        "esm_class": 0x40 if header else 0,
    }
    if len(octets) <= 254:
        return mt(octets, **fields)
    return mt(b"", tlvs={wire.MESSAGE_PAYLOAD: octets}, **fields)


def _whole_plane() -> list[bytes]:
    """Every character of two and three octets, 160 a text."""
    extension = set(gsm0338.EXTENSION.values())
    characters = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    plain = [char for char in characters if char not in extension]
    return ["".join(plain[start : start + 160]).encode() for start in range(0, len(plain), 160)]


_HEADERS = [
    b"",
    b"",
    b"",
    bytes.fromhex("050003070301"),
    bytes.fromhex("06080412340301"),
    bytes.fromhex("06050415810000"),
    bytes.fromhex("0b05040b8423f0000307030100")[:12],
    bytes((30,)) + bytes((0x70, 28)) + bytes(28),
    bytes((69,)) + bytes((0x70, 67)) + bytes(67),
]
_ALPHABETS = [  # data_coding, charset, characters; None = octets of any value
    (0x00, "utf-8", "abc 0"),
    (0x00, "utf-8", "ab[]^€é"),
    (0x00, "utf-8", "aá`ж中"),
    (0x00, "utf-8", "a😀€👍🏽"),
    (0x10, "gsm", "abc{€}~é"),
    (0xF1, "gsm", "aΔ@€"),
    (0x03, "latin-1", "aáñé[^ÿ"),
    (0x06, "iso8859-5", "aжЯ["),
    (0x07, "iso8859-8", "aאב|"),
    (0x05, "shift_jis", "aあ漢ｱ"),
    (0x0E, "euc_kr", "a한글"),
    (0x08, "utf-16-be", "aж中€"),
    (0x08, "utf-16-be", "😀"),
    (0x08, "utf-16-be", "a😀"),
    (0x18, "utf-16-be", "שלום"),
    (0x02, None, None),
    (0x04, None, None),
    (0x08, None, None),
    (0xF5, None, None),
]


def _text(chance: random.Random) -> tuple[int, bytes, bytes]:
    """A data_coding, a body and a header; sizes lie around those at which another part begins."""
    data_coding, charset, characters = chance.choice(_ALPHABETS)
    if chance.random() < 0.2:  # any data_coding with any octets
        data_coding, charset, characters = chance.randrange(256), None, None
    header = chance.choice(_HEADERS)
    is_text = charset is not None and data_coding not in (0x08, 0x18)
    units = 160 - len(header) if is_text else (140 - len(header)) // (1 if charset is None else 2)
    most = units * chance.choice([1, 1, 2, 2, 3, 4, 7])
    size = max(0, most - chance.randint(-4, 40))
    if characters is None or charset is None:
        return data_coding, chance.randbytes(size), header
    text = "".join(chance.choices(characters, k=size))
    octets = gsm0338.encode(text.encode()) if charset == "gsm" else text.encode(charset)
    return data_coding, octets, header


def _billed(message: Message) -> int:
    body = wire.pack_message(message)
    pdu = unpack_body(wire.SUBMIT_SM, body, 0, len(body))
    return udh.count_parts(from_submit_sm(pdu, BindOptions(alt_charset="utf-8"), b"acc", b"", 0))


def test_the_parts_that_are_billed_are_sent(bed: Bed, bearerbox: Bearerbox, smsc: SmppSmsc) -> None:
    """Every character there is, and 1,000 texts of every kind around the sizes where parts begin."""
    chance = random.Random(16)
    texts = [(0x00, text, b"") for text in _whole_plane()] + [_text(chance) for _ in range(1000)]
    texts += [(0x00, b"a" * 39_015, b""), (0x04, bytes(34_170), b"")]
    messages = [_submit_sm(number, *text) for number, text in enumerate(texts)]
    billed = {message.destination_addr: _billed(message) for message in messages}
    total = sum(billed.values())
    assert {1, 2, 3, 4, 5, 6, 7, udh.MAX_PARTS} <= set(billed.values())

    customer = _customer(
        bed,
        "utf-8",  # so that any text can be submitted
        outbound=[RouteRow(1, "", "", smsc_id=SMSC, cost=1)],
        enable_prepaid_billing=1,
        credit=100_000,
    )
    replies = bed.esme(customer).submit_all(messages, window=100, timeout=60)
    assert {reply.command_status for reply in replies} == {wire.ROK}
    smsc.wait_for(lambda: len(smsc.submits) >= total, f"{total} submits", 60)
    bearerbox.wait_for(lambda status: status.smscs[0].queued == 0, "nothing left to send")

    sent = Counter(message.destination_addr for message in smsc.submits)
    differing = {
        (number, hex(data_coding), len(body), header.hex()): (billed[address], sent[address])
        for number, (data_coding, body, header) in enumerate(texts)
        for address in [messages[number].destination_addr]
        if billed[address] != sent[address]
    }
    assert differing == {}
    assert credit(bed, customer.system_id) == pytest.approx(100_000 - total)


@pytest.mark.parametrize(
    ("data_coding", "elements", "body", "text", "sent"),
    [
        (0x00, "250101", "04 07 40", None, 1),  # Turkish, locking shift
        (0xF1, "250103", "18 61 7b", None, 1),  # Portuguese, with a message class
        (0x00, "0003090201 250106", "15 2f" * 74, None, 1),  # Hindi, a part of a message
        (0x00, "240101", "1b67 61", "ğa", 1),  # Turkish, single shift
        (0xF1, "240102", "1b61 1b4f", "áÓ", 1),
        (0x00, "240103 250103", "18 1b7b", "€ã", 1),
        (0x00, "240101", "1b67" * 77, "ğ" * 77, 2),
        (0x00, "0003090201 240101", "1b67" * 74, "ğ" * 74, 2),
    ],
)
def test_a_text_in_the_alphabet_of_a_language(
    bed: Bed,
    bearerbox: Bearerbox,
    smsc: SmppSmsc,
    data_coding: int,
    elements: str,
    body: str,
    text: str | None,
    sent: int,
) -> None:
    """The SMSC gets the octets as they were, or (`text`) the letters as UCS-2; as many SMS are billed as are sent."""
    header, septets = bytes.fromhex(elements), bytes.fromhex(body)
    header = bytes((len(header),)) + header
    customer = _customer(
        bed, None, outbound=[RouteRow(1, "", "", smsc_id=SMSC, cost=1)], enable_prepaid_billing=1, credit=100
    )
    seen = len(smsc.submits)
    message = mt(
        header + septets, esm_class=0x40, data_coding=data_coding, destination_addr=b"4917%03d" % seen
    )
    [reply] = bed.esme(customer).submit_all([message])
    assert reply.command_status == wire.ROK
    smsc.wait_for(lambda: len(smsc.submits) >= seen + sent, f"{sent} submits")
    bearerbox.wait_for(lambda status: status.smscs[0].queued == 0, "nothing left to send")
    submits = smsc.submits[seen:]
    assert len(submits) == sent
    assert credit(bed, customer.system_id) == pytest.approx(100 - sent)
    if text is None:
        assert (submits[0].data_coding, submits[0].esm_class & 0x40) == (data_coding, 0x40)
        assert submits[0].short_message == header + septets
    else:
        assert "".join(_characters(each) for each in submits) == text
