"""Started as `python -m benchmarks.answerer PORT`: answers every HTTP request with a good route, as fast as it can.

It takes part in the measurement of HTTP routing without being measured: it reads whole requests without a body only.
"""

from __future__ import annotations

import selectors
import socket
import sys

ANSWER = (
    b"HTTP/1.1 200 OK\r\nX-KSMPPD-Route-Status: 1\r\nX-KSMPPD-Route-Cost: 1.0\r\nContent-Length: 0\r\n\r\n"
)
RECEIVE = 65536


def main() -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    kept: dict[socket.socket, bytes] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connected, _ = listener.accept()
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connected, selectors.EVENT_READ)
                kept[connected] = b""
                continue
            connected = key.fileobj  # type: ignore[assignment]  # only sockets are registered
            octets = connected.recv(RECEIVE)
            if not octets:
                selector.unregister(connected)
                connected.close()
                del kept[connected]
                continue
            *requests, kept[connected] = (kept[connected] + octets).split(b"\r\n\r\n")
            if requests:
                connected.sendall(ANSWER * len(requests))


if __name__ == "__main__":
    main()
