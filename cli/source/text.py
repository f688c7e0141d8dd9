"""Texts and JSON of sources, and the country data they use."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cli.json_shapes import Shape
from cli.output import ago_text, labelled
from domain import source_kinds
from domain.options import Default
from domain.source_kinds import AGENT, WIREGUARD
from domain.times import rfc3339
from domain.wording import counted, span_text, time_text
from sources.preflight import next_try_ms
from sources.socket.path import socket_beside
from store.records import StoredSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.context import Context
    from domain.alert_kinds import AlertTerms
    from sources.geo_age import CountryData
    from store.database import Store


def source_shape(source: StoredSource, refused: int) -> Shape:
    """JSON of a source; `refused` is the number of its refused events."""
    return {
        "name": source.name,
        "kind": source.kind,
        "state": source.state,
        "options": {default.name: text for default, text in _texts(source)},
        "revision": source.revision,
        "accepted_events": source.accepted_events,
        "refused_events": refused,
        "last_event": time_text(source.last_event_ms),
        "last_ok": time_text(source.last_ok_ms),
        "error": source.error,
        "error_at": time_text(source.error_ms),
        "failures": source.failures,
        "created": rfc3339(source.created_ms),
        "updated": rfc3339(source.updated_ms),
    }


def list_rows(
    sources: Iterable[StoredSource], keyless: Collection[str], now_ms: int, *, worker_alive: bool
) -> list[tuple[object, ...]]:
    """The rows of the list: name, kind, state, events, last event, last look, problem.

    `keyless` are the hosts with an agent that has not set itself up yet; only while `worker_alive`
    is a source that fails tried again.
    """
    return [
        (
            source.name,
            source.kind,
            "no key" if source.state == "active" and source.name in keyless else source.state,
            source.accepted_events,
            ago_text(source.last_event_ms, now_ms),
            ago_text(source.last_ok_ms, now_ms),
            _problem(source, now_ms, worker_alive=worker_alive),
        )
        for source in sources
    ]


def full_text(
    source: StoredSource, seen: str, refused: int, now_ms: int, *, worker_alive: bool, socket: str
) -> str:
    """Everything about a source, in lines of label and value.

    `seen` is the summary of its last snapshot or ""; `refused` is the number of events kept that
    could not be queued; `socket` is the path of its socket or "".
    """
    kind = source_kinds.kind_named(source.kind)
    used = kind.used(source.options)
    pairs: list[tuple[str, str | None]] = [
        ("Name", source.name),
        ("Kind", f"{kind.name}: {kind.about}"),
        ("State", source.state),
        *(
            (default.name, _with_origin(default, text, socket))
            for default, text in _texts(source)
            if default in used
        ),
        ("Events", f"{source.accepted_events:,}"),
        ("Last event", time_text(source.last_event_ms) or "none yet"),
        ("Last look", time_text(source.last_ok_ms) or "none yet"),
        *([("Seen", seen)] if seen else []),
        *([("Refused", _refused(source.name, refused))] if refused else []),
        ("Problem", _problem(source, now_ms, worker_alive=worker_alive) or "none"),
    ]
    return labelled(pairs)


def _refused(name: str, count: int) -> str:
    return f"{counted(count, 'event')}, kept whole: `tocsin refused list {name}`"


def socket_path(source: StoredSource, store: Path) -> str:
    """The path of its socket, "" for a source of another kind."""
    if source.kind != source_kinds.SOCKET:
        return ""
    return source.options.get("path") or str(socket_beside(store))


def next_try_text(source: StoredSource, now_ms: int) -> str:
    """The time at which a source that fails is tried again, to end a sentence; or ""."""
    next_ms = next_try_ms(source)
    if next_ms is None:
        return ""
    if next_ms <= now_ms:
        return "; tried again now"
    return f"; tried again in {span_text(next_ms - now_ms)} at the latest"


def _problem(source: StoredSource, now_ms: int, *, worker_alive: bool) -> str | None:
    again = next_try_text(source, now_ms) if worker_alive else ""
    return None if source.error is None else f"{source.error}{again}"


def _texts(source: StoredSource) -> list[tuple[Default, str]]:
    kind = source_kinds.kind_named(source.kind)
    return [(default, source.options.get(default.name, default.text)) for default in kind.defaults]


def _with_origin(default: Default, text: str, socket: str) -> str:
    if default.name == "path" and not text:
        return f"{socket} (default)"
    return f"{text or 'none'}{' (default)' if text == default.text else ''}"


def geo_notes_of_sources(context: Context, store: Store) -> list[str]:
    """Notes about country data if a source needs it: it is lacking or too old."""
    return geo_notes(context, store) if _is_needed(store) else []


def geo_notes(context: Context, store: Store) -> list[str]:
    """Notes about country data that is lacking or too old."""
    from sources.geo import geo_of, shortage

    lacking = shortage(geo_of(context.settings.geo_db), _terms(store))
    data = _country_data(context, store)
    return [note for note in (lacking, data.warning(context.now_ms()) if data else "") if note]


def country_data_of_sources(context: Context, store: Store) -> CountryData | None:
    """The country data in use; None if no source needs it."""
    return _country_data(context, store) if _is_needed(store) else None


def _country_data(context: Context, store: Store) -> CountryData | None:
    from sources.geo import country_data_of, geo_of

    return country_data_of(geo_of(context.settings.geo_db), _terms(store))


def _is_needed(store: Store) -> bool:
    from store import sources

    return any(source.kind in (WIREGUARD, AGENT) for source in store.call(sources.load_all))


def _terms(store: Store) -> Mapping[str, AlertTerms]:
    from domain.alert_kinds import all_terms
    from store import alert_settings

    return all_terms(store.call(alert_settings.load_all))
