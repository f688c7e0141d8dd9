from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sources.base import SourceError
from sources.wireguard.command import DumpCommand
from tests.support.waiting import eventually
from tests.support.wireguard.dumps import key


def script(folder: Path, body: str) -> str:
    """A command that runs this shell script."""
    path = folder / "dump.sh"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return str(path)


def failure(command: DumpCommand) -> SourceError:
    """Return the words with which it fails."""
    with pytest.raises(SourceError) as failed:
        command.run()
    return failed.value


def is_gone(pid: int) -> bool:
    """Return True if no such process runs (one that nobody reaped yet does not run)."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return listed.stdout.strip()[:1] in ("", "Z")


def wait_until_gone(pid: int) -> None:
    """Wait until a killed process has ended."""
    eventually(lambda: is_gone(pid), f"process {pid} ends")


def test_what_it_prints_is_given_back(tmp_path: Path) -> None:
    printed = DumpCommand(script(tmp_path, "printf 'wg0\\ta\\n'")).run()
    assert (printed.dump, printed.unreadable) == ("wg0\ta\n", frozenset())


def test_its_text_is_split_like_a_shell_does_and_no_shell_runs_it(tmp_path: Path) -> None:
    command = script(tmp_path, 'printf "%s|" "$@"')
    assert DumpCommand(f"{command} 'a b' $HOME ; x").run().dump == "a b|$HOME|;|x|"


def test_interfaces_that_it_could_not_read_are_named(tmp_path: Path) -> None:
    complaint = (
        "Unable to access interface wg1: Protocol not supported\\n"
        "Unable to access interface wg 2: Permission denied\\n"
        "Warning: something else\\n"
    )
    printed = DumpCommand(script(tmp_path, f"printf '{complaint}' >&2")).run()
    assert printed.unreadable == {"wg1", "wg 2"}


def test_what_is_no_name_of_an_interface_is_not_kept_and_no_more_than_a_thousand(
    tmp_path: Path,
) -> None:
    complaints = tmp_path / "complaints"
    names = ["w" * 64, "w" * 65, "wg\x1b[2J", *(f"wg{i}" for i in range(2_000))]
    complaints.write_text("".join(f"Unable to access interface {one}: no\n" for one in names))
    unreadable = DumpCommand(script(tmp_path, f"cat {complaints} >&2")).run().unreadable
    assert unreadable == {"w" * 64, *(f"wg{i}" for i in range(999))}


def test_bytes_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    assert DumpCommand(script(tmp_path, "printf 'wg\\377\\n'")).run().dump == "wg\\xff\n"


@pytest.mark.parametrize("text", ["", "  ", "''"])
def test_an_empty_command_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="the command is empty"):
        DumpCommand(text)


def test_an_open_quote_is_refused() -> None:
    with pytest.raises(SourceError, match=r"cannot be read; close its quotes"):
        DumpCommand("wg 'show all dump")


def test_a_missing_program_has_a_cure(tmp_path: Path) -> None:
    failed = failure(DumpCommand(f"{tmp_path}/wg show all dump"))
    assert failed.reason == f"there is no program `{tmp_path}/wg`"
    assert failed.cure.startswith("install wireguard-tools")


def test_another_program_that_is_missing_is_no_matter_of_wireguard(tmp_path: Path) -> None:
    failed = failure(DumpCommand(f"{tmp_path}/sudo -n wg show all dump"))
    assert failed.cure == "install it, or say in the source's command where it is"


def test_a_program_that_may_not_be_run_has_a_cure(tmp_path: Path) -> None:
    (tmp_path / "wg").write_text("")
    failed = failure(DumpCommand(f"{tmp_path}/wg"))
    assert failed.reason == f"this account may not run `{tmp_path}/wg`"


def test_a_program_that_is_no_program_has_a_cure(tmp_path: Path) -> None:
    (tmp_path / "wg").write_bytes(b"\x7fELF")
    (tmp_path / "wg").chmod(0o700)
    assert "cannot start" in failure(DumpCommand(f"{tmp_path}/wg")).reason


@pytest.mark.parametrize(
    ("complaint", "cure"),
    [
        ("ada@hub: Permission denied (publickey).", "give this account an SSH key"),
        ("cat: dump: Permission denied", "run it by hand"),
        ("sudo: a password is required", "let this account run it without a password"),
        ("ada is not in the sudoers file.", "let this account run it without a password"),
        ("ssh: Could not resolve hostname hub", "run it by hand"),
    ],
)
def test_a_failure_says_what_was_said_and_its_cure(
    tmp_path: Path, complaint: str, cure: str
) -> None:
    command = DumpCommand(script(tmp_path, f"echo first >&2; echo '{complaint}' >&2; exit 1"))
    failed = failure(command)
    assert failed.reason == f"{complaint}: `{command.text}` failed with exit status 1"
    assert failed.cure.startswith(cure)


@pytest.mark.parametrize("reason", ["Permission denied", "Operation not permitted"])
@pytest.mark.parametrize(
    ("program", "arguments", "cure"),
    [
        ("wg", "show all dump", "for the service of a host run `sudo tocsin service"),
        ("exec", "hub wg show all dump", "put `sudo -n` before `wg` inside the source's command"),
        ("exec", "hub '/usr/bin/wg show all dump'", "put `sudo -n` before `wg` inside"),
        ("exec", "hub sudo -n wg show all dump", "run it by hand"),
    ],
)
def test_a_lack_of_rights_is_cured_where_it_is(
    tmp_path: Path, program: str, arguments: str, cure: str, reason: str
) -> None:
    told = f"echo 'Unable to access interface wg0: {reason}' >&2; exit 1"
    path = Path(script(tmp_path, told)).rename(tmp_path / program)
    assert failure(DumpCommand(f"{path} {arguments}")).cure.startswith(cure)


def test_a_failure_without_words_and_a_signal_are_told(tmp_path: Path) -> None:
    assert "it said nothing: `" in failure(DumpCommand(script(tmp_path, "exit 3"))).reason
    assert "failed with signal 9" in failure(DumpCommand(script(tmp_path, "kill -9 $$"))).reason


def test_a_failure_neither_moves_the_terminal_nor_shows_keys(tmp_path: Path) -> None:
    said = f"\\033[2Jkey {key('private')} was bad"
    failed = failure(DumpCommand(script(tmp_path, f"printf '{said}' >&2; exit 1")))
    assert failed.reason.startswith("\\x1b[2Jkey (key) was bad")


def test_a_command_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    body = f"sleep 600 & echo $! > {pid_file}; printf half; wait"
    failed = failure(DumpCommand(script(tmp_path, body), timeout_s=3.0))
    assert "gave no answer within 3 s" in failed.reason
    wait_until_gone(int(pid_file.read_text()))


def test_a_command_that_closes_its_output_and_stays_is_killed(tmp_path: Path) -> None:
    started = time.monotonic()
    failed = failure(DumpCommand(script(tmp_path, "exec sleep 600 >&- 2>&-"), timeout_s=0.3))
    assert "gave no answer" in failed.reason
    assert time.monotonic() - started < 60


def test_a_command_that_prints_without_end_is_stopped() -> None:
    failed = failure(DumpCommand("yes", output_limit=100_000))
    assert "printed more than 100000 bytes" in failed.reason


def test_one_that_cannot_be_killed_is_not_joined_by_a_second() -> None:
    refusals = [PermissionError()]

    def kill_group(group: int, sent: int) -> None:
        if refusals:
            raise refusals.pop()
        os.killpg(group, sent)

    command = DumpCommand("sleep 600", timeout_s=0.1, kill_group=kill_group)
    assert "gave no answer" in failure(command).reason
    still_there = failure(command)
    assert "still hangs from an earlier poll" in still_there.reason
    stuck = int(still_there.reason.split("process ")[1].rstrip(")"))
    os.killpg(stuck, signal.SIGKILL)
    wait_until_gone(stuck)
    assert "gave no answer" in failure(command).reason


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("wg show all dump", True),
        ("/usr/bin/wg show all dump", True),
        ("sudo -n wg show all dump", True),
        ("sudo -n -u root /usr/bin/wg show all dump", True),
        ("sudo", False),
        ("ssh hub wg show all dump", False),
        ("ip netns exec vpn wg show all dump", False),
        ("sudo -n ip netns exec vpn wg show all dump", False),
    ],
)
def test_only_our_own_wg_is_local(text: str, local: bool) -> None:
    assert DumpCommand(text).is_local is local


def test_no_stream_or_child_is_left_behind(tmp_path: Path) -> None:
    body = f"""
import os, sys
from sources.base import SourceError
from sources.wireguard.command import DumpCommand
before = os.listdir("/dev/fd")
for text, limit in (("true", 1), ("false", 1), ("yes", 1000), ("{tmp_path}/none", 1)):
    try:
        DumpCommand(text, output_limit=limit).run()
    except SourceError:
        pass
assert os.listdir("/dev/fd") == before, os.listdir("/dev/fd")
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    sys.exit(0)
sys.exit("a child is left")
"""
    subprocess.run(
        [sys.executable, "-W", "error", "-c", body], check=True, cwd=Path(__file__).parents[3]
    )
