"""Times later than now, written while this machine's clock was ahead, and the times they count as.

An event or an end of a delivery with such a time counts as that of the next one behind it whose
time is not later than now, or else as now: else what is old would be kept until then.
"""

from __future__ import annotations

import json

import msgspec

from store.events import keys
from store.models import FactRow, database

TOLERATED_MS = 60_000
"""A time so little later than now is no fault: the clocks of two processes may differ."""

_NOTED = "events_ahead:"
_LATEST = f"""
    SELECT h.type, h.pruned, f.value,
        (SELECT received_ms FROM event WHERE {{is_newest}}),
        (SELECT MAX(d.ended_ms) FROM delivery d WHERE d.type = h.type)
    FROM head h LEFT JOIN fact f ON f.name = '{_NOTED}' || h.type ORDER BY h.type
"""  # noqa: S608 - a constant
_ENDED = """
    SELECT d.id, (
        SELECT a.id FROM attempt a WHERE a.delivery_id <= d.id
        ORDER BY a.delivery_id DESC, a.number DESC LIMIT 1
    ) AS last FROM delivery d WHERE d.type = ? AND d.ended_ms > ? ORDER BY last
"""


class LatestTimes(msgspec.Struct, frozen=True):
    """The latest times of a type that are easily known, milliseconds, each None without any.

    `event_ms` is that of the newest event, or of one before it that was noted as being ahead.
    """

    event_ms: int | None
    ended_ms: int | None


def note_event_ahead(type_: str, seq: int, time_ms: int) -> None:
    """Note an event whose time is later than that of the next one: the clock went back."""
    note = json.dumps({"seq": seq, "time_ms": max(time_ms, _noted_ms(type_))})
    FactRow.insert(name=_NOTED + type_, value=note).on_conflict("REPLACE").execute()


def latest() -> dict[str, LatestTimes]:
    """Return the latest times of each type, for a warning of those later than now."""
    found = {}
    latest = _LATEST.format(is_newest=keys.is_at("h.type", "h.seq"))
    for type_, pruned, note, event_ms, ended_ms in database.execute_sql(latest).fetchall():
        noted = json.loads(note) if note else {"seq": 0, "time_ms": 0}
        noted_ms = noted["time_ms"] if noted["seq"] > pruned else 0
        found[type_] = LatestTimes(max(event_ms or 0, noted_ms) or None, ended_ms)
    return found


def next_event(type_: str, seq: int, now_ms: int) -> tuple[int, int]:
    """Return number and time of the first event behind one whose time is not later than now.

    If there is none: a number behind all, and now.
    """
    found = database.execute_sql(
        "SELECT key, received_ms FROM event WHERE key BETWEEN ? AND ? AND received_ms <= ? "
        "ORDER BY key LIMIT 1",
        (*keys.keys_of(type_, seq + 1), now_ms),
    ).fetchone()
    return (2**63, now_ms) if found is None else (keys.seq_of(found[0]), found[1])


def deliveries_ended_by(type_: str, cutoff_ms: int, now_ms: int) -> list[int]:
    """Return the ids of deliveries whose end is later than now and counts as before a cutoff.

    It counts as the start of the next attempt that was made after it, of whichever delivery.
    """
    ended: list[int] = []
    behind, counted_ms = 0, now_ms
    for id_, last in database.execute_sql(_ENDED, (type_, now_ms)).fetchall():
        if (last or 0) >= behind:
            behind, counted_ms = _next_attempt(last or 0, now_ms)
        if counted_ms <= cutoff_ms:
            ended.append(id_)
    return ended


def _next_attempt(last: int, now_ms: int) -> tuple[int, int]:
    found = database.execute_sql(
        "SELECT id, started_ms FROM attempt WHERE id > ? AND started_ms <= ? ORDER BY id LIMIT 1",
        (last, now_ms),
    )
    return found.fetchone() or (2**63, now_ms)


def _noted_ms(type_: str) -> int:
    fact = FactRow.get_or_none(FactRow.name == _NOTED + type_)
    return int(json.loads(fact.value)["time_ms"]) if fact is not None else 0
