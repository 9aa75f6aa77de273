"""Certificates that a configuration names: looked at before anything is started."""

from __future__ import annotations

import re
import ssl


def certificate_problem(certificate: str, key: str) -> str:
    """Why a server can't use these PEM files, empty when it can; `key` empty = it is in the certificate's file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An empty password instead of a question at the terminal when the key is encrypted.
        context.load_cert_chain(certificate, key or None, password="")
    except FileNotFoundError:
        return f"{certificate}{f' or {key}' if key else ''} doesn't exist"
    except (OSError, ValueError) as error:
        reason = re.sub(r" \(_ssl\.c:\d+\)", "", str(error))
        return f"can't use {certificate}{f' with {key}' if key else ''} ({reason})"
    return ""
