"""PHP's built-in web server over a directory of scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.parts.process import Process, accepts, free_port
from tests.parts.waiting import PartError, wait_until

PACKAGE = "php-cli"


class PhpServer:
    """Serves a copy-free directory; its log of requests is the process's output."""

    def __init__(self, scripts: Path, directory: Path, name: str = "php") -> None:
        program = shutil.which("php")
        if program is None:
            raise PartError(f"php is missing: install the Debian package {PACKAGE}")
        self._program = program
        self._scripts = scripts
        self._directory = directory
        self._name = name
        self.port = free_port()
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        assert self._process is not None, "PHP is not running"
        return self._process

    def start(self) -> PhpServer:
        """Start it and return when it accepts connections."""
        argv = [self._program, "-S", f"127.0.0.1:{self.port}", "-t", str(self._scripts)]
        argv[1:1] = ["-d", "display_errors=stderr", "-d", "log_errors=0"]
        self._process = Process(argv, self._directory, self._name)
        wait_until(lambda: accepts(self.port), lambda: f"PHP\n{self.process.tail()}", 15)
        return self

    def stop(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.stop()

    def __enter__(self) -> PhpServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def requests_for(self, script: str) -> int:
        """Return the number of requests for `/script` that were answered."""
        return self.process.output().count(f"]: GET /{script}")
