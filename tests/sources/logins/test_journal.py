"""Reading a journal on from a cursor: what is new, what is sshd's own, and what goes wrong."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from domain.event_types import EventType
from domain.ids import resource_id
from sources.base import LOSS_WARNING_MS, Batch, SourceError
from sources.logins.alerts import AlertRules
from sources.logins.journal import JournalCommand, JournalSource

RECORDED = Path(__file__).parents[2] / "data" / "authn" / "sshd-journal.jsonl"
PROGRAM = Path(__file__).with_name("journalctl.py")
BEFORE_MS = 1_795_502_000_000
AT_MS = 1_795_502_800_000
HOUR_MS = 3_600_000
SEQUENCE = "57c0cb8f66ae4bd6ada23ac6d05496a2"
MACHINE = "e08d2021fbdd6f894fde550c98aff54d"


def entry(number: int, message: Any, at_ms: int = AT_MS, **other: Any) -> dict[str, Any]:
    """One entry of sshd."""
    sequence = other.pop("sequence", SEQUENCE)
    return {
        "__CURSOR": f"s={sequence};i={number:x};b=0;m=0;t=0;x=0",
        "__REALTIME_TIMESTAMP": str(at_ms * 1000),
        "MESSAGE": message,
        "SYSLOG_IDENTIFIER": "sshd-session",
        "_HOSTNAME": "gateway",
        "_MACHINE_ID": MACHINE,
        "_TRANSPORT": "syslog",
        "_UID": "0",
    } | other


def failed(user: str = "root", port: int = 22) -> str:
    return f"Failed password for {user} from 192.0.2.7 port {port} ssh2"


@dataclass
class Journal:
    """A journal, and a source that reads it."""

    file: Path
    state: bytes | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)

    def __post_init__(self) -> None:
        command = shlex.join((sys.executable, "-S", str(PROGRAM), str(self.file)))
        self.source = JournalSource(command, name="logins", rules=AlertRules())
        self.file.write_text("")

    def write(self, *entries: dict[str, Any]) -> None:
        self.entries += entries
        self.file.write_text("".join(json.dumps(one) + "\n" for one in self.entries))

    def poll(self, now_ms: int = BEFORE_MS) -> list[dict[str, Any]]:
        """The sign-ins of one look."""
        batch = self.source.poll(now_ms, self.state)
        self.state = batch.state
        self.batches.append(batch)
        bodies = [json.loads(one.body) for one in batch.events if one.type is EventType.LOG_AUTHN]
        return [body["attributes"] | {"id": body["id"]} for body in bodies]

    @property
    def warning(self) -> str:
        return self.batches[-1].warning


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal that was looked at once."""
    made = Journal(tmp_path / "journal.jsonl")
    assert made.poll() == []
    return made


def test_a_real_sshd_gives_five_sign_ins(journal: Journal) -> None:
    journal.write(*map(json.loads, RECORDED.read_text().splitlines()))
    found = journal.poll()
    assert [(one["status"], one["errors"], one["user"], one["ip"]) for one in found] == [
        ("ok", [], "root", "127.0.0.1"),
        ("error", ["not authenticated"], "root", "127.0.0.1"),
        ("error", ["bad password"], "root", "127.0.0.1"),
        ("error", ["bad password"], "root", "127.0.0.1"),
        ("error", ["unknown user", "bad password"], "mallory", "127.0.0.1"),
    ]
    assert found[0]["verifications"] == ["publickey", "user"]
    assert {(one["type"], one["url"], one["host"]) for one in found} == {
        ("ssh", "ssh://gateway", "gateway")
    }
    first, last = (json.loads(journal.batches[-1].events[at].body) for at in (0, -1))
    user = resource_id("users", MACHINE, "root")
    assert first["relationships"] == {"user": {"data": [{"id": user, "type": "users"}]}}
    assert last["relationships"] == {"user": {"data": []}}
    assert journal.poll() == []


def test_the_same_entries_give_the_same_events(journal: Journal) -> None:
    journal.write(*map(json.loads, RECORDED.read_text().splitlines()))
    journal.poll()
    journal.state = None
    journal.poll()
    first, again = (batch.events for batch in journal.batches[1:])
    assert first == again


def test_what_was_before_the_source_is_no_news(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write(entry(1, failed(), AT_MS - 5000), entry(2, failed("bob"), AT_MS + 5000))
    assert [one["user"] for one in journal.poll(AT_MS)] == ["bob"]


def test_others_cannot_speak_as_sshd(journal: Journal) -> None:
    journal.write(
        entry(1, failed(), _UID="1000"),
        entry(2, failed(), _TRANSPORT="kernel"),
        entry(3, failed(), SYSLOG_IDENTIFIER="sshd-like"),
        entry(4, failed(), SYSLOG_IDENTIFIER=["sshd", "x"]),
        entry(5, failed(), _UID=None),
        entry(6, failed("bob")),
    )
    assert [one["user"] for one in journal.poll()] == ["bob"]


def test_a_message_that_is_no_text_is_read(journal: Journal) -> None:
    data = list(failed("b\xff").encode("latin-1"))
    journal.write(entry(1, data), entry(2, None), entry(3, [[]]))
    assert [one["user"] for one in journal.poll()] == ["b\\xff"]


def test_a_cursor_that_is_gone_repeats_nothing(journal: Journal) -> None:
    old = [entry(at, failed(port=at), AT_MS + at) for at in range(1, 9)]
    journal.write(*old)
    assert len(journal.poll()) == 8
    journal.entries = [one for one in old if one is not old[-1]]
    journal.write(entry(9, failed("bob"), AT_MS + 9))
    assert [one["user"] for one in journal.poll()] == ["bob"]


def test_a_cursor_that_is_gone_brings_no_old_files_back(journal: Journal) -> None:
    journal.write(entry(1, failed()))
    journal.poll()
    other = "00c0cb8f66ae4bd6ada23ac6d05496a2"
    journal.entries = []
    journal.write(
        entry(1, failed("old"), AT_MS - HOUR_MS - 1, sequence=other),
        entry(2, failed("late"), AT_MS - HOUR_MS + 1, sequence=other),
        entry(3, failed("bob"), AT_MS + 1, sequence=other),
    )
    assert [one["user"] for one in journal.poll(AT_MS + 2)] == ["late", "bob"]


def test_after_a_clock_that_was_ahead_a_new_journal_is_read(journal: Journal) -> None:
    ahead_ms = AT_MS + 365 * 24 * HOUR_MS
    journal.write(entry(1, failed(), ahead_ms))
    journal.poll(ahead_ms)
    journal.entries = []
    journal.write(entry(1, failed("bob"), AT_MS, sequence="00c0cb8f66ae4bd6ada23ac6d05496a2"))
    assert [one["user"] for one in journal.poll(AT_MS + 2)] == ["bob"]


def test_a_clock_that_was_set_back_mutes_nobody(journal: Journal) -> None:
    journal.write(entry(1, failed()))
    journal.poll()
    journal.write(entry(2, failed("bob"), AT_MS - 24 * HOUR_MS))
    assert [one["user"] for one in journal.poll()] == ["bob"]


@pytest.mark.parametrize("time_us", ["9" * 18, str(1 << 55)])
def test_an_entry_of_a_time_that_no_clock_says_costs_no_other(
    journal: Journal, time_us: str
) -> None:
    broken = entry(1, failed()) | {"__REALTIME_TIMESTAMP": time_us}
    journal.write(broken, *(entry(number, failed("bob")) for number in range(2, 8)))
    assert [one["user"] for one in journal.poll()] == ["bob"] * 6
    assert journal.warning == "1 entry of the journal could not be read"


def test_the_last_time_that_a_clock_says_can_be_told(journal: Journal) -> None:
    journal.write(*(entry(number, failed(), ((1 << 55) - 1) // 1000) for number in range(1, 6)))
    assert len(journal.poll()) == 5
    assert len(journal.batches[-1].events) == 6, "with the alert, whose time ends later still"


def test_a_malformed_cursor_is_told_of_and_repeats_nothing(journal: Journal) -> None:
    journal.write(entry(1, failed()))
    journal.poll()
    assert journal.state is not None
    journal.state = journal.state.replace(b'"cursor":"s=', b'"cursor":"?')
    journal.write(entry(2, failed("bob")))
    assert [one["user"] for one in journal.poll()] == ["bob"]
    assert "the place in the journal was lost" in journal.warning
    journal.poll(BEFORE_MS + LOSS_WARNING_MS - 1)
    assert "the place in the journal was lost" in journal.warning, "for a day"
    assert (journal.poll(BEFORE_MS + LOSS_WARNING_MS), journal.warning) == ([], "")


@pytest.mark.parametrize("state", [b"", b"nonsense", b'{"cursor":"","at_ms":0,"version":9}'])
def test_a_state_that_cannot_be_used_is_told_of(journal: Journal, state: bytes) -> None:
    journal.state = state
    journal.write(entry(1, failed()))
    assert journal.poll(AT_MS + HOUR_MS) == []
    assert "cannot be used" in journal.warning


def test_a_long_journal_is_read_in_parts(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JournalCommand.read, "__kwdefaults__", {"most": 10})
    journal.write(*(entry(at, failed(f"user{at}")) for at in range(1, 26)))
    found = [one["user"] for _ in range(3) for one in journal.poll()]
    assert found == [f"user{at}" for at in range(1, 26)]
    assert [batch.more for batch in journal.batches] == [False, True, True, False]


def test_old_parts_of_a_long_journal_are_passed_over(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JournalCommand.read, "__kwdefaults__", {"most": 10})
    old = [entry(at, failed()) for at in range(1, 26)]
    journal.write(*old)
    while journal.poll() and journal.batches[-1].more:
        pass
    journal.entries = old[:-1]
    journal.write(entry(26, failed("bob")))
    found = [one["user"] for _ in range(3) for one in journal.poll()]
    assert found == ["bob"]
    assert [batch.more for batch in journal.batches[-3:]] == [True, True, False]


def test_an_entry_that_is_broken_hides_no_other(journal: Journal) -> None:
    journal.write(entry(1, failed()))
    lines = ['{"__CURSOR": "s=1', "[]", "nonsense", json.dumps(entry(2, failed("bob")))]
    journal.file.write_text("\n".join(lines))
    source = JournalSource(f"cat {journal.file} --", name="logins", rules=AlertRules())
    with pytest.raises(SourceError):  # cat knows none of the options
        source.poll(AT_MS, journal.state)
    script = journal.file.with_suffix(".sh")
    script.write_text(f"#!/bin/sh\ncat {journal.file}\n")
    script.chmod(0o700)
    batch = JournalSource(str(script), name="logins", rules=AlertRules()).poll(AT_MS, None)
    assert [json.loads(one.body)["attributes"]["user"] for one in batch.events] == ["bob"]
    assert batch.warning == "3 entries of the journal could not be read"


def test_a_shell_between_us_and_the_journal_sees_one_cursor(
    journal: Journal, tmp_path: Path
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nshift\nexec sh -c "$*"\n')
    ssh.chmod(0o700)
    command = f"{ssh} hub {sys.executable} -S {PROGRAM} {journal.file}"
    journal.source = JournalSource(command, name="logins", rules=AlertRules())
    journal.write(entry(1, failed("alice")))
    assert [one["user"] for one in journal.poll()] == ["alice"]
    journal.write(entry(2, failed("bob")))
    assert [one["user"] for one in journal.poll()] == ["bob"]
    assert journal.warning == ""


def script(folder: Path, text: str) -> str:
    file = folder / "journalctl"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o700)
    return str(file)


@pytest.mark.parametrize(
    ("text", "reason", "cure"),
    [
        (
            "echo 'Hint: You are currently not seeing messages from other users and more' >&2",
            "may not read the journal",
            "group systemd-journal",
        ),
        (
            "echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1",
            "may not read the journal",
            "group systemd-journal",
        ),
        ("echo 'No journal files were found.' >&2", "keeps no journal", "/var/log/auth.log"),
        ("echo 'went wrong' >&2; exit 3", "exit status 3: went wrong", "by hand"),
        ("exec sleep 60", "printed no entry within 0.2 s", "by hand"),
    ],
)
def test_a_journal_that_cannot_be_read_has_a_cure(
    tmp_path: Path, text: str, reason: str, cure: str
) -> None:
    timeout_s = 0.2 if "sleep" in text else 20.0
    command = JournalCommand(script(tmp_path, text), timeout_s=timeout_s)
    with pytest.raises(SourceError) as caught:
        command.check()
    assert reason in caught.value.reason
    assert cure in caught.value.cure


def test_beside_json_the_journal_says_nothing_so_it_is_asked_again(
    tmp_path: Path,
) -> None:
    text = (
        'case "$*" in *json*) exit 0;; esac\n'
        f"[ -e {tmp_path}/mended ] || echo 'No journal files were found.' >&2"
    )
    source = JournalSource(script(tmp_path, text), name="logins", rules=AlertRules())
    for _ in range(2):
        with pytest.raises(SourceError, match="keeps no journal"):
            source.poll(AT_MS, None)
    (tmp_path / "mended").touch()
    state = source.poll(AT_MS, None).state
    (tmp_path / "mended").unlink()
    source.poll(AT_MS + 59_999, state)
    with pytest.raises(SourceError, match="keeps no journal"):
        source.poll(AT_MS + 60_000, state)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("/nowhere/journalctl", "there is no program"),
        ("/etc/passwd", "cannot start"),
        ("", "the command is empty"),
        ("journalctl 'x", "the command cannot be read"),
    ],
)
def test_a_command_that_cannot_be_run_is_told_of(command: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        JournalSource(command, name="logins", rules=AlertRules()).poll(AT_MS, None)
