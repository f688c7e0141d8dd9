"""One look of a source that is not active yet: what it would see, or why it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from domain.alert_kinds import all_terms
from domain.settings import Settings
from sources.base import Batch, SourceError
from sources.making import SourceTerms, make_source
from sources.polling import in_thread
from store import alert_settings
from store.records import StoredSource

if TYPE_CHECKING:
    from store.database import Store

NOT_LOOKED_AT = "it is handed its events, or takes them for good"
NOT_WITHOUT_KEEPING = "it is looked at when it is active, and what comes is kept"


async def first_look(
    kind: str,
    name: str,
    options: Mapping[str, str],
    state: bytes | None,
    store: Store,
    settings: Settings,
    now_ms: int,
) -> Batch:
    """What it sees now, starting from `state`; nothing of it is kept.

    Raises FieldErrors, SourceError (also for a kind that is not looked at), StoreError.
    """
    terms = SourceTerms(settings, all_terms(await store.run(alert_settings.load_all)))
    made = make_source(_unsaved(kind, name, options, now_ms), terms, store)
    if made is not None and made.takes:
        raise SourceError(f"a look takes events from {kind} for good", NOT_WITHOUT_KEEPING)
    source = None if made is None or made.takes else made.source
    if source is None:
        raise SourceError(f"a source of kind {kind} cannot be tried", NOT_LOOKED_AT)
    return await in_thread(lambda: source.poll(now_ms, state))


def _unsaved(kind: str, name: str, options: Mapping[str, str], now_ms: int) -> StoredSource:
    return StoredSource(
        name=name,
        kind=kind,
        active=True,
        options=options,
        revision=0,
        accepted_events=0,
        last_event_ms=None,
        last_ok_ms=None,
        error=None,
        error_ms=None,
        failures=0,
        created_ms=now_ms,
        updated_ms=now_ms,
    )
