"""Places in a file, and the problems there."""

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
    """Return the text on one line: control characters and octets that aren't UTF-8 become escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


class ConfigError(Exception):
    """The first error of a file; the text is `file:line: reason`."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(printable(f"{place}: {reason}"))
        self.place = place
        self.reason = reason


@dataclass(slots=True)
class Findings:
    """All errors and warnings, in the order in which they were found; reading goes on after each."""

    errors: list[ConfigError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def error(self, place: Place, reason: str) -> None:
        """Note something that makes the file unusable."""
        self.errors.append(ConfigError(place, reason))

    def warning(self, place: Place, text: str) -> None:
        """Note something that the operator should know; the file stays usable."""
        self.warnings.append(printable(f"{place}: {text}"))

    def raise_first(self) -> None:
        """Raise the first error, if there is one."""
        if self.errors:
            raise self.errors[0]
