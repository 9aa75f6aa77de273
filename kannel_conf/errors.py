"""Where something stands in a file, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """A physical line of a file, counted from 1; line 0 means the file as a whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


def printable(text: str) -> str:
    """The text on one line: control characters and octets that are no UTF-8 become escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


class ConfigError(Exception):
    """The first problem of a file; the text is `file:line: reason`."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(printable(f"{place}: {reason}"))
        self.place = place
        self.reason = reason


@dataclass(slots=True)
class Findings:
    """Everything that was found wrong or strange, in the order of finding; reading goes on after each."""

    errors: list[ConfigError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def error(self, place: Place, reason: str) -> None:
        """Note something that makes the file unusable."""
        self.errors.append(ConfigError(place, reason))

    def warning(self, place: Place, text: str) -> None:
        """Note something that a reader should know; the file stays usable."""
        self.warnings.append(printable(f"{place}: {text}"))

    def raise_first(self) -> None:
        """Raise the first error, if there is one."""
        if self.errors:
            raise self.errors[0]
