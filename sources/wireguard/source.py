"""The WireGuard interfaces of a host, as a source of events."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from domain.alert_kinds import DEFAULT_TERMS, AlertTerms
from domain.ids import resource_id
from domain.safe import safe
from domain.source_kinds import LOCAL
from sources.base import Batch, SourceError
from sources.geo import Geo, nowhere
from sources.wireguard.command import DumpCommand, DumpOutput
from sources.wireguard.derive import derive
from sources.wireguard.dump import DumpError, parse_dump
from sources.wireguard.events import host_id
from sources.wireguard.hosts import host_key, host_name
from sources.wireguard.names import NameFiles, PeerNames
from sources.wireguard.remembering import read_state
from sources.wireguard.seen import NOTHING_UP
from sources.wireguard.snapshot import (
    Snapshot,
    State,
    encode_state,
    host_of,
)
from sources.wireguard.terms import DeriveTerms, HostNames

_MOST_LISTED = 20
_LISTED_LIMIT = 1_000


class WireGuardSource:
    """Polls `wg show all dump` (or `command`) and tells what happened since the last poll.

    `host` is the name of the host in events. Its key in ids is made at the first poll and stays
    what it was then.
    """

    def __init__(
        self,
        command: str,
        *,
        name: str = LOCAL,
        host: str = "",
        names: NameFiles | None = None,
        event_names: bool = True,
        port_changes: bool = False,
        alerts: Mapping[str, AlertTerms] = DEFAULT_TERMS,
        geo: Geo | None = None,
    ) -> None:
        self.name = name
        self._command = DumpCommand(command)
        self._host = host
        self._names = names or NameFiles()
        self._event_names = event_names
        self._port_changes = port_changes
        self._alerts = alerts
        self._geo = geo

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        """Read the dump once and derive what happened since `state`; SourceError if unreadable."""
        previous, warning = read_state(state)
        printed = self._command.run()
        snapshot = self._snapshot(printed, self._host_key(previous, state), now_ms)
        named = self._names.read()
        derived = derive(previous, snapshot, self._terms(snapshot.host, named))
        geo_problem = self._geo.problem if self._geo else ""
        unreadable = _unreadable_warning(printed)
        sees_nothing = not snapshot.interfaces and not unreadable
        nothing_up = NOTHING_UP if sees_nothing else ""
        warnings = (nothing_up, warning, unreadable, derived.warning, *named.warnings, geo_problem)
        return Batch(
            events=derived.events,
            state=encode_state(derived.state),
            warning="; ".join(one for one in warnings if one),
        )

    def host(self, state: bytes | None) -> dict[str, str]:
        """The host that it looks at, as alerts tell it; by its id once it was looked at."""
        key = None if state is None else host_of(state)
        found = {} if key is None else {"host_pub": host_id(key)}
        return found | ({"host": self._host_name()} if self._event_names else {})

    def _host_name(self) -> str:
        return host_name(self.name, self._host, is_local=self._command.is_local)

    def _terms(self, host: str, named: PeerNames) -> DeriveTerms:
        return DeriveTerms(
            user=resource_id("users", host, self.name),
            names=HostNames(self._host_name(), named.peers, named.users),
            event_names=self._event_names,
            port_changes=self._port_changes,
            alerts=dict(self._alerts),
            locate=self._geo.locate if self._geo else nowhere,
        )

    def _host_key(self, previous: State | None, state: bytes | None) -> str:
        if previous is not None:
            return previous.snapshot.host
        known = None if state is None else host_of(state)
        return known or host_key(self.name, self._host)

    def _snapshot(self, printed: DumpOutput, host: str, now_ms: int) -> Snapshot:
        try:
            return parse_dump(
                printed.dump,
                host=host,
                read_at_ms=now_ms,
                ifindex=self._interface_index,
                unreadable=printed.unreadable,
            )
        except DumpError as error:
            raise SourceError(
                f"`{self._command.text}` printed no whole dump: {error}",
                "it must print what `wg show all dump` prints, and nothing else",
            ) from None

    def _interface_index(self, interface: str) -> int | None:
        if not self._command.is_local:
            return None
        try:
            # Unlike /sys/class/net, which may be the mount of another network namespace.
            return socket.if_nametoindex(interface)
        except OSError:
            return None


def _unreadable_warning(printed: DumpOutput) -> str:
    if not printed.unreadable:
        return ""
    listed = sorted(printed.unreadable)
    more = len(listed) - _MOST_LISTED
    names = safe(", ".join(listed[:_MOST_LISTED]), _LISTED_LIMIT)
    names += f" and {more} more" if more > 0 else ""
    return f"wg cannot read {names}: see whether its WireGuard process runs and who may ask it"
