"""ksmppd-esme against a scripted server: what it sends, what it says, how it ends."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from ksmppd_py.tools.esme import main
from tests.tools import scripted_server as script
from tests.tools.scripted_server import Server

ACCOUNT = ["--system-id", "alice", "--password", "s3cret"]
MESSAGE = ["--from", "12345", "--to", "+46701234567", "--text", "Hello"]
GOODBYE = "sent      unbind #3\nreceived  unbind_resp #3: ok\n"


def send(server: Server, *more: str) -> int:
    return main(["send", "--host", "127.0.0.1", "--port", str(server.port), *ACCOUNT, "--wait", "5", *more])


def listen(server: Server, *more: str) -> int:
    return main(["listen", "--host", "127.0.0.1", "--port", str(server.port), *ACCOUNT, *more])


def short_message(body: bytes) -> bytes:
    """The text of a submit_sm body: behind seven strings and the fixed octets."""
    return body[-body[body.index(b"46701234567\0") + 12 + 9] :]


def test_send_tells_every_pdu(capsys: pytest.CaptureFixture[str]) -> None:
    with Server() as server:
        assert send(server, *MESSAGE) == 0
    assert capsys.readouterr().out == (
        'sent      bind_transceiver #1: system_id "alice", password ****, SMPP 3.4\n'
        'received  bind_transceiver_resp #1: ok, server id "scripted"\n'
        'sent      submit_sm #2: from 12345 to +46701234567, text "Hello" (GSM)\n'
        f"received  submit_sm_resp #2: ok, message_id {script.MESSAGE_ID}\n" + GOODBYE
    )
    assert server.commands() == [script.BIND_TRANSCEIVER, script.SUBMIT_SM, script.UNBIND]
    assert server.seen[0].body.startswith(b"alice\0s3cret\0")
    assert server.seen[1].body == (
        b"\0\x00\x0112345\0\x01\x0146701234567\0" + bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 5]) + b"Hello"
    )


def test_send_waits_for_the_final_report_and_answers_what_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    arrivals = [
        script.pack(script.ENQUIRE_LINK, sequence=7),
        script.receipt(stat="ACCEPTD", sequence=8),
        script.receipt("another-message", sequence=9),
        script.receipt(stat="UNDELIV", err="027", sequence=10),
    ]
    with Server(after_submit=arrivals) as server:
        assert send(server, *MESSAGE, "--receipt") == 0
    output = capsys.readouterr().out
    assert "delivery report asked" in output
    line = (
        f"deliver_sm #10: delivery report for {script.MESSAGE_ID}: stat UNDELIV, err 027, done 261123101502"
    )
    assert f"received  {line}\n" in output
    assert "sent      deliver_sm_resp #10: ok\n" in output
    answered = [(pdu.command_id, pdu.sequence) for pdu in server.seen if pdu.command_id & script.RESPONSE]
    expected = [(script.ENQUIRE_LINK, 7), *((script.DELIVER_SM, sequence) for sequence in (8, 9, 10))]
    assert answered == [(command_id | script.RESPONSE, sequence) for command_id, sequence in expected]


def test_send_finds_the_report_by_receipted_message_id() -> None:
    tlvs = (
        b"\x00\x1e\x00\x25"
        + script.MESSAGE_ID.encode()
        + b"\0"
        + b"\x04\x27\x00\x01\x02"
        + b"\x14\x00\x00\x01x"
    )
    body = script.deliver_body(b"stat:DELIVRD id:none", esm_class=0x04, tlvs=tlvs)
    swapped = script.deliver_body(b"id:none stat:DELIVRD err:000", esm_class=0x04, tlvs=tlvs)
    with Server(after_submit=[script.pack(script.DELIVER_SM, b) for b in (body, swapped)]) as server:
        assert send(server, *MESSAGE, "--receipt") == 0


def test_send_without_the_report_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(after_submit=[script.receipt("another-message")]) as server:
        assert send(server, *MESSAGE, "--receipt", "--wait", "0.2") == 1
    missing = f"ksmppd-esme: accepted, but no delivery report came in time for {script.MESSAGE_ID}\n"
    captured = capsys.readouterr()
    assert captured.err == missing
    assert captured.out.endswith(GOODBYE)


def test_send_expects_messages(capsys: pytest.CaptureFixture[str]) -> None:
    message = script.pack(script.DELIVER_SM, script.deliver_body(b"Reply", data_coding=0))
    with Server(after_submit=[message]) as server:
        assert send(server, *MESSAGE, "--expect", "1") == 0
    assert 'deliver_sm #1: message from +46701234567 to 12345, text "Reply" (GSM)' in capsys.readouterr().out
    with Server(after_submit=[message]) as server:
        assert send(server, *MESSAGE, "--expect", "2", "--wait", "0.2") == 1
    assert "only 1 of 2 expected messages" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "words"),
    [(0x0B, "ESME_RINVDSTADR (0x0B, Invalid Destination Address)"), (0x4FE, "unknown status (0x4FE)")],
)
def test_refused_message(status: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Server(submit_status=status) as server:
        assert send(server, *MESSAGE) == 1
    captured = capsys.readouterr()
    assert captured.err == f"ksmppd-esme: 127.0.0.1:{server.port} refused the message: {words}\n"
    assert captured.out.endswith(GOODBYE)


def test_generic_nack_refuses_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    def answer(pdu: script.Pdu) -> list[bytes]:
        if pdu.command_id == script.SUBMIT_SM:
            return [script.pack(script.RESPONSE, status=0x02, sequence=pdu.sequence)]
        body = b"" if pdu.command_id == script.UNBIND else b"\0"
        return [script.pack(pdu.command_id | script.RESPONSE, body, sequence=pdu.sequence)]

    with Server(on_pdu=answer) as server:
        assert send(server, *MESSAGE) == 1
    assert "refused the message: ESME_RINVCMDLEN (0x02" in capsys.readouterr().err


def test_refused_bind(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(bind_status=0x0D) as server:
        assert send(server, *MESSAGE) == 1
    captured = capsys.readouterr()
    start = f'ksmppd-esme: 127.0.0.1:{server.port} refused the bind of "alice": ESME_RBINDFAIL (0x0D, '
    assert captured.err.startswith(start)
    assert captured.err.count("\n") == 1
    assert "s3cret" not in captured.out + captured.err
    assert server.commands() == [script.BIND_TRANSCEIVER]


def test_connection_closed_at_bind(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(close_at_bind=True) as server:
        assert listen(server) == 1
    error = capsys.readouterr().err
    assert f"127.0.0.1:{server.port} closed the connection instead of answering the bind" in error
    assert "too many refused binds" in error
    assert "a port for TLS" in error


def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert main(["listen", "--host", "127.0.0.1", "--port", str(port), *ACCOUNT]) == 1
    assert capsys.readouterr().err == f"ksmppd-esme: can't connect to 127.0.0.1:{port}: Connection refused\n"


def test_a_server_that_speaks_something_else(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(on_pdu=lambda _: [b"HTTP/1.1 400 Bad Request\r\n\r\n"]) as server:
        assert listen(server) == 1
    assert "doesn't speak SMPP" in capsys.readouterr().err


def test_long_text_goes_in_parts(capsys: pytest.CaptureFixture[str]) -> None:
    with Server() as server:
        assert send(server, *MESSAGE[:4], "--text", "a" * 161, "--receipt", "--wait", "0.2") == 1
    bodies = server.bodies(script.SUBMIT_SM)
    texts = [short_message(body) for body in bodies]
    assert [(len(text), text[:3], text[4:6]) for text in texts] == [
        (6 + 153, b"\x05\x00\x03", b"\x02\x01"),
        (6 + 8, b"\x05\x00\x03", b"\x02\x02"),
    ]
    assert texts[0][3] == texts[1][3]
    flags = [body[body.index(b"46701234567\0") + 12 :] for body in bodies]
    assert [(octets[0], octets[5]) for octets in flags] == [(0x40, 1), (0x40, 1)]
    assert "(GSM, part 2 of 2, reference" in capsys.readouterr().out


def test_long_text_as_payload(capsys: pytest.CaptureFixture[str]) -> None:
    with Server() as server:
        assert send(server, *MESSAGE[:4], "--text", "a" * 255, "--long", "payload") == 0
        [body] = server.bodies(script.SUBMIT_SM)
    assert body.endswith(b"\0\x04\x24\x00\xff" + b"a" * 255)
    assert "(GSM, message_payload)" in capsys.readouterr().out


def test_text_beyond_gsm_goes_as_ucs2(capsys: pytest.CaptureFixture[str]) -> None:
    with Server() as server:
        assert send(server, *MESSAGE[:4], "--text", "Привет") == 0
        [body] = server.bodies(script.SUBMIT_SM)
    assert short_message(body) == "Привет".encode("utf-16-be")
    assert 'text "Привет" (UCS-2)' in capsys.readouterr().out


def test_text_that_the_data_coding_cannot_write(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send", *ACCOUNT, *MESSAGE[:4], "--text", "Привет", "--data-coding", "3"]) == 1
    assert capsys.readouterr().err == "ksmppd-esme: data_coding 3 (latin-1) can't write it\n"


def test_listen_counts_what_arrives(capsys: pytest.CaptureFixture[str]) -> None:
    header = b"\x05\x00\x03\x11\x02\x01"
    arrivals = [
        script.pack(script.DELIVER_SM, script.deliver_body(b"\x04\x1f", 0, 8), sequence=1),
        script.pack(script.DELIVER_SM, script.deliver_body(header + b"two\nlines", 0x40), sequence=2),
        script.receipt(stat="EXPIRED", err="123", sequence=3),
    ]
    with Server(after_bind=arrivals) as server:
        assert listen(server, "--count", "3", "--wait", "5") == 0
    output = capsys.readouterr().out
    assert server.commands()[0] == script.BIND_RECEIVER
    assert 'text "П" (UCS-2)' in output
    assert 'text "two\\nlines" (GSM, part 1 of 2, reference 17)' in output
    assert f"delivery report for {script.MESSAGE_ID}: stat EXPIRED, err 123" in output


def test_listen_ends_by_time(capsys: pytest.CaptureFixture[str]) -> None:
    with Server() as server:
        assert listen(server, "--wait", "0.1") == 0
    with Server() as server:
        assert listen(server, "--count", "1", "--wait", "0.1") == 1
    assert capsys.readouterr().err == "ksmppd-esme: 0 of 1 came before the end\n"


def test_listen_survives_unknown_pdus_and_obeys_unbind(capsys: pytest.CaptureFixture[str]) -> None:
    strange = [script.pack(0x00000111, b"\0", sequence=5), script.pack(script.UNBIND, sequence=6)]
    with Server(after_bind=strange) as server:
        assert listen(server) == 1
    captured = capsys.readouterr()
    assert "received  unreadable PDU 0x00000111 #5, status 0x00" in captured.out
    assert server.commands()[1:] == [script.RESPONSE, script.UNBIND | script.RESPONSE]
    assert captured.err == f"ksmppd-esme: 127.0.0.1:{server.port} ended the session (unbind)\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["send", *ACCOUNT, *MESSAGE, "--bind", "transmitter", "--receipt"],
            "a transmitter receives nothing",
        ),
        (["send", *ACCOUNT, *MESSAGE, "--data-coding", "256"], "--data-coding: must be 0 to 255\n"),
        (["send", *ACCOUNT, *MESSAGE, "--data-coding", "x"], "--data-coding: 'x' is not a whole number\n"),
        (["send", *ACCOUNT, *MESSAGE, "--port", "65536"], "--port: must be 1 to 65535\n"),
        (["send", *ACCOUNT, *MESSAGE, "--expect", "-1"], "--expect: must be 0 or more\n"),
        (["send", *ACCOUNT, *MESSAGE, "--wait", "-1"], "--wait: must be a number of seconds, more than 0\n"),
        (["send", *ACCOUNT, *MESSAGE, "--wait", "nan"], "--wait: must be a number of seconds, more than 0\n"),
        (["listen", *ACCOUNT, "--wait", "1e99"], "--wait: must be a number of seconds, more than 0\n"),
        (["listen", *ACCOUNT, "--wait", "soon"], "--wait: 'soon' is not a number of seconds\n"),
        (["send", *ACCOUNT, *MESSAGE, "--to", "1" * 21], "--to must be at most 20 printable"),
        (["listen", "--system-id", "a" * 16, "--password", "x"], "--system-id must be at most 15"),
        (["listen", *ACCOUNT, "--count", "0"], "must be 1 or more"),
    ],
)
def test_wrong_arguments(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == 2
    assert complaint in capsys.readouterr().err


def test_long_passwords_are_sent_whole() -> None:
    with Server(bind_status=0x0D) as server:
        main(
            [
                "listen",
                "--host",
                "127.0.0.1",
                "--port",
                str(server.port),
                "--system-id",
                "a",
                "--password",
                "x" * 64,
            ]
        )
    assert server.seen[0].body.startswith(b"a\0" + b"x" * 64 + b"\0")


def test_plain_python_without_gevent() -> None:
    program = "import sys, ksmppd_py.tools.esme; sys.exit('gevent' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
