"""`tocsin source`: looks that find something, looks that fail, and watching until stopped."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from domain.event_types import EventType
from store import events as event_store
from tests.cli.desks import desk_of, eventually, newer, status_of
from tests.program import Tocsin
from tests.sources.dumps import PeerRow, dump

ALICE = PeerRow("alice")
LATER = replace(ALICE, handshake=ALICE.handshake + 5, rx=1404, tx=1348)  # type: ignore[operator]  # a number here


@pytest.fixture
def dump_file(tmp_path: Path) -> Path:
    """What the command prints: one peer."""
    file = tmp_path / "dump.txt"
    file.write_text(dump(ALICE))
    return file


def look(tocsin: Tocsin, file: Path) -> dict[str, int]:
    """Look once at what a file says; what came of it."""
    done = tocsin.run("source", "run", "wireguard", "--once", "--command", f"cat {file}")
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, int] = json.loads(done.stdout)
    return answer


def test_two_looks_give_what_happened_between_them(tocsin: Tocsin, dump_file: Path) -> None:
    assert look(tocsin, dump_file) == {"accepted": 0, "repeated": 0}
    dump_file.write_text(dump(LATER))
    assert look(tocsin, dump_file) == {"accepted": 1, "repeated": 0}
    assert look(tocsin, dump_file) == {"accepted": 0, "repeated": 0}
    with desk_of(tocsin) as desk:
        [event] = desk.call(event_store.newest, EventType.ENDPOINT_STATS, limit=10)
    attributes = json.loads(event.body)["attributes"]
    assert (attributes["rx_delta"], attributes["tx_delta"]) == (1000, 1000)
    assert (attributes["rx_total"], attributes["tx_total"]) == (1404, 1348)


def test_the_source_shows_in_status(tocsin: Tocsin, dump_file: Path) -> None:
    look(tocsin, dump_file)
    dump_file.write_text(dump(LATER))
    look(tocsin, dump_file)
    [source] = status_of(tocsin)["sources"]
    assert (source["kind"], source["accepted_events"], source["error"]) == ("wireguard", 1, None)
    assert source["last_ok"] is not None
    line = f"source   wireguard {source['name']}: off, 1 event, looked "
    assert source["state"] == "off"
    assert line in tocsin.run("status").stdout


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("false", "`false` failed with exit status 1"),
        ("no-such-program-here", "there is no program `no-such-program-here`"),
        ("echo hello", "`echo hello` printed no whole dump"),
    ],
)
def test_a_look_that_fails_says_why(tocsin: Tocsin, command: str, reason: str) -> None:
    done = tocsin.run("source", "run", "wireguard", "--once", "--command", command)
    assert done.returncode == ExitCode.IO_ERROR
    assert done.stderr.startswith(f"tocsin: source wireguard: {reason}")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    [source] = status_of(tocsin)["sources"]
    assert reason in source["error"]
    assert source["failures"] == 1
    check = tocsin.run("status", "--check")
    assert check.returncode == ExitCode.CHECK_FAILED
    assert reason in check.stdout


def test_a_failed_look_forgets_nothing(tocsin: Tocsin, dump_file: Path) -> None:
    look(tocsin, dump_file)
    tocsin.run("source", "run", "wireguard", "--once", "--command", "false")
    dump_file.write_text(dump(LATER))
    assert look(tocsin, dump_file) == {"accepted": 1, "repeated": 0}
    assert status_of(tocsin)["sources"][0]["error"] is None


def test_a_full_disk_is_to_be_tried_again(tocsin: Tocsin, dump_file: Path) -> None:
    done = tocsin.run(
        *("source", "run", "wireguard", "--once", "--command", f"cat {dump_file}"),
        *("--set", "min_free_disk=100TB"),
    )
    assert done.returncode == ExitCode.TEMPORARY
    assert "min_free_disk" in done.stderr


def test_an_outdated_store_must_be_upgraded_first(tocsin: Tocsin, dump_file: Path) -> None:
    look(tocsin, dump_file)
    done = newer(tocsin).run("source", "run", "wireguard", "--once", "--command", "true")
    assert done.returncode == ExitCode.UNAVAILABLE
    assert "tocsin db upgrade" in done.stderr


def test_a_command_that_cannot_be_split_is_refused(tocsin: Tocsin) -> None:
    done = tocsin.run("source", "run", "wireguard", "--once", "--command", "wg 'show")
    assert done.returncode == ExitCode.CONFIG
    assert "wireguard_command" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watching_goes_on_until_a_signal_and_tells_what_it_added(
    tocsin: Tocsin, dump_file: Path, number: signal.Signals
) -> None:
    look(tocsin, dump_file)
    watch = tocsin.start(
        *("source", "run", "wireguard", "--every", "1s", "--command", f"cat {dump_file}")
    )
    changed = dump_file.with_name("changed")
    changed.write_text(dump(LATER))
    changed.replace(dump_file)
    with desk_of(tocsin) as desk:
        eventually(
            lambda: desk.call(event_store.heads)[EventType.ENDPOINT_STATS] == 1,
            "the event of the second look",
        )
    assert status_of(tocsin)["sources"][0]["state"] == "command"
    assert ": watched by a command, 1 event, looked " in tocsin.run("status").stdout
    watch.send_signal(number)
    out, _ = watch.communicate(timeout=30)
    assert watch.returncode == 0
    assert status_of(tocsin)["sources"][0]["state"] == "off"
    assert json.loads(out) == {"accepted": 1, "repeated": 0}


def test_watching_outlives_a_command_that_fails(tocsin: Tocsin, tmp_path: Path) -> None:
    log = tmp_path / "log"
    missing = tmp_path / "missing"
    watch = tocsin.start(
        *("source", "run", "wireguard", "--every", "1s", "--command", f"cat {missing}"), log=log
    )
    eventually(lambda: log.exists() and "source wireguard: `cat " in log.read_text(), "a word")
    missing.write_text(dump(ALICE))
    eventually(lambda: status_of(tocsin)["sources"][0]["error"] is None, "a good look")
    assert watch.poll() is None
