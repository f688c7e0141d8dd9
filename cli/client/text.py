"""How hosts and brokers are shown on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cli.json_shapes import Shape
from cli.output import ago_text, labelled
from domain.clients import ConfFile
from domain.event_types import EventType
from domain.wording import duration_text, time_text
from store.records import Client, StoredSource

HOST_HEADERS = ("NAME", "STATE", "LAST REPORT", "EVENTS", "PROBLEM")
BROKER_HEADERS = ("NAME", "STATE", "LAST ASKED", "QUEUED")
Queued = Mapping[EventType, int]


def host_shape(client: Client, source: StoredSource) -> Shape:
    """A host as `host list --json` shows it."""
    return {
        "name": client.name,
        "state": host_state(client, source),
        "host": client.host_id,
        "agent": client.user_id,
        **_times(client),
        "interval": duration_text(client.interval_ms),
        "accepted_events": source.accepted_events,
        "error": source.error,
        "error_at": time_text(source.error_ms),
    }


def broker_shape(client: Client, queued: Queued) -> Shape:
    """A broker as `broker list --json` shows it."""
    return {
        "name": client.name,
        "state": _own_state(client) or "active",
        "broker": client.user_id,
        **_times(client),
        "queued": {type_.value: count for type_, count in queued.items()},
    }


def files_shape(url: str | None, files: Sequence[ConfFile]) -> Shape:
    """The files that a client needs."""
    return {"url": url, "files": [{"path": file.path, "text": file.text} for file in files]}


def host_state(client: Client, source: StoredSource) -> str:
    """no key, inactive, failing or active."""
    return _own_state(client) or source.state


def host_rows(
    hosts: Iterable[tuple[Client, StoredSource]], now_ms: int
) -> list[tuple[object, ...]]:
    """The rows of the list of hosts."""
    return [
        (
            client.name,
            host_state(client, source),
            ago_text(client.seen_ms, now_ms),
            source.accepted_events,
            source.error,
        )
        for client, source in hosts
    ]


def broker_rows(brokers: Iterable[tuple[Client, Queued]], now_ms: int) -> list[tuple[object, ...]]:
    """The rows of the list of brokers."""
    return [
        (
            client.name,
            _own_state(client) or "active",
            ago_text(client.seen_ms, now_ms),
            sum(queued.values()),
        )
        for client, queued in brokers
    ]


def host_in_full(client: Client, source: StoredSource) -> str:
    """Everything about a host."""
    return labelled(
        [
            ("Name", client.name),
            ("State", host_state(client, source)),
            ("Host", client.host_id),
            ("Agent", client.user_id),
            ("Set-up code", _code(client)),
            ("Last report", time_text(client.seen_ms) or "none yet"),
            ("Usual interval", duration_text(client.interval_ms)),
            ("Events", f"{source.accepted_events:,}"),
            ("Problem", source.error or "none"),
        ]
    )


def broker_in_full(client: Client, queued: Queued) -> str:
    """Everything about a broker."""
    return labelled(
        [
            ("Name", client.name),
            ("State", _own_state(client) or "active"),
            ("Broker", client.user_id),
            ("Set-up code", _code(client)),
            ("Last asked", time_text(client.seen_ms) or "never"),
            *((f"Queued {type_.value}", f"{count:,}") for type_, count in queued.items()),
        ]
    )


def files_text(files: Iterable[ConfFile]) -> str:
    """The files one after the other, each under its path."""
    return "\n".join(f"# {file.path}\n{file.text}" for file in files).rstrip()


def _own_state(client: Client) -> str | None:
    return "no key" if client.public_key is None else None


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
