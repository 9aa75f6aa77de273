"""Kannel's own SMPP driver as an ESME: sendsms in front, fakesmsc behind, receipts and MOs back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, Bed, Customer
from tests.parts.config import Group
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import SqliteDatabase
from tests.parts.http import HttpSink
from tests.parts.kannel import Bearerbox, FakeSmsc, Smsbox
from tests.parts.process import free_port
from tests.parts.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox]

MODES = ("transceiver", "two-sessions")


@dataclass
class Chain:
    """smsbox - bearerbox (SMPP driver) - the daemon - bearerbox - fakesmsc."""

    sink: HttpSink
    customers: dict[str, Customer]
    upper: Bearerbox
    smsbox: Smsbox
    fakesmsc: FakeSmsc
    daemon: Daemon

    def send(self, mode: str, receiver: str, text: str) -> None:
        answer = self.smsbox.send_sms(
            "12345",
            receiver,
            text,
            smsc=mode,
            dlr_mask=19,
            dlr_url=self.sink.url(f"/dlr/{receiver.lstrip('+')}?status=%d&answer=%A"),
        )
        assert answer.status == 202, answer.body

    def wait_report(self, receiver: str) -> str:
        path = f"/dlr/{receiver.lstrip('+')}"
        return self.sink.wait_for(lambda call: call.path == path).query["status"]

    def wait_sent_report(self, mode: str, receiver: str) -> None:
        """The ESME has been sent the report.

        With two sessions Kannel may read it before the submit_sm_resp of the other one, and then knows no message that
        it could be about: no HTTP request comes of it.
        """
        number = receiver.lstrip("+")
        report = re.compile(rf"Sending .*deliver_sm .*destination_addr='{number}'.*stat:DELIVRD")
        wait_until(lambda: report.search(self.daemon.log()) is not None, f"the report on {receiver}")
        if mode == "transceiver":
            assert self.wait_report(receiver) == "1"


def link(smsc_id: str, customer: Customer, ports: dict[str, int | bool]) -> Group:
    return (
        "smsc",
        {
            "smsc": "smpp",
            "smsc-id": smsc_id,
            "allowed-smsc-id": smsc_id,
            "host": "127.0.0.1",
            "smsc-username": customer.system_id,
            "smsc-password": customer.password,
            "system-type": "VMA",
            "reconnect-delay": 1,
            **ports,
        },
    )


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    directory: Path = tmp_path_factory.mktemp("chain")
    fake_port = free_port()
    smsc = ("smsc", {"smsc": "fake", "smsc-id": "FAKE", "port": fake_port, "connect-allow-ip": "127.0.0.1"})
    route = ("smsbox-route", {"smsbox-id": BOX_ID, "smsc-id": "FAKE"})
    upper_route = ("smsbox-route", {"smsbox-id": "UPPER", "smsc-id": ";".join(MODES)})
    sink = HttpSink()
    with Bearerbox(directory, "lower", [smsc], others=[route]) as lower:
        config = DaemonConfig([(BOX_ID, lower.box_port)])
        database = SqliteDatabase(directory / "ksmppd.sqlite3")
        with (
            FakeSmsc(directory, "fakesmsc", fake_port) as fakesmsc,
            Daemon(directory, config, database) as daemon,
        ):
            bed = Bed(daemon, FakeBearerbox())
            customers = {mode: bed.customer() for mode in MODES}
            port = daemon.smpp_port
            links = [
                link("transceiver", customers["transceiver"], {"port": port, "transceiver-mode": True}),
                link("two-sessions", customers["two-sessions"], {"port": port}),
                link("two-sessions", customers["two-sessions"], {"receive-port": port}),
            ]
            lower.wait_for_box(BOX_ID)
            lower.wait_for_smsc("FAKE")
            with (
                Bearerbox(directory, "upper", links, others=[upper_route]) as upper,
                Smsbox(
                    directory,
                    "smsbox",
                    upper.box_port,
                    boxc_id="UPPER",
                    mo_url=sink.url("/mo?from=%p&to=%P&text=%b&charset=%C"),
                ) as smsbox,
            ):
                upper.wait_for_smsc("transceiver")
                upper.wait_for_smsc("two-sessions", 2)
                upper.wait_for_box("UPPER")
                yield Chain(sink, customers, upper, smsbox, fakesmsc, daemon)
    sink.close()


@pytest.mark.parametrize("mode", MODES)
def test_mt_and_its_report(chain: Chain, mode: str) -> None:
    receiver = f"+4917011{MODES.index(mode)}"
    chain.send(mode, receiver, "grüße aus [kannel]")
    line = chain.fakesmsc.wait_for(lambda line: receiver in line)
    assert line == f"12345 {receiver} text grüße aus [kannel]"
    chain.wait_sent_report(mode, receiver)


@pytest.mark.parametrize("mode", MODES)
def test_a_concatenated_mt(chain: Chain, mode: str) -> None:
    """Two submit_sm with UDH; both reach the handset."""
    receiver = f"+4917022{MODES.index(mode)}"
    chain.send(mode, receiver, "begin " + "0123456789" * 25 + " end")
    chain.fakesmsc.wait_for(lambda line: receiver in line and "begin" in line)
    chain.fakesmsc.wait_for(lambda line: receiver in line and line.endswith("end"))
    chain.wait_sent_report(mode, receiver)


@pytest.mark.parametrize("mode", MODES)
def test_mo(chain: Chain, mode: str) -> None:
    code = chain.customers[mode].short_code
    chain.fakesmsc.send("+49171234", code, "hällo upstairs")
    call = chain.sink.wait_for(lambda call: call.path == "/mo" and call.query["to"] == code)
    assert (call.query["from"], call.query["text"]) == ("+49171234", "hällo upstairs")


@pytest.mark.parametrize("mode", MODES)
def test_a_long_mo_is_joined_again(chain: Chain, mode: str) -> None:
    code = chain.customers[mode].short_code
    text = "long " + "abcdefghij" * 20
    chain.fakesmsc.send("+49171234", code, text)
    call = chain.sink.wait_for(
        lambda call: call.path == "/mo" and call.query["to"] == code and call.query["text"].startswith("long")
    )
    assert call.query["text"] == text


def test_a_hundred_messages_and_reports(chain: Chain) -> None:
    receivers = [f"+49170555{number:03d}" for number in range(100)]
    for receiver in receivers:
        chain.send("transceiver", receiver, f"bulk for {receiver}")
    for receiver in receivers:
        assert chain.wait_report(receiver) == "1"
