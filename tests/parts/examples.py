"""The shipped examples, with ports, directory and database server of a test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.parts.daemon import REPOSITORY
from tests.parts.database import MariaDatabase
from tests.parts.process import free_port

EXAMPLES = REPOSITORY / "examples" / "configurations"


class Rewriter:
    """Puts free ports, our directory and our database server into an example, and leaves the rest alone."""

    def __init__(self, directory: Path, database: MariaDatabase) -> None:
        self.directory = directory
        self.database = database
        self.ports: dict[str, int] = {}

    def port(self, number: str) -> int:
        return self.ports.setdefault(number, free_port())

    def rewrite(self, source: Path) -> Path:
        text = source.read_text("utf-8")
        text = re.sub(
            r"(?m)^(\s*(?:\w+-)?port\s*=\s*)(\d+)[ \t]*$", lambda m: m[1] + str(self.port(m[2])), text
        )
        text = re.sub(r"(?m)^(\s*\w*-?log-?file\s*=\s*)/tmp/", rf"\g<1>{self.directory}/", text)
        text = text.replace("localhost", "127.0.0.1")
        # Kannel waits ten seconds before it tries a link again.
        text = re.sub(r"(?m)^(smsc *= *smpp)$", r"\1\nreconnect-delay = 1", text)
        text = self._mysql(text)
        target = self.directory / source.name
        target.write_text(text, "utf-8")
        return target

    def _mysql(self, text: str) -> str:
        keys: Mapping[str, object] = {
            "username": self.database.username,
            "password": self.database.password,
            "database": self.database.name,
        }
        head, mark, rest = text.partition("group = mysql-connection")
        group, blank, tail = rest.partition("\n\n")
        for key, value in keys.items():
            group = re.sub(rf"(?m)^{key}\s*=.*$", f"{key} = {value}", group)
        if mark:
            group += f"\nport = {self.database.port}"
        return head + mark + group + blank + tail
