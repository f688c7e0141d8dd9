"""`tocsin db`: upgrade, check, backup, restore and prune."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from store import migrations, webhooks
from store.workers import SendingLock
from tests.support.program import Tocsin
from tests.support.program_store import access_of, change_store, newer, status_of
from tests.support.stores import ACTOR, DAY, Desk, events, fields

TOKEN = "Bearer 0123456789abcdef"


def schema(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def filled(desk: Desk) -> None:
    """A webhook with a secret header, two deliveries made and one event queued."""
    webhook = desk.add(fields(headers=(("Authorization", TOKEN),)))
    for first in (1, 4):
        desk.append(*events(first, first + 2))
        desk.end(desk.started(webhook), 200)
    desk.append(*events(7, 7))


@pytest.fixture
def other(tmp_path: Path) -> Tocsin:
    """The program on a machine of its own, where nothing is yet."""
    home = tmp_path / "other"
    home.mkdir(mode=0o700)
    return Tocsin(home, home / "tocsin.db")


def test_upgrade_makes_a_store(tocsin: Tocsin) -> None:
    done = tocsin.run("db", "upgrade")
    assert done.returncode == 0
    assert done.stderr == f"{tocsin.db} is made (schema {migrations.LATEST}).\n"
    assert mode(tocsin.db) == 0o600


def test_upgrade_leaves_a_store_that_is_up_to_date(tocsin: Tocsin) -> None:
    tocsin.run("db", "upgrade")
    done = tocsin.run("db", "upgrade")
    assert done.returncode == 0
    assert done.stderr == f"{tocsin.db} is up to date (schema {migrations.LATEST}).\n"


def test_upgrade_says_from_where_and_where_the_backup_lies(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    before = schema(tocsin.db)
    done = newer(tocsin).run("db", "upgrade")
    assert done.returncode == 0, done.stderr
    assert f"is now of schema {before + 1}" in done.stderr
    assert f"before, schema {before}, lies in " in done.stderr
    copy = Path(done.stderr.rsplit(" lies in ")[-1].partition(" (")[0])
    assert (schema(tocsin.db), schema(copy)) == (before + 1, before)
    assert mode(copy) == 0o600
    done = tocsin.run("status")
    assert done.returncode == ExitCode.UNAVAILABLE
    assert "newer Tocsin" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("worker", "pause"),
        ("worker", "unpause"),
        ("db", "prune"),
        ("source", "run", "wireguard", "--once"),
    ],
)
def test_an_outdated_store_is_not_written(tocsin: Tocsin, words: tuple[str, ...]) -> None:
    with access_of(tocsin):
        pass
    done = newer(tocsin).run(*words)
    assert done.returncode == ExitCode.UNAVAILABLE
    assert "tocsin db upgrade" in done.stderr
    assert schema(tocsin.db) == migrations.LATEST


def test_check_of_a_sound_store(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    done = tocsin.run("db", "check")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{tocsin.db} is sound.\n"


def test_check_as_json(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    done = tocsin.run("db", "check", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"ok": True, "problems": []})
    change_store(tocsin.db, "DELETE FROM event WHERE key & 0xffff = 2")
    done = tocsin.run("db", "check", "--json")
    assert done.returncode == ExitCode.CHECK_FAILED
    found = json.loads(done.stdout)
    assert not found["ok"]
    assert any("alerts" in problem for problem in found["problems"])


def test_check_prints_each_fault(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
        desk.end(desk.started(1), 503)
        desk.store.vault.key_file.unlink()
    change_store(tocsin.db, "DELETE FROM event WHERE key & 0xffff = 2")
    change_store(tocsin.db, "UPDATE event SET body = x'7b7d' WHERE key & 0xffff = 7")
    done = tocsin.run("db", "check")
    assert done.returncode == ExitCode.CHECK_FAILED
    missing, changed, key = done.stdout.splitlines()
    assert missing == "1 event of alerts is missing"
    assert changed == "delivery msg_3 no longer has the bytes that were sealed"
    assert "key file" in key


def test_check_of_pages_that_are_torn(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
        desk.append(*events(8, 2_000))
    with tocsin.db.open("r+b") as file:
        file.seek(60 * 4096)
        file.write(b"\xff" * 4096 * 4)
    done = tocsin.run("db", "check")
    assert done.returncode == ExitCode.CHECK_FAILED
    assert "damaged" in done.stdout
    assert "db check" not in done.stdout
    assert "bug" not in done.stderr


def test_check_of_a_store_that_does_not_open_names_no_other_check(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    with tocsin.db.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3_000)  # the root page, which has the tables
    assert "db check" in tocsin.run("event", "list").stderr
    done = tocsin.run("db", "check")
    assert done.returncode != ExitCode.OK
    assert "damaged" in done.stdout + done.stderr
    assert "db check" not in done.stdout + done.stderr


def test_check_makes_no_store(tocsin: Tocsin) -> None:
    assert tocsin.run("db", "check").returncode == ExitCode.UNAVAILABLE
    assert not tocsin.db.exists()


def test_backup_without_the_key_says_so(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
        done = tocsin.run("db", "backup", "copy.db")
    assert done.returncode == 0, done.stderr
    copy = tocsin.home / "copy.db"
    assert mode(copy) == 0o600
    assert not (tocsin.home / "copy.db.key").exists()
    assert "The key is not in it: keep " in done.stderr
    assert "nothing is sent" in done.stderr


def test_backup_with_the_key(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
        key = desk.store.vault.key_file.read_bytes()
    done = tocsin.run("db", "backup", "copy.db", "--with-key")
    assert done.returncode == 0, done.stderr
    beside = tocsin.home / "copy.db.key"
    assert (mode(beside), beside.read_bytes()) == (0o400, key)
    assert str(beside) in done.stderr


def test_backup_overwrites_nothing(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    (tocsin.home / "copy.db").write_text("mine")
    done = tocsin.run("db", "backup", "copy.db")
    assert done.returncode == ExitCode.CHECK_FAILED
    assert "exists already" in done.stderr
    assert (tocsin.home / "copy.db").read_text() == "mine"


@pytest.mark.parametrize("taken", ["copy.db", "copy.db.key"])
def test_backup_with_the_key_leaves_both_files_or_none(tocsin: Tocsin, taken: str) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    (tocsin.home / taken).write_text("mine")
    done = tocsin.run("db", "backup", "copy.db", "--with-key")
    assert done.returncode == ExitCode.CHECK_FAILED
    assert f"{taken} exists already" in done.stderr
    assert [file.name for file in tocsin.home.glob("copy.db*")] == [taken]
    assert (tocsin.home / taken).read_text() == "mine"


def test_backup_with_a_lost_key_writes_nothing(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
        desk.store.vault.key_file.unlink()
    done = tocsin.run("db", "backup", "copy.db", "--with-key")
    assert done.returncode == ExitCode.UNAVAILABLE
    assert not (tocsin.home / "copy.db").exists()


def test_restore_with_the_key_brings_all_back_paused(
    tocsin: Tocsin, other: Tocsin, tmp_path: Path
) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    copy = tmp_path / "copy.db"
    assert tocsin.run("db", "backup", str(copy), "--with-key").returncode == 0
    done = other.run("db", "restore", str(copy))
    assert done.returncode == 0, done.stderr
    assert f"{other.db} now holds 1 webhook and 7 events." in done.stderr
    assert "Sending is paused." in done.stderr
    assert "tocsin worker unpause" in done.stderr
    assert "The key was not" not in done.stderr
    before, after = status_of(tocsin), status_of(other)
    assert after["paused"] is not None
    assert [w["delivered_events"] for w in after["webhooks"]] == [6]
    assert after["events"] == before["events"]
    with access_of(other) as desk:
        assert desk.status(1).webhook.fields.headers == (("Authorization", TOKEN),)
    assert other.run("worker", "--once").returncode == ExitCode.TEMPORARY
    assert other.run("worker", "unpause").returncode == 0
    assert status_of(other)["paused"] is None


def test_restore_without_the_key_says_where_it_must_go(
    tocsin: Tocsin, other: Tocsin, tmp_path: Path
) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
        key_file = desk.store.vault.key_file
    copy = tmp_path / "copy.db"
    tocsin.run("db", "backup", str(copy))
    done = other.run("db", "restore", str(copy))
    assert done.returncode == 0, done.stderr
    target = other.home / "tocsin.key"
    assert f"put the key of the store that was backed up at {target}" in done.stderr
    assert other.run("db", "check").returncode == ExitCode.CHECK_FAILED
    assert not target.exists()
    target.write_bytes(key_file.read_bytes())
    target.chmod(0o400)
    assert other.run("db", "check").returncode == 0


def test_restore_beside_a_newer_key_says_that_it_is_the_wrong_one(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
        key_file = desk.store.vault.key_file
    key = key_file.read_bytes()
    copy = tmp_path / "copy.db"
    assert tocsin.run("db", "backup", str(copy)).returncode == 0
    assert tocsin.run("db", "rekey", "--yes").returncode == 0
    for file in tocsin.home.glob("tocsin.db*"):
        file.unlink()
    done = tocsin.run("db", "restore", str(copy))
    assert done.returncode == 0, done.stderr
    assert f"The key in {key_file} does not open this backup" in done.stderr
    assert "backup that was made after `tocsin db rekey`" in done.stderr
    assert "was not beside the backup" not in done.stderr
    unpaused = tocsin.run("worker", "unpause")
    assert unpaused.returncode == 0
    assert f"no worker starts: the key file {key_file} is not the key of" in unpaused.stderr
    key_file.unlink()
    assert "no worker starts" in tocsin.run("worker", "unpause").stderr
    key_file.write_bytes(key)
    key_file.chmod(0o400)
    assert "no worker starts" not in tocsin.run("worker", "unpause").stderr
    assert tocsin.run("db", "check").returncode == 0


def test_restore_goes_into_an_empty_store_only(tocsin: Tocsin, tmp_path: Path) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    copy = tmp_path / "copy.db"
    tocsin.run("db", "backup", str(copy))
    before = sorted(tocsin.db.parent.iterdir())
    done = tocsin.run("db", "restore", str(copy))
    assert done.returncode == ExitCode.CHECK_FAILED
    assert "not empty" in done.stderr
    assert sorted(tocsin.db.parent.iterdir()) == before
    assert status_of(tocsin)["paused"] is None


def test_restore_waits_for_no_worker(tocsin: Tocsin, other: Tocsin, tmp_path: Path) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    copy = tmp_path / "copy.db"
    tocsin.run("db", "backup", str(copy))
    other.run("db", "upgrade")
    lock = SendingLock(other.db)
    assert lock.acquire()
    done = other.run("db", "restore", str(copy))
    lock.release()
    assert done.returncode == ExitCode.CHECK_FAILED
    assert "a worker is running" in done.stderr
    assert status_of(other)["webhooks"] == []


def test_restore_asks_before_another_key_goes(
    tocsin: Tocsin, other: Tocsin, tmp_path: Path
) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    copy = tmp_path / "copy.db"
    tocsin.run("db", "backup", str(copy), "--with-key")
    other.run("db", "upgrade")
    other.db.unlink()
    key_file = other.home / "tocsin.key"
    key = key_file.read_bytes()
    done = other.run("db", "restore", str(copy))
    assert done.returncode == ExitCode.USAGE
    assert "--yes" in done.stderr
    assert key_file.read_bytes() == key
    assert other.run("db", "restore", str(copy), "--yes").returncode == 0
    assert key_file.read_bytes() == copy.with_name("copy.db.key").read_bytes()


def test_restore_brings_an_older_backup_up_to_date(
    tocsin: Tocsin, other: Tocsin, tmp_path: Path
) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    copy = tmp_path / "copy.db"
    tocsin.run("db", "backup", str(copy), "--with-key")
    done = newer(other).run("db", "restore", str(copy))
    assert done.returncode == 0, done.stderr
    assert "tocsin db upgrade" not in done.stderr
    assert schema(other.db) == migrations.LATEST + 1
    assert schema(copy) == migrations.LATEST
    assert newer(other).run("db", "check").returncode == 0


@pytest.mark.parametrize("content", [b"", b"no database at all"])
def test_restore_refuses_what_is_no_backup(tocsin: Tocsin, content: bytes) -> None:
    (tocsin.home / "copy.db").write_bytes(content)
    done = tocsin.run("db", "restore", "copy.db")
    assert done.returncode in (ExitCode.CHECK_FAILED, ExitCode.UNAVAILABLE)
    assert "copy.db" in done.stderr
    assert [file.name for file in tocsin.home.iterdir()] == ["copy.db"]


def test_a_refused_restore_leaves_no_folder(tocsin: Tocsin, tmp_path: Path) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
    copy = tmp_path / "copy.db"
    assert tocsin.run("db", "backup", str(copy)).returncode == 0
    content = bytearray(copy.read_bytes())
    content[4_096 : 3 * 4_096] = b"\xff" * 2 * 4_096
    copy.write_bytes(content)
    tocsin.db = tmp_path / "new" / "deep" / "tocsin.db"
    done = tocsin.run("db", "restore", str(copy))
    assert done.returncode == ExitCode.UNAVAILABLE
    assert f"the backup {copy} is damaged: restore another one" in done.stderr
    assert not (tmp_path / "new").exists()


def test_restore_of_no_file_makes_nothing(tocsin: Tocsin) -> None:
    done = tocsin.run("db", "restore", "nosuch")
    assert done.returncode == ExitCode.NO_INPUT
    assert "there is no backup at" in done.stderr
    assert list(tocsin.home.iterdir()) == []


def test_restore_counts_no_deleted_webhook(tocsin: Tocsin, other: Tocsin) -> None:
    with access_of(tocsin) as desk:
        filled(desk)
        gone = desk.add(fields(name="gone"))
        desk.call(webhooks.delete, [gone], ACTOR, desk.now_ms)
    assert tocsin.run("db", "backup", "copy.db").returncode == 0
    done = other.run("db", "restore", str(tocsin.home / "copy.db"))
    assert "now holds 1 webhook and 7 events." in done.stderr


def test_prune_asks_nothing_and_takes_no_yes(tocsin: Tocsin) -> None:
    done = tocsin.run("db", "prune", "--yes")
    assert done.returncode == ExitCode.USAGE
    assert "--yes" in done.stderr


def test_prune_drops_what_was_delivered_long_ago(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.now_ms -= 30 * DAY
        filled(desk)
    done = tocsin.run("db", "prune")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"events": 6, "deliveries": 0, "webhooks": 0}
    assert json.loads(tocsin.run("db", "prune").stdout)["events"] == 0
    [webhook] = status_of(tocsin)["webhooks"]
    assert webhook["queued"] == 1
    done = tocsin.run("db", "prune", "--set", "keep_deliveries=1d")
    assert json.loads(done.stdout) == {"events": 0, "deliveries": 2, "webhooks": 0}


def test_prune_gives_the_space_back(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.now_ms -= 30 * DAY
        desk.append(*events(1, 20_000))
    with closing(sqlite3.connect(tocsin.db)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    before = tocsin.db.stat().st_size
    assert json.loads(tocsin.run("db", "prune").stdout)["events"] == 20_000
    assert tocsin.db.stat().st_size < before / 4
    assert tocsin.run("db", "check").returncode == 0


def test_a_store_that_is_open_to_others_is_warned_of_once(tocsin: Tocsin) -> None:
    tocsin.run("db", "upgrade")
    assert "warning" not in tocsin.run("db", "check").stderr
    tocsin.db.chmod(0o644)
    done = newer(tocsin).run("db", "upgrade")
    assert done.returncode == 0
    warning = f"WARNING: {tocsin.db} is open to others (mode 0644): run `chmod 0600 {tocsin.db}`"
    assert done.stderr.count(warning) == 1
