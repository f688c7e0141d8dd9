"""The WireGuard interfaces of a host, as a source of events."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec

from domain.ids import resource_id
from sources.base import Batch, SourceError
from sources.wireguard.command import DumpCommand, Printed
from sources.wireguard.derive import derive
from sources.wireguard.dump import DumpError, parse_dump
from sources.wireguard.snapshot import Snapshot, State, StateError, decode_state, encode_state
from sources.wireguard.terms import DeriveTerms, Names

MACHINE_ID_FILE = Path("/etc/machine-id")


class WireGuardSource:
    """Polls `wg show all dump` (or `command`) and tells of the handshakes since the last poll.

    `host` is the key of the host in the ids of its endpoints; without one it is the machine's id
    at the first poll, and stays what it was then.
    """

    kind = "wireguard"

    def __init__(self, command: str, *, name: str = "local", host: str | None = None) -> None:
        self.name = name
        self._command = DumpCommand(command)
        self._host = host

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        """Read the dump once and derive what happened since `state`; SourceError if unreadable."""
        previous, warning = _remembered(state)
        printed = self._command.run()
        snapshot = self._snapshot(printed, self._host_key(previous), now_ms)
        derived = derive(previous, snapshot, self._terms(snapshot.host))
        return Batch(
            events=derived.events,
            state=encode_state(derived.state),
            warning=warning or _unreadable_warning(printed),
        )

    def _terms(self, host: str) -> DeriveTerms:
        names = Names(self._host or socket.gethostname())
        return DeriveTerms(user=resource_id("users", host, self.name), names=names)

    def _host_key(self, previous: State | None) -> str:
        if previous is not None:
            return previous.snapshot.host
        return self._host or machine_key(MACHINE_ID_FILE)

    def _snapshot(self, printed: Printed, host: str, now_ms: int) -> Snapshot:
        try:
            snapshot = parse_dump(
                printed.dump, host=host, read_at_ms=now_ms, ifindex=self._interface_index
            )
        except DumpError as error:
            raise SourceError(
                f"`{self._command.text}` printed no whole dump: {error}",
                "it must print what `wg show all dump` prints, and nothing else",
            ) from None
        return msgspec.structs.replace(snapshot, unreadable=tuple(sorted(printed.unreadable)))

    def _interface_index(self, interface: str) -> int | None:
        if not self._command.is_local:
            return None
        try:
            # Unlike /sys/class/net, which may be the mount of another network namespace.
            return socket.if_nametoindex(interface)
        except OSError:
            return None


def machine_key(machine_id_file: Path) -> str:
    """What tells this machine from others: its machine id, else its host name."""
    try:
        return machine_id_file.read_text(encoding="ascii").strip() or socket.gethostname()
    except (OSError, UnicodeDecodeError):
        return socket.gethostname()


def _remembered(state: bytes | None) -> tuple[State | None, str]:
    if state is None:
        return None, ""
    try:
        return decode_state(state), ""
    except StateError as error:
        return None, (
            f"what this source remembered cannot be used: {error}; it started afresh, "
            "and the traffic since the last event is not counted"
        )


def _unreadable_warning(printed: Printed) -> str:
    if not printed.unreadable:
        return ""
    names = ", ".join(sorted(printed.unreadable))
    return f"wg cannot read {names}: see whether its WireGuard process runs and who may ask it"
