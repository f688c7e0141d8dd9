"""Hosts and brokers on the command line: rows, texts and JSON, and the files they need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, TypeAlias

import msgspec

from cli.json_shapes import Shape
from cli.output import ago_text, labelled
from domain.clients import ConfFile
from domain.event_types import EventType
from domain.wording import duration_text, time_text
from store.records import Client, StoredSource


class HostView(msgspec.Struct, frozen=True):
    """A host, and the source that its agent's reports are counted in."""

    client: Client
    source: StoredSource
    headers: ClassVar = ("NAME", "STATE", "LAST REPORT", "EVENTS", "PROBLEM")

    @property
    def state(self) -> str:
        """no key, inactive, failing or active."""
        return _state(self.client, self.source.state)

    def row(self, now_ms: int) -> tuple[object, ...]:
        """Row of `host list`."""
        seen = ago_text(self.client.seen_ms, now_ms)
        return self.client.name, self.state, seen, self.source.accepted_events, self.source.error

    def shape(self) -> Shape:
        """JSON of `host list --json`."""
        return {
            "name": self.client.name,
            "state": self.state,
            "host": self.client.host_id,
            "agent": self.client.user_id,
            **_times(self.client),
            "interval": duration_text(self.client.interval_ms),
            "accepted_events": self.source.accepted_events,
            "error": self.source.error,
            "error_at": time_text(self.source.error_ms),
        }

    def in_full(self) -> str:
        """Text of `host show`."""
        pairs = [
            ("Name", self.client.name),
            ("State", self.state),
            ("Host", self.client.host_id),
            ("Agent", self.client.user_id),
            ("Set-up code", _code(self.client)),
            ("Last report", time_text(self.client.seen_ms) or "none yet"),
            ("Usual interval", duration_text(self.client.interval_ms)),
            ("Events", f"{self.source.accepted_events:,}"),
            ("Problem", self.source.error or "none"),
        ]
        return labelled(pairs)


class BrokerView(msgspec.Struct, frozen=True):
    """A broker, and the number of events by type that it has yet to pull."""

    client: Client
    queued: Mapping[EventType, int]
    headers: ClassVar = ("NAME", "STATE", "LAST ASKED", "QUEUED")

    def row(self, now_ms: int) -> tuple[object, ...]:
        """Row of `broker list`."""
        seen = ago_text(self.client.seen_ms, now_ms)
        return self.client.name, _state(self.client, "active"), seen, sum(self.queued.values())

    def shape(self) -> Shape:
        """JSON of `broker list --json`."""
        return {
            "name": self.client.name,
            "state": _state(self.client, "active"),
            "broker": self.client.user_id,
            **_times(self.client),
            "queued": {type_.value: count for type_, count in self.queued.items()},
        }

    def in_full(self) -> str:
        """Text of `broker show`."""
        pairs = [
            ("Name", self.client.name),
            ("State", _state(self.client, "active")),
            ("Broker", self.client.user_id),
            ("Set-up code", _code(self.client)),
            ("Last asked", time_text(self.client.seen_ms) or "never"),
            *((f"Queued {type_.value}", f"{count:,}") for type_, count in self.queued.items()),
        ]
        return labelled(pairs)


ClientView: TypeAlias = HostView | BrokerView


def files_shape(url: str | None, files: Sequence[ConfFile]) -> Shape:
    """JSON of the files that a client needs."""
    return {"url": url, "files": [{"path": file.path, "text": file.text} for file in files]}


def files_text(files: Iterable[ConfFile]) -> str:
    """The files one after the other, each under its path."""
    return "\n".join(f"# {file.path}\n{file.text}" for file in files).rstrip()


def _state(client: Client, otherwise: str) -> str:
    return "no key" if client.public_key is None else otherwise


def _code(client: Client) -> str:
    if client.setup_until_ms is None:
        return "used"
    return f"not used yet; it can be until {time_text(client.setup_until_ms)}"


def _times(client: Client) -> Shape:
    return {
        "setup_expires": time_text(client.setup_until_ms),
        "created": time_text(client.created_ms),
        "last_seen": time_text(client.seen_ms),
    }
