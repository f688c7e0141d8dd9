"""Backups that open with an old key: found where they were written, and beside the store."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from store import audit, models
from store.maintenance import backup, old_backups, rekey
from store.maintenance.old_backups import OldBackup
from tests.support.stores import ACTOR, NOW, Child, Desk


def written(desk: Desk, path: Path) -> Path:
    """A backup, as `tocsin db backup` makes it."""
    backup.backup_to(desk.store.path, path)
    desk.call(audit.note_alone, ACTOR, backup.BACKED_UP, NOW, file=str(path))
    return path


def found(desk: Desk) -> list[OldBackup]:
    return desk.call(old_backups.find, desk.store.vault)


def test_those_of_every_former_key_and_no_others(desk: Desk, tmp_path: Path) -> None:
    first = written(desk, tmp_path / "first.db")
    desk.call(rekey.rekey, desk.store.vault, ACTOR, NOW)
    second = written(desk, tmp_path / "second.db")
    beside = desk.store.path.with_name("tocsin.db.before-schema-9")
    backup.backup_to(desk.store.path, beside)
    (tmp_path / "text").write_text("SQLite format 3, as it were")
    backup.backup_to(desk.store.path, tmp_path / "of-another-key.db")
    with closing(sqlite3.connect(tmp_path / "of-another-key.db")) as other:
        other.execute("UPDATE fact SET value = 'another' WHERE name = 'key_fingerprint'")
        other.commit()
    assert {one.path for one in found(desk)} == {first, second, beside}
    desk.call(rekey.rekey, desk.store.vault, ACTOR, NOW)
    third = written(desk, tmp_path / "third.db")
    first.unlink()
    assert {one.path for one in found(desk)} == {second, third, beside}


def test_the_files_that_are_open_are_left_alone(desk: Desk) -> None:
    """To close them here would drop SQLite's locks on them, so that another could write too."""
    other = "import sqlite3, sys; sqlite3.connect(sys.argv[1], 0).execute('BEGIN IMMEDIATE')"

    def writes_too() -> str:
        with models.database.atomic():
            old_backups.find(desk.store.vault)
            child = [sys.executable, "-c", other, str(desk.store.path)]
            return subprocess.run(child, capture_output=True, text=True, check=False).stderr

    assert "database is locked" in desk.call(writes_too)


def test_what_was_deleted_or_overwritten_is_none(desk: Desk, tmp_path: Path) -> None:
    written(desk, tmp_path / "gone.db").unlink()
    written(desk, tmp_path / "other.db").write_bytes(b"SQLite format 3\0" + bytes(200))
    assert found(desk) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another account")
def test_what_may_not_be_looked_at_is_told(tmp_path: Path) -> None:
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    child = Child(
        "from store import audit\n"
        "from store.maintenance import backup, old_backups\n"
        "store = open_store(path)\n"
        "file = Path(sys.argv[2], 'a.db')\n"
        "backup.backup_to(path, file)\n"
        "store.call(audit.note_alone, ACTOR, backup.BACKED_UP, NOW, file=str(file))\n"
        "for one in (path.parent, *path.parent.iterdir()):\n"
        "    os.chown(one, 65534, 65534)\n"
        "drop_root()\n"
        "[found] = store.call(old_backups.find, store.vault)\n"
        "print(found.path == file, found.is_seen)\n",
        tmp_path / "home" / "tocsin.db",
        closed,
    )
    assert child.finish() == "True False\n"
