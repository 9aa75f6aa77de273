"""Octets of an answer in two pieces, cut everywhere: what is beyond ASCII is Latin-1, and never the end of us."""

from __future__ import annotations

import pytest

from ksmppd_py.callbacks.parser import AnswerParser

CHUNKED = (
    b"HTTP/1.1 100 C\xe9\r\nX: \x90\r\n\r\nHTTP/1.1 200 O\x90K\r\nX-A: a\xe9\xc3\xa9\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\nh\xe9\x90\xff\n\r\n0\r\nT: \xe9\r\n\r\n"
)
COUNTED = b"HTTP/1.1 200 O\x90K\r\nX-A: a\xe9\xc3\xa9\r\nContent-Length: 6\r\n\r\n\xe9\r\xe9\n\xe9\xe9"


@pytest.mark.parametrize("answer", [CHUNKED, COUNTED])
def test_octets_beyond_ascii(answer: bytes) -> None:
    for cut in range(1, len(answer)):
        parser = AnswerParser()
        parser.feed(answer[:cut])
        parser.feed(answer[cut:])
        assert parser.headers[0] == ("X-A", "a\xe9\xc3\xa9")
        assert (parser.get_code(), parser.complete, parser.surplus) == (200, True, False)
