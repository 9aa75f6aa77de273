"""Turns the process into a daemon: user, background, pid file, restart after a crash (docs/rules/operations.md 1).

All of it happens before gevent is imported or anything is patched, because a later fork is unsafe.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import stat
import sys
import syslog
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import TypeAlias

from ksmppd_py.errors import StartError
from ksmppd_py.launch.arguments import Arguments
from ksmppd_py.launch.signals import ENDING, HELD, end_by_default

_FORWARDED = (
    signal.SIGTERM,
    signal.SIGQUIT,
    signal.SIGINT,
    signal.SIGABRT,
    signal.SIGHUP,
    signal.SIGALRM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
START_TIMEOUT = 60
"""Seconds that the caller of `-d` waits for the result of the start, including the database."""
_UP = b"1"
_Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None
_PID_FILE_LIMIT = 64
"""Octets. A longer file isn't a pid file, and must not be replaced."""


def write_log_line(level: str, text: str) -> None:
    """Write a log line to stderr, before logging is set up."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    with contextlib.suppress(OSError, ValueError):
        print(f"{stamp} [{os.getpid()}] [0] {level}: {text}", file=sys.stderr, flush=True)


def change_user(name: str) -> None:
    """Change to another user with all its groups. Raises StartError."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise StartError(f"Could not change to user '{name}': there is none") from None
    try:
        if os.geteuid() == user.pw_uid and os.getegid() == user.pw_gid:
            return
        os.setgid(user.pw_gid)
        os.initgroups(name, user.pw_gid)
        os.setuid(user.pw_uid)
    except OSError as error:
        raise StartError(f"Could not change to user '{name}': {error.strerror}") from None


@dataclass(slots=True)
class Background:
    """Ends the start with `-d`: reports it to the caller and leaves the terminal. Does nothing in the foreground."""

    _pipe: int | None = None

    def report_up(self) -> None:
        """Let the caller of `-d` exit with status 0; leave its directory and its terminal."""
        if self._pipe is None:
            return
        with contextlib.suppress(OSError):
            os.write(self._pipe, _UP)
        os.close(self._pipe)
        self._pipe = None
        os.chdir("/")
        leave_terminal()


def leave_terminal() -> None:
    """Point stdin, stdout and stderr to /dev/null."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    if nowhere > 2:
        os.close(nowhere)


def go_to_background() -> Background:
    """Fork. Returns in a child with a session of its own; the parent waits for the start and exits with its status."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        os._exit(_wait_for_start(reading))
    os.close(reading)
    os.setsid()
    if os.fork():  # only the leader of a session can get a terminal
        os._exit(0)
    return Background(writing)


def _wait_for_start(reading: int) -> int:
    end_by_default()
    deadline = time.monotonic() + START_TIMEOUT
    os.set_blocking(reading, False)
    while time.monotonic() < deadline:
        try:
            return 0 if os.read(reading, 1) == _UP else 1
        except BlockingIOError:
            time.sleep(0.05)
    return 0


class PidFile:
    """A file with this process's id; removed only by the process that wrote it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._greenlets = 0

    def write(self) -> None:
        """Create the file, replacing one whose process has ended. Raises StartError."""
        try:
            if self._is_taken():
                raise StartError(f"Pid file '{self._path}' exists and its process is alive")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o644)
            with os.fdopen(descriptor, "w") as file:
                os.fchmod(descriptor, 0o644)
                file.write(f"{os.getpid()}\n")
        except OSError as error:
            raise StartError(f"Could not write pid file '{self._path}': {error.strerror}") from None
        self._greenlets = os.getpid()

    def remove(self) -> None:
        """Remove the file if this process wrote it."""
        if self._greenlets == os.getpid():
            with contextlib.suppress(OSError):
                os.unlink(self._path)

    def _is_taken(self) -> bool:
        """Whether the file names a living process. Raises StartError when it isn't a pid file."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except FileNotFoundError:
            return False
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StartError(f"Could not write pid file '{self._path}': it is there and no file")
            text = os.read(descriptor, _PID_FILE_LIMIT + 1)
        finally:
            os.close(descriptor)
        if len(text) > _PID_FILE_LIMIT:
            raise StartError(
                f"Could not write pid file '{self._path}': it is there and holds more than a number"
            )
        return _is_alive(int(text)) if text.strip().isdigit() else False


def _is_alive(pid: int) -> bool:
    if pid <= 0 or pid in (os.getpid(), os.getppid()):  # left in a container, where numbers repeat
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # no process can have such a number
        return False
    except PermissionError:
        return True
    return True


@dataclass(frozen=True, slots=True)
class Pauses:
    """Times of the supervision, in seconds."""

    first_life: float = 2.0
    restart: float = 5.0
    short_life: float = 10.0
    after_short_life: float = 30.0
    panic_script: float = 300.0


@dataclass(slots=True)
class Parachute:
    """Supervises the daemon: forks it, and forks it again after a crash. In the background it logs to syslog."""

    program: str
    panic_script: str = ""
    in_background: bool = False
    pauses: Pauses = field(default_factory=Pauses)
    _child: int = 0
    _stopping: bool = False
    _restarts: int = 0
    _before: dict[int, _Handler] = field(default_factory=dict)
    _script_started: float | None = None
    _scripts: list[int] = field(default_factory=list)

    def open(self) -> None:
        """Fork. Returns in each child; in the supervisor it doesn't return, but raises SystemExit at the end."""
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self._before = {number: signal.getsignal(number) for number in _FORWARDED}
        directory = os.getcwd()
        while True:
            started = time.monotonic()
            if self._fork():
                with contextlib.suppress(OSError):
                    os.chdir(directory)
                return
            if self.in_background:
                os.chdir("/")
                leave_terminal()
            status = self._wait()
            lived = time.monotonic() - started
            if status == 0:
                raise SystemExit(0)
            if self._stopping or (self._restarts == 0 and lived < self.pauses.first_life):
                raise SystemExit(max(status, 1) if status > 0 else 1)
            self._recover(status, lived)

    def _fork(self) -> bool:
        """Fork with signals blocked, so that none is lost before the parent knows the child.

        The child gets the handlers that were set before, and keeps HELD blocked until it has handlers of the server.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
        free: Sequence[signal.Signals] = _FORWARDED
        try:
            self._child = os.fork()
            for number in _FORWARDED:
                signal.signal(number, self._forward if self._child else self._before[number])
            if not self._child:
                signal.signal(signal.SIGPIPE, signal.SIG_IGN)
                free = [number for number in _FORWARDED if number not in HELD]
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, free)
        return not self._child

    def _forward(self, number: int, frame: FrameType | None) -> None:
        if number in ENDING:
            self._stopping = True
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, number)
        elif self._stopping:
            raise SystemExit(0)

    def _wait(self) -> int:
        """Return the child's exit status, negative when a signal ended it."""
        _, status = os.waitpid(self._child, 0)
        self._child = 0
        return os.waitstatus_to_exitcode(status)

    def _recover(self, status: int, lived: float) -> None:
        self._restarts += 1
        how = f"signal {-status}" if status < 0 else f"status {status}"
        self._report(f"Child process died with {how} after {lived:.0f} s, restart {self._restarts} follows")
        self._run_panic_script()
        time.sleep(self.pauses.restart)
        if lived < self.pauses.short_life:
            self._report(f"Child process lived less than {self.pauses.short_life:.0f} s, waiting longer")
            time.sleep(self.pauses.after_short_life)

    def _report(self, text: str) -> None:
        if self.in_background:
            syslog.syslog(syslog.LOG_ERR, text)
        else:
            write_log_line("ERROR", text)

    def _run_panic_script(self) -> None:
        self._scripts = [pid for pid in self._scripts if os.waitpid(pid, os.WNOHANG) == (0, 0)]
        now = time.monotonic()
        recent = self._script_started is not None and now - self._script_started < self.pauses.panic_script
        if not self.panic_script or recent:
            return
        self._script_started = now
        words = [self.panic_script, f"{self.program} {self._restarts}"]
        try:
            pid = os.posix_spawn(words[0], words, os.environ, setsigdef=[signal.SIGPIPE])
        except OSError as error:
            self._report(f"Could not run panic script '{self.panic_script}': {error.strerror}")
        else:
            self._scripts.append(pid)


@dataclass(slots=True)
class Process:
    """The pid file, the parachute and the background of this process."""

    background: Background = field(default_factory=Background)
    pid_file: PidFile | None = None

    def report_up(self) -> None:
        """Report that the server has started."""
        self.background.report_up()

    def clean_up(self) -> None:
        """Remove the pid file, as the last thing before the process ends."""
        if self.pid_file is not None:
            self.pid_file.remove()


def apply_options(arguments: Arguments, process: Process) -> None:
    """Apply the options for user, background, pid file and parachute, in this order, and note them in `process`.

    Raises StartError, and SystemExit in the processes that are parents.
    """
    if arguments.user:
        change_user(arguments.user)
    if arguments.daemonize:
        process.background = go_to_background()
    if arguments.pid_file:
        process.pid_file = PidFile(arguments.pid_file)
        process.pid_file.write()
    if arguments.parachute:
        try:
            Parachute(arguments.program, arguments.panic_script, arguments.daemonize).open()
        except SystemExit:
            process.clean_up()
            raise
