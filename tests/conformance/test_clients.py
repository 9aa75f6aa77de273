"""Other people's SMPP clients against the daemon: node-smpp and python-smpplib."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions

from tests.conformance.bench import SERVER_ID, Bench
from tests.fakes import bearerbox as fake_box
from tests.fakes import box_wire
from tests.parts import node
from tests.parts.waiting import PartError, wait_until

pytestmark = pytest.mark.integration


class NodeSession:
    """node-smpp in a process of its own, which reads a command per line and writes the result of each."""

    def __init__(self, port: int, system_id: str, password: str) -> None:
        script = Path(__file__).with_name("client.js")
        arguments = [str(script), str(node.directory()), str(port), system_id, password]
        self._process = subprocess.Popen(
            [node.program("node"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._told: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def do(self, step: str, argument: str = "") -> dict[str, Any]:
        """Carry out a step and return what was answered."""
        assert self._process.stdin is not None
        before = len([told for told in self._told if told["step"] == step])
        self._process.stdin.write(f"{step} {argument}\n")
        self._process.stdin.flush()
        return self.wait(step, before + 1)

    def wait(self, step: str, count: int = 1) -> dict[str, Any]:
        """The newest of at least `count` answers to a step."""

        def answers() -> list[dict[str, Any]]:
            return [told for told in self._told if told["step"] == step]

        wait_until(lambda: len(answers()) >= count, lambda: f"{step} from node-smpp: {self._told}", 15)
        return answers()[count - 1]

    def end(self) -> int:
        """Wait for its end; its exit code."""
        try:
            return self._process.wait(10)
        finally:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                assert pipe is not None
                with contextlib.suppress(OSError):
                    pipe.close()
            self._reader.join(5)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.append(json.loads(line))


@pytest.fixture
def node_session(bench: Bench) -> Iterator[NodeSession]:
    """A connected session."""
    session = NodeSession(bench.daemon.smpp_port, bench.account.system_id, bench.account.password)
    yield session
    session.end()


def test_node_smpp(bench: Bench, node_session: NodeSession) -> None:
    session = node_session
    bound = session.do("bind")
    assert (bound["command"], bound["status"]) == ("bind_transceiver_resp", 0)
    assert (bound["server"], bound["version"]) == (SERVER_ID[:15], 0x34)
    submitted = session.do("submit")
    assert submitted["status"] == 0
    sms = bench.at_box(submitted["id"].encode())
    assert (sms.sender, sms.receiver) == (b"+491701", b"+491709999999")
    assert (sms.msgdata or b"").decode() == "Grüße €"
    assert session.do("query", submitted["id"])["message_state"] == 1
    bench.box.send_dlr(sms)
    receipt = session.wait("deliver_sm")
    assert (receipt["esm_class"], receipt["receipted"], receipt["message_state"]) == (4, submitted["id"], 2)
    assert (receipt["source"], receipt["text"].startswith(f"id:{submitted['id']} ")) == ("491709999999", True)
    assert session.do("query", submitted["id"])["message_state"] == 2
    assert session.do("cancel", submitted["id"])["status"] == 0x11
    mo = bench.mo("hello node €")
    assert session.wait("deliver_sm", 2)["text"] == "hello node €"
    assert bench.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    unicode_sms = bench.at_box(session.do("unicode")["id"].encode())
    assert (unicode_sms.coding, (unicode_sms.msgdata or b"").decode("utf-16-be")) == (2, "привет")
    assert bench.at_box(session.do("payload")["id"].encode()).msgdata == b"by data-sm"
    assert session.do("enquire")["status"] == 0
    assert session.do("unbind")["status"] == 0
    assert session.end() == 0


def test_node_smpp_submits_to_many(bench: Bench, node_session: NodeSession) -> None:
    node_session.do("bind")
    reply = node_session.do("multi")
    assert (reply["command"], reply["status"]) == ("submit_multi_resp", 0)
    (refused,) = reply["unsuccess"]
    assert (refused["destination_addr"], refused["error_status_code"]) == ("letters", 0x0B)
    assert [sms.receiver for sms in bench.box.wait_for_sms(1)] == [b"+491701111111"]
    bench.box.policy = fake_box.always(box_wire.ACK_FAILED)
    assert node_session.do("submit")["status"] == 0x45
    assert node_session.do("unbind")["status"] == 0


def test_node_smpp_is_refused(bench: Bench) -> None:
    session = NodeSession(bench.daemon.smpp_port, bench.account.system_id, "wrong")
    assert session.do("bind")["status"] == 0x0D
    assert session.end() == 0


def test_smpplib(bench: Bench) -> None:
    client = smpplib.client.Client("127.0.0.1", bench.daemon.smpp_port, allow_unknown_opt_params=True)
    received: list[Any] = []

    def keep(pdu: Any) -> None:
        received.append(pdu)

    def read(count: int) -> Any:
        """The newest of `count` PDUs; enquire_link comes in between."""
        while len(received) < count:
            client.read_once()
        return received[count - 1]

    client.set_message_sent_handler(keep)
    client.set_message_received_handler(keep)
    client.connect()
    try:
        bound = client.bind_transceiver(system_id=bench.account.system_id, password=bench.account.password)
        assert (bound.command, bound.sc_interface_version) == ("bind_transceiver_resp", 0x34)
        client.send_message(
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr="491701",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr="491709999999",
            short_message=b"Hello",
            registered_delivery=True,
        )
        message_id = read(1).message_id
        sms = bench.at_box(message_id)
        assert sms.msgdata == b"Hello"
        bench.box.send_dlr(sms)
        assert (read(2).receipted_message_id, received[1].message_state) == (message_id, 2)
        client.unbind()
    except smpplib.exceptions.ConnectionError as error:
        raise PartError(f"smpplib: {error}") from error
    finally:
        client.state = smpplib.consts.SMPP_CLIENT_STATE_OPEN
        client.disconnect()
