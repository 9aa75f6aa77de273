"""Programs as parts of a test bed: started in a directory, watched by events, ended by their process id."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.parts.waiting import PartError

_ours: dict[int, socket.socket] = {}
"""The ports that were handed out, each with the name that keeps it from the other processes that run tests."""


def free_port() -> int:
    """Return a TCP port that nothing listens on, below the range from which the kernel takes client ports.

    A name in the abstract namespace reserves it for the life of this process.
    """
    for _ in range(1000):
        port = random.randint(15000, 31999)
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0ksmppd-tests-{port}")
            with socket.socket() as probe:
                probe.bind(("0.0.0.0", port))
        except OSError:
            name.close()
            continue
        _ours[port] = name
        return port
    raise PartError("no free TCP port")


def require_program(path: str, package: str) -> str:
    """Return `path`; a missing program is a failure that names the package, never a skipped test."""
    if not os.access(path, os.X_OK):
        raise PartError(f"{path} is missing: install the Debian package {package}")
    return path


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether something listens on `port`."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


class Process:
    """One program. Its standard output and error go to `<directory>/<name>.out`."""

    def __init__(
        self,
        argv: Sequence[str],
        directory: Path,
        name: str,
        *,
        environment: Mapping[str, str] | None = None,
        stdin: bool = False,
    ) -> None:
        self.name = name
        self.output_path = directory / f"{name}.out"
        with self.output_path.open("ab") as output:
            self._popen = subprocess.Popen(
                argv,
                cwd=directory,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def output(self) -> str:
        """Everything that the program wrote so far."""
        return self.output_path.read_text("utf-8", "replace")

    def write_line(self, line: bytes) -> None:
        """Give the program one line on its standard input."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(line + b"\n")
        self._popen.stdin.flush()

    def exit_code(self) -> int | None:
        """The exit code, or None while the program runs; -n when signal n ended it."""
        return self._popen.poll()

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def wait(self, timeout: float = 15.0) -> int:
        """Wait for the program's own end and return its exit code."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise PartError(f"{self.name} still runs after {timeout:g} s\n{self.tail()}") from None

    def stop(self, timeout: float = 15.0) -> int:
        """Send SIGTERM if it still runs, wait, and return the exit code; one that does not end is killed."""
        try:
            if self._popen.poll() is None:
                self._popen.terminate()
            return self.wait(timeout)
        except PartError:
            self._popen.kill()
            self._popen.wait()
            raise
        finally:
            self._close_stdin()

    def kill(self) -> None:
        """End it at once with SIGKILL, as a crash would."""
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait()
        self._close_stdin()

    def tail(self, lines: int = 60) -> str:
        """The last lines of the output, for reports."""
        return "\n".join(self.output().splitlines()[-lines:])

    def _close_stdin(self) -> None:
        if self._popen.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._popen.stdin.close()
