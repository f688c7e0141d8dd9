"""Watching this host's WireGuard: one step takes the baseline and starts it, or says the cure."""

from __future__ import annotations

from domain.field_errors import FieldErrors
from domain.settings import Settings
from domain.source_kinds import LOCAL, WIREGUARD, kind_named
from domain.words import counted
from sources.alone import alone, lock_file
from sources.base import Batch, SourceError
from sources.first_look import first_look
from sources.wireguard.seen import seen_text
from store import sources as stored_sources
from store.errors import StoreError
from store.records import Appended, StoredSource
from tui.desk import Desk, Refused
from tui.questions import Question

LOOKED_AT = "this host's WireGuard is being looked at already: wait for it"
ALSO_RUN = "another process runs the source local: stop that first"


def question_before(source: StoredSource | None) -> Question:
    """What is asked before it is watched, or watched no more."""
    if source is not None and source.active:
        return Question(
            "Watch this host's WireGuard no more?",
            ("Handshakes from now on become no events; what was queued is sent.",),
            yes="Pause it",
        )
    return Question(
        "Watch this host's WireGuard?",
        (
            f"`{_command(source)}` is run now, for the baseline, and then by the worker that "
            "sends.",
            "The first event comes with the next handshake of a peer.",
        ),
        yes="Watch it",
    )


async def switch(desk: Desk, settings: Settings, source: StoredSource | None) -> str:
    """Watch it, or watch it no more; what came of that. Raises Refused."""
    if source is None or not source.active:
        return await switch_on(desk, settings, source)
    await desk.change(stored_sources.pause, LOCAL)
    return "this host's WireGuard is not watched any more"


async def switch_on(desk: Desk, settings: Settings, source: StoredSource | None) -> str:
    """Look once and, if that went well, let the worker watch; what was found, in a sentence.

    Raises Refused, with the reason and the cure, and then nothing is changed.
    """
    if desk.looks.is_under_way(LOCAL):
        raise Refused(LOOKED_AT)
    return await desk.looks.carry_out(LOCAL, lambda _stop: _begin(desk, settings, source))


async def _begin(desk: Desk, settings: Settings, source: StoredSource | None) -> str:
    options = {} if source is None else source.options
    with alone(lock_file(desk.store.path, LOCAL)) as we_are:
        if not we_are:
            raise Refused(ALSO_RUN)
        before = await desk.read(stored_sources.load_state, LOCAL) if source else None
        batch = await _look(desk, settings, dict(options), before)
        appended = await desk.change(
            stored_sources.start, WIREGUARD, LOCAL, options, batch.events, batch.state
        )
    found = seen_text(batch.state)
    return f"{found}{_what_follows(appended, watched_before=before is not None)}"


async def _look(
    desk: Desk, settings: Settings, options: dict[str, str], before: bytes | None
) -> Batch:
    try:
        return await first_look(
            WIREGUARD, LOCAL, options, before, desk.store, settings, desk.now_ms()
        )
    except (SourceError, StoreError, FieldErrors) as error:
        raise Refused(f"{error}; it stays off") from error


def _command(source: StoredSource | None) -> object:
    given = {} if source is None else source.options
    return kind_named(WIREGUARD).values(given)["command"]


def _what_follows(appended: Appended, *, watched_before: bool) -> str:
    if not watched_before and not appended.accepted:
        return "; the next handshake is the first event"
    since = " since it was last watched" if watched_before else " at once"
    return f"; {counted(appended.accepted, 'event')}{since}"
