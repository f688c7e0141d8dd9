"""Alerts about interfaces that are gone and back.

Short outages of an interface are the same outage, told once a while. One that lasts is one of its
own, however many went before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sources.wireguard.alerts.telling import AlertWriter, Subject
from sources.wireguard.changes import UP, Change
from sources.wireguard.snapshot import Absence, Snapshot, State

LASTING_MS = 600_000
"""An outage that lasts so long is no restart."""

_DOWN = "interface_down"


class OutageAlerts:
    """What one look says of outages."""

    def __init__(self, writer: AlertWriter, previous: State | None, snapshot: Snapshot) -> None:
        self._writer = writer
        self._snapshot = snapshot
        self._absent: Mapping[str, Absence] = previous.absent if previous else {}
        self._before_ms = previous.snapshot.read_at_ms if previous else 0

    def write(self, changes: Sequence[Change]) -> None:
        """Raise what the changes give rise to, and what lasts without a change."""
        for change in changes:
            if change.field == UP:
                kind = "interface_up" if change.new == "true" else _DOWN
                value = self._outage(change.interface)
                self._writer.write(kind, Subject(change.interface), {}, value=value)
        for name, absence in self._absent.items():
            if absence.reported and self._begins_to_last(name, absence):
                self._write_lasting(Subject(name), absence)

    def _outage(self, name: str) -> str:
        """What tells an outage that lasts from others, "" for a short one."""
        absence = self._absent.get(name)
        if absence is None or not _lasts(absence, self._writer.now_ms):
            return ""
        return str(absence.since_ms)

    def _begins_to_last(self, name: str, absence: Absence) -> bool:
        return (
            name not in self._snapshot.interfaces
            and name not in self._snapshot.unreadable
            and _lasts(absence, self._writer.now_ms)
            and not _lasts(absence, self._before_ms)
        )

    def _write_lasting(self, subject: Subject, absence: Absence) -> None:
        if not self._writer.was_written(_DOWN, subject, absence.since_ms):
            self._writer.write(_DOWN, subject, {}, value=str(absence.since_ms))


def _lasts(absence: Absence, now_ms: int) -> bool:
    return now_ms - absence.since_ms >= LASTING_MS
