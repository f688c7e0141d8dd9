"""What holds for all that is derived from the looks at one host."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from domain.alert_kinds import DEFAULT_TERMS, AlertTerms
from sources.geo import Locate, nowhere

SHORT_KEY = 8
"""Characters of a key that stand for a peer without a name."""


class HostNames(msgspec.Struct, frozen=True):
    """HostNames of the host, its peers and their users, the latter two by public key."""

    host: str
    peers: Mapping[str, str] = msgspec.field(default_factory=dict)
    users: Mapping[str, str] = msgspec.field(default_factory=dict)

    def peer(self, key: str) -> str:
        """The name of a peer, or the start of its key."""
        return self.peers.get(key) or key[:SHORT_KEY]


class DeriveTerms(msgspec.Struct, frozen=True):
    """Beside the looks themselves; nothing here is part of an event's id.

    user:         the id of the user that changes are told of as: who acts for the source
    event_names:  whether events tell names beside ids
    port_changes: whether a change of an endpoint's port alone is told
    """

    user: str
    names: HostNames
    event_names: bool = True
    port_changes: bool = False
    alerts: Mapping[str, AlertTerms] = msgspec.field(default_factory=lambda: DEFAULT_TERMS)
    locate: Locate = nowhere
