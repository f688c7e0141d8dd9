"""How what was derived becomes an event: its id from the facts, the names beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.event_types import EventType
from domain.events import Event
from domain.ids import event_id_from_facts, resource_id
from domain.times import rfc3339
from sources.wireguard.terms import DeriveTerms

NAMES = ("host", "interface", "peer")
"""Attributes that say what people call things; a thing is the same under another name."""

_encoder = msgspec.json.Encoder(order="sorted")


def host_id(host: str) -> str:
    """The id of a host by its key."""
    return resource_id("hosts", host)


def interface_id(host: str, interface: str) -> str:
    """The id of an interface."""
    return resource_id("interfaces", host, interface)


def endpoint_id(host: str, interface: str, key: str) -> str:
    """The id of a peer of an interface."""
    return resource_id("endpoints", host, interface, key)


def moment(read_at_ms: int) -> str:
    """The time of a look as events tell it."""
    return rfc3339(read_at_ms // 1000 * 1000)


def names(terms: DeriveTerms, interface: str, key: str | None = None) -> dict[str, str]:
    """The names that go into the attributes, none where the setting says so."""
    if not terms.event_names:
        return {}
    found = {"host": terms.names.host, "interface": interface}
    if key is not None:
        found["peer"] = terms.names.peer(key)
    return found


def related(name: str, kind: str, resource: str) -> dict[str, Any]:
    """A relationship to one resource."""
    return {name: {"data": [{"id": resource, "type": kind}]}}


def fact_event(
    event_type: EventType,
    facts: tuple[str, ...],
    attributes: Mapping[str, Any],
    relationships: Mapping[str, Any],
) -> Event:
    """An event whose id follows from its facts.

    The time of the look and the names are no facts: a second look at the same is a repeat, not a
    conflict.
    """
    event_id = event_id_from_facts(event_type, "\0".join(facts).encode())
    body = {
        "attributes": attributes,
        "id": event_id,
        "type": event_type.value,
    }
    if relationships:
        body["relationships"] = relationships
    return Event(event_type, event_id, _encoder.encode(body), False, NAMES)
