"""Progress of an upgrade: a fact in the store says how far it is, a lock beside it who is at work.

The fact is there from the first commit of an upgrade to its last. Where it is there and nobody
holds the lock, the upgrade was interrupted.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec
from peewee import DatabaseProxy

from store import files
from store.errors import StoreBusy

FACT = "upgrade"

COPY, EVENTS, INDEX, TABLES, REMNANTS = "copy", "events", "index", "tables", "remnants"
_SHARES = {COPY: (0, 25), EVENTS: (25, 65), INDEX: (65, 92), TABLES: (92, 100)}
"""Percent at which each phase begins and ends, as measured with ten million events."""

_IN_CLEAR, _REMNANTS_AT = 3, 60
"""Schema from which on no URLs stood in clear; percent at which those of before are removed."""

_PARTS = {
    COPY: "its copy",
    EVENTS: "its events",
    INDEX: "their index",
    TABLES: "its other tables",
    REMNANTS: "what it had in clear",
}
_VERSION = slice(60, 64)
"""Bytes in the header of a database with the number of its schema."""

NUMBERS = range(1, 10)
"""Numbers of the copies that upgrades to one schema made; the first has none in its name."""


class Progress(msgspec.Struct, frozen=True):
    """Progress of an upgrade: `done` counts the events, or the pages of the copy, of `total`.

    `since` is the schema of the store before it, `copy` the name of the copy that it makes.
    """

    since: int
    phase: str = COPY
    done: int = 0
    total: int = 0
    copy: str = ""

    @property
    def is_swapped(self) -> bool:
        """True if the new tables are in the place of the old ones."""
        return self.phase == REMNANTS

    @property
    def percent(self) -> int:
        """Share of the whole upgrade that is done."""
        until = _REMNANTS_AT if self.since < _IN_CLEAR else 100
        begin, end = _SHARES.get(self.phase, (0, 100))
        share = begin + (end - begin) * min(self.done, self.total) / max(1, self.total)
        if self.is_swapped:
            return until + int(share) * (100 - until) // 100
        return int(share) * until // 100

    @property
    def part(self) -> str:
        """Part of the store that is worked on."""
        return _PARTS[self.phase]


class Upgrade(msgspec.Struct, frozen=True):
    """An upgrade as others see it; `under_way` is False for one that was interrupted.

    `copy` is the one that it makes.
    """

    percent: int
    under_way: bool
    copy: Path

    @property
    def words(self) -> str:
        """State in a few words."""
        if self.under_way:
            return f"is being upgraded ({self.percent} %)"
        return f"is upgraded in part: interrupted at {self.percent} %"

    def sentence(self, path: Path) -> str:
        """State of the store at `path`, what that means, and the cure."""
        if self.under_way:
            return f"{path} {self.words}: until that is done it is only read"
        return (
            f"the upgrade of {path} was interrupted at {self.percent} %, and the store is only "
            "read: run `tocsin db upgrade`, or start a worker, to go on with it"
        )


class Copy(msgspec.Struct, frozen=True):
    """A copy that an upgrade made of the store as it was, of that schema."""

    path: Path
    bytes: int
    schema: int


def lock_of(path: Path) -> files.FileLock:
    """Return the lock of the process that upgrades the store at `path`."""
    return files.FileLock(
        path.with_name(f"{path.name}.upgrading"),
        "the lock of the upgrade cannot be opened ({reason}): whoever upgrades must be able to "
        "write this file and its folder",
    )


def load(database: DatabaseProxy) -> Progress | None:
    """Return the progress of the upgrade that was begun and not ended; None if there is none."""
    row = database.connection().execute("SELECT value FROM fact WHERE name = ?", (FACT,)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Progress)


def schema_of(begun: Progress | None, version: int) -> int:
    """Return the schema of a store's tables, whose schema number is `version`."""
    return version if begun is None or begun.is_swapped else begun.since


def note(database: DatabaseProxy, progress: Progress) -> None:
    """Note the progress; called inside the transaction that makes it."""
    value = msgspec.json.encode(progress).decode()
    database.connection().execute(
        "INSERT INTO fact (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (FACT, value),
    )


def forget(database: DatabaseProxy) -> None:
    """Note that the upgrade is done; called inside its last transaction."""
    database.connection().execute("DELETE FROM fact WHERE name = ?", (FACT,))


def seen(progress: Progress, path: Path, target: int) -> Upgrade:
    """Return the upgrade to schema `target` as others see it; may be called on any thread."""
    if progress.phase == COPY:
        written, whole = (_size(file) for file in (draft_of(path, target), path))
        progress = msgspec.structs.replace(progress, done=written, total=whole)
    elif progress.is_swapped:  # the file, half of which is free, is written anew into its log
        log, whole = (_size(file) for file in (path.with_name(f"{path.name}-wal"), path))
        progress = msgspec.structs.replace(progress, done=2 * log, total=whole)
    return Upgrade(progress.percent, lock_of(path).is_held(), own_copy(progress, path, target))


def copy_of(path: Path, target: int, number: int = 1) -> Path:
    """Return the path of one of the copies that upgrades to schema `target` make."""
    return path.with_name(f"{path.name}{_copy_end(target, number)}")


def _copy_end(target: int, number: int) -> str:
    return f".before-schema-{target}" + ("" if number == 1 else f"-{number}")


def free_copy(path: Path, target: int) -> Path:
    """Return a path for the copy of a new upgrade. Raises StoreBusy if none is free.

    What lies there already is of an earlier upgrade, and stays until the admin deletes it.
    """
    copies = [copy_of(path, target, number) for number in NUMBERS]
    for copy in copies:
        if not os.path.lexists(copy):
            return copy
    raise StoreBusy(
        f"the upgrade of {path} makes a copy of it first, and {copies[0]} to {copies[-1].name} are "
        "those of earlier ones: delete one that you need no more and try again; until then the "
        "store stays as it is"
    )


def own_copy(progress: Progress, path: Path, target: int) -> Path:
    """Return the path of the copy that this upgrade makes, whether it is written yet or not."""
    return path.with_name(progress.copy) if progress.copy else copy_of(path, target)


def draft_of(path: Path, target: int) -> Path:
    """Return the path of a copy while it is written."""
    copy = copy_of(path, target)
    return copy.with_name(f"{copy.name}.part")


def copies(path: Path, latest: int) -> list[Copy]:
    """Return the copies that upgrades up to schema `latest` made; unreadable ones are left out.

    They are asked for by their names, since the folder may hold much else, and this is done with
    each report.
    """
    found = []
    for target in range(2, latest + 1):
        names = [f"{path}{_copy_end(target, number)}" for number in NUMBERS]
        for name in filter(os.path.exists, names):
            with suppress(OSError):
                found.append(_copy(Path(name)))
    return found


def _copy(file: Path) -> Copy:
    with file.open("rb") as head:
        schema = int.from_bytes(head.read(_VERSION.stop)[_VERSION], "big")
    return Copy(file, file.stat().st_size, schema)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
