"""ksmppd-esme beyond one message: fields of one's own, several receivers, query and cancel, JSON, octets, TLS."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ksmppd_py.tools import pdus, secret
from ksmppd_py.tools.esme import main
from tests.parts.certificate import write_certificate
from tests.tools import scripted_server as script
from tests.tools.scripted_server import Server

MESSAGE = ["--from", "12345", "--to", "+46701234567", "--text", "Hello"]
SUBMIT_MULTI, CANCEL_SM, QUERY_SM = 0x21, 0x08, 0x03


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSMPP_PASSWORD", "s3cret")


def esme(server: Server, command: str, *more: str) -> int:
    account = ["--host", "127.0.0.1", "--port", str(server.port), "--system-id", "alice", "--wait", "5"]
    return main([command, *account, *more])


def answering(command_id: int, body: bytes, status: int = 0) -> Server:
    """A server that answers this request with this body, and everything else as usual."""

    def answer(pdu: script.Pdu) -> list[bytes]:
        if pdu.command_id == command_id:
            return [script.pack(command_id | script.RESPONSE, body, status, pdu.sequence)]
        body_of_others = b"" if pdu.command_id == script.UNBIND else b"scripted\0"
        return [script.pack(pdu.command_id | script.RESPONSE, body_of_others, sequence=pdu.sequence)]

    return Server(on_pdu=answer)


TO = b"\x01\x0146701234567\0"


@pytest.mark.parametrize(
    ("options", "body", "told"),
    [
        (
            ["--from-ton", "5", "--from-npi", "0", "--to-ton", "0x2", "--to-npi", "8"],
            b"\0\x05\x0012345\0\x02\x0846701234567\0" + bytes(9) + b"\x05Hello",
            "from 12345 to 46701234567",
        ),
        (
            ["--flash"],
            b"\0\x00\x0112345\0" + TO + bytes([0, 0, 0, 0, 0, 0, 0, 0x10, 0, 5]) + b"Hello",
            'text "Hello" (GSM)',
        ),
        (
            ["--tlv", "0x1400=0xCAFE", "--tlv", "user_message_reference=ab", "--tlv", "5121="],
            b"\0\x00\x0112345\0"
            + TO
            + bytes(9)
            + b"\x05Hello\x14\x00\x00\x02\xca\xfe\x02\x04\x00\x02ab\x14\x01\x00\x00",
            "TLV 0x1400 cafe, TLV 0x0204 6162, TLV 0x1401 (empty)",
        ),
    ],
    ids=["addresses", "flash", "TLVs"],
)
def test_fields(options: list[str], body: bytes, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Server() as server:
        assert esme(server, "send", *MESSAGE, *options) == 0
    assert server.bodies(script.SUBMIT_SM) == [body]
    assert told in capsys.readouterr().out


def test_flash_beyond_gsm() -> None:
    with Server() as server:
        assert esme(server, "send", *MESSAGE[:4], "--text", "Привет", "--flash") == 0
    [body] = server.bodies(script.SUBMIT_SM)
    assert body.endswith(b"\x18\x00\x0c" + "Привет".encode("utf-16-be"))


def test_times(capsys: pytest.CaptureFixture[str]) -> None:
    with Server() as server:
        assert esme(server, "send", *MESSAGE, "--validity", "2h", "--schedule", "90") == 0
    [body] = server.bodies(script.SUBMIT_SM)
    schedule, validity = (
        datetime.strptime(text.decode(), "%y%m%d%H%M%S").replace(tzinfo=timezone.utc)
        for text in re.findall(rb"(\d{12})000\+\0", body)
    )
    now = datetime.now(timezone.utc)
    assert abs(schedule - now - timedelta(seconds=90)) < timedelta(seconds=10)
    assert abs(validity - now - timedelta(hours=2)) < timedelta(seconds=10)
    assert f"valid until {validity:%y%m%d%H%M%S}000+, not before {schedule:%y%m%d%H%M%S}000+" in (
        capsys.readouterr().out
    )


def test_several_receivers_are_one_submit_multi(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(SUBMIT_MULTI, b"the-id\0\0") as server:
        assert esme(server, "send", *MESSAGE, "--to", "Shop", "--tlv", "0x1400=x") == 0
    [body] = server.bodies(SUBMIT_MULTI)
    destinations = b"\x02\x01" + TO + b"\x01\x05\x00Shop\0"
    assert body == b"\0\x00\x0112345\0" + destinations + bytes(9) + b"\x05Hello" + b"\x14\x00\x00\x01x"
    told = capsys.readouterr().out
    assert 'submit_multi #2: from 12345 to +46701234567 and Shop, text "Hello" (GSM), TLV 0x1400 78' in told
    assert "submit_multi_resp #2: ok, message_id the-id\n" in told


def test_a_receiver_that_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(SUBMIT_MULTI, b"the-id\0\x01\x05\x00Shop\0\0\0\0\x0b") as server:
        assert esme(server, "send", *MESSAGE, "--to", "Shop") == 1
    out, err = capsys.readouterr()
    reason = "ESME_RINVDSTADR (0x0B, Invalid Destination Address)"
    assert f"ok, message_id the-id, Shop refused: {reason}\n" in out
    assert err == f"ksmppd-esme: 127.0.0.1:{server.port} refused the message to Shop ({reason})\n"


@pytest.mark.parametrize(
    "body", [b"the-id", b"the-id\0\x02\x05\x00Shop\0\0\0\0\x0b", b"the-id\0\x01\x05\x00Sho"]
)
def test_a_submit_multi_resp_that_is_cut_off(body: bytes) -> None:
    pdu = pdus.make("submit_multi_resp", sequence=1)
    with pytest.raises((ValueError, struct.error)):
        pdu.parse(script.pack(SUBMIT_MULTI | script.RESPONSE, body))


def test_query(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(QUERY_SM, b"the-id\x00261130101502000+\x00\x05\x07") as server:
        assert esme(server, "query", "--from", "12345", "--id", "the-id") == 0
    assert server.bodies(QUERY_SM) == [b"the-id\0\x00\x0112345\0"]
    told = capsys.readouterr().out
    assert "sent      query_sm #2: message_id the-id from 12345\n" in told
    assert (
        "received  query_sm_resp #2: ok, message_id the-id, UNDELIVERABLE, final since 261130101502000+, error 7\n"
        in told
    )


def test_cancel(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(CANCEL_SM, b"") as server:
        assert esme(server, "cancel", "--from", "12345", "--id", "the-id") == 0
    assert server.bodies(CANCEL_SM) == [b"\0the-id\0\x00\x0112345\0\0\0\0"]
    with answering(CANCEL_SM, b"", 0x11) as server:
        assert esme(server, "cancel", "--from", "12345", "--to", "+46701234567") == 1
    assert server.bodies(CANCEL_SM) == [b"\0\0\x00\x0112345\0" + TO]
    out, err = capsys.readouterr()
    assert "cancel_sm #2: message_id the-id from 12345\n" in out
    assert "cancel_sm #2: all messages from 12345 to +46701234567\n" in out
    assert "refused to cancel: ESME_RCANCELFAIL (0x11" in err


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    arrivals = [
        script.receipt(stat="UNDELIV", err="027", sequence=7),
        script.pack(script.DELIVER_SM, script.deliver_body(b"Reply\xff", data_coding=4), sequence=8),
        script.pack(0x111, b"\0", sequence=9),
    ]
    with Server(after_submit=arrivals) as server:
        more = ["--receipt", "--expect", "1", "--json", "--tlv", "0x1400=0x01", "--validity", "1h"]
        assert esme(server, "send", *MESSAGE, *more) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(datetime.fromisoformat(line.pop("time")).tzinfo for line in lines)
    by_name = {(line["direction"], line["command"]): line for line in lines}
    bind = by_name["sent", "bind_transceiver"]
    assert (bind["system_id"], "password" in bind, "s3cret" in str(lines)) == ("alice", False, False)
    submit = by_name["sent", "submit_sm"]
    assert (submit["destination_addr"], submit["text"], submit["tlvs"], "status" in submit) == (
        "46701234567",
        "Hello",
        {"0x1400": "01"},
        False,
    )
    response = by_name["received", "submit_sm_resp"]
    assert (response["status"], response["message_id"]) == (0, script.MESSAGE_ID)
    receipt, message = (line for line in lines if line["command"] == "deliver_sm")
    assert receipt["receipt"] == {
        "message_id": script.MESSAGE_ID,
        "stat": "UNDELIV",
        "err": "027",
        "done": "261123101502",
        "final": True,
    }
    assert (message["body"], "text" in message) == (b"Reply\xff".hex(), False)


def test_json_of_what_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(after_bind=[script.pack(0x111, b"\0", sequence=9)]) as server:
        assert esme(server, "listen", "--json", "--count", "1", "--wait", "0.1") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [strange] = [line for line in lines if line.get("unreadable")]
    assert (strange["command"], strange["octets"]) == (
        "0x00000111",
        script.pack(0x111, b"\0", sequence=9).hex(),
    )


@pytest.mark.parametrize("as_json", [False, True])
def test_octets_without_the_password(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with Server() as server:
        assert esme(server, "send", *MESSAGE, "--hex", *(["--json"] if as_json else [])) == 0
    out = capsys.readouterr().out
    bind = script.pack(9, server.seen[0].body.replace(b"s3cret", b"******"), sequence=1)
    submit = script.pack(4, server.seen[1].body, sequence=2)
    assert bind.hex() in out
    assert submit.hex() in out
    assert b"s3cret".hex() not in out


class TestPassword:
    def test_of_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("of the file\nmore\n")
        with Server() as server:
            assert esme(server, "send", *MESSAGE, "--password-file", str(tmp_path / "secret")) == 0
        assert server.seen[0].body.startswith(b"alice\0of the file\0")

    def test_of_the_environment(self) -> None:
        with Server() as server:
            assert esme(server, "send", *MESSAGE) == 0
        assert server.seen[0].body.startswith(b"alice\0s3cret\0")

    def test_an_option_comes_first(self) -> None:
        with Server() as server:
            assert esme(server, "send", *MESSAGE, "--password", "option") == 0
        assert server.seen[0].body.startswith(b"alice\0option\0")

    def test_of_standard_input_and_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KSMPP_PASSWORD")
        monkeypatch.setattr("sys.stdin.readline", lambda: "piped\r\n", raising=False)
        with Server() as server:
            assert esme(server, "send", *MESSAGE, "--password-file", "-") == 0
        assert server.seen[0].body.startswith(b"alice\0piped\0")
        asked = []
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or "typed")
        with Server() as server:
            assert esme(server, "send", *MESSAGE) == 0
        assert server.seen[0].body.startswith(b"alice\0typed\0")
        assert asked == ["Password of alice: "]

    def test_none(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.delenv("KSMPP_PASSWORD")
        monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
        assert main(["send", "--system-id", "a", *MESSAGE]) == 1
        assert capsys.readouterr().err == (
            "ksmppd-esme: no password: set KSMPP_PASSWORD, or use --password-file\n"
        )
        assert main(["send", "--system-id", "a", *MESSAGE, "--password-file", "/nowhere/x"]) == 1
        assert "No such file" in capsys.readouterr().err

    def test_one_that_cannot_be_sent(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["send", "--system-id", "a", *MESSAGE, "--password", "x" * 65]) == 1
        assert "--password must be at most 64 printable ASCII characters" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("words", "kept", "password"),
        [
            (["p", "send", "--password", "x", "--to", "y"], ["p", "send", "--to", "y"], "x"),
            (["p", "--password=x=y", "z"], ["p", "z"], "x=y"),
            (["p", "--password", "a", "--password", "b"], ["p"], "b"),
            (["p", "send"], ["p", "send"], None),
            (["p", "--password"], ["p", "--password"], None),
            (["p", "--password-file", "x"], ["p", "--password-file", "x"], None),
            (
                ["p", "--password", "x", "--password-file=y"],
                ["p", "--password", "x", "--password-file=y"],
                None,
            ),
        ],
    )
    def test_command_lines(self, words: list[str], kept: list[str], password: str | None) -> None:
        assert secret.without_password(words) == (kept, password)

    def test_the_list_of_processes_does_not_show_it(self, tmp_path: Path) -> None:
        with Server() as server:
            words = ["listen", "--host", "127.0.0.1", "--port", str(server.port), "--system-id", "alice"]
            program = [sys.executable, "-m", "ksmppd_py.tools.esme", *words, "--password", "in-the-open"]
            running = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
            try:
                assert running.stdout is not None
                for line in running.stdout:
                    if "bind_receiver_resp" in line:
                        break
                shown = Path(f"/proc/{running.pid}/cmdline").read_bytes()
                assert b"alice" in shown
                assert b"in-the-open" not in shown
            finally:
                running.terminate()
                running.communicate(timeout=10)
        assert server.seen[0].body.startswith(b"alice\0in-the-open\0")


class TestTls:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Server:
        certificate, key = write_certificate(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return Server(tls=context)

    def test_with_the_servers_ca(
        self, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with server:
            words = ["--host", "localhost", "--port", str(server.port), "--system-id", "alice"]
            ca = str(tmp_path / "certificate.pem")
            assert main(["send", *words, *MESSAGE, "--tls", "--tls-ca", ca]) == 0
        assert server.commands() == [script.BIND_TRANSCEIVER, script.SUBMIT_SM, script.UNBIND]

    def test_without_looking(self, server: Server) -> None:
        with server:
            assert esme(server, "send", *MESSAGE, "--tls", "--tls-insecure") == 0

    def test_a_port_without_tls(self, capsys: pytest.CaptureFixture[str]) -> None:
        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(script.pack(0x80000000, status=0x02, sequence=0))  # generic_nack

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=answer)
            thread.start()
            port = listener.getsockname()[1]
            words = ["--host", "127.0.0.1", "--port", str(port), "--system-id", "alice"]
            assert main(["send", *words, *MESSAGE, "--tls"]) == 1
            thread.join(10)
        assert capsys.readouterr().err == (
            f"ksmppd-esme: 127.0.0.1:{port} doesn't speak TLS with us: wrong version number "
            "(--port is the server's port for TLS)\n"
        )

    def test_a_server_that_nobody_vouches_for(
        self, server: Server, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with server:
            assert esme(server, "send", *MESSAGE, "--tls") == 1
        assert capsys.readouterr().err == (
            f"ksmppd-esme: the certificate of 127.0.0.1:{server.port} isn't trusted: self-signed certificate "
            "(--tls-ca names its CA, --tls-insecure trusts all)\n"
        )

    def test_certificates_that_are_not_there(self, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["send", "--system-id", "a", *MESSAGE, "--tls"]
        for option in ("--tls-ca", "--tls-cert"):
            assert main([*words, option, "/nowhere/x.pem"]) == 1
            assert "ksmppd-esme: can't use the certificates: " in capsys.readouterr().err


def quantiles_in(line: str) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in re.findall(r"(\w+) ([0-9.]+)(?:,|$)", line.partition("answer: ")[2])
    }


class TestMany:
    def test_a_summary(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Server() as server:
            assert esme(server, "send", *MESSAGE, "--count", "50") == 0
        sequences = [pdu.sequence for pdu in server.seen if pdu.command_id == script.SUBMIT_SM]
        assert sorted(set(sequences)) == sequences
        assert len(sequences) == 50
        first, second = capsys.readouterr().out.splitlines()
        assert re.fullmatch(r"50 of 50 sent, 50 answered in \d+\.\d\d s \([\d,]+\.\d/s\)", first)
        assert second.startswith("ok: 50; ms to the answer: min ")
        values = quantiles_in(second)
        assert list(values) == ["min", "median", "p95", "p99", "max"]
        assert sorted(values.values()) == list(values.values())

    def test_by_status_and_as_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        numbers = iter(range(100))

        def answer(pdu: script.Pdu) -> list[bytes]:
            if pdu.command_id != script.SUBMIT_SM:
                body = b"" if pdu.command_id == script.UNBIND else b"\0"
                return [script.pack(pdu.command_id | script.RESPONSE, body, sequence=pdu.sequence)]
            status = 0x58 if next(numbers) % 5 == 4 else 0
            return [script.pack(0x80000004, b"id\0", status, pdu.sequence)]

        with Server(on_pdu=answer) as server:
            assert esme(server, "send", *MESSAGE, "--count", "10", "--json") == 1
        [line] = capsys.readouterr().out.splitlines()
        summary = json.loads(line)["summary"]
        assert (summary["asked"], summary["sent"], summary["answered"]) == (10, 10, 10)
        assert [(each["status"], each["status_name"], each["count"]) for each in summary["statuses"]] == [
            (0, "ok", 8),
            (0x58, "ESME_RTHROTTLED", 2),
        ]
        assert set(summary["statuses"][0]["milliseconds"]) == {"min", "median", "p95", "p99", "max"}

    @pytest.mark.parametrize("window", [1, 4])
    def test_the_window(self, window: int, capsys: pytest.CaptureFixture[str]) -> None:
        """A server that answers only what fills the window never sees more than that."""
        held: list[script.Pdu] = []
        most = []

        def answer(pdu: script.Pdu) -> list[bytes]:
            if pdu.command_id != script.SUBMIT_SM:
                body = b"" if pdu.command_id == script.UNBIND else b"\0"
                return [script.pack(pdu.command_id | script.RESPONSE, body, sequence=pdu.sequence)]
            held.append(pdu)
            most.append(len(held))
            if len(held) < window:
                return []
            answers = [script.pack(0x80000004, b"id\0", sequence=each.sequence) for each in held]
            held.clear()
            return answers

        with Server(on_pdu=answer) as server:
            assert esme(server, "send", *MESSAGE, "--count", "20", "--window", str(window)) == 0
        assert max(most) == window

    def test_the_rate(self) -> None:
        with Server() as server:
            began = time.monotonic()
            assert esme(server, "send", *MESSAGE, "--count", "11", "--rate", "50", "--window", "5") == 0
            assert time.monotonic() - began >= 10 / 50

    def test_answers_that_do_not_come(self, capsys: pytest.CaptureFixture[str]) -> None:
        def answer(pdu: script.Pdu) -> list[bytes]:
            if pdu.command_id == script.SUBMIT_SM:
                return []
            body = b"" if pdu.command_id == script.UNBIND else b"\0"
            return [script.pack(pdu.command_id | script.RESPONSE, body, sequence=pdu.sequence)]

        with Server(on_pdu=answer) as server:
            assert esme(server, "send", *MESSAGE, "--count", "20", "--window", "3", "--wait", "0.1") == 1
        out, err = capsys.readouterr()
        assert out.startswith("3 of 20 sent, 0 answered in ")
        assert err == "ksmppd-esme: no answer for 0.1 s, 3 are missing\n"

    def test_a_server_that_goes_away(self, capsys: pytest.CaptureFixture[str]) -> None:
        gone = [script.pack(script.UNBIND, sequence=77)]
        with Server(after_submit=gone) as server:
            assert esme(server, "send", *MESSAGE, "--count", "20", "--window", "1") == 1
        out, err = capsys.readouterr()
        assert re.match(r"[12] of 20 sent, 1 answered", out)
        assert err == f"ksmppd-esme: 127.0.0.1:{server.port} ended the session (unbind)\n"

    def test_reports_and_what_else_arrives(self, capsys: pytest.CaptureFixture[str]) -> None:
        numbers = iter(range(1, 100))

        def answer(pdu: script.Pdu) -> list[bytes]:
            if pdu.command_id != script.SUBMIT_SM:
                if pdu.command_id & script.RESPONSE:
                    return []
                body = b"" if pdu.command_id == script.UNBIND else b"\0"
                return [script.pack(pdu.command_id | script.RESPONSE, body, sequence=pdu.sequence)]
            number = next(numbers)
            stat = "DELIVRD" if number % 2 else "UNDELIV"
            return [
                script.pack(script.ENQUIRE_LINK, sequence=900 + number),
                script.receipt(f"id-{number}", "ACCEPTD", sequence=100 + number),
                script.pack(0x80000004, f"id-{number}\0".encode(), sequence=pdu.sequence),
                script.receipt(f"id-{number}", stat, sequence=500 + number),
            ]

        with Server(on_pdu=answer) as server:
            assert esme(server, "send", *MESSAGE, "--count", "5", "--receipt") == 0
        assert capsys.readouterr().out.endswith("final delivery reports: 3 DELIVRD, 2 UNDELIV\n")

    def test_reports_that_do_not_come(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Server() as server:
            assert esme(server, "send", *MESSAGE, "--count", "2", "--receipt", "--wait", "0.1") == 1
        assert capsys.readouterr().err == "ksmppd-esme: 1 final delivery reports are missing\n"

    def test_long_texts(self, capsys: pytest.CaptureFixture[str]) -> None:
        with Server() as server:
            assert esme(server, "send", *MESSAGE[:4], "--text", "a" * 161, "--count", "3") == 0
        assert len(server.bodies(script.SUBMIT_SM)) == 6
        assert capsys.readouterr().out.startswith("6 of 6 sent, 6 answered")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["send", *MESSAGE, "--tlv", "x=1"], "'x' is neither a whole number nor the name of a parameter"),
        (["send", *MESSAGE, "--tlv", "0x10000=1"], "must be a tag of 0 to 0xFFFF"),
        (["send", *MESSAGE, "--tlv", "0x1400"], "'0x1400' is not TAG=VALUE"),
        (["send", *MESSAGE, "--tlv", "0x1400=0xZZ"], "'0xZZ' is not hexadecimal"),
        (["send", *MESSAGE, "--validity", "soon"], "'soon' is no time such as 90, 90s, 15m, 2h or 3d"),
        (["send", *MESSAGE, "--validity", "0"], "'0' is no time"),
        (["send", *MESSAGE, "--from-ton", "256"], "--from-ton: must be 0 to 255"),
        (["send", *MESSAGE, "--flash", "--data-coding", "0"], "--flash is a data_coding itself"),
        (["send", *MESSAGE, "--rate", "5"], "--rate and --window need --count"),
        (["send", *MESSAGE, "--rate", "0", "--count", "1"], "more than 0"),
        (["send", *MESSAGE, "--count", "0"], "must be 1 or more"),
        (["send", *MESSAGE, "--count", "2", "--expect", "1"], "--expect doesn't go with --count"),
        (["send", *MESSAGE, "--to", "1", "--receipt"], "all reports of a submit_multi have one message_id"),
        (["send", *MESSAGE, *["--to", "1"] * 254], "a submit_multi has at most 254 destinations"),
        (["send", *MESSAGE, "--tls-ca", "x"], "need --tls"),
        (["send", *MESSAGE, "--tls", "--tls-key", "x"], "--tls-key needs --tls-cert"),
        (["send", *MESSAGE, "--password", "x", "--password-file", "y"], "not allowed with argument"),
        (["query", "--from", "1", "--id", "x" * 65], "--id must be at most 64"),
        (["query", "--from", "1"], "the following arguments are required: --id"),
        (["cancel", "--from", "1"], "cancel needs --id, or --to"),
        (["cancel", "--from", "1", "--to", "2", "--to", "3"], "cancel takes one --to"),
        (["send", *MESSAGE, "--pass", "x"], "unrecognized arguments: --pass"),
    ],
)
def test_wrong_arguments(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main([*arguments, "--system-id", "a"])
    assert ending.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("command", ["send", "listen", "query", "cancel"])
def test_the_help_names_every_option_with_words(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    out = capsys.readouterr().out
    for option in ("--tls", "--json", "--hex", "--password-file", "--system-id", "--wait"):
        assert option in out
    assert os.environ["KSMPP_PASSWORD"] not in out
