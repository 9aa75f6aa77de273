"""TLS as a translation between octets to send and octets on the wire, in both directions. Uses no socket."""

from __future__ import annotations

import contextlib
import ssl

from ksmppd_py.errors import StartError
from ksmppd_py.server_certificate import load_server_certificate

RECORD = 16384
"""Octets of data that one TLS record holds."""


class TlsStream:
    """One side of a TLS connection. Call `shake_hands` until it returns True, before anything else."""

    __slots__ = ("_incoming", "_object", "_outgoing", "ended")

    def __init__(
        self, context: ssl.SSLContext, server_side: bool, server_hostname: str | None = None
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side, server_hostname)
        self.ended = False
        """Whether the peer has ended its direction."""

    @property
    def has_output(self) -> bool:
        """Whether TLS itself has octets to send."""
        return bool(self._outgoing.pending)

    def shake_hands(self, received: bytes) -> bool:
        """Continue the handshake; True when it is done. Raises ssl.SSLError when it fails.

        Afterwards `encrypt(b"")` returns the octets to send, also those that report a failure to the peer.
        """
        if received:
            self._incoming.write(received)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def encrypt(self, octets: bytes) -> bytes:
        """Return the octets on the wire for `octets` and for TLS's own messages. Raises ssl.SSLError."""
        if octets:
            written = self._object.write(octets)
            if written < len(octets):
                view = memoryview(octets)
                while written < len(octets):
                    written += self._object.write(view[written:])
        return self._outgoing.read()

    def decrypt(self, received: bytes) -> bytes:
        """Return the octets of all records that are whole. Raises ssl.SSLError when they aren't TLS."""
        if received:
            self._incoming.write(received)
        elif not (self._incoming.pending or self._object.pending()):
            return b""
        parts = []
        try:
            while True:
                octets = self._object.read(RECORD)
                if not octets:
                    self.ended = True
                    break
                parts.append(octets)
                if not (self._incoming.pending or self._object.pending()):
                    break  # another read would cost an exception
        except ssl.SSLWantReadError:
            pass
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close_notify(self) -> bytes:
        """Return the octets that end this direction."""
        with contextlib.suppress(ssl.SSLError):  # the peer's own end isn't waited for
            self._object.unwrap()
        return self._outgoing.read()


def server_context(certificate: str, key: str, authorities: str = "") -> ssl.SSLContext:
    """Return the context of a listening port, TLS 1.2 at least. With `authorities` clients need a certificate.

    All three are paths of PEM files; `key` may be "" when it is in the certificate's file. `authorities` are the CAs of
    clients' certificates. Raises StartError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        load_server_certificate(context, certificate, key)
    except (OSError, ValueError) as error:
        with_key = f" with key '{key}'" if key else ""
        raise StartError(f"The TLS certificate '{certificate}'{with_key} can't be used: {error}") from error
    if authorities:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(authorities)
        except (OSError, ValueError) as error:
            raise StartError(f"The CA certificates '{authorities}' can't be used: {error}") from error
    return context


def unverified_client_context() -> ssl.SSLContext:
    """Return a context for a peer whose certificate isn't checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
