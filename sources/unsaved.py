"""Unsaved batch: events that a source took, which are gone at their server, and the store lacks.

It is kept in memory and in a file beside the store until the store has it, since this process may
end before that.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from domain.events import Event, RefusedText
from domain.wording import counted
from sources.base import Batch, SourceError


class _Kept(msgspec.Struct, frozen=True):
    """Batch as it is on disk, and when the source that took it was added."""

    events: tuple[Event, ...]
    state: bytes
    warning: str
    more: bool
    created_ms: int | None = None
    refused: tuple[RefusedText, ...] = ()


_decoder = msgspec.msgpack.Decoder(_Kept)


class UnsavedBatch:
    """Unsaved batch of a source, one at most: it is saved before the next poll.

    To be used while no other process runs the source. `created_ms` distinguishes it from an earlier
    source of the same name, whose events are saved here too.
    """

    def __init__(self, store: Path, name: str, created_ms: int | None) -> None:
        self._file = store.with_name(f"{store.name}.source-{name}.unsaved")
        self._created_ms = created_ms
        self._batch: Batch | None = None

    def hold(self, batch: Batch) -> None:
        """Keep a batch. Raises SourceError where only this process can keep it."""
        self._batch = batch
        try:
            self._write(batch)
        except OSError as error:
            places = f"neither the store nor {self._file} can be written ({error.strerror})"
            count = len(batch.events) + len(batch.refused)
            taken = f"{counted(count, 'event')}, taken already,"
            reason = f"{places}: {taken} can be kept only until this process ends"
            raise SourceError(reason, "free some disk space") from None

    def held(self) -> Batch | None:
        """Return the kept batch, also of a process before this one. Raises SourceError."""
        if self._batch is not None:
            return self._batch
        kept = self._read()
        if kept is None or kept.created_ms != self._created_ms:
            return None
        return _batch(kept)

    def of_earlier(self) -> Batch | None:
        """Return the batch that a deleted source of this name left, if any. Raises SourceError."""
        kept = self._read() if self._batch is None else None
        return None if kept is None or kept.created_ms == self._created_ms else _batch(kept)

    def clear(self) -> None:
        """Forget the batch: the store has it."""
        self._batch = None
        self._file.unlink(missing_ok=True)

    def _write(self, batch: Batch) -> None:
        kept = _Kept(
            batch.events, batch.state, batch.warning, batch.more, self._created_ms, batch.refused
        )
        draft = self._file.with_name(f"{self._file.name}.new")
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(draft, flags, 0o600)
        with open(descriptor, "wb") as opened:
            opened.write(msgspec.msgpack.encode(kept))
            opened.flush()
            os.fsync(descriptor)
        draft.replace(self._file)

    def _read(self) -> _Kept | None:
        try:
            return _decoder.decode(self._file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            reason = f"what it took before is in {self._file} and cannot be read: {error}"
            raise SourceError(reason, "move that file away to go on without it") from None


def _batch(kept: _Kept) -> Batch:
    return Batch(kept.events, kept.state, kept.warning, kept.more, refused=kept.refused)
