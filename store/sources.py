"""What sources remember and how they are doing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from store import events as event_store
from store import models
from store.models import database
from store.records import Appended, SourceHealth

if TYPE_CHECKING:
    from domain.events import Event


def load_state(kind: str, name: str) -> bytes | None:
    """What the source gave with its last batch."""
    row = models.Source.get_or_none(models.Source.kind == kind, models.Source.name == name)
    return bytes(row.state) if row is not None and row.state is not None else None


def save_batch(
    kind: str, name: str, events: Sequence[Event], state: bytes, now_ms: int
) -> Appended:
    """Add a source's events and its new state in one transaction: a crash has both or neither."""
    with database.atomic():
        appended = event_store.append(events, now_ms)
        _ensure(kind, name)
        models.Source.update(
            state=state,
            accepted_events=models.Source.accepted_events + appended.accepted,
            last_ok_ms=now_ms,
            error=None,
            error_ms=None,
            failures=0,
        ).where(models.Source.kind == kind, models.Source.name == name).execute()
        return appended


def save_failure(kind: str, name: str, error: str, now_ms: int) -> None:
    """Note that a poll failed; state and events stay as they are."""
    with database.atomic():
        _ensure(kind, name)
        models.Source.update(
            error=error, error_ms=now_ms, failures=models.Source.failures + 1
        ).where(models.Source.kind == kind, models.Source.name == name).execute()


def forget_failure(kind: str, name: str) -> None:
    """Let a source that is not watched any more have nothing wrong with it."""
    with database.atomic():
        models.Source.update(error=None, error_ms=None, failures=0).where(
            models.Source.kind == kind,
            models.Source.name == name,
            models.Source.error.is_null(False),
        ).execute()


def health() -> list[SourceHealth]:
    """Every source that was ever run."""
    rows = models.Source.select().order_by(models.Source.kind, models.Source.name)
    return [
        SourceHealth(
            kind=row.kind,
            name=row.name,
            accepted_events=row.accepted_events,
            last_ok_ms=row.last_ok_ms,
            error=row.error,
            error_ms=row.error_ms,
            failures=row.failures,
        )
        for row in list(rows)
    ]


def _ensure(kind: str, name: str) -> None:
    models.Source.insert(kind=kind, name=name).on_conflict_ignore().execute()
