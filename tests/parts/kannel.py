"""The real Kannel 1.4.5 of Debian: bearerbox, smsbox and fakesmsc, on free ports, in a given directory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.parts.config import Group, render
from tests.parts.http import HttpAnswer, request
from tests.parts.process import Process, accepts, free_port, require_program
from tests.parts.waiting import PartError, wait_until

BEARERBOX = "/usr/sbin/bearerbox"
SMSBOX = "/usr/sbin/smsbox"
FAKESMSC = "/usr/lib/kannel/test/fakesmsc"
PASSWORD = "bar"


@dataclass(frozen=True)
class BoxStatus:
    """One <box> of bearerbox's status page."""

    kind: str
    boxc_id: str
    queue: int
    online: bool


@dataclass(frozen=True)
class SmscStatus:
    """One <smsc> of bearerbox's status page."""

    smsc_id: str
    status: str
    received: int
    sent: int
    failed: int
    queued: int
    dlr_received: int

    @property
    def online(self) -> bool:
        return self.status.startswith("online")


@dataclass(frozen=True)
class GatewayStatus:
    status: str
    boxes: list[BoxStatus]
    smscs: list[SmscStatus]
    sms_received: int
    sms_sent: int

    def count_boxes(self, boxc_id: str) -> int:
        return sum(box.boxc_id == boxc_id and box.online for box in self.boxes)

    def online_smscs(self, smsc_id: str) -> int:
        return sum(smsc.smsc_id == smsc_id and smsc.online for smsc in self.smscs)


class Bearerbox:
    """A bearerbox whose SMSC groups the caller gives; `core` and `smsbox` come from here."""

    def __init__(
        self,
        directory: Path,
        name: str,
        smscs: Iterable[Group],
        *,
        core: dict[str, str | int] | None = None,
        others: Iterable[Group] = (),
    ) -> None:
        require_program(BEARERBOX, "kannel")
        self.directory = directory
        self.name = name
        self.admin_port = free_port()
        self.box_port = free_port()
        self.log_path = directory / f"{name}.log"
        self.config_path = directory / f"{name}.conf"
        self.config_path.write_text(
            render(
                [
                    (
                        "core",
                        {
                            "admin-port": self.admin_port,
                            "admin-password": PASSWORD,
                            "smsbox-port": self.box_port,
                            "box-deny-ip": "*.*.*.*",
                            "box-allow-ip": "127.0.0.1",
                            "log-file": self.log_path,
                            "log-level": 0,
                            **(core or {}),
                        },
                    ),
                    ("smsbox", {"bearerbox-host": "127.0.0.1", "sendsms-port": free_port()}),
                    *smscs,
                    *others,
                ]
            ),
            "utf-8",
        )
        self._process: Process | None = None

    def start(self) -> Bearerbox:
        """Start it and return when its status page says that it runs and the box port is open."""
        self._process = Process([BEARERBOX, "-v", "4", str(self.config_path)], self.directory, self.name)
        wait_until(self._is_ready, lambda: f"bearerbox {self.name}\n{self.log_tail()}", 15)
        return self

    def stop(self) -> None:
        """End it by its process id; the configuration stays, so that it can start again on the same ports."""
        if self._process is not None:
            process, self._process = self._process, None
            process.stop(30)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        process, self._process = self._process, None
        process.kill()

    def __enter__(self) -> Bearerbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def command(self, name: str, **parameters: str | int) -> HttpAnswer:
        """Give an administration command: `suspend`, `resume`, `isolate`, `stop-smsc` ..."""
        return request(self.admin_port, f"/{name}", password=PASSWORD, **parameters)

    def status(self) -> GatewayStatus:
        """Read the status page. Raises OSError when bearerbox is away."""
        root = ElementTree.fromstring(self.command("status.xml").body)
        return GatewayStatus(
            root.findtext("status", ""),
            [_box(box) for box in root.iterfind("boxes/box")],
            [_smsc(smsc) for smsc in root.iterfind("smscs/smsc")],
            int(root.findtext("sms/received/total", "0")),
            int(root.findtext("sms/sent/total", "0")),
        )

    def wait_for(
        self, predicate: Callable[[GatewayStatus], bool], what: str, timeout: float = 15.0
    ) -> GatewayStatus:
        """Read the status page until it fits."""
        last: list[GatewayStatus] = []

        def fits() -> GatewayStatus | None:
            last[:] = [self.status()]
            return last[0] if predicate(last[0]) else None

        found = wait_until(fits, lambda: f"{what}; last status of {self.name}: {last}", timeout)
        assert found is not None
        return found

    def wait_for_box(self, boxc_id: str, count: int = 1, timeout: float = 15.0) -> None:
        """Wait until `count` connections are identified as `boxc_id` (one a second are accepted)."""
        self.wait_for(lambda now: now.count_boxes(boxc_id) >= count, f"{count} boxes {boxc_id!r}", timeout)

    def wait_for_smsc(self, smsc_id: str, count: int = 1, timeout: float = 20.0) -> None:
        """Wait until `count` SMSC links with this id are online."""
        self.wait_for(
            lambda now: now.online_smscs(smsc_id) >= count, f"{count} links {smsc_id!r} online", timeout
        )

    def log(self) -> str:
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def log_tail(self, lines: int = 40) -> str:
        return "\n".join(self.log().splitlines()[-lines:])

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.exit_code() is not None:
            raise PartError(f"bearerbox {self.name} ended\n{self._process.tail()}\n{self.log_tail()}")
        try:
            return self.status().status.startswith("running") and accepts(self.box_port)
        except OSError:
            return False


class Smsbox:
    """A real smsbox in front of a box port, with the sendsms user tester/foobar."""

    def __init__(
        self, directory: Path, name: str, box_port: int, *, boxc_id: str, mo_url: str | None = None
    ) -> None:
        require_program(SMSBOX, "kannel")
        self.directory = directory
        self.name = name
        self.boxc_id = boxc_id
        self.sendsms_port = free_port()
        service = {"get-url": mo_url, "max-messages": 0} if mo_url else {"text": "none", "max-messages": 0}
        self.config_path = directory / f"{name}.conf"
        self.log_path = directory / f"{name}.log"
        self.config_path.write_text(
            render(
                [
                    (
                        "core",
                        {
                            "admin-port": free_port(),
                            "admin-password": PASSWORD,
                            "smsbox-port": box_port,
                            "log-level": 0,
                        },
                    ),
                    (
                        "smsbox",
                        {
                            "bearerbox-host": "127.0.0.1",
                            "sendsms-port": self.sendsms_port,
                            "smsbox-id": boxc_id,
                            "log-file": self.log_path,
                            "log-level": 0,
                        },
                    ),
                    (
                        "sendsms-user",
                        {
                            "username": "tester",
                            "password": "foobar",
                            "concatenation": True,
                            "max-messages": 8,
                        },
                    ),
                    (
                        "sms-service",
                        {"keyword": "default", "catch-all": True, "omit-empty": True, **service},
                    ),
                ]
            ),
            "utf-8",
        )
        self._process: Process | None = None

    def start(self) -> Smsbox:
        self._process = Process([SMSBOX, "-v", "4", str(self.config_path)], self.directory, self.name)
        wait_until(self._is_ready, lambda: f"smsbox {self.name}\n{self.log_tail()}", 15)
        return self

    def stop(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.stop(20)

    def __enter__(self) -> Smsbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log_tail(self, lines: int = 40) -> str:
        text = self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def send_sms(self, sender: str, receiver: str, text: str, **parameters: str | int) -> HttpAnswer:
        """Submit through the HTTP interface; 202 means accepted. Underscores in names become dashes."""
        fields: dict[str, str | int] = {
            "username": "tester",
            "password": "foobar",
            "from": sender,
            "to": receiver,
            "text": text,
            "charset": "UTF-8",
        }
        return request(self.sendsms_port, "/cgi-bin/sendsms", **{**fields, **parameters})

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.exit_code() is not None:
            raise PartError(f"smsbox {self.name} ended\n{self._process.tail()}\n{self.log_tail()}")
        return accepts(self.sendsms_port)


class FakeSmsc:
    """Kannel's fakesmsc in interactive mode: sends the lines that it reads, logs the messages that it gets.

    A line, of at most 250 octets, is `sender receiver kind text`; kind is text, data, ucs2 ... (`fakesmsc -h`).
    """

    _GOT = re.compile(r"Got message \d+: <(.*?)>\n(?=\d{4}-\d\d-\d\d |$)", re.DOTALL)

    def __init__(self, directory: Path, name: str, port: int) -> None:
        require_program(FAKESMSC, "kannel-extras")
        self.directory = directory
        self.name = name
        self.port = port
        self._process: Process | None = None

    def start(self) -> FakeSmsc:
        argv = [FAKESMSC, "-i", "0.01", "-H", "127.0.0.1", "-r", str(self.port)]
        self._process = Process(argv, self.directory, self.name, stdin=True)
        return self

    def stop(self) -> None:
        """End it with SIGKILL: fakesmsc has no orderly end (it aborts in a double free)."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()

    def __enter__(self) -> FakeSmsc:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def send(self, sender: str, receiver: str, text: str, kind: str = "text") -> None:
        """Hand an MO to the bearerbox."""
        assert self._process is not None
        self._process.write_line(f"{sender} {receiver} {kind} {text}".encode())

    def received(self) -> list[str]:
        """The MTs so far, each as `sender receiver kind text`."""
        assert self._process is not None
        return self._GOT.findall(self._process.output())

    def wait_for(self, predicate: Callable[[str], bool], timeout: float = 15.0) -> str:
        """Return the first MT line that fits, waiting for it."""

        def fits() -> str | None:
            return next((line for line in self.received() if predicate(line)), None)

        found = wait_until(fits, lambda: f"an MT at fakesmsc; it received {self.received()}", timeout)
        assert found is not None
        return found


def _box(element: ElementTree.Element) -> BoxStatus:
    return BoxStatus(
        element.findtext("type", ""),
        element.findtext("id", ""),
        int(element.findtext("queue", "0")),
        element.findtext("status", "").startswith("on-line"),
    )


def _smsc(element: ElementTree.Element) -> SmscStatus:
    return SmscStatus(
        element.findtext("id", ""),
        element.findtext("status", ""),
        int(element.findtext("sms/received", "0")),
        int(element.findtext("sms/sent", "0")),
        int(element.findtext("failed", "0")),
        int(element.findtext("queued", "0")),
        int(element.findtext("dlr/received", "0")),
    )
