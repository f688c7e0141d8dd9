"""Search for backups that open with a key that the store had before."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Set
from itertools import islice
from pathlib import Path

import msgspec

from store.maintenance.backup import BACKED_UP, key_beside
from store.maintenance.rekey import REKEYED
from store.migrations import APPLICATION_ID
from store.models import ChangeRow, rows
from store.presence import Identity, identity
from store.vault import Vault, fingerprint_in

MOST_FILES = 5_000
"""Files of one folder that are read at most."""

_ENDS = ("", "-wal", "-shm")
_MAGIC = b"SQLite format 3\0"
_APPLICATION = slice(68, 72)
"""Bytes in the header of a database with the number of the program that it belongs to."""


class OldBackup(msgspec.Struct, frozen=True):
    """A backup; `is_seen` is False where it cannot be looked at now, as on a stick."""

    path: Path
    is_seen: bool
    has_key: bool


def find(vault: Vault) -> list[OldBackup]:
    """Return the backups with a key that the store has or had; today's is about to be replaced.

    They are looked for beside the store, and in the folders that the audit trail names.
    """
    written = {Path(detail["file"]) for detail in _details(BACKED_UP)}
    prints = {*(detail["before"] for detail in _details(REKEYED)), vault.store_fingerprint()} - {
        None
    }
    folders = {vault.store_path.parent} | {path.parent for path in written}
    own = {identity(vault.store_path.with_name(vault.store_path.name + end)) for end in _ENDS}
    found = [
        OldBackup(path, is_seen=True, has_key=key_beside(path).exists())
        for folder in sorted(folders)
        for path in _stores(folder, own)
        if fingerprint_in(path) in prints
    ]
    unseen = sorted(path for path in written if _is_unseen(path))
    return found + [OldBackup(path, is_seen=False, has_key=False) for path in unseen]


def _is_unseen(path: Path) -> bool:
    """Return True for a file that may well be there, and cannot be read here and now."""
    try:
        path.open("rb").close()
    except FileNotFoundError:
        return not _is_folder(path.parent)
    except OSError:
        return True
    return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _details(action: str) -> list[dict[str, str]]:
    query = ChangeRow.select(ChangeRow.detail).where(ChangeRow.action == action)
    return [json.loads(detail) for (detail,) in rows(query)]


def _stores(folder: Path, own: Set[Identity | None]) -> Iterator[Path]:
    """Yield the files of a folder that are stores of ours, by their first bytes.

    The files of the store that is open are left alone: to close them here would drop the locks
    that SQLite has on them for this process.
    """
    try:
        for path in islice(sorted(folder.iterdir()), MOST_FILES):
            is_file = stat.S_ISREG(path.lstat().st_mode)
            if is_file and identity(path) not in own and _is_store(path):
                yield path
    except OSError:
        return


def _is_store(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_APPLICATION.stop)
    except OSError:
        return False
    return head.startswith(_MAGIC) and head[_APPLICATION] == APPLICATION_ID.to_bytes(4, "big")
