"""Exit statuses of ksmppctl, and the error that ends it with one of them."""

from __future__ import annotations

REFUSED, USAGE, NO_ANSWER, NOT_ALLOWED, TRY_LATER, INTERRUPTED = 1, 2, 3, 4, 5, 130


class CtlError(Exception):
    """The command can't go on; the message is one line for people, `exit_code` the status of the program."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class ApiProblem(CtlError):
    """The server refused a request; `status` is HTTP's, `field` the one at fault or empty."""

    def __init__(self, status: int, detail: str, field: str = "") -> None:
        super().__init__(f"{field}: {detail}" if field else detail, _exit_code(status))
        self.status = status
        self.field = field


def _exit_code(status: int) -> int:
    if status in (401, 403):
        return NOT_ALLOWED
    return TRY_LATER if status == 429 or status >= 500 else REFUSED
