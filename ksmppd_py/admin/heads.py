"""Checks the head of a request by RFC 9112: a head that two programs could read differently is refused.

Octets in, errors out; uses no socket.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_LINES = 100
"""Header lines of one request."""
LONGEST_HEAD = 65_536
"""Octets of all header lines together."""
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*", re.ASCII)
_LENGTH = re.compile(rb"[0-9]{1,15}")
_ONCE = (b"content-length", b"transfer-encoding", b"host")


class BadRequest(ValueError):
    """A request that is answered 400, after which the connection is closed.

    The text is constant: requests hold passwords.
    """


def line_end(line: bytes) -> bytes:
    """Return CR LF or LF, which ends the line. Raises BadRequest when neither does, or with another CR in it.

    RFC 9112, 2.2 allows a single LF; scripts with printf and nc send it.
    """
    if not line.endswith(b"\n"):
        raise BadRequest("a line without its end")
    end = b"\r\n" if line.endswith(b"\r\n") else b"\n"
    if b"\r" in line[: -len(end)]:
        raise BadRequest("a bare CR")
    return end


def check_fields(lines: Sequence[bytes], end: bytes, version: str) -> None:
    """Check header lines, with their ends and without the empty line after them. Raises BadRequest.

    `end` is the end of the request line, `version` is as in it. Refused are folded lines, names that aren't tokens or
    have a blank after them (5.1), two ways of giving a body's length or one given twice (6.1, 6.3), codings other than
    `chunked`, more than one Host or none in HTTP/1.1 (3.2), and lines that end in two ways.
    """
    found: dict[bytes, bytes] = {}
    for line in lines:
        if line_end(line) != end:
            raise BadRequest("lines that end in two ways")
        field = _FIELD.fullmatch(line[: -len(end)])
        if field is None:
            raise BadRequest("no header line")
        name = field[1].lower()
        if name in _ONCE and name in found:
            raise BadRequest(f"{name.decode()} twice")
        found[name] = field[2]
    if b"host" not in found and version == "HTTP/1.1":
        raise BadRequest("no Host")
    _check_framing(found, version)


def _check_framing(fields: dict[bytes, bytes], version: str) -> None:
    length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    if length is not None and not _LENGTH.fullmatch(length):
        raise BadRequest("content-length is no number")
    if coding is None:
        return
    if length is not None:
        raise BadRequest("content-length and transfer-encoding")
    if version != "HTTP/1.1":
        raise BadRequest("transfer-encoding before HTTP/1.1")
    if coding.lower() != b"chunked":
        raise BadRequest("an unknown transfer-encoding")
