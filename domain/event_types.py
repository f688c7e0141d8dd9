"""The four types of event, as they are named in JSON and on screen.

A file of its own, since those that only name a type need not load the reader of events.
"""

from __future__ import annotations

from enum import StrEnum

TOP_LEVEL_MEMBERS = ("type", "id", "attributes", "relationships", "meta", "links")
"""The members that an event's JSON object may have of its own."""


class EventType(StrEnum):
    """The `type` member of an event."""

    ALERTS = "alerts"
    ENDPOINT_STATS = "endpoint_stats"
    LOG_AUTHN = "log_authn"
    LOG_CHANGES = "log_changes"

    @property
    def title(self) -> str:  # type: ignore[override]  # a word for the screen, not str.title()
        """The name on screen, as in "Endpoint Stats"."""
        return _TITLES[self]

    @property
    def description(self) -> str:
        """Events of this type, described in one line."""
        return _DESCRIPTIONS[self]


_TITLES = {
    EventType.ALERTS: "Alerts",
    EventType.ENDPOINT_STATS: "Endpoint Stats",
    EventType.LOG_AUTHN: "Log Authn",
    EventType.LOG_CHANGES: "Log Changes",
}

_DESCRIPTIONS = {
    EventType.ALERTS: "Something suspicious: a new country, a changed key, a host gone silent.",
    EventType.ENDPOINT_STATS: "A handshake of an endpoint, with the traffic since the last.",
    EventType.LOG_AUTHN: "A sign-in that was tried, whether it succeeded or failed.",
    EventType.LOG_CHANGES: "A setting that changed: its name, its old and its new value.",
}
