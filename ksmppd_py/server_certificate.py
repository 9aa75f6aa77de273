"""Loads the certificate of one of the server's ports, in the check of a configuration and when the port is opened."""

from __future__ import annotations

import ssl


def load_server_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Load two PEM files into `context`; `key` may be "" when it is in the certificate's file.

    Raises OSError (ssl.SSLError is one) for files that can't be used, ValueError for a key with a passphrase. Blocks.
    """
    context.load_cert_chain(certificate, key or None, _no_passphrase)


def _no_passphrase() -> str:
    """Refuse an encrypted key: OpenSSL would ask for the passphrase on the terminal."""
    raise ValueError("its key has a passphrase")
