"""Source of WireGuard events: reads the interfaces, compares and derives."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

from domain.alert_kinds import DEFAULT_TERMS, AlertTerms
from domain.events import MAX_EVENT_BYTES, Event
from domain.ids import resource_id
from domain.safe import safe
from domain.source_kinds import LOCAL
from sources.base import Batch, SourceError
from sources.geo import Geo, nowhere
from sources.wireguard.alert_memory import AlertMemory
from sources.wireguard.alerts.raising import raise_alerts
from sources.wireguard.changes import changes, log_change
from sources.wireguard.command import DumpCommand, DumpOutput
from sources.wireguard.dump import DumpError, parse_dump
from sources.wireguard.events import DeriveTerms, HostNames, host_id
from sources.wireguard.names import NameFiles, PeerNames
from sources.wireguard.snapshot import (
    NOTHING_UP,
    Snapshot,
    State,
    encode_state,
    host_of,
    next_state,
    read_state,
)
from sources.wireguard.stats import endpoint_stats

MACHINE_ID_FILE = Path("/etc/machine-id")
_MOST_LISTED = 20
_LISTED_LIMIT = 1_000


class Derived(msgspec.Struct, frozen=True):
    """Events between two polls, and the state for the next.

    `warning` is about events that are too long for any webhook.
    """

    events: tuple[Event, ...]
    state: State
    warning: str = ""


def derive(previous: State | None, snapshot: Snapshot, terms: DeriveTerms) -> Derived:
    """Compare a snapshot with the state; without a state the snapshot only becomes the state."""
    found = changes(previous, snapshot, port_changes=terms.port_changes)
    memory = previous.memory if previous else AlertMemory()
    alerts, memory = raise_alerts(memory, previous, snapshot, found, terms)
    stats, baselines = endpoint_stats(previous, snapshot, terms)
    logged = [log_change(snapshot, change, terms) for change in found]
    events = (*stats, *logged, *alerts)
    sendable = tuple(event for event in events if len(event.body) <= MAX_EVENT_BYTES)
    state = next_state(previous, snapshot, baselines, memory)
    return Derived(sendable, state, _refused_warning(len(events) - len(sendable)))


def _refused_warning(count: int) -> str:
    if not count:
        return ""
    return (
        f"{count} events were dropped, since each was of more than {MAX_EVENT_BYTES:,} bytes: see "
        "whether the names of the host and its peers are very long"
    )


def host_key(source: str, host: str, machine_id_file: Path = MACHINE_ID_FILE) -> str:
    """Return the key of the host of a source without state.

    Each source has its own, whatever its command: two that read different hosts, or one host in
    different ways, must not give the same ids. Only the source LOCAL, which stands for this
    machine, has the machine's.
    """
    machine = host or machine_key(machine_id_file)
    return machine if source == LOCAL else f"{machine}/{source}"


def host_name(source: str, host: str, *, is_local: bool) -> str:
    """Return the given name of the host, else this machine's name, else the source's."""
    return host or (socket.gethostname() if is_local else source)


def machine_key(machine_id_file: Path) -> str:
    """Return the machine id of this machine, else its host name."""
    try:
        return machine_id_file.read_text(encoding="ascii").strip() or socket.gethostname()
    except (OSError, UnicodeDecodeError):
        return socket.gethostname()


class WireGuardSource:
    """Source that polls `wg show all dump` (or `command`) and reports changes since the last poll.

    `host` is the name of the host in events. Its key in ids is made at the first poll and stays.
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
        """Read the dump once and derive events since `state`. Raises SourceError if unreadable."""
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
            warning="; ".join(filter(None, warnings)),
        )

    def host_params(self, state: bytes | None) -> dict[str, str]:
        """Return the parameters of its host in alerts; with its id after the first poll."""
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
