"""Writer of alerts, which does not raise the same alert twice in its time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.alert_kinds import AlertTerms
from domain.event_types import EventType
from domain.events import Event
from domain.ids import event_id_from_facts
from sources.events import alert
from sources.wireguard.events import (
    NAMES,
    DeriveTerms,
    endpoint_id,
    host_id,
    interface_id,
    name_attributes,
)
from sources.wireguard.snapshot import Snapshot

MOST_VALUES = 100
"""Remembered alerts of a kind about a subject; while there are so many, no more are raised."""

_SHORT = 48
Suppressed = Mapping[str, Mapping[str, int]]


class Subject(msgspec.Struct, frozen=True):
    """Subject of an alert: the host, an interface, or with a key an endpoint."""

    interface: str = ""
    key: str | None = None


class AlertWriter:
    """Alerts of one poll."""

    def __init__(self, snapshot: Snapshot, terms: DeriveTerms, suppressed: Suppressed) -> None:
        self.now_ms = snapshot.read_at_ms
        self.events: list[Event] = []
        self.suppressed = dict(suppressed)
        self._host = snapshot.host
        self._terms = terms

    def terms(self, kind: str) -> AlertTerms:
        """Return the terms of a kind."""
        return self._terms.alerts[kind]

    def name(self, key: str) -> str:
        """Return the name of a peer."""
        return self._terms.names.peer(key)

    @property
    def shows_names(self) -> bool:
        """Return whether names stand beside ids."""
        return self._terms.event_names

    def endpoint_id(self, subject: Subject, key: str) -> str:
        """Return the id of another endpoint of the same interface."""
        return endpoint_id(self._host, subject.interface, key)

    def write(
        self,
        kind: str,
        subject: Subject,
        params: Mapping[str, Any],
        *,
        value: str = "",
        danger: int | None = None,
    ) -> None:
        """Raise an alert, unless its kind is off or the same was raised a while ago.

        The same is the same kind, subject and `value`.
        """
        terms = self.terms(kind)
        if not terms.active:
            return
        resource = self._resource(subject)
        until_ms = self.now_ms + terms.suppress_ms
        if self._is_new(resource, kind, _shortened(value), until_ms):
            facts = (resource, value, str(self.now_ms))
            params = {**params, **self._who(subject, resource)}
            raised = alert(
                kind,
                terms,
                self.now_ms,
                facts,
                params,
                danger=danger,
                created_given=False,
                no_facts=NAMES,
            )
            self.events.append(raised)

    def was_written(self, kind: str, subject: Subject, since_ms: int) -> bool:
        """Return whether the alert without a value was raised about a subject since a time."""
        until_ms = self.suppressed.get(self._resource(subject), {}).get(_mark(kind, ""), 0)
        return until_ms - self.terms(kind).suppress_ms >= since_ms

    def _is_new(self, resource: str, kind: str, value: str, until_ms: int) -> bool:
        suppressed = self.suppressed.get(resource, {})
        mark = _mark(kind, value)
        current = self._current(suppressed)
        if mark in current:
            return False
        if sum(other.startswith(f"{kind} ") for other in current) >= MOST_VALUES:
            return False
        self.suppressed[resource] = {**current, mark: until_ms}
        return True

    def current_suppressed(self) -> dict[str, Mapping[str, int]]:
        """Return the alerts that are still not to be raised again."""
        return {
            resource: current
            for resource, marks in self.suppressed.items()
            if (current := self._current(marks))
        }

    def _current(self, suppressed: Mapping[str, int]) -> dict[str, int]:
        return {mark: until for mark, until in suppressed.items() if self._suppresses(mark, until)}

    def _suppresses(self, mark: str, until_ms: int) -> bool:
        terms = self._terms.alerts.get(mark.partition(" ")[0])
        return terms is not None and terms.suppresses(until_ms, self.now_ms)

    def _resource(self, subject: Subject) -> str:
        if subject.key is not None:
            return endpoint_id(self._host, subject.interface, subject.key)
        if subject.interface:
            return interface_id(self._host, subject.interface)
        return host_id(self._host)

    def _who(self, subject: Subject, resource: str) -> dict[str, str]:
        found = {"host_pub": host_id(self._host)}
        if subject.interface:
            found["interface_pub"] = interface_id(self._host, subject.interface)
            found |= name_attributes(self._terms, subject.interface, subject.key)
        elif self.shows_names:
            found["host"] = self._terms.names.host
        if subject.key is not None:
            found["peer_pub"] = resource
            user = self._terms.names.users.get(subject.key)
            if user and self.shows_names:
                found["user"] = user
        return found


def _mark(kind: str, value: str) -> str:
    return f"{kind} {value}"


def _shortened(value: str) -> str:
    if len(value) <= _SHORT:
        return value
    return event_id_from_facts(EventType.ALERTS, value.encode())
