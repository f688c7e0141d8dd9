"""How a source is shown on the command line."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cli.render import labelled
from cli.shapes import Shape
from domain import source_kinds
from domain.options import Default
from domain.times import rfc3339
from domain.words import span_text, time_text
from store.records import StoredSource


def source_shape(source: StoredSource) -> Shape:
    """A source as `source list --json` shows it."""
    return {
        "name": source.name,
        "kind": source.kind,
        "state": source.state,
        "options": {default.name: text for default, text in _texts(source)},
        "revision": source.revision,
        "accepted_events": source.accepted_events,
        "last_event": time_text(source.last_event_ms),
        "last_ok": time_text(source.last_ok_ms),
        "error": source.error,
        "error_at": time_text(source.error_ms),
        "failures": source.failures,
        "created": rfc3339(source.created_ms),
        "updated": rfc3339(source.updated_ms),
    }


def list_rows(
    sources: Iterable[StoredSource], keyless: Collection[str], now_ms: int
) -> list[tuple[object, ...]]:
    """The rows of the list: name, kind, state, events, last event, last look, problem.

    `keyless` are the hosts whose agent has not set itself up yet, which the screen says too.
    """
    return [
        (
            source.name,
            source.kind,
            "no key" if source.state == "active" and source.name in keyless else source.state,
            source.accepted_events,
            _ago(source.last_event_ms, now_ms),
            _ago(source.last_ok_ms, now_ms),
            source.error,
        )
        for source in sources
    ]


def in_full(source: StoredSource, seen: str) -> str:
    """Everything about a source; `seen` is what it saw at its last look, "" if that is not told."""
    kind = source_kinds.kind_named(source.kind)
    pairs: list[tuple[str, str | None]] = [
        ("Name", source.name),
        ("Kind", f"{kind.name}: {kind.about}"),
        ("State", source.state),
        *((default.name, _with_origin(default, text)) for default, text in _texts(source)),
        ("Events", f"{source.accepted_events:,}"),
        ("Last event", time_text(source.last_event_ms) or "none yet"),
        ("Last look", time_text(source.last_ok_ms) or "none yet"),
        *([("Seen", seen)] if seen else []),
        ("Problem", source.error or "none"),
    ]
    return labelled(pairs)


def _ago(time_ms: int | None, now_ms: int) -> str | None:
    """Short, so that the problem beside it fits into a terminal."""
    return None if time_ms is None else f"{span_text(now_ms - time_ms)} ago"


def _texts(source: StoredSource) -> list[tuple[Default, str]]:
    kind = source_kinds.kind_named(source.kind)
    return [(default, source.options.get(default.name, default.text)) for default in kind.defaults]


def _with_origin(default: Default, text: str) -> str:
    return f"{text or 'none'}{' (default)' if text == default.text else ''}"
