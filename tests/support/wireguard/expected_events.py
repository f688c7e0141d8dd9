"""Events that a source should tell of each step of the play, written for comparing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from domain.alert_kinds import KINDS, all_terms
from domain.event_types import EventType
from domain.events import Event
from domain.ids import resource_id
from sources.geo import Geo, Location
from sources.wireguard.dump import parse_dump
from sources.wireguard.events import DeriveTerms, HostNames
from sources.wireguard.snapshot import decode_state, encode_state
from sources.wireguard.source import derive

EXPECTED: Mapping[str, Sequence[str]] = {
    "idle": [],
    "first handshakes": ["alice handshake 198.51.100.2", "bob handshake 203.0.113.2"],
    "traffic": [],
    "rehandshake": ["alice handshake 198.51.100.2"],
    "roam": ["alice ip: 198.51.100.2 -> 198.51.100.77"],
    "handshake where it roamed to": ["alice handshake 198.51.100.77"],
    "peer added": ["carol added: none -> carol"],
    "preshared key set": ["bob handshake 203.0.113.2", "bob preshared_key: none -> (hash)"],
    "preshared key changed": ["bob preshared_key: (hash) -> (hash)"],
    "preshared key removed": ["bob handshake 203.0.113.2", "bob preshared_key: (hash) -> none"],
    "allowed IPs": [
        "bob allowed_ips: 10.99.0.3/32 -> 10.50.0.0/16,10.99.0.3/32,fd00:99::3/128",
    ],
    "allowed IP moved": [
        "bob allowed_ips: 10.50.0.0/16,10.99.0.3/32,fd00:99::3/128 -> 10.99.0.3/32,fd00:99::3/128",
        "carol allowed_ips: 10.99.0.4/32 -> 10.50.0.0/16,10.99.0.4/32",
    ],
    "keepalive": ["bob persistent_keepalive: 0 -> 25"],
    "endpoint set": [],  # carol had none: where a peer was never seen, it cannot have moved from
    "port and fwmark": ["wg0 fwmark: off -> 0x51", "wg0 listen_port: 51820 -> 51821"],
    "port and fwmark back": ["wg0 fwmark: 0x51 -> off", "wg0 listen_port: 51821 -> 51820"],
    "stolen key": ["alice handshake 192.0.2.2", "alice ip: 198.51.100.77 -> 192.0.2.2"],
    "flap back": ["alice handshake 198.51.100.77", "alice ip: 192.0.2.2 -> 198.51.100.77"],
    "flap again": ["alice handshake 192.0.2.2", "alice ip: 198.51.100.77 -> 192.0.2.2"],
    "peer removed": ["carol removed: carol -> none"],
    "peer key replaced": [
        "bob removed: bob -> none",
        "new bob added: none -> new bob",
        "new bob handshake 203.0.113.2",
        "new bob public_key: bob -> new bob",
    ],
    "interface key replaced": ["wg0 public_key: hub -> new hub"],
    "interface key back": [
        "alice handshake 198.51.100.77",
        "alice ip: 192.0.2.2 -> 198.51.100.77",
        "new bob handshake 203.0.113.2",
        "wg0 public_key: new hub -> hub",
    ],
    "interface gone": [],  # it may only be restarted
    "interface still gone": ["wg0 up: true -> false"],
    "interface back": ["wg0 up: false -> true"],
    "handshakes after that": ["alice handshake 198.51.100.77", "new bob handshake 203.0.113.2"],
}
"""The handshakes and changes of each step, in the order of their text."""

EXPECTED_ALERTS: Mapping[str, Sequence[str]] = {
    "roam": ["alice endpoint_ip_first_use 3"],
    "peer added": ["carol endpoint_added 5"],
    "preshared key set": ["bob endpoint_preshared_key_changed 5"],
    "preshared key changed": ["bob endpoint_preshared_key_changed 5"],
    "preshared key removed": ["bob endpoint_preshared_key_removed 7"],
    "allowed IPs": ["bob endpoint_allowed_ips_widened 6"],
    "allowed IP moved": ["carol endpoint_allowed_ips_widened 6"],
    "stolen key": [
        "alice endpoint_ip_first_use 3",
        "alice endpoint_ip_first_use_asn 5",
        "alice endpoint_ip_first_use_country 7",
    ],
    "flap back": ["alice endpoint_ip_flapping 8"],
    "flap again": [],  # the same two addresses: that was told
    "peer removed": ["carol endpoint_removed 4"],
    "peer key replaced": [
        "bob endpoint_removed 4",
        "new bob endpoint_added 5",
        "new bob endpoint_key_changed 6",
    ],
    "interface key replaced": ["wg0 interface_key_changed 7"],
    "interface key back": ["wg0 interface_key_changed 7"],
    "interface still gone": ["wg0 interface_down 6"],
    "interface back": ["wg0 interface_up 2"],
}
"""The alerts of each step with their danger, where no time is only for learning."""

NO_LEARNING = all_terms({kind.name: {"learning": "0s"} for kind in KINDS if kind.learns})
RECORDING = Path(__file__).parents[2] / "data" / "wireguard-play.txt"
NONE = "none"
_HASH = re.compile(r"[A-Za-z0-9+/]{8}")


class Look(msgspec.Struct, frozen=True):
    """One look of the recording, with the step before it."""

    step: str
    read_at_ms: int
    dump: str


def recording() -> tuple[dict[str, str], list[Look]]:
    """Return who is who by public key, and the looks; `play` says how it was made."""
    names: dict[str, str] = {}
    looks: list[Look] = []
    for line in RECORDING.read_text().splitlines(keepends=True):
        mark, _, rest = line.rstrip("\n").partition(" ")
        first, _, second = rest.partition(" ")
        if mark == "=":
            names[first] = second
        elif mark == "#":
            looks.append(Look(second, int(first), ""))
        else:
            looks[-1] = replace(looks[-1], dump=looks[-1].dump + line)
    return names, looks


def played(host: str, *, reverse: bool = False) -> dict[str, tuple[Event, ...]]:
    """The events of the recording at each step; `reverse` turns the lines of each dump round."""
    names, looks = recording()
    state, events = None, {}
    terms = DeriveTerms(
        user=resource_id("users", host, "local"),
        names=HostNames(host, names),
        alerts=NO_LEARNING,
        locate=locate,
    )
    for look in looks:
        dump_lines = look.dump.splitlines(keepends=True)
        text = "".join(reversed(dump_lines) if reverse else dump_lines)
        read = parse_dump(text, host=host, read_at_ms=look.read_at_ms, ifindex=lambda _: None)
        derived = derive(state, read, terms)
        state = decode_state(encode_state(derived.state))
        events[look.step] = derived.events
    return events


def locate(ip: str) -> Location | None:
    """Return the places at which the addresses of the play are said to be."""
    if ip.startswith("192.0.2."):
        return Location("AU", "Australia", 64_497, "Example South")
    return Location("NL", "Netherlands", 64_496, "Example North")


class Places(Geo):
    """The same, as a source takes it."""

    def __init__(self) -> None:
        super().__init__(())

    def locate(self, ip: str) -> Location | None:
        return locate(ip)


def alert_lines(events: Sequence[Event]) -> list[str]:
    """The alerts as text: about whom, which kind, how dangerous."""
    found = [
        json.loads(event.body)["attributes"] for event in events if event.type is EventType.ALERTS
    ]
    return sorted(
        f"{one['params'].get('peer', one['params']['interface'])} {one['type']} {one['danger']}"
        for one in found
    )


def expected_alerts() -> dict[str, Sequence[str]]:
    """Those of every step."""
    return {step: EXPECTED_ALERTS.get(step, []) for step in EXPECTED}


def lines(events: Sequence[Event], names: Mapping[str, str]) -> list[str]:
    """The handshakes and changes as text, keys by their names; those of `names` are peers."""
    kinds = {EventType.ENDPOINT_STATS: _handshake, EventType.LOG_CHANGES: _change}
    return sorted(
        kinds[event.type](json.loads(event.body)["attributes"], names)
        for event in events
        if event.type in kinds
    )


def _handshake(attributes: Mapping[str, str], names: Mapping[str, str]) -> str:
    return f"{attributes['peer']} handshake {attributes['ip']}"


def _change(attributes: Mapping[str, str], names: Mapping[str, str]) -> str:
    who = attributes.get("peer", attributes["interface"])
    values = [
        names.get(attributes[which], attributes[which]) for which in ("old_value", "new_value")
    ]
    if attributes["field"] == "preshared_key":
        values = [_HASH.sub("(hash)", value) for value in values]
    return f"{who} {attributes['field']}: {values[0] or NONE} -> {values[1] or NONE}"
