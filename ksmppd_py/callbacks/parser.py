"""Parses the octets of an answer with llhttp, which geventhttpclient includes."""

from __future__ import annotations

import sys

from geventhttpclient._parser import HTTPResponseParser

_ONLY_ASCII = bytes(range(128)) + b"?" * 128


class AnswerParser(HTTPResponseParser):
    """Collects headers and skips bodies, also interim (1xx) answers; `surplus`: more octets came than one answer's.

    Costs a third of geventhttpclient's own response object. Raises HTTPParseError for anything but HTTP.
    """

    __slots__ = ("_in_value", "complete", "has_headers", "headers", "surplus")

    def __init__(self) -> None:
        super().__init__()
        self.headers: list[tuple[str, str]] = []
        self.has_headers = False
        self.complete = False
        self.surplus = False
        self._in_value = True

    # The last geventhttpclient for Python 3.10 reads UTF-8, and the process dies of anything else.
    if sys.version_info < (3, 11):

        def feed(self, octets: str | bytes, /) -> None:
            """Parse as later versions do: octets are Latin-1."""
            if isinstance(octets, str) or octets.isascii():
                super().feed(octets)
                return
            for line in octets.splitlines(keepends=True):
                if self.has_headers:  # later ones are unused, and must not change the length
                    super().feed(line.translate(_ONLY_ASCII))
                else:
                    super().feed(line.decode("latin-1").encode())

    def _on_message_begin(self) -> None:
        if self.complete:
            self.surplus = True
        else:
            self.headers.clear()

    def _on_status(self, reason: str) -> None:
        """Drop the reason phrase."""

    def _on_header_field(self, piece: str) -> None:
        if self.complete:
            return
        if self._in_value:
            self._in_value = False
            self.headers.append((piece, ""))
        else:
            name, value = self.headers[-1]
            self.headers[-1] = (name + piece, value)

    def _on_header_value(self, piece: str) -> None:
        if self.complete:
            return
        self._in_value = True
        name, value = self.headers[-1]
        self.headers[-1] = (name, value + piece)

    def _on_headers_complete(self) -> bool:
        self._in_value = True
        self.has_headers = self.has_headers or self.get_code() >= 200
        return False

    def _on_body(self, octets: bytearray) -> None:
        """Drop the body."""

    def _on_message_complete(self) -> None:
        self.complete = self.has_headers
