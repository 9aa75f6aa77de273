"""All errors of requests and of neighbours. They have no SMPP or Kannel numbers: model/outcomes.py maps them."""

from __future__ import annotations


class KsmppdError(Exception):
    """Base of all errors that this server raises itself."""


class StartError(KsmppdError):
    """The daemon can't start; the text is what the operator reads (PANIC line, exit status 1)."""


class TemporaryError(KsmppdError):
    """A neighbour can't serve this request now; the same one may succeed later. Never becomes a permanent refusal."""


class DatabaseUnavailable(TemporaryError):
    """The database didn't answer, refused the connection or lost it, within the bounded wait (5 s)."""


class BackendUnavailable(TemporaryError):
    """An HTTP server or plugin failed to decide."""


class NoBearerbox(TemporaryError):
    """No bearerbox connection is up and the message could not be queued."""


class QueueFull(TemporaryError):
    """A bounded queue is full."""


class PermanentError(KsmppdError):
    """The request can't succeed, however often it is repeated."""


class MessageTooLong(PermanentError):
    """A field doesn't fit into its column (65,535 octets) or the message into 255 parts."""


class NoRoute(PermanentError):
    """No route takes this receiver."""


class SenderRefused(PermanentError):
    """A route takes the receiver, but no such route takes this sender."""


class RouteRefused(PermanentError):
    """A router refused the message with a status of its own.

    `code` is that number, already checked to be one that may be sent to an ESME; None = the default. `is_final`: the
    account's default_smsc doesn't take the message either.
    """

    def __init__(self, code: int | None = None, reason: str = "", *, is_final: bool = False) -> None:
        super().__init__(reason or "refused by the router")
        self.code = code
        self.is_final = is_final


class CreditTooLow(PermanentError):
    """A prepaid account's credit doesn't cover the message."""


class Throttled(PermanentError):
    """The account is above its throughput."""
