"""One real alert of each kind of an endpoint, an interface and a source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from msgspec.structs import replace

from domain.alert_kinds import DEFAULT_TERMS
from domain.event_types import EventType
from domain.events import Event
from sources.stale import StaleAlerts, StaleSource
from sources.wireguard.events import host_id
from tests.sources.wireguard.alerts.looking import DAY_MS, HOUR_MS, MINUTE_MS, START_S, Host
from tests.support.wireguard.dumps import PeerRow
from tests.support.wireguard.expected_events import locate, played

ALICE = PeerRow("alice", handshake=START_S, keepalive="25")
GIVEN = {
    "endpoint_connected": {"active": "on"},
    "endpoint_disconnected": {"active": "on"},
    "endpoint_ip_suspicious": {"good": "NL, 10.0.0.0/8"},
}


@cache
def examples() -> dict[str, dict[str, Any]]:
    """By kind: those that the recorded play gives, and those that take longer than it."""
    events = [*(one for events in played("gateway").values() for one in events), *_longer()]
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.type is EventType.ALERTS:
            body = json.loads(event.body)
            found.setdefault(body["attributes"]["type"], body)
    return found


def _longer() -> Sequence[Event]:
    """A peer that is silent for a month, comes back from elsewhere and moves too much."""
    host = Host(GIVEN, locate, name="gateway")
    host.look(ALICE)
    host.watch(ALICE, until_ms=2 * HOUR_MS)
    host.watch(ALICE, until_ms=31 * DAY_MS, every_ms=3 * MINUTE_MS)
    back = replace(ALICE, handshake=host.now_ms // 1000, rx=1_000, endpoint="192.0.2.2:1")
    host.look(back)
    host.look(replace(back, rx=3 << 30))
    blind = StaleSource(
        "local",
        START_S * 1000,
        "`wg show all dump` gave no answer within 10 s and was stopped; see whether the WireGuard "
        "process behind an interface has stopped or hangs",
        {"host": "gateway", "host_pub": host_id("gateway")},
    )
    stale = StaleAlerts(DEFAULT_TERMS, 0)
    with stale.alert(blind, START_S * 1000 + 11 * MINUTE_MS) as alert:
        assert alert is not None
        return [*host.events, alert]
