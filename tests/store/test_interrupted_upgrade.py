"""An upgrade that was killed goes on at the next start; until then nobody writes, all can read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from domain.wording import size_text
from store import files, migrations, models
from store.database import Store, open_store
from store.errors import StoreBusy, StoreError, StoreOvertaken
from store.events import adding, reading
from store.maintenance import backup, health
from store.migrations import m0004_event_keys, progress, upgrade
from store.migrations.progress import COPY, EVENTS, INDEX, REMNANTS, TABLES, Progress
from store.models import database
from store.queue import attempts
from tests.support.released_stores import MADE_MS, RELEASED, copy_of, kept, kept_by
from tests.support.stores import ACTOR, ALERTS, NOW, WORKER, event, run_child

KILLED = """
from store.migrations import m0004_event_keys, progress

m0004_event_keys.ROWS = 3
phase, left = sys.argv[2], [int(sys.argv[3])]

def die(state):
    left[0] -= state.phase == phase
    if left[0] == 0:
        print(state.percent, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

open_store(path, migrate=True, report=die)
"""
"""Upgrades a store, and ends itself when a phase was reported so often."""

RELEASED_DB = RELEASED[0] / "tocsin.db"
KILLS = [(COPY, 1), (EVENTS, 1), (EVENTS, 3), (INDEX, 1), (TABLES, 1), (REMNANTS, 1)]


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The store of the first released schema."""
    return copy_of(RELEASED[0], tmp_path / "home" / "tocsin.db")


def killed(path: Path, phase: str, times: int = 1) -> None:
    """Begin to upgrade a store, and kill that when a phase was reported so often."""
    with pytest.raises(AssertionError):
        run_child(KILLED, path, phase, str(times))


def upgraded(path: Path) -> Store:
    return open_store(path, migrate=True)


def check_kept(store: Store) -> None:
    """Check that a store is sound, and holds what the released one held."""
    now = kept(store)
    for name, before in kept_by(RELEASED[0]).items():
        assert now[name] == before, name
    store.call(attempts.recover, WORKER, MADE_MS)
    assert store.call(health.problems, store.vault) == []
    assert store.call(migrations.current_version, database) == migrations.LATEST
    facts = store.call(lambda: {name for name, _ in models.rows(models.FactRow.select())})
    assert facts <= {"key_fingerprint", "paused", "urls_masked_to", "events_ahead"}, facts


def beside(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir()}


@pytest.mark.parametrize(("phase", "times"), KILLS)
def test_a_killed_upgrade_goes_on_at_the_next_start(older: Path, phase: str, times: int) -> None:
    killed(older, phase, times)
    store = upgraded(older)
    check_kept(store)
    store.close()
    copy = progress.copy_of(older, migrations.LATEST)
    assert beside(older) == {"tocsin.db", "tocsin.key", copy.name}
    assert [one.schema for one in progress.copies(older, migrations.LATEST)] == [1]


def earlier_copy(older: Path, number: int = 1) -> Path:
    """A copy that an upgrade made before the store went back to the schema of then."""
    copy = progress.copy_of(older, migrations.LATEST, number)
    copy.write_bytes(RELEASED_DB.read_bytes() + bytes(4_096))
    return copy


@pytest.mark.parametrize(("phase", "times"), [(COPY, 1), (INDEX, 1)])
def test_the_copy_of_an_earlier_upgrade_stays_beside_the_new_one(
    older: Path, phase: str, times: int
) -> None:
    earlier = earlier_copy(older)
    content = earlier.read_bytes()
    killed(older, phase, times)
    upgraded(older).close()
    assert earlier.read_bytes() == content
    made = progress.copy_of(older, migrations.LATEST, 2)
    found = progress.copies(older, migrations.LATEST)
    assert [(one.path, one.schema) for one in found] == [(earlier, 1), (made, 1)]
    assert beside(older) == {"tocsin.db", "tocsin.key", earlier.name, made.name}


def test_a_copy_that_was_made_just_before_a_kill_is_made_anew(older: Path) -> None:
    killed(older, COPY)
    own = earlier_copy(older)
    upgraded(older).close()
    assert progress.copies(older, migrations.LATEST) == [progress.Copy(own, own.stat().st_size, 1)]
    assert own.stat().st_size == RELEASED_DB.stat().st_size


def test_copies_that_nobody_deletes_end_in_a_refusal(older: Path) -> None:
    copies = {earlier_copy(older, number) for number in progress.NUMBERS}
    before = older.read_bytes()
    with pytest.raises(StoreBusy, match=r"before-schema-.* to .*-9 are .*: delete one "):
        upgraded(older)
    assert older.read_bytes() == before
    copies.pop().unlink()
    upgraded(older).close()
    assert len(progress.copies(older, migrations.LATEST)) == len(progress.NUMBERS)


def test_what_a_kill_left_of_a_copy_is_played_into_no_other(older: Path) -> None:
    killed(older, COPY)
    draft = progress.draft_of(older, migrations.LATEST)
    draft.with_name(f"{draft.name}-journal").write_bytes(b"left over")
    upgraded(older).close()
    assert not [name for name in beside(older) if "part" in name]


def test_one_that_is_killed_again_and_again_ends_too(older: Path) -> None:
    for phase, times in [kill for kill in KILLS for _ in range(2)]:
        killed(older, phase, times)
    store = upgraded(older)
    check_kept(store)
    store.close()


@pytest.mark.parametrize(("phase", "times"), KILLS)
def test_what_is_upgraded_in_part_is_read_and_not_written(
    older: Path, phase: str, times: int
) -> None:
    killed(older, phase, times)
    store = open_store(older)
    assert store.outdated
    assert store.upgrade is not None
    assert not store.upgrade.under_way
    now, before = kept(store), kept_by(RELEASED[0])
    assert (now["events"], now["heads"]) == (before["events"], before["heads"])
    with pytest.raises(StoreBusy, match=r"was interrupted at .* %.*tocsin db upgrade"):
        store.call(adding.append, [event(1)], NOW)
    store.close()


@pytest.mark.parametrize(("phase", "times"), KILLS)
def test_a_copy_of_what_is_upgraded_in_part_can_be_restored(
    older: Path, tmp_path: Path, phase: str, times: int
) -> None:
    killed(older, phase, times)
    taken = tmp_path / "backup.db"
    backup.backup_to(older, taken)
    backup.backup_key([older.with_name("tocsin.key").read_bytes().strip()], taken)
    restored(taken, tmp_path)


@pytest.mark.parametrize("schema", range(1, migrations.LATEST))
def test_every_released_schema_is_upgraded_and_restored(
    older: Path, tmp_path: Path, schema: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:schema])
        patch.setattr(migrations, "LATEST", schema)
        patch.setattr(migrations, "PREPARED", {})
        open_store(older, migrate=True).close()
    store = upgraded(older)
    check_kept(store)
    store.close()
    copy = progress.copy_of(older, migrations.LATEST)
    assert progress.copies(older, migrations.LATEST)[-1].schema == schema
    backup.backup_key([older.with_name("tocsin.key").read_bytes().strip()], copy)
    restored(copy, tmp_path)


def restored(taken: Path, tmp_path: Path) -> None:
    """Restore a backup, and check that all is in it but what a restore changes."""
    store = open_store(tmp_path / "other" / "tocsin.db")
    args = (taken, store.path, store.vault.key_file, ACTOR, MADE_MS)
    store.call(backup.restore_from, *args)
    now, before = kept(store), kept_by(RELEASED[0])
    for name in ("events", "heads", "webhooks", "deliveries", "attempts", "quarantine"):
        assert now[name] == before[name], name
    store.close()


def test_a_tocsin_that_runs_writes_nothing_more(older: Path, tmp_path: Path) -> None:
    """It is of a schema that the upgrade of a newer one leaves behind with its first commit."""
    store = upgraded(older)
    with pytest.raises(AssertionError):
        run_child(
            "migrations.STEPS += (lambda *_: None,)\nmigrations.LATEST += 1\n" + KILLED,
            older,
            COPY,
            "1",
        )
    with pytest.raises(StoreOvertaken):
        store.call(adding.append, [event(1)], NOW)
    store.close()


def test_a_tocsin_that_runs_says_that_the_tables_are_those_of_a_newer_one(older: Path) -> None:
    store = upgraded(older)
    run_child(
        "def drop(database, _):\n    database.execute_sql('DROP TABLE draft')\n"
        "migrations.STEPS += (drop,)\nmigrations.LATEST += 1\n"
        "open_store(path, migrate=True).close()",
        older,
    )
    with pytest.raises(StoreOvertaken, match="a newer Tocsin has changed the store"):
        store.call(lambda: models.rows(models.DraftRow.select()))
    store.close()


def test_a_second_process_says_how_far_the_first_is(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(older, INDEX)
    monkeypatch.setattr(upgrade, "PATIENCE_S", 0.0)
    lock = progress.lock_of(older)
    assert lock.acquire()
    with pytest.raises(StoreBusy, match=r"is being upgraded \(39 %\): until that is done"):
        upgraded(older)
    store = open_store(older)
    copy = progress.copy_of(older, migrations.LATEST)
    assert store.upgrade == progress.Upgrade(39, under_way=True, copy=copy)
    store.close()
    lock.release()


def test_the_share_of_a_copy_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    path.write_bytes(bytes(1_000))
    progress.draft_of(path, migrations.LATEST).write_bytes(bytes(500))
    assert progress.seen(Progress(1), path, migrations.LATEST).percent == 7
    assert progress.seen(Progress(3), path, migrations.LATEST).percent == 12


def test_disk_that_is_missing_is_named_before_anything_is_written(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, size = older.read_bytes(), older.stat().st_size
    monkeypatch.setattr(files, "free_bytes", lambda _: size)
    with pytest.raises(StoreBusy) as caught:
        upgraded(older)
    said = str(caught.value)
    assert f"{size_text(size)} of them for a copy of it, and {size_text(size)} are: free " in said
    assert (older.read_bytes(), beside(older)) == (before, {"tocsin.db", "tocsin.key"})


def test_an_upgrade_that_goes_on_asks_for_less_disk(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(older, INDEX)
    monkeypatch.setattr(files, "free_bytes", lambda _: upgrade.LOG_BYTES + older.stat().st_size)
    upgraded(older).close()


def test_events_that_are_added_late_are_carried_over(older: Path) -> None:
    """No Tocsin does that; if one did, it would be lost without a word."""
    killed(older, TABLES)
    with closing(sqlite3.connect(older)) as file, file:
        file.execute("UPDATE head SET seq = seq + 1 WHERE type = 'alerts'")
        file.execute(
            "INSERT INTO event SELECT type, seq + 1, 'late', received_ms, body FROM event"
            " WHERE type = 'alerts' ORDER BY seq DESC LIMIT 1"
        )
    store = upgraded(older)
    head = store.call(reading.heads)[ALERTS]
    assert [one.id for one in store.call(reading.after, ALERTS, head - 1, limit=9)] == ["late"]
    assert store.call(health.problems, store.vault) == []
    store.close()


def test_ctrl_c_ends_an_upgrade_soon_and_leaves_it_to_the_next_start(older: Path) -> None:
    def press(state: Progress) -> None:
        if state.phase == EVENTS:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_store(older, migrate=True, report=press)
    assert not progress.lock_of(older).is_held()
    store = upgraded(older)
    check_kept(store)
    store.close()


def test_an_upgrade_takes_bounded_transactions(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(m0004_event_keys, "ROWS", 2)
    seen: list[Progress] = []
    store = open_store(older, migrate=True, report=seen.append)
    copied = [state.done for state in seen if state.phase == EVENTS]
    assert max(after - before for before, after in pairwise(copied)) == 2
    shares = [state.percent for state in seen]
    assert shares == sorted(shares)
    store.close()


@pytest.mark.parametrize("copies", [0, 1])
def test_an_upgrade_that_fails_leaves_the_store_as_it_was(
    older: Path, monkeypatch: pytest.MonkeyPatch, copies: int
) -> None:
    others = {earlier_copy(older).name for _ in range(copies)}

    def fail(_: sqlite3.Connection) -> int:
        raise sqlite3.OperationalError("no luck")

    monkeypatch.setattr(m0004_event_keys, "ROWS", 3)
    monkeypatch.setattr(m0004_event_keys, "make_index", fail)
    with pytest.raises(StoreError, match="no luck"):
        upgraded(older)
    monkeypatch.undo()
    with closing(sqlite3.connect(older)) as file, closing(sqlite3.connect(RELEASED_DB)) as before:
        assert list(file.iterdump()) == list(before.iterdump())
        assert file.execute("PRAGMA user_version").fetchone() == (1,)
        assert file.execute("PRAGMA freelist_count").fetchone() == (0,)
    assert beside(older) == {"tocsin.db", "tocsin.key", *others}
    store = upgraded(older)
    check_kept(store)
    store.close()
