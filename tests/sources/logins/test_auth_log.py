"""Following a log file of sshd: stamps, rotation, lines that are cut, and what goes wrong."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from domain.times import parse_rfc3339, rfc3339
from sources.base import LOSS_WARNING_MS, Batch, SourceError
from sources.logins import auth_log
from sources.logins.alerts import AlertRules
from sources.logins.auth_log import AuthLogSource, read_line

NOW_MS = parse_rfc3339("2026-11-24T12:00:00Z")
OLD_MS = NOW_MS - 60_000


def failed(user: str = "root", port: int = 22, stamp: str = "Nov 24 11:59:58") -> str:
    return (
        f"{stamp} gateway sshd-session[77]: "
        f"Failed password for {user} from 192.0.2.7 port {port} ssh2\n"
    )


@dataclass
class Log:
    """A log file, and a source that reads it."""

    file: Path
    state: bytes | None = None
    batches: list[Batch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = AuthLogSource(
            self.file, name="logins", machine="machine", rules=AlertRules(), zone=UTC
        )

    def write(self, text: str, mode: str = "a") -> None:
        with self.file.open(mode, encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)

    def rotate(self, name: str = "auth.log.1") -> Path:
        """As logrotate does, a minute ago."""
        old = self.file.rename(self.file.with_name(name))
        os.utime(old, (OLD_MS / 1000, OLD_MS / 1000))
        self.file.touch()
        return old

    def poll(self, now_ms: int = NOW_MS) -> list[str]:
        """The users of the sign-ins of one look."""
        batch = self.source.poll(now_ms, self.state)
        self.state = batch.state
        self.batches.append(batch)
        return [one["user"] for one in self.told(batch) if "user" in one]

    def poll_all(self) -> list[str]:
        """Look until there is no more."""
        users = self.poll()
        while self.batches[-1].more:
            users += self.poll()
        return users

    @staticmethod
    def told(batch: Batch) -> list[dict[str, Any]]:
        return [json.loads(one.body)["attributes"] for one in batch.events]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A log with an old line in it, which was looked at once."""
    made = Log(tmp_path / "auth.log")
    made.write(failed("before"))
    assert made.poll() == []
    return made


def test_new_lines_are_told_once(log: Log) -> None:
    log.write(failed("alice") + "Nov 24 11:59:58 gateway cron[1]: something else\n" + failed("bob"))
    assert log.poll() == ["alice", "bob"]
    assert log.poll() == []
    [first, _] = log.told(log.batches[1])
    assert first == {
        "created": "2026-11-24T11:59:58Z",
        "errors": ["bad password"],
        "host": "gateway",
        "ip": "192.0.2.7",
        "status": "error",
        "type": "ssh",
        "url": "ssh://gateway",
        "user": "alice",
        "verifications": [],
    }


def test_two_lines_that_say_the_same_are_two_events(log: Log) -> None:
    log.write(failed() * 2)
    assert len(log.poll()) == 2
    assert len({event.id for event in log.batches[-1].events}) == 2


def test_a_line_that_rsyslog_folded_is_as_many_sign_ins(log: Log) -> None:
    said = "Failed password for bob from 192.0.2.2 port 4013 ssh2"
    log.write(f"Nov 24 11:59:58 gateway sshd[305]: {said}\n")
    log.write(f"Nov 24 11:59:59 gateway sshd[305]: message repeated 5 times: [ {said}]\n")
    assert log.poll() == ["bob"] * 6
    events = log.batches[-1].events
    assert len({event.id for event in events}) == len(events)
    [alert] = [one for one in log.told(log.batches[-1]) if one["type"] == "authn_failures"]
    assert alert["params"]["users"] == ["bob"]


def test_a_line_that_is_being_written_waits_for_its_end(log: Log) -> None:
    line = failed("alice")
    log.write(line[:50])
    assert log.poll() == []
    log.write(line[50:])
    assert log.poll() == ["alice"]


def test_the_first_look_begins_with_the_line_that_is_being_written(tmp_path: Path) -> None:
    log = Log(tmp_path / "auth.log")
    line = failed("alice")
    log.write(failed("before") + line[:50])
    assert log.poll() == []
    log.write(line[50:])
    assert log.poll() == ["alice"]


def test_a_rotated_log_is_read_to_its_end(log: Log) -> None:
    log.write(failed("alice") + failed("cut")[:-1])
    log.rotate()
    log.write(failed("bob"))
    assert log.poll_all() == ["alice", "cut", "bob"]
    assert [batch.warning for batch in log.batches] == ["", "", ""]


def test_a_log_that_was_just_rotated_may_get_another_line(log: Log) -> None:
    old = log.rotate()
    os.utime(old, (NOW_MS / 1000 - 1, NOW_MS / 1000 - 1))
    assert log.poll_all() == []
    with old.open("a") as file:
        file.write(failed("late"))
    os.utime(old, (NOW_MS / 1000 - 1, NOW_MS / 1000 - 1))
    log.write(failed("bob"))
    assert log.poll_all() == ["late"]
    os.utime(old, (OLD_MS / 1000, OLD_MS / 1000))
    assert log.poll_all() == ["bob"]


def test_a_log_that_was_rotated_twice_is_read_in_order(log: Log) -> None:
    log.write(failed("alice"))
    log.rotate("auth.log.2")
    os.utime(log.file.with_name("auth.log.2"), (OLD_MS / 1000 - 9, OLD_MS / 1000 - 9))
    log.write(failed("bob"))
    log.rotate()
    log.write(failed("carol"))
    assert log.poll_all() == ["alice", "bob", "carol"]


def test_an_old_log_that_is_gone_is_told_of(log: Log) -> None:
    log.write(failed("lost"))
    packed = log.rotate().rename(log.file.with_name("auth.log.1.gz"))
    log.write(failed("bob"))
    assert log.poll_all() == ["bob"]
    assert "the rest of the old file is gone" in log.batches[1].warning
    assert packed.exists()


def test_a_log_that_was_cut_in_place_is_read_from_its_start(log: Log) -> None:
    log.write(failed("alice") * 3)
    assert len(log.poll()) == 3
    log.write(failed("bob"), "w")
    assert log.poll() == ["bob"]


def test_a_log_that_was_cut_in_place_and_grew_past_our_place_is_read_from_its_start(
    log: Log,
) -> None:
    log.write(failed("alice"))
    assert log.poll() == ["alice"]
    log.write(failed("bob") * 9, "w")
    assert log.poll() == ["bob"] * 9
    assert "the rest of the old file is gone" in log.batches[-1].warning
    log.write(failed("carol"))
    assert log.poll(NOW_MS + LOSS_WARNING_MS - 1) == ["carol"]
    assert "the rest of the old file is gone" in log.batches[-1].warning, "for a day"
    log.poll(NOW_MS + LOSS_WARNING_MS)
    assert log.batches[-1].warning == ""


def test_another_log_under_the_number_of_the_old_one_is_read_from_its_start(log: Log) -> None:
    known = json.loads(log.state or b"")
    log.rotate().unlink()
    log.write(failed("bob") * 9, "w")
    log.state = json.dumps(known | {"inode": log.file.stat().st_ino}).encode()
    assert log.poll() == ["bob"] * 9


@pytest.mark.parametrize("lines_since", [1, 9])
def test_what_only_the_copy_of_a_cut_log_has_is_read_there(log: Log, lines_since: int) -> None:
    """As logrotate's `copytruncate` leaves it."""
    log.write(failed("alice"))
    copy = log.file.with_name("auth.log.1")
    copy.write_bytes(log.file.read_bytes())
    os.utime(copy, (OLD_MS / 1000, OLD_MS / 1000))
    log.write(failed("bob") * lines_since, "w")
    assert log.poll_all() == ["alice"] + ["bob"] * lines_since
    assert [batch.warning for batch in log.batches] == [""] * len(log.batches)


def test_a_place_that_was_remembered_without_a_mark_is_kept(log: Log) -> None:
    known = json.loads(log.state or b"")
    del known["mark"]
    log.state = json.dumps(known).encode()
    log.write(failed("alice"))
    assert log.poll() == ["alice"]


def test_a_long_log_is_read_in_parts(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_log, "MOST_BYTES", 1000)
    log.write("".join(failed(f"user{at}") for at in range(50)))
    assert log.poll_all() == [f"user{at}" for at in range(50)]
    assert len(log.batches) > 4


def test_a_line_without_end_stops_nothing(log: Log) -> None:
    log.write("x" * 200_000)
    assert log.poll() == []
    log.write("\n" + failed("bob"))
    assert log.poll_all() == ["bob"]


def test_bytes_that_are_no_text_are_written_out(log: Log) -> None:
    log.write(failed("b\udcff\x1b"))
    assert log.poll() == ["b\\xff\\x1b"]


def test_a_name_with_a_whole_line_in_it_is_one_line(log: Log) -> None:
    log.write(failed("x from 1.2.3.4 port 5 ssh2\r" + failed("fake")[:-1]))
    log.poll()
    [told] = log.told(log.batches[-1])
    assert told["ip"] == "192.0.2.7"


@pytest.mark.parametrize("state", [b"nonsense", b'{"inode":1,"offset":0,"version":9}'])
def test_a_state_that_cannot_be_used_begins_anew(log: Log, state: bytes) -> None:
    log.state = state
    log.write(failed("alice"))
    assert log.poll() == []


def test_a_missing_file_has_a_cure(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot be read: No such file.*set the source's option"):
        Log(tmp_path / "nowhere").poll()


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        Log(tmp_path).poll()


BERLIN = timezone(timedelta(hours=1))
REST = "gateway sshd[1]: Failed password for x from 192.0.2.7 port 1 ssh2"


@pytest.mark.parametrize(
    ("now", "stamp", "moment"),
    [
        ("2026-11-24T12:00:00Z", "Nov 24 12:59:59", "2026-11-24T11:59:59Z"),
        ("2026-11-24T12:00:00Z", "Nov  1 00:00:00", "2026-10-31T23:00:00Z"),
        ("2026-01-01T00:00:10Z", "Dec 31 23:59:59", "2025-12-31T22:59:59Z"),
        ("2025-12-31T23:59:50Z", "Jan  1 01:00:05", "2026-01-01T00:00:05Z"),
        ("2026-03-01T00:00:00Z", "Feb 29 12:00:00", "2024-02-29T11:00:00Z"),
        ("2026-11-24T12:00:00Z", "2026-11-24T12:59:59.123456+01:00", "2026-11-24T11:59:59.123Z"),
        ("2026-11-24T12:00:00Z", "2026-11-24T11:59:59Z", "2026-11-24T11:59:59Z"),
    ],
)
def test_when_a_line_was_written(now: str, stamp: str, moment: str) -> None:
    line = read_line(f"{stamp} {REST}", parse_rfc3339(now), BERLIN)
    assert line is not None
    assert rfc3339(line.at_ms) == moment


def test_a_stamp_is_in_the_zone_of_the_host() -> None:
    line = read_line(f"Nov 24 11:00:00 {REST}", NOW_MS)
    assert line is not None
    assert line.at_ms == int(datetime(2026, 11, 24, 11).astimezone().timestamp() * 1000)


@pytest.mark.parametrize(
    "line",
    [
        f"Nov 31 11:00:00 {REST}",
        f"Nov 24 25:00:00 {REST}",
        f"Nov 24 1:1:1:11 {REST}",
        f"2026-13-24T11:59:59Z {REST}",
        f"Nov 24 11:00:00 {REST.replace('sshd[', 'xsshd[')}",
        "Nov 24 11:00:00 gateway su: sshd[1]: Failed password for x from 1.1.1.1 port 1 ssh2",
        "",
    ],
)
def test_other_lines_are_none_of_sshd(line: str) -> None:
    assert read_line(line, NOW_MS, UTC) is None


def test_busybox_writes_the_facility_too() -> None:
    line = read_line("Nov 24 11:00:00 gateway auth.info sshd[1]: hello", NOW_MS, UTC)
    assert line is not None
    assert (line.host, line.message) == ("gateway", "hello")


@pytest.mark.parametrize(
    ("stamp", "read"),
    [
        ("2026-11-25T11:59:59Z", "2026-11-25T11:59:59Z"),
        ("2026-11-25T12:00:01Z", "2026-11-24T12:00:00Z"),
        ("9999-12-31T23:59:59Z", "2026-11-24T12:00:00Z"),
    ],
)
def test_a_stamp_that_is_over_a_day_ahead_is_not_believed(stamp: str, read: str) -> None:
    line = read_line(f"{stamp} gateway sshd[1]: hello", NOW_MS, UTC)
    assert line is not None
    assert rfc3339(line.at_ms) == read
