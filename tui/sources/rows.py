"""Sources as rows of their list, and the facts of the selected source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.text import Text

from delivery.report import Report
from domain.safe import safe
from domain.source_kinds import SOCKET, kind_named
from domain.wording import counted, second_text, span_text
from sources.preflight import next_try_ms
from sources.socket.path import socket_beside
from store.records import Client, StoredSource
from tui.cells import Cell, Column, Row
from tui.key_names import and_key
from tui.wording import coarse_age, time_left

COLUMNS = (
    Column("state", "State", 10, sortable=False),
    Column("name", "Name", 14, sortable=False),
    Column("kind", "Kind", 14, from_width=72, sortable=False),
    Column("events", "Events", 9, right=True, sortable=False),
    Column("last", "Last", 5, right=True, sortable=False),
    Column("look", "Look", 5, right=True, sortable=False),
    Column("problem", "What is wrong", 0, sortable=False),
)
LINE = 600


def ordered(sources: Sequence[StoredSource]) -> list[StoredSource]:
    """Return sources in their order: failing, with a warning, working, paused; each by name."""
    return sorted(sources, key=lambda source: (_rank(source), source.name))


def matches(source: StoredSource, wanted: str) -> bool:
    """Return True if the row has a filter's text, or for `!text` has it not."""
    text = wanted.removeprefix("!").strip().lower()
    row = f"{source.name} {source.kind} {source.state} {source.error or ''}".lower()
    return (text in row) != wanted.startswith("!") or not text


def row_of(source: StoredSource, report: Report, client: Client | None) -> Row:
    """Return the row of a source."""
    return (
        _state(source, client),
        Cell(source.name),
        Cell(kind_named(source.kind).title),
        Cell(f"{source.accepted_events:,}"),
        _age(source.last_event_ms, report),
        _age(source.last_ok_ms, report),
        Cell(source.error or "", "bad" if source.failures else "warning"),
    )


def facts_of(
    source: StoredSource,
    report: Report,
    client: Client | None,
    key_of: Callable[[str], str],
    *,
    seen: str = "",
) -> Text:
    """Return the facts of a source: its health and the cure, its last look, and its options."""
    lines = (
        _how_it_does(source, report, client, key_of),
        _refused(report.overview.refused.get(source.name, 0), key_of),
        _seen(client, report, seen),
        _set(source, report),
        _what_it_is(source),
    )
    return Text("\n".join(safe(line, LINE) for line in lines if line))


def empty_list(add_key: str, wireguard_key: str) -> str:
    """Return the text in place of an empty list."""
    kinds = ": WireGuard here or on other hosts, logins, a socket, HTTP."
    parts = ["None of your own yet."]
    parts += [f"{add_key}  adds one{kinds}"] if add_key else []
    parts += [f"{wireguard_key}  watches this host's WireGuard."] if wireguard_key else []
    return "  ".join(parts)


def _rank(source: StoredSource) -> int:
    if not source.active:
        return 3
    return 0 if source.failures else 1 if source.error is not None else 2


def _state(source: StoredSource, client: Client | None) -> Cell:
    if not source.active:
        return Cell("‖ inactive", "dim")
    if source.failures:
        return Cell("✗ failing", "bad")
    if source.error is not None:
        return Cell("▲ active", "warning")
    if client is not None and client.public_key is None:
        return Cell("○ no key", "busy")
    return Cell("✓ active", "good")


def _age(at_ms: int | None, report: Report) -> Cell:
    if at_ms is None:
        return Cell("-", "dim")
    return Cell(coarse_age(report.now_ms - at_ms))


def _how_it_does(
    source: StoredSource, report: Report, client: Client | None, key_of: Callable[[str], str]
) -> str:
    if not source.active:
        return and_key("Paused", key_of("sources.pause"), "lets it go on") + "."
    if source.error is not None:
        times = f", {counted(source.failures, 'time')} in a row" if source.failures > 1 else ""
        since = coarse_age(report.now_ms - (source.error_ms or report.now_ms))
        return f"{source.error} ({since} ago{times}){_again(source, report)}"
    if client is not None and client.public_key is None:
        return f"Its agent has not set itself up yet. {_code(client, key_of)}"
    if kind_named(source.kind).built_in:
        return "It tells by itself of each sign-in."
    if not report.worker_alive:
        return "No worker runs it: start one, with `tocsin worker` or as a service."
    if source.last_ok_ms is None:
        return "Nothing has come of it yet."
    return "All is well with it."


def _refused(count: int, key_of: Callable[[str], str]) -> str:
    """Return how many events could not be queued, with the key that opens them."""
    if not count:
        return ""
    kept = f"{counted(count, 'refused event')} {'is' if count == 1 else 'are'} kept whole"
    return and_key(kept, key_of("sources.refused"), "opens") + "."


def _again(source: StoredSource, report: Report) -> str:
    """Return when it is tried again, if a worker is there to do so."""
    next_ms = next_try_ms(source) if report.worker_alive else None
    if next_ms is None:
        return ""
    latest = " at the latest" if next_ms > report.now_ms else ""
    return f"; tried again {time_left(next_ms, report.now_ms)}{latest}"


def _code(client: Client, key_of: Callable[[str], str]) -> str:
    until = second_text(client.setup_until_ms)
    limit = f"Its code can be used until {until}"
    return and_key(limit, key_of("sources.code"), "makes a new one") + "."


def _seen(client: Client | None, report: Report, seen: str) -> str:
    """Return what was seen at the last look, and the id of a host."""
    parts = (*([f"Seen: {seen}"] if seen else []), *_agent(client, report))
    return " · ".join(parts)


def _agent(client: Client | None, report: Report) -> Iterator[str]:
    if client is None:
        return
    if client.public_key is not None:
        yield f"key {client.public_key}"
    if client.seen_ms is not None:
        yield f"last heard of {coarse_age(report.now_ms - client.seen_ms)} ago"
    if client.interval_ms is not None:
        yield f"reports every {span_text(client.interval_ms)}"


def _what_it_is(source: StoredSource) -> str:
    kind = kind_named(source.kind)
    return f"{kind.title}: {kind.about}"


def _set(source: StoredSource, report: Report) -> str:
    """Return the options: first those that were set, then the defaults."""
    kind = kind_named(source.kind)
    defaults = {option.name: option.text for option in kind.used(source.options) if option.text}
    if kind.name == SOCKET:
        defaults["path"] = str(socket_beside(report.path))
    every = {**source.options, **{k: v for k, v in defaults.items() if k not in source.options}}
    return " · ".join(f"{name.replace('_', ' ')} {text}" for name, text in every.items())
