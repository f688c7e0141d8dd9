"""Change of a store's key: the new one is written beside, all is encrypted with it, it takes over.

A kill leaves the old key in force and the new one beside it, or the new one in force and not yet
in its place: the next start finishes what was begun, and until then `Vault` finds the right one.
No ciphertext of the old key stays in the file.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from peewee import PeeweeException

from domain.actors import Actor
from store import audit, files
from store.errors import Conflict, StoreError, StoreUnavailable, WrongKey, unavailable
from store.maintenance.prune import PAGES, give_back
from store.models import FactRow, database
from store.vault import FINGERPRINT, Vault, fingerprint_of, keys_in, new_key

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

ENCRYPTED = {"webhook": ("headers", "secrets"), "source": ("secrets",), "draft": ("text",)}
"""Every column that holds what `Vault.encrypt` made, by table."""

REKEYED = "store.rekey"
"""The action of the audit trail."""

Access = Callable[[], AbstractContextManager[object]]
"""Context for the steps at the key file: the rights to its folder, if these are others."""


class RekeyResult(msgspec.Struct, frozen=True):
    """Result of a change of keys.

    values:     how many values the new key opens
    unreadable: how many the old key did not open, which are left as they were
    leftover:   a program that reads the store keeps old pages in its log for now
    finished:   it was begun earlier and is finished now
    """

    values: int
    unreadable: int
    leftover: bool
    finished: bool


def rekey(vault: Vault, actor: Actor, now_ms: int, access: Access = nullcontext) -> RekeyResult:
    """Give the store another key, or finish what was begun. Raises Conflict, WrongKey."""
    vault.check()
    finished = vault.next_file.exists()
    descriptor = _open(vault.next_file) if finished else _begin(vault, actor, now_ms, access)
    if descriptor is None or not _lock(descriptor, vault.next_file):
        raise Conflict(f"{vault.store_path} is being given another key: wait until that is done")
    try:
        with _taken_back(vault, access):
            values, unreadable = _encrypt_anew(vault)
        leftover = not _forget_old_pages()
        with access():
            _put(vault)
    finally:
        os.close(descriptor)
    return RekeyResult(values, unreadable, leftover, finished)


def _begin(vault: Vault, actor: Actor, now_ms: int, access: Access) -> int | None:
    """Note who did it, then write the new key; None if another process was quicker."""
    key = new_key()
    folder = vault.key_file.parent
    with access():
        if not os.access(folder, os.W_OK, effective_ids=True):
            raise StoreUnavailable(
                f"{folder}, where the key is, may not be written by this account: "
                "run `sudo tocsin db rekey`"
            )
    before, after = vault.store_fingerprint(), fingerprint_of(key)
    audit.note_alone(actor, REKEYED, now_ms, before=before, after=after)
    with access():
        return _write(vault, key)


@contextmanager
def _taken_back(vault: Vault, access: Access) -> Iterator[None]:
    """Remove the new key again if nothing was encrypted with it."""
    try:
        yield
    except BaseException:
        if vault.store_fingerprint() != fingerprint_of(keys_in(vault.next_file)[0]):
            with access():
                vault.next_file.unlink()
        raise


def finish(vault: Vault) -> str | None:
    """Finish a change of keys that was begun; return a warning if that cannot be done now.

    A new key that another process works with is left alone.
    """
    try:
        descriptor = _open(vault.next_file)
        if descriptor is None:
            return None
        try:
            return _finish(vault) if _lock(descriptor, vault.next_file) else None
        finally:
            os.close(descriptor)
    except (StoreError, PeeweeException, sqlite3.Error) as error:
        reason = error if isinstance(error, StoreError) else unavailable(error, vault.store_path)
        return f"another key was begun in {vault.next_file}, and this cannot be finished: {reason}"


def _finish(vault: Vault) -> str | None:
    _encrypt_anew(vault)
    _forget_old_pages()
    if os.access(vault.key_file.parent, os.W_OK, effective_ids=True):
        _put(vault)
        return None
    return (
        f"the key of {vault.store_path} is {vault.next_file}, which this account may not put in "
        f"the place of {vault.key_file}: run `sudo tocsin db rekey`"
    )


def _write(vault: Vault, key: bytes) -> int | None:
    """Write the new key beside the old one, for the same account; locked before it is seen."""
    draft = _draft_of(vault)
    draft.unlink(missing_ok=True)
    files.write_new(draft, key + b"\n", 0o400)
    owner = vault.key_file.stat()
    descriptor = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.geteuid() == 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.link(draft, vault.next_file)
    except FileExistsError:
        os.close(descriptor)
        return None
    finally:
        draft.unlink()
    files.sync_folder(vault.next_file)
    return descriptor


def _draft_of(vault: Vault) -> Path:
    """Return the name under which the new key is written."""
    return vault.next_file.with_name(f".{vault.next_file.name}.part")


def _open(file: Path) -> int | None:
    try:
        return os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WrongKey(f"the key file {file}: {error.strerror}") from error


def _lock(descriptor: int, file: Path) -> bool:
    """Lock the new key; False if another process has, or has put it in its place."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _encrypt_anew(vault: Vault) -> tuple[int, int]:
    """Encrypt every value with the new key and note its fingerprint, in one transaction."""
    from cryptography.fernet import Fernet, MultiFernet

    new = keys_in(vault.next_file)
    with _overwriting(), database.atomic():
        if vault.store_fingerprint() == fingerprint_of(new[0]):
            return 0, 0  # it was killed after this
        ciphers = MultiFernet([Fernet(key) for key in (*new, *vault.keys())])
        counts = [_rewrite(table, columns, ciphers) for table, columns in ENCRYPTED.items()]
        FactRow.update(value=fingerprint_of(new[0])).where(FactRow.name == FINGERPRINT).execute()
    return sum(done for done, _ in counts), sum(left for _, left in counts)


@contextmanager
def _overwriting() -> Iterator[None]:
    """Overwrite with zeros what is deleted, and let rows be deleted that others refer to.

    They are inserted again. What was deleted before leaves the file first.
    """
    execute = database.execute_sql
    _give_back_all()
    before = execute("PRAGMA secure_delete").fetchone()[0]
    execute("PRAGMA secure_delete = 1").fetchall()
    execute("PRAGMA foreign_keys = 0")
    try:
        yield
    finally:
        execute("PRAGMA foreign_keys = 1")
        execute(f"PRAGMA secure_delete = {before:d}").fetchall()


def _rewrite(table: str, columns: Sequence[str], ciphers: MultiFernet) -> tuple[int, int]:
    """Write a table's rows anew, into pages that hold nothing of before.

    Return how many values were encrypted anew, and how many no key opens.
    """
    connection = database.connection()
    cursor = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - a name of our own
    names = [name for name, *_ in cursor.description]
    rows = [list(row) for row in cursor.fetchall()]
    done = left = 0
    for row in rows:
        for index in map(names.index, columns):
            if row[index] is None:
                continue
            anew = _anew(row[index], ciphers)
            row[index] = row[index] if anew is None else anew
            done, left = (done, left + 1) if anew is None else (done + 1, left)
    connection.execute(f'DELETE FROM "{table}"')  # noqa: S608 - the same
    marks = ", ".join("?" * len(names))
    quoted = ", ".join(f'"{name}"' for name in names)
    connection.executemany(
        f'INSERT INTO "{table}" ({quoted}) VALUES ({marks})',  # noqa: S608 - the same
        rows,
    )
    return done, left


def _anew(token: bytes, ciphers: MultiFernet) -> bytes | None:
    from cryptography.fernet import InvalidToken

    try:
        return ciphers.rotate(bytes(token))
    except InvalidToken:
        return None


def _forget_old_pages() -> bool:
    """Empty the log, which holds pages as they were; False while others read them."""
    _give_back_all()
    ((busy, *_),) = database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return not busy


def _give_back_all() -> None:
    """Give free pages back to the disk, as many as there are now."""
    free = int(database.execute_sql("PRAGMA freelist_count").fetchone()[0])
    for _ in range(0, free, PAGES):
        give_back()


def _put(vault: Vault) -> None:
    """Let the new key take the old one's place."""
    try:
        _draft_of(vault).unlink(missing_ok=True)  # a kill may have left it as a second name
        vault.next_file.replace(vault.key_file)
        files.sync_folder(vault.key_file)
    except OSError as error:
        raise StoreUnavailable(
            f"cannot put {vault.next_file} in the place of {vault.key_file}: {error.strerror}; "
            "the store is encrypted with the new key, and is read with it"
        ) from error
