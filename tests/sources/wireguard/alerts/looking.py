"""A host that is looked at again and again, and the alerts that this raises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from domain.alert_kinds import all_terms
from domain.event_types import EventType
from domain.events import Event, read_event
from sources.geo import Locate, nowhere
from sources.wireguard.events import DeriveTerms, HostNames
from sources.wireguard.snapshot import State, decode_state, encode_state
from sources.wireguard.source import derive
from tests.support.wireguard.dumps import PeerRow, dump, key, snapshot

START_S = 1_795_502_102
SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000


class Host:
    """The hub, whose clock the looks advance."""

    def __init__(
        self,
        given: Mapping[str, Mapping[str, str]] | None = None,
        locate: Locate = nowhere,
        *,
        event_names: bool = True,
        name: str = "hub",
    ) -> None:
        self.name = name
        self.events: list[Event] = []
        self.terms = DeriveTerms(
            user="somebody",
            names=HostNames(name, {key(name): name for name in ("alice", "bob", "carol")}),
            event_names=event_names,
            alerts=all_terms(given or {}),
            locate=locate,
        )
        self.now_ms = START_S * 1000
        self.state: State | None = None

    def look(
        self, *rows: PeerRow, after_ms: int = 30_000, text: str = "", ifindex: int = 5
    ) -> list[dict[str, Any]]:
        """The attributes of the alerts that a look at these peers raises."""
        self.now_ms += after_ms
        read = snapshot(
            text or dump(*rows), read_at_ms=self.now_ms, ifindex=ifindex, host=self.name
        )
        derived = derive(self.state, read, self.terms)
        self.state = decode_state(encode_state(derived.state))
        alerts = [event for event in derived.events if event.type is EventType.ALERTS]
        self.events += alerts
        for event in alerts:
            assert read_event(event.body, now_ms=0, random64=lambda: 0).body == event.body
        return [json.loads(event.body)["attributes"] for event in alerts]

    def kinds(self, *rows: PeerRow, after_ms: int = 30_000) -> list[tuple[str, int]]:
        """The kinds of the same with their danger."""
        return [(one["type"], one["danger"]) for one in self.look(*rows, after_ms=after_ms)]

    def watch(self, *rows: PeerRow, until_ms: int, every_ms: int = 60_000) -> list[tuple[int, str]]:
        """Look at what does not change for so long: the second and the kind of each alert."""
        start_ms, found = self.now_ms, list[tuple[int, str]]()
        while self.now_ms - start_ms < until_ms:
            alerts = self.look(*rows, after_ms=every_ms)
            found += [((self.now_ms - start_ms) // 1000, one["type"]) for one in alerts]
        return found
