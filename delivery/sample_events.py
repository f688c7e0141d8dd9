"""Sample events for tests: one of each type, with every member that real ones have."""

from __future__ import annotations

from typing import Any

from domain.event_types import EventType
from domain.settings import DAY_MS, MINUTE_MS
from domain.times import rfc3339

_ADDRESS, _OLD_ADDRESS = "192.0.2.1", "198.51.100.1"


def sample_event(type_: EventType, event_id: str, now_ms: int) -> dict[str, Any]:
    """A whole event of the type that says `"test": true`; its addresses are for documentation."""
    now_ms -= now_ms % 1000
    attributes, relationships = _MAKERS[type_](now_ms)
    return {
        "attributes": {"created": rfc3339(now_ms), **attributes, "test": True},
        "id": event_id,
        **({"relationships": relationships} if relationships else {}),
        "type": type_.value,
    }


_Parts = tuple[dict[str, Any], dict[str, Any]]


def _alert(now_ms: int) -> _Parts:
    attributes = {
        "danger": 1,
        "params": {
            "country": "US",
            "country_name": "United States",
            "days": 45,
            "host": "test-host",
            "host_pub": "FgepD86z1Jo",
            "ip": _ADDRESS,
            "peer": "test-peer",
            "peer_pub": "j9CwNyPm7Q8",
        },
        "suppress_until": rfc3339(now_ms + DAY_MS),
        "type": "endpoint_ip_first_use_country",
        "updated": rfc3339(now_ms),
    }
    return attributes, {}


def _endpoint_stats(now_ms: int) -> _Parts:
    attributes = {
        "handshake": rfc3339(now_ms - MINUTE_MS),
        "ip": _ADDRESS,
        "port": 51820,
        "rx_delta": 748,
        "rx_total": 31_591_436,
        "tx_delta": 772,
        "tx_total": 70_276_620,
    }
    return attributes, _related("endpoint", "endpoints", "CtfsGB3cABY")


def _log_authn(_: int) -> _Parts:
    attributes = {
        "errors": [],
        "ip": _ADDRESS,
        "status": "ok",
        "type": "X-Custos",
        "url": "/sessions",
        "verifications": ["password", "user"],
    }
    return attributes, _related("user", "users", "3tjDGN2gXpT")


def _log_changes(_: int) -> _Parts:
    attributes = {
        "field": "ip",
        "id": "PykHtrVmLHs",
        "new_value": _ADDRESS,
        "old_value": _OLD_ADDRESS,
        "type": "endpoints",
    }
    return attributes, _related("user", "users", "NZ1Gq4fs3sp")


def _related(name: str, type_: str, id_: str) -> dict[str, Any]:
    return {name: {"data": [{"id": id_, "type": type_}]}}


_MAKERS = {
    EventType.ALERTS: _alert,
    EventType.ENDPOINT_STATS: _endpoint_stats,
    EventType.LOG_AUTHN: _log_authn,
    EventType.LOG_CHANGES: _log_changes,
}
