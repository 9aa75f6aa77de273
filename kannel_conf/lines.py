"""Files become logical lines: continuation, included files, include loops. Comments and blanks stay in.

Octets that are not UTF-8 survive as surrogate escapes. Every line keeps its file and the physical number of
its first line, where Kannel counts logical lines and names the main file only.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kannel_conf.errors import Findings, Place
from kannel_conf.files import read_file
from kannel_conf.values import WHITE_SPACE, expand, unquote

_BOM = b"\xef\xbb\xbf"
_OLD_RULE = "Kannel takes every line with 'include' in it for a directive; here it is an ordinary key."


@dataclass(frozen=True, slots=True)
class Line:
    """A logical line, stripped of surrounding white space."""

    place: Place
    text: str

    @property
    def is_comment(self) -> bool:
        """Whether the line is a comment."""
        return self.text.startswith("#")

    def split(self) -> tuple[str, str] | None:
        """Return key and value as written (stripped, still quoted); None without an equals sign."""
        key, equals, value = self.text.partition("=")
        return (key.rstrip(WHITE_SPACE), value.lstrip(WHITE_SPACE)) if equals else None


def join_continued(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (physical line number, logical line) of one file.

    A trailing backslash continues the line. Two or more are an escape: one is dropped and the line ends.
    """
    if not octets:
        return
    physical = octets.removesuffix(b"\n").split(b"\n")
    start, logical = 0, b""
    for number, line in enumerate(physical, 1):
        start = start or number
        if not line.endswith(b"\\"):
            yield start, logical + line
        else:
            logical += line[:-1]
            if not logical.endswith(b"\\"):
                continue
            yield start, logical
        start, logical = 0, b""
    if start:
        yield start, logical


@dataclass(slots=True)
class LineReader:
    """Reads a file and its includes; problems are noted, and the rest is read all the same."""

    findings: Findings
    environment: Mapping[str, str]
    _open_files: list[str] = field(default_factory=list)

    def read(self, path: str) -> list[Line]:
        """Return the lines of the main file and of all included ones, in order."""
        return self._read_file(path, Place(path))

    def _read_file(self, path: str, wanted_by: Place) -> list[Line]:
        real = os.path.realpath(path)
        if real in self._open_files:
            self.findings.error(wanted_by, f"Recursive include for config file `{path}' detected.")
            return []
        octets = self._octets_of(path, wanted_by)
        self._open_files.append(real)
        lines: list[Line] = []
        last = 0
        for number, logical in join_continued(octets):
            lines += self._expand(Place(path, number), logical)
            last = number
        self._open_files.pop()
        if last:
            lines.append(Line(Place(path, last), ""))  # no group runs past the end of its file
        return lines

    def _octets_of(self, path: str, wanted_by: Place) -> bytes:
        try:
            octets = read_file(path)
        except OSError as error:
            reason = error.strerror or str(error)
            text = f"cannot read `{path}': {reason}" if wanted_by.line else f"cannot read it: {reason}"
            self.findings.error(wanted_by, text)
            return b""
        return octets.removeprefix(_BOM)

    def _expand(self, place: Place, logical: bytes) -> list[Line]:
        if b"\0" in logical:
            self.findings.error(place, "The line contains a NUL byte.")
            return []
        line = Line(place, logical.decode("utf-8", "surrogateescape").strip(WHITE_SPACE))
        parts = line.split()
        if parts is None or line.is_comment:
            return [line]
        if parts[0] == "include":
            warn = self.findings.warning
            name = expand(
                unquote(parts[1]), self.environment, lambda text: warn(place, f"'include': {text}.")
            )
            return self._include(name, place)
        if "include" in line.text:
            self.findings.warning(place, _OLD_RULE)
        return [line]

    def _include(self, path: str, place: Place) -> list[Line]:
        try:
            mode = os.lstat(path).st_mode
        except OSError as error:
            self.findings.error(place, f"Failed to include `{path}': {error.strerror or error}")
            return []
        if stat.S_ISDIR(mode):
            lines: list[Line] = []
            for entry in self._entries(path, place):
                lines += self._read_included(entry, place)
            return lines
        return self._read_included(path, place)

    def _read_included(self, path: str, place: Place) -> list[Line]:
        if os.path.isdir(path):  # a symbolic link, since lstat has seen no directory
            self.findings.warning(place, f"`{path}' is a symbolic link to a directory and reads as empty.")
            return []
        return self._read_file(path, place)

    def _entries(self, directory: str, place: Place) -> list[str]:
        """Return a directory's files by name, without sub-directories, dot-files and editors' backups."""
        try:
            names = sorted(os.listdir(directory))
        except OSError as error:
            self.findings.error(place, f"Failed to include `{directory}': {error.strerror or error}")
            return []
        names = [name for name in names if not name.startswith(".") and not name.endswith("~")]
        paths = [os.path.join(directory, name) for name in names]
        return [path for path in paths if os.path.islink(path) or not os.path.isdir(path)]
