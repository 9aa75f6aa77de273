"""Names such as system_id and smsc_id: text inside, octets on the wire, one character each."""

from __future__ import annotations


def to_octets(name: str) -> bytes:
    """The octets of a name; what isn't Latin-1 (only a plugin can say it) goes as UTF-8."""
    try:
        return name.encode("latin-1")
    except UnicodeEncodeError:
        return name.encode()


def place(host: str, port: int) -> str:
    """An address with its port as people write it; `*` is all interfaces."""
    if host in ("", "0.0.0.0", "::"):
        host = "*"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def to_name(octets: bytes) -> str:
    """The name that octets spell."""
    return octets.decode("latin-1")
