"""A new store: whole with its key or not at all, and never in the place of one that was there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store import creation
from store.database import open_store
from store.errors import Conflict, StoreGone, StoreUnavailable
from store.events import reading
from store.maintenance import health
from store.vault import Vault, new_key
from tests.support.killed_program import is_killed
from tests.support.stores import ALERTS, Desk, event

# Every call by which a new store changes what is on disk is a step.
CREATION = """
from store.database import open_store
import cryptography.fernet
count("mkdir", "open", "fsync", "link", "unlink", "replace", "rename")
open_store(Path(sys.argv[1])).close()
"""


@pytest.fixture
def made(store_path: Path) -> Path:
    """A store with an event, closed."""
    store = open_store(store_path)
    Desk(store).append(event(1))
    store.close()
    return store_path


def delete(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    os.truncate(path, 0)


lost = pytest.mark.parametrize("lose", [delete, cut])


@lost
@pytest.mark.parametrize("create", [True, False])
def test_where_a_key_says_that_there_was_a_store_none_is_made(
    made: Path, lose: Callable[[Path], None], create: bool
) -> None:
    lose(made)
    key = made.with_name("tocsin.key")
    with pytest.raises(StoreGone) as caught:
        open_store(made, create=create)
    for words in (f"its key {key} is there", "tocsin db restore", "--new-store"):
        assert words in str(caught.value)
    assert not made.exists() or made.stat().st_size == 0


@lost
def test_where_a_log_says_so_neither(made: Path, lose: Callable[[Path], None]) -> None:
    lose(made)
    made.with_name("tocsin.key").unlink()
    log = made.with_name("tocsin.db-wal")
    log.write_bytes(b"all there is")
    with pytest.raises(StoreGone, match=r"its log .*tocsin\.db-wal is there"):
        open_store(made)
    store = open_store(made, new_store=True)
    Desk(store).append(event(2))
    assert store.call(health.problems, store.vault) == []
    store.close()
    assert made.with_name("tocsin.db-wal.set-aside-1").read_bytes() == b"all there is"


def test_a_deliberate_new_store_keeps_the_key_that_is_there(made: Path) -> None:
    key = made.with_name("tocsin.key").read_bytes()
    made.unlink()
    store = open_store(made, new_store=True)
    assert store.call(reading.heads)[ALERTS] == 0
    store.call(store.vault.check)
    store.close()
    assert made.with_name("tocsin.key").read_bytes() == key
    open_store(made).close()


def test_a_new_store_is_refused_where_one_is(made: Path) -> None:
    with pytest.raises(Conflict, match="leave --new-store out"):
        open_store(made, new_store=True)
    store = open_store(made)
    assert store.call(reading.heads)[ALERTS] == 1
    store.close()


def test_a_key_that_was_put_there_beforehand_needs_a_word(tmp_path: Path) -> None:
    path, key_file = tmp_path / "home" / "tocsin.db", tmp_path / "keys" / "key"
    Vault(key_file, path).write_key(new_key())
    with pytest.raises(StoreGone, match="put there for a store that is still to be made needs"):
        open_store(path, key_file=key_file)
    open_store(path, key_file=key_file, new_store=True).close()
    store = open_store(path, key_file=key_file)
    store.call(store.vault.check)
    store.close()


def killed(path: Path) -> Iterator[int]:
    """Make the store again and again, killed a step later each time; the step's number."""
    for step in range(1, 200):
        if not is_killed(CREATION, step, path):
            return
        yield step
    raise AssertionError("it was never made")


def test_a_kill_at_any_step_leaves_neither_or_what_the_next_start_finishes(
    store_path: Path,
) -> None:
    seen: set[tuple[bool, bool]] = set()
    for _ in killed(store_path):
        key = store_path.with_name("tocsin.key")
        seen.add((key.exists(), store_path.exists()))
        assert key.exists() or not store_path.exists()
        store = open_store(store_path)
        store.call(store.vault.check)
        assert Desk(store).append(event(1)).accepted == 1
        assert store.call(health.problems, store.vault) == []
        store.close()
        names = {file.name for file in store_path.parent.iterdir()}
        assert {"tocsin.db", "tocsin.key"} == {name for name in names if ".key." not in name}
        for file in store_path.parent.iterdir():
            file.unlink()
        store_path.parent.rmdir()
    assert seen == {(False, False), (True, False), (True, True)}


def test_a_draft_of_another_key_is_not_put_in_place(store_path: Path) -> None:
    store_path.parent.mkdir()
    vault = Vault(store_path.with_name("tocsin.key"), store_path)
    creation.build(creation.draft_of(store_path), "0123456789abcdef")
    assert not creation.is_finished(creation.draft_of(store_path), vault.key_file)
    vault.write_key(new_key())
    assert not creation.is_finished(creation.draft_of(store_path), vault.key_file)
    with pytest.raises(StoreGone):
        open_store(store_path)


def test_filling_that_fails_leaves_no_store(store_path: Path) -> None:
    def fail(_draft: Path) -> None:
        raise StoreUnavailable("the backup is damaged")

    with pytest.raises(StoreUnavailable, match="damaged"):
        creation.make_filled(store_path, fail)
    assert list(store_path.parent.iterdir()) == []
