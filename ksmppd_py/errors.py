"""Every way a request or a peer can fail us. No SMPP or Kannel numbers here: model/outcomes.py maps them."""

from __future__ import annotations


class KsmppdError(Exception):
    """Base of everything that we raise ourselves."""


class StartError(KsmppdError):
    """The daemon can't start; the text is what the operator reads (PANIC line, exit status 1)."""


class TemporaryError(KsmppdError):
    """A neighbour can't serve us now; the same request may succeed later. Never becomes a permanent refusal."""


class DatabaseUnavailable(TemporaryError):
    """The database didn't answer, refused the connection or lost it, within the bounded wait (5 s)."""


class BackendUnavailable(TemporaryError):
    """An HTTP endpoint or plugin that decides failed to decide."""


class NoBearerbox(TemporaryError):
    """No bearerbox connection is up and the message could not be queued."""


class QueueFull(TemporaryError):
    """A bounded queue of ours is full."""


class PermanentError(KsmppdError):
    """The request can't succeed, however often it is repeated."""


class MessageTooLong(PermanentError):
    """A field doesn't fit into its column (65,535 octets) or the message into 255 parts."""


class NoRoute(PermanentError):
    """No route takes this receiver."""


class SenderRefused(PermanentError):
    """A route takes the receiver, but none that does takes this sender."""


class RouteRefused(PermanentError):
    """A router refused the message with a status of its own choice.

    `code` is the router's number, already checked to be one that may leave this server; None = our default.
    `is_final`: the account's default_smsc doesn't take the message either.
    """

    def __init__(self, code: int | None = None, reason: str = "", *, is_final: bool = False) -> None:
        super().__init__(reason or "refused by the router")
        self.code = code
        self.is_final = is_final


class CreditTooLow(PermanentError):
    """A prepaid account's credit doesn't cover the message."""


class Throttled(PermanentError):
    """The account is above its throughput."""
