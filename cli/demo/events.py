"""Made-up events of a small WireGuard network, of all four types; pure, dice are handed in."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping

from domain.event_types import EventType
from domain.ids import base58, resource_id
from domain.times import rfc3339

HOSTS = ("hub-1", "hub-2", "mailserver", "build-3", "office-gw")
PEERS = ("laptop-ana", "laptop-ben", "phone-ana", "ci-runner", "nas", "branch-lyon", "branch-oslo")
USERS = ("ana", "ben", "chidi", "dora")
NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
COUNTRIES = (("NO", "Norway"), ("FR", "France"), ("US", "United States"), ("BR", "Brazil"))
FIELDS = (
    ("allowed_ips", "10.8.0.0/24", "10.8.0.0/23"),
    ("keepalive", "0", "25"),
    ("port", "51820", "51821"),
    ("name", "office-old", "office-gw"),
)
HOW_OFTEN = {
    EventType.ENDPOINT_STATS: 24,
    EventType.LOG_AUTHN: 4,
    EventType.ALERTS: 3,
    EventType.LOG_CHANGES: 2,
}


def made_up(dice: random.Random, now_ms: int, type_: EventType | None = None) -> bytes:
    """An event as JSON, of a type or of any; most are handshakes."""
    chosen = type_ or dice.choices(list(HOW_OFTEN), list(HOW_OFTEN.values()))[0]
    attributes, related = _MAKERS[chosen](dice, now_ms)
    event = {
        "type": chosen.value,
        "id": base58(dice.getrandbits(64)),
        "attributes": {"created": rfc3339(now_ms), **attributes},
        "relationships": {
            name: {"data": [{"id": resource_id(kind, of), "type": kind}]}
            for name, (kind, of) in related.items()
        },
    }
    return json.dumps(event, separators=(",", ":")).encode()


Made = tuple[Mapping[str, object], Mapping[str, tuple[str, str]]]


def _handshake(dice: random.Random, now_ms: int) -> Made:
    peer = dice.choice(PEERS)
    received, sent = dice.randint(500, 90_000), dice.randint(500, 90_000)
    attributes = {
        "handshake": rfc3339(now_ms - dice.randint(1, 60) * 1_000),
        "ip": _address(dice),
        "port": dice.randint(1_024, 65_535),
        "rx_delta": received,
        "rx_total": received + dice.randint(10**6, 10**8),
        "tx_delta": sent,
        "tx_total": sent + dice.randint(10**6, 10**8),
    }
    return attributes, {"endpoint": ("endpoints", peer)}


def _sign_in(dice: random.Random, _now_ms: int) -> Made:
    failed = dice.random() < 0.25
    attributes = {
        "errors": ["wrong password"] if failed else [],
        "ip": _address(dice),
        "status": "unauthorized" if failed else "ok",
        "type": "X-Custos",
        "url": "/sessions",
        "verifications": [] if failed else ["password", "user"],
    }
    return attributes, {"user": ("users", dice.choice(USERS))}


def _alert(dice: random.Random, now_ms: int) -> Made:
    host, peer = dice.choice(HOSTS), dice.choice(PEERS)
    country, country_name = dice.choice(COUNTRIES)
    attributes = {
        "danger": dice.randint(3, 9),
        "params": {
            "country": country,
            "country_name": country_name,
            "days": dice.randint(10, 90),
            "host": host,
            "host_pub": resource_id("hosts", host),
            "ip": _address(dice),
            "peer": peer,
            "peer_pub": resource_id("peers", peer),
        },
        "suppress_until": rfc3339(now_ms + 86_400_000),
        "type": dice.choice(("endpoint_ip_first_use_country", "endpoint_ip_flapping")),
    }
    return attributes, {}


def _change(dice: random.Random, _now_ms: int) -> Made:
    name, old, new = dice.choice(FIELDS)
    attributes = {
        "field": name,
        "id": resource_id("endpoints", dice.choice(PEERS)),
        "new_value": new,
        "old_value": old,
        "type": "endpoints",
    }
    return attributes, {"user": ("users", dice.choice(USERS))}


def _address(dice: random.Random) -> str:
    """An address of the networks for documentation."""
    return f"{dice.choice(NETWORKS)}.{dice.randint(1, 254)}"


_MAKERS: dict[EventType, Callable[[random.Random, int], Made]] = {
    EventType.ENDPOINT_STATS: _handshake,
    EventType.LOG_AUTHN: _sign_in,
    EventType.ALERTS: _alert,
    EventType.LOG_CHANGES: _change,
}
