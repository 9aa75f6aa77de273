"""Reads how long certificates are valid. Imported only where that is asked, as the library is large."""

from __future__ import annotations

import warnings
from datetime import datetime

from cryptography import x509


def validity(path: str) -> list[tuple[datetime, datetime]]:
    """Return (from, until), UTC, of each certificate in a PEM file. Raises OSError and ValueError."""
    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about old ones in bundles of CAs
        certificates = x509.load_pem_x509_certificates(file.read())
        return [(each.not_valid_before_utc, each.not_valid_after_utc) for each in certificates]
