"""Changes between two snapshots, field by field, and their log_changes events."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from domain.event_types import EventType
from domain.events import Event
from domain.safe import safe
from sources.events import fact_event, whole_second
from sources.wireguard.events import (
    NAMES,
    DeriveTerms,
    endpoint_id,
    interface_id,
    name_attributes,
    relationship,
)
from sources.wireguard.snapshot import Interface, Peer, Snapshot, State

ENDPOINTS = "endpoints"
INTERFACES = "interfaces"
UP = "up"
_HASH_SHOWN = 8
_ALONE = ("/32", "/128")

VALUE_LIMIT = 16_384
"""Characters of a value in an event: a list of allowed IPs may be longer than any event."""


class Change(msgspec.Struct, frozen=True):
    """Difference in one field of an endpoint or an interface.

    resource: "endpoints" or "interfaces"
    peer:     the public key of the endpoint, None for an interface
    old, new: as text, "" for none; of a preshared key the start of its hash
    """

    resource: str
    interface: str
    peer: str | None
    field: str
    old: str
    new: str


def changes(
    previous: State | None, now: Snapshot, *, port_changes: bool = False
) -> tuple[Change, ...]:
    """Return all changes, in an order that does not depend on the order of the rows.

    At the first poll nothing is a change. An interface is down when two polls in a row lack it; one
    that could not be read is neither down nor up, and the peers of a missing one are not removed.
    """
    if previous is None:
        return ()
    return tuple(_all(previous, now, port_changes))


def _all(previous: State, now: Snapshot, port_changes: bool) -> Iterator[Change]:
    known = previous.snapshot.interfaces
    for name in sorted(known.keys() | now.interfaces.keys()):
        before, after = known.get(name), now.interfaces.get(name)
        if after is None:
            absence = previous.absent.get(name)
            if absence is not None and not absence.reported and name not in now.unreadable:
                yield Change(INTERFACES, name, None, UP, "true", "false")
            continue
        if before is None:
            if name not in previous.snapshot.unreadable:
                yield Change(INTERFACES, name, None, UP, "false", "true")
            continue
        if name in previous.absent and previous.absent[name].reported:
            yield Change(INTERFACES, name, None, UP, "false", "true")
        yield from _of_interface(name, before, after)
        yield from _of_peers(name, before.peers, after.peers, port_changes)


def _of_interface(name: str, before: Interface, after: Interface) -> Iterator[Change]:
    fields = (
        ("public_key", before.public_key, after.public_key),
        ("listen_port", str(before.listen_port), str(after.listen_port)),
        ("fwmark", fwmark_text(before.fwmark), fwmark_text(after.fwmark)),
    )
    for field, old, new in fields:
        if old != new:
            yield Change(INTERFACES, name, None, field, old, new)
    if None not in (before.address, after.address) and before.address != after.address:
        old, new = _list_text(before.address or ()), _list_text(after.address or ())
        yield Change(INTERFACES, name, None, "address", old, new)


def _of_peers(
    name: str, before: Mapping[str, Peer], after: Mapping[str, Peer], port_changes: bool
) -> Iterator[Change]:
    if before.keys() != after.keys():
        yield from _comings_and_goings(name, before, after)
    both = [
        (key, before[key], peer)
        for key, peer in after.items()
        if key in before and _differ(before[key], peer)
    ]
    for key, was, peer in sorted(both):
        for field, old, new in _of_peer(was, peer, port_changes):
            yield Change(ENDPOINTS, name, key, field, old, new)


def _comings_and_goings(
    name: str, before: Mapping[str, Peer], after: Mapping[str, Peer]
) -> Iterator[Change]:
    removed = sorted(before.keys() - after.keys())
    added = sorted(after.keys() - before.keys())
    for key in removed:
        yield Change(ENDPOINTS, name, key, "removed", key, "")
    for key in added:
        yield Change(ENDPOINTS, name, key, "added", "", key)
    for old, new in _replaced({key: before[key] for key in removed}, added, after):
        yield Change(ENDPOINTS, name, new, "public_key", old, new)


def _replaced(
    removed: Mapping[str, Peer], added: Collection[str], after: Mapping[str, Peer]
) -> Iterator[tuple[str, str]]:
    """Yield the old and the new key of peers that follow each other on an address, in one poll."""
    owners = {alone: key for key, peer in removed.items() for alone in _own_addresses(peer)}
    followed: set[str] = set()
    for new in added:
        for alone in _own_addresses(after[new]):
            old = owners.get(alone)
            if old is not None and old not in followed:
                followed.add(old)
                yield old, new
                break


def _own_addresses(peer: Peer) -> tuple[str, ...]:
    """Return the single addresses among the allowed IPs; all of them where none is single."""
    return tuple(ip for ip in peer.allowed_ips if ip.endswith(_ALONE)) or peer.allowed_ips


def _differ(was: Peer, peer: Peer) -> bool:
    """Return whether more than handshake and counters differ. Called for every peer and poll."""
    return (
        was.ip != peer.ip
        or was.port != peer.port
        or was.allowed_ips != peer.allowed_ips
        or was.preshared_key_hash != peer.preshared_key_hash
        or was.keepalive_s != peer.keepalive_s
    )


def _of_peer(was: Peer, peer: Peer, port_changes: bool) -> Iterator[tuple[str, str, str]]:
    if was.ip is not None and peer.ip is not None:
        if was.ip != peer.ip:
            yield "ip", was.ip, peer.ip
        if port_changes and was.port != peer.port:
            yield "port", _text(was.port), _text(peer.port)
    if was.preshared_key_hash != peer.preshared_key_hash:
        shown = was.preshared_key_hash[:_HASH_SHOWN], peer.preshared_key_hash[:_HASH_SHOWN]
        yield "preshared_key", *shown
    if was.allowed_ips != peer.allowed_ips:
        yield "allowed_ips", _list_text(was.allowed_ips), _list_text(peer.allowed_ips)
    if was.keepalive_s != peer.keepalive_s:
        yield "persistent_keepalive", str(was.keepalive_s), str(peer.keepalive_s)


def fwmark_text(fwmark: int) -> str:
    """Return the mark in the form of `wg`."""
    return f"0x{fwmark:x}" if fwmark else "off"


def _list_text(items: Collection[str]) -> str:
    return ",".join(items)


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def log_change(snapshot: Snapshot, change: Change, terms: DeriveTerms) -> Event:
    """Return the event of a change."""
    resource = _resource(snapshot.host, change)
    attributes = {
        "created": whole_second(snapshot.read_at_ms),
        "field": change.field,
        "id": resource,
        "new_value": safe(change.new, VALUE_LIMIT),
        "old_value": safe(change.old, VALUE_LIMIT),
        "type": change.resource,
        **name_attributes(terms, change.interface, change.peer),
    }
    facts = (resource, change.field, change.old, change.new, str(snapshot.read_at_ms))
    return fact_event(
        EventType.LOG_CHANGES,
        facts,
        attributes,
        relationship("user", "users", terms.user),
        created_given=False,
        no_facts=NAMES,
    )


def _resource(host: str, change: Change) -> str:
    if change.peer is None:
        return interface_id(host, change.interface)
    return endpoint_id(host, change.interface, change.peer)
