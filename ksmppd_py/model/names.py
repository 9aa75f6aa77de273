"""Names such as system_id and smsc_id: text inside, octets on the wire, one character each."""

from __future__ import annotations


def to_octets(name: str) -> bytes:
    """Return the octets of a name; characters outside of Latin-1, which only a plugin can use, become UTF-8."""
    try:
        return name.encode("latin-1")
    except UnicodeEncodeError:
        return name.encode()


def place(host: str, port: int) -> str:
    """Return an address with its port as people write it; `*` is all interfaces."""
    if host in ("", "0.0.0.0", "::"):
        host = "*"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def to_name(octets: bytes) -> str:
    """Return the name that these octets spell."""
    return octets.decode("latin-1")
