"""Events of WireGuard: ids of resources, names, and the settings of their contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.alert_kinds import DEFAULT_TERMS, AlertTerms
from domain.ids import resource_id
from sources.geo import Locate, nowhere

SHORT_KEY = 8
"""Characters of a key that stand for a peer without a name."""

NAMES = ("host", "interface", "peer")
"""Attributes with names; a resource is the same under another name."""


class HostNames(msgspec.Struct, frozen=True):
    """Names of the host, its peers and their users, the latter two by public key."""

    host: str
    peers: Mapping[str, str] = msgspec.field(default_factory=dict)
    users: Mapping[str, str] = msgspec.field(default_factory=dict)

    def peer(self, key: str) -> str:
        """Return the name of a peer, or the start of its key."""
        return self.peers.get(key) or key[:SHORT_KEY]


class DeriveTerms(msgspec.Struct, frozen=True):
    """Settings of events; none of them is part of an event's id.

    user:         the id of the user as whom the source reports changes
    event_names:  whether events have names beside ids
    port_changes: whether a change of an endpoint's port alone is reported
    """

    user: str
    names: HostNames
    event_names: bool = True
    port_changes: bool = False
    alerts: Mapping[str, AlertTerms] = msgspec.field(default_factory=lambda: DEFAULT_TERMS)
    locate: Locate = nowhere


def host_id(host: str) -> str:
    """Return the id of a host by its key."""
    return resource_id("hosts", host)


def interface_id(host: str, interface: str) -> str:
    """Return the id of an interface."""
    return resource_id("interfaces", host, interface)


def endpoint_id(host: str, interface: str, key: str) -> str:
    """Return the id of a peer of an interface."""
    return resource_id("endpoints", host, interface, key)


def name_attributes(terms: DeriveTerms, interface: str, key: str | None = None) -> dict[str, str]:
    """Return the names for the attributes, none where the setting is off."""
    if not terms.event_names:
        return {}
    found = {"host": terms.names.host, "interface": interface}
    if key is not None:
        found["peer"] = terms.names.peer(key)
    return found


def relationship(name: str, kind: str, resource: str) -> dict[str, Any]:
    """Return a relationship to one resource."""
    return {name: {"data": [{"id": resource, "type": kind}]}}
