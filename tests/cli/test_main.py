"""One command line: its exit code, its words on stderr, and what it loads."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import main as main_module
from cli.context import Context
from cli.exit_codes import ExitCode, Failure
from cli.failures import LOG_LIMIT
from cli.main import run
from domain.errors import FieldError, FieldErrors
from domain.version import VERSION
from store.errors import Conflict, NotFound, StoreUnavailable, WrongKey
from tests.support.program import ROOT, Tocsin

HEAVY = (
    "peewee",
    "httpx",
    "cryptography",
    "msgspec",
    "tomllib",
    "platformdirs",
    "asyncio",
    "shtab",
)


@pytest.fixture(autouse=True)
def own_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def command(args: Namespace, context: Context) -> ExitCode:
        raise error

    monkeypatch.setattr(main_module, "load", lambda target: command)


def run_in(folder: Path) -> ExitCode:
    return run(["status", "--db", str(folder / "tocsin.db")])


def test_version(tocsin: Tocsin) -> None:
    done = tocsin.run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"tocsin {VERSION}\n", "")


def test_version_loads_nothing_heavy(tocsin: Tocsin) -> None:
    program = (
        "import sys; from cli.main import run; run(['--version']);print(*sys.modules, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert set(done.stdout.splitlines()).isdisjoint(HEAVY)


def test_without_command_and_terminal_it_points_to_status(tocsin: Tocsin) -> None:
    done = tocsin.run()
    assert done.returncode == ExitCode.USAGE
    assert "tocsin status" in done.stderr
    assert done.stdout == ""


def test_without_command_and_only_stdout_a_terminal_it_points_to_status(tocsin: Tocsin) -> None:
    person, program = pty.openpty()
    done = subprocess.run(
        tocsin.command,
        stdout=program,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tocsin.home)},
        check=False,
    )
    os.close(program)
    os.close(person)
    assert done.returncode == ExitCode.USAGE
    assert "tocsin status" in done.stderr


@pytest.mark.parametrize(
    ("words", "reader"),
    [
        ("nonsense", "tocsin"),
        ("--nonsense status", "tocsin"),
        ("webhook", "tocsin webhook"),
        ("status --nonsense", "tocsin status"),
        ("event list --nonsense", "tocsin event list"),
        ("webhook add --type alerts --url u --from yesterday", "tocsin webhook add"),
    ],
)
def test_wrong_command_lines_say_where_to_read_more(
    words: str, reader: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(words.split()) == ExitCode.USAGE
    said = capfd.readouterr().err
    assert said.startswith("tocsin: ")
    assert said.endswith(f"see `{reader} --help`\n")
    assert said.count("\n") == 1


def test_a_wrong_starting_point_names_all_right_ones(capfd: pytest.CaptureFixture[str]) -> None:
    run(["webhook", "add", "--type", "alerts", "--url", "u", "--from", "yesterday"])
    said = capfd.readouterr().err
    assert all(word in said for word in ("now", "start (all kept events)", "T08:00:00Z", "1d"))


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (Failure("it is full", ExitCode.TEMPORARY), ExitCode.TEMPORARY),
        (FieldError("url", "it has a blank", "leave it out"), ExitCode.BAD_DATA),
        (
            FieldErrors([FieldError("url", "a", "b"), FieldError("name", "c", "d")]),
            ExitCode.BAD_DATA,
        ),
        (NotFound("there is no webhook 7"), ExitCode.NO_INPUT),
        (Conflict("it is delivered"), ExitCode.CHECK_FAILED),
        (StoreUnavailable("it is no store"), ExitCode.UNAVAILABLE),
        (WrongKey("it is another key"), ExitCode.UNAVAILABLE),
        (FileNotFoundError(2, "No such file or directory", "/x/y"), ExitCode.NO_INPUT),
        (PermissionError(13, "Permission denied", "/x/y"), ExitCode.PERMISSION),
        (OSError(28, "No space left on device"), ExitCode.IO_ERROR),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
    ],
)
def test_what_is_known_to_go_wrong_has_its_exit_code(
    error: BaseException,
    exit_code: ExitCode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    fail_with(monkeypatch, error)
    assert run_in(tmp_path) == exit_code
    lines = capfd.readouterr().err.splitlines()
    assert lines
    assert all(line.startswith("tocsin: ") for line in lines)
    assert not (tmp_path / "crash.log").exists()


def test_a_bug_is_one_line_and_a_log_without_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fail_with(monkeypatch, ZeroDivisionError("Bearer hunter2"))
    assert run_in(tmp_path) == ExitCode.BUG
    said = capfd.readouterr().err
    log = tmp_path / "crash.log"
    assert said.startswith("tocsin: this is a bug in tocsin: ZeroDivisionError at test_main.py:")
    assert str(log) in said
    assert said.count("\n") == 1
    assert "test_main.py" in log.read_text()
    assert "hunter2" not in said + log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_log_starts_anew_when_it_is_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "crash.log"
    log.write_text("x" * (LOG_LIMIT + 1))
    fail_with(monkeypatch, ZeroDivisionError())
    run_in(tmp_path)
    assert 0 < log.stat().st_size < 10_000


def test_the_log_is_not_written_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "crash.log").symlink_to(victim)
    fail_with(monkeypatch, ZeroDivisionError())
    assert run_in(tmp_path) == ExitCode.BUG
    assert victim.read_text() == "precious"
    assert "could not be kept" in capfd.readouterr().err


def test_words_of_the_command_line_cannot_drive_the_terminal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    run(["status", "\x1b]52;c;aGVsbG8=\x07"])
    assert "\x1b" not in capfd.readouterr().err


def test_umask_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def command(args: Namespace, context: Context) -> ExitCode:
        seen.append(os.umask(0o077))
        return ExitCode.OK

    monkeypatch.setattr(main_module, "load", lambda target: command)
    assert run_in(tmp_path) == ExitCode.OK
    assert seen == [0o077]


def test_a_closed_pipe_is_no_bug(tocsin: Tocsin) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as nowhere:
        done = subprocess.run(
            [*tocsin.command, "completion", "bash"],
            stdout=nowhere,
            stderr=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(ROOT), "HOME": str(tocsin.home)},
            check=False,
        )
    assert (done.returncode, done.stderr) == (ExitCode.BROKEN_PIPE, "")


def test_an_unknown_variable_is_named(tocsin: Tocsin) -> None:
    done = tocsin.run("config", "show", TOCSIN_INTERVALL="1m")
    assert done.returncode == 0
    assert "TOCSIN_INTERVALL is no setting" in done.stderr


def test_global_options_stand_before_and_after_the_command(tocsin: Tocsin, tmp_path: Path) -> None:
    other = str(tmp_path / "other.db")
    for words in (["--db", other, "config", "show"], ["config", "show", "--db", other]):
        shown = json.loads(tocsin.run(*words, "--json").stdout)["settings"]
        assert next(row["value"] for row in shown if row["name"] == "db") == other


def test_ctrl_c_is_no_traceback(tocsin: Tocsin) -> None:
    program = (
        "import os, signal, sys, cli.main as m;"
        f"m.load = lambda target: lambda args, context: os.kill(os.getpid(), {signal.SIGINT:d});"
        "sys.exit(m.run(['status', '--db', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tocsin.db)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (ExitCode.INTERRUPTED, "tocsin: interrupted\n")


def test_every_exit_code_says_what_it_means() -> None:
    assert all(code.description for code in ExitCode)
    assert len({code.description for code in ExitCode}) == len(ExitCode)


@pytest.mark.parametrize(
    ("words", "closed", "exit_code"),
    [
        ("status --check", "2>&-", ExitCode.OK),
        ("status", ">&-", ExitCode.OK),
        ("status --check", "<&- >&- 2>&-", ExitCode.OK),
        ("worker run --once", "<&- >&- 2>&-", ExitCode.OK),
        ("event emit", "<&-", ExitCode.NO_INPUT),
    ],
)
def test_a_closed_standard_stream_is_no_bug(
    words: str, closed: str, exit_code: ExitCode, tocsin: Tocsin
) -> None:
    assert tocsin.run("db", "upgrade").returncode == 0
    done = subprocess.run(
        [
            *("sh", "-c", f'exec "$@" {closed}', "sh", *tocsin.command),
            *("--db", str(tocsin.db), *words.split()),
        ],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tocsin.home), "PATH": os.environ["PATH"]},
        check=False,
    )
    assert (done.returncode, "bug" in done.stderr) == (exit_code, False), done.stderr
    assert ("stdin is closed" in done.stderr) == (exit_code is ExitCode.NO_INPUT)
    assert not (tocsin.home / "crash.log").exists()
