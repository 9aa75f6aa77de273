"""The command line: actions, signals, exit status."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ksmppd_py.launch import cli
from ksmppd_py.launch.arguments import GENERATE, HELP, RUN, TEST, VERSION, Arguments, UsageError, parse
from ksmppd_py.launch.daemon import Process
from ksmppd_py.launch.serve import raise_descriptor_limit
from tests.parts.waiting import wait_until

HERE = Path(__file__).parents[2]
GOOD = str(HERE / "ksmppd.conf")

LINES = [
    ([], Arguments()),
    (["x.conf", "y"], Arguments(config="x.conf")),
    (["--", "-x.conf"], Arguments(config="-x.conf")),
    (["--"], Arguments()),
    (["-v", "4", "--", "/etc/x"], Arguments(verbosity=4, config="/etc/x")),
    (["-v", "4", "-v", "1", "--verbosity", "2"], Arguments(verbosity=2)),
    (["-v", "-3"], Arguments(verbosity=0)),
    (["-v", "9"], Arguments(verbosity=5)),
    (["-F", "/x/log", "-V", "3"], Arguments(log_file="/x/log", file_verbosity=3)),
    (["--logfile", "/l", "--fileverbosity", "1"], Arguments(log_file="/l", file_verbosity=1)),
    (["-D", "-esme.*, a"], Arguments(debug_places="-esme.*, a")),
    (["--debug", "a"], Arguments(debug_places="a")),
    (["-P", "-X", "/s"], Arguments(parachute=True, panic_script="/s")),
    (["--parachute", "--panic-script", "/s"], Arguments(parachute=True, panic_script="/s")),
    (["-d", "-p", "/p"], Arguments(daemonize=True, pid_file="/p")),
    (["--daemonize", "--pid-file", "/p"], Arguments(daemonize=True, pid_file="/p")),
    (["-u", "me"], Arguments(user="me")),
    (["--user", "me"], Arguments(user="me")),
    (["-g"], Arguments(action=GENERATE)),
    (["--generate"], Arguments(action=GENERATE)),
    (["--version"], Arguments(action=VERSION)),
    (["--help"], Arguments(action=HELP)),
    (["-t", "x.conf"], Arguments(action=TEST, config="x.conf")),
    (["--test", "-v", "4", "x.conf"], Arguments(action=TEST, verbosity=4, config="x.conf")),
    (["--test", "--live", "x.conf"], Arguments(action=TEST, live=True, config="x.conf")),
    (["--live", "-t"], Arguments(action=TEST, live=True)),
    (["--", "x.conf", "--test"], Arguments(config="x.conf")),
]


@pytest.mark.parametrize(("words", "expected"), LINES)
def test_command_lines(words: list[str], expected: Arguments) -> None:
    assert parse(["/usr/sbin/ksmppd", *words]) == expected


@pytest.mark.parametrize("words", [["-v"], ["-F"], ["-p"], ["-v", "x"], ["-F", "-v"], ["-d", "-X"]])
def test_missing_arguments(words: list[str]) -> None:
    with pytest.raises(UsageError, match=r"^Option -[vFpX] needs"):
        parse(["ksmppd", *words])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--tets", "x.conf"], "Unknown option --tets. Did you mean --test?"),
        (["--tests"], "Unknown option --tests. Did you mean --test?"),
        (["-test"], "Unknown option -test. Did you mean --test?"),
        (["--verbose", "1"], "Unknown option --verbose. Did you mean --verbosity?"),
        (["--generat"], "Unknown option --generat. Did you mean --generate?"),
        (["--verbosity=1"], "Unknown option --verbosity=1. Did you mean --verbosity?"),
        (["-v4"], "Unknown option -v4. See ksmppd --help"),
        (["-q", "x.conf"], "Unknown option -q. See ksmppd --help"),
        (["-", "x.conf"], "Unknown option -. See ksmppd --help"),
        (["x.conf", "--test"], "Option --test must come before the configuration file"),
        (["x.conf", "y", "-t"], "Option -t must come before the configuration file"),
        (["x.conf", "--tets"], "Option --tets must come before the configuration file"),
        (["--live", "x.conf"], "Option --live needs --test"),
    ],
)
def test_options_that_would_start_a_server_although_something_else_was_meant(
    words: list[str], reason: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse(["ksmppd", *words])
    assert str(caught.value) == reason


def test_a_mistyped_option_starts_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ksmppd_py", "--tets", GOOD],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 1
    assert done.stderr.endswith(" PANIC: Unknown option --tets. Did you mean --test?\n")
    assert done.stderr.count("\n") == 1


def test_paths_do_not_depend_on_the_directory_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = parse(["ksmppd", "-F", "l", "-p", "p", "-X", "s"])
    assert (arguments.log_file, arguments.pid_file, arguments.panic_script) == tuple(
        str(tmp_path / name) for name in "lps"
    )


def run(*words: str) -> int:
    return cli.run(parse(["ksmppd", *words]), Process())


def test_test_of_a_good_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-t", GOOD) == 0
    assert capsys.readouterr() == (f"{GOOD}: configuration ok\n", "")


def test_test_of_a_bad_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.conf"
    path.write_text(
        Path(GOOD).read_text() + "log-level = 010\nsmpp-prt = 1\n\ngroup = http-server\nport = 070\n"
    )
    assert run("--test", str(path)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert [re.sub(rf"^{path}:\d+: ", "", line) for line in err.splitlines()] == [
        f"Group 'http-server' replaces the whole group at {path}:{line_of(path, 'group = http-server')}. (warning)",
        "'port': 070 has a leading zero and is octal, that is 56. (warning)",
        "Group 'http-server' needs the field 'password'.",
        "Group 'smpp-routing' may not contain field 'log-level'. It belongs into group 'ksmppd'.",
        "Group 'smpp-routing' may not contain field 'smpp-prt'.",
    ]


def test_test_tells_which_variables_are_not_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KSMPPD_TEST_ID", "from the environment")
    monkeypatch.delenv("KSMPPD_TEST_URL", raising=False)
    path = tmp_path / "x.conf"
    path.write_text(
        Path(GOOD).read_text() + "\n\ngroup = smsc\nsmsc-id = ${KSMPPD_TEST_ID}\nhost = ${KSMPPD_TEST_URL}\n"
    )
    assert run("--test", str(path)) == 0
    out, err = capsys.readouterr()
    assert out == f"{path}: configuration ok\n"
    assert err == (
        f"{path}:{line_of(path, 'host = ${KSMPPD_TEST_URL}')}: 'host': ${{KSMPPD_TEST_URL}} stays as it stands, "
        "there is no such environment variable. (warning)\n"
    )


def line_of(path: Path, text: str) -> int:
    return path.read_text().splitlines().index(text) + 1


def test_help_version_and_reference(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert capsys.readouterr().out.startswith("usage: ksmppd ")
    assert run("--version") == 0
    assert re.match(r"ksmppd-py \d+\.\d+\.\d+\nCPython 3\.\d+\.\d+\ngevent ", capsys.readouterr().out)
    assert run("-g") == 0
    reference = capsys.readouterr().out
    assert (
        "\n# longest wait for a deliver_sm_resp (integer, seconds)\n# wait-ack-timeout = 120\n" in reference
    )
    assert reference.count("group = ") == 12


def uncommented(reference: str) -> str:
    """The printed configuration with all that it leaves at its default written out, where it has a value."""
    return re.sub(r"(?m)^# ((?:group|[a-z0-9-]+) = .+)$", r"\1", reference)


@pytest.mark.parametrize("change", [str, uncommented], ids=["as printed", "everything written out"])
def test_the_printed_configuration_is_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[str], str],
) -> None:
    monkeypatch.chdir(tmp_path)
    run("-g")
    (tmp_path / "x.conf").write_text(change(capsys.readouterr().out))
    assert (run("-t", "x.conf"), *capsys.readouterr()) == (0, "x.conf: configuration ok\n", "")


def test_two_printed_configurations_have_two_passwords(capsys: pytest.CaptureFixture[str]) -> None:
    passwords = set()
    for _ in range(2):
        run("-g")
        passwords |= set(re.findall(r"(?m)^password = (\S{12,})$", capsys.readouterr().out))
    assert len(passwords) == 2


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "ksmppd_py", "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        timeout=20,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_every_option_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    run("--help")
    usage = capsys.readouterr().out
    for option in "-v -V -F -D -P -X -d -p -u -g -t -h --version".split():  # noqa: SIM905 - as one types them
        assert f" {option}" in usage


SERVER = """
import sys
from gevent import monkey
monkey.patch_all()
import gevent, gevent.event, logging
from ksmppd_py.launch import daemon
from ksmppd_py.launch.arguments import parse
from ksmppd_py.launch.serve import serve
from ksmppd_py.errors import StartError

class Server:
    def __init__(self, config):
        self.stopped = gevent.event.Event()
        gevent.spawn(gevent.sleep, 60)  # something to wait for, as sockets are
        {start}
    def wait(self):
        self.stopped.wait()
    def stop(self):
        logging.info("stopping")
        {stop}
        self.stopped.set()
    def reopen_logs(self):
        {reopen}
    def reconfigure(self, config):
        logging.info("log level %d", config.ksmppd.log_level)
    def ports(self):
        return ["SMPP on *:2345", "administration on 127.0.0.1:14010"]
    def statistics(self):
        return [*(f"bearerbox {{number}}" for number in range(9)), "7 greenlets"]

process = daemon.Process(pid_file=daemon.PidFile({pid!r}))
process.pid_file.write()
status = serve(parse(["ksmppd", *{words!r}]), process, Server)
process.clean_up()
sys.exit(status)
"""

Starter = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Starter]:
    """Return a function that starts a process with a server of our own making in it."""
    started = []

    def start(
        start: str = "pass",
        stop: str = "pass",
        reopen: str = "pass",
        words: tuple[str, ...] = ("--", GOOD),
    ) -> subprocess.Popen[str]:
        program = SERVER.format(start=start, stop=stop, reopen=reopen, words=words, pid=str(tmp_path / "pid"))
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", program],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(HERE)},
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def lines_until(process: subprocess.Popen[str], text: str) -> list[str]:
    """Read log lines until one contains the text; return them all, without date and numbers."""
    lines: list[str] = []
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(re.sub(r"^.{19} \[\d+\] \[\d+\] ", "", line.rstrip("\n")))
        if text in line:
            return lines
    pytest.fail(f"{text!r} never came: {lines}")


def rest_of(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    _, err = process.communicate(timeout=10)
    return process.returncode, [re.sub(r"^.{19} \[\d+\] \[\d+\] ", "", line) for line in err.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_gracefully(serve: Starter, tmp_path: Path, number: signal.Signals) -> None:
    process = serve()
    lines_until(process, "is up")
    process.send_signal(number)
    assert rest_of(process) == (
        0,
        [f"WARNING: {number.name} received, aborting program...", "INFO: stopping"],
    )
    assert not (tmp_path / "pid").exists()


def test_a_second_signal_stops_at_once(serve: Starter, tmp_path: Path) -> None:
    process = serve(stop="gevent.sleep(60)")
    lines_until(process, "is up")
    process.send_signal(signal.SIGTERM)
    lines_until(process, "stopping")
    process.send_signal(signal.SIGTERM)
    assert rest_of(process) == (1, ["ERROR: SIGTERM received again, leaving at once"])
    assert not (tmp_path / "pid").exists()


def test_a_signal_interrupts_the_start(serve: Starter) -> None:
    process = serve(start="logging.info('starting'); gevent.sleep(60)")
    lines_until(process, "starting")
    process.send_signal(signal.SIGTERM)
    assert rest_of(process) == (0, ["WARNING: SIGTERM received, aborting program..."])


def test_signals_during_the_start_reach_the_server_after_it(serve: Starter) -> None:
    process = serve(
        start="logging.info('starting'); gevent.sleep(1)", reopen="logging.info('access log re-opened')"
    )
    lines_until(process, "starting")
    process.send_signal(signal.SIGUSR2)
    assert lines_until(process, "catching") == ["WARNING: SIGUSR2 received, catching and re-opening logs"]
    process.send_signal(signal.SIGQUIT)
    assert lines_until(process, "is up")[:3] == [
        "WARNING: SIGQUIT received, reporting the server's state",
        "WARNING: The server is starting",
        "INFO: access log re-opened",
    ]


def test_harmless_signals(serve: Starter) -> None:
    process = serve()
    lines_until(process, "is up")
    for number in (signal.SIGUSR1, signal.SIGPIPE, signal.SIGQUIT):
        process.send_signal(number)
    assert lines_until(process, "greenlets") == [
        "WARNING: SIGQUIT received, reporting the server's state",
        *(f"WARNING: bearerbox {number}" for number in range(9)),  # all, however many
        "WARNING: 7 greenlets",
    ]
    process.send_signal(signal.SIGTERM)
    assert rest_of(process)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2])
def test_rotation(serve: Starter, tmp_path: Path, number: signal.Signals) -> None:
    process = serve(words=("-v", "2", "-F", str(tmp_path / "log"), "-V", "1", GOOD))
    log = tmp_path / "log"
    wait_until(lambda: log.exists() and "is up" in log.read_text(), "the log")
    (tmp_path / "log").rename(tmp_path / "old")
    process.send_signal(number)
    assert lines_until(process, "re-opening") == [
        f"WARNING: {number.name} received, catching and re-opening logs"
    ]
    process.send_signal(signal.SIGTERM)
    assert rest_of(process) == (0, ["WARNING: SIGTERM received, aborting program..."])
    assert "re-opening" in (tmp_path / "old").read_text()
    assert (tmp_path / "log").read_text().endswith("INFO: stopping\n")


def test_a_start_that_fails(serve: Starter) -> None:
    assert rest_of(serve(start="raise StartError('no port')")) == (1, ["PANIC: no port"])


def test_an_error_that_nobody_foresaw(serve: Starter) -> None:
    status, lines = rest_of(serve(start="1 / 0"))
    assert status == 1
    assert lines[0] == "PANIC: Unexpected error, the program ends"
    assert lines[-1] == "PANIC: ZeroDivisionError: division by zero"


def test_problems_are_panic_lines_with_file_and_line(serve: Starter, tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text("group = ksmppd\nsmpp-port = 010\nsmpp-prt = 1\nlog-level = x")
    assert rest_of(serve(words=("x.conf",))) == (
        1,
        [
            "WARNING: x.conf:2: 'smpp-port': 010 has a leading zero and is octal, that is 8.",
            "PANIC: x.conf:3: Group 'ksmppd' may not contain field 'smpp-prt'. Did you mean 'smpp-port'?",
            "PANIC: x.conf:4: 'log-level': 'x' is not a whole number.",
            "PANIC: x.conf:1: No 'http-server' group configured, cannot continue.",
            "PANIC: x.conf:1: No valid 'bearerbox-connection' configuration specified, cannot continue.",
            "PANIC: x.conf:1: 'database-type' is missing, 'auth-method' 1 (database) needs a database.",
            "PANIC: Unable to read configuration file x.conf",
        ],
    )


def test_all_warnings_of_a_configuration_are_told(serve: Starter, tmp_path: Path) -> None:
    keys = [
        f"database-{name} = 1\n" for name in ("store-primary", "dlr-table", "queue-store-table", "queue-type")
    ]
    text = (
        Path(GOOD)
        .read_text()
        .replace("smpp-port", "".join(keys) + "default-alt-charset =\nauth-url =\nsmpp-port")
    )
    (tmp_path / "x.conf").write_text(text)
    lines = lines_until(serve(words=("x.conf",)), "is up")
    told = [line for line in lines if line.startswith("WARNING: x.conf:")]
    assert len(told) == 6
    assert not any("more like this" in line for line in lines)


def test_log_file_and_warnings_of_the_configuration(serve: Starter, tmp_path: Path) -> None:
    text = (
        Path(GOOD).read_text().replace("/tmp/ksmppd.log", "own.log").replace("log-level = 0", "log-level = 7")
    )
    (tmp_path / "x.conf").write_text(text)
    process = serve(words=("x.conf",), start="logging.error('x'); logging.critical('y')")
    lines_until(process, "is up")
    process.send_signal(signal.SIGTERM)
    assert rest_of(process)[0] == 0
    assert [line.split("] ")[-1] for line in (tmp_path / "own.log").read_text().splitlines()] == ["PANIC: y"]


def test_descriptors(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    calls = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256, 1024))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: calls.append((kind, limits)))
    raise_descriptor_limit()
    assert calls == [(resource.RLIMIT_NOFILE, (1024, 1024))]
    assert caplog.messages == ["Only 1024 files and connections can be open at the same time"]

    def refuse(kind: int, limits: tuple[int, int]) -> None:
        raise ValueError

    monkeypatch.setattr(resource, "setrlimit", refuse)
    raise_descriptor_limit()
    assert caplog.messages[1:] == ["Only 256 files and connections can be open at the same time"]


def main(tmp_path: Path, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "ksmppd_py", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return done.returncode, done.stdout, done.stderr


def test_main_tests_a_configuration(tmp_path: Path) -> None:
    assert main(tmp_path, "-t", GOOD) == (0, f"{GOOD}: configuration ok\n", "")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-p"], "Option -p needs an argument"),
        (["-u", "no such user"], "Could not change to user 'no such user': there is none"),
        (["-p", "missing/pid"], "Could not write pid file '"),
        (["-p", "pid"], "Unable to read configuration file ksmppd.conf"),
    ],
)
def test_main_fails_with_a_panic_line(tmp_path: Path, words: list[str], text: str) -> None:
    status, out, err = main(tmp_path, *words)
    assert (status, out) == (1, "")
    assert re.match(rf".{{19}} \[\d+\] \[0\] PANIC: {re.escape(text)}", err.splitlines()[-1])
    assert not (tmp_path / "pid").exists()


def test_a_program_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "gevent.py").write_text("raise ImportError('not readable')")
    done = subprocess.run(
        [sys.executable, "-m", "ksmppd_py", "-p", "pid"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{HERE}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        r".{19} \[\d+\] \[0\] PANIC: The program can't be loaded from .* not readable\n", done.stderr
    )
    assert not (tmp_path / "pid").exists()


PATCHING = """
import sys
from gevent import monkey
early = {"threading", "logging", "socket", "ssl", "select", "queue", "subprocess", "gevent.hub"}

def patch_all():
    print(sorted(early & sys.modules.keys() - before))
    raise SystemExit(0)

before = set(sys.modules)
monkey.patch_all = patch_all
from ksmppd_py.__main__ import main
sys.argv = ["ksmppd", "-p", sys.argv[1]]
main()
"""


def test_nothing_that_needs_patching_is_imported_before(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PATCHING, str(tmp_path / "pid")],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_run_is_what_happens_by_default() -> None:
    assert parse(["ksmppd"]).action == RUN
