"""Alerts about what is set for interfaces and endpoints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from domain.safe import safe
from sources.wireguard.alerts.telling import AlertWriter, Subject
from sources.wireguard.alerts.widened import Losses, becomes_whole, fresh, widened
from sources.wireguard.changes import INTERFACES, Change
from sources.wireguard.snapshot import Snapshot

MOST_LISTED = 50
"""Networks and peers that an alert lists."""

WHOLE_MORE = 3
"""How much more dangerous a peer is that may use every address from now on."""

_TEXT_LIMIT = 100


@dataclass(frozen=True)
class ChangeAlerts:
    """The changes of one look, as alerts."""

    writer: AlertWriter
    snapshot: Snapshot
    changes: Sequence[Change]

    def write(self) -> None:
        """Raise what the changes give rise to."""
        for change in self.changes:
            if change.resource == INTERFACES:
                self._of_interface(change)
            else:
                self._of_endpoint(change, Subject(change.interface, change.peer))

    def _of_interface(self, change: Change) -> None:
        subject = Subject(change.interface)
        if change.field == "public_key":
            keys = {"old_key": change.old, "new_key": change.new}
            self.writer.write("interface_key_changed", subject, keys, value=change.new)

    def _of_endpoint(self, change: Change, subject: Subject) -> None:
        match change.field:
            case "added":
                self._added(change.new, subject)
            case "removed":
                self.writer.write("endpoint_removed", subject, {"public_key": change.old})
            case "public_key":
                keys = {"old_key": change.old, "new_key": change.new}
                self.writer.write("endpoint_key_changed", subject, keys, value=change.old)
            case "preshared_key":
                what = "changed" if change.new else "removed"
                kind = f"endpoint_preshared_key_{what}"
                self.writer.write(kind, subject, {}, value=change.new)
            case "allowed_ips":
                self._allowed_ips(change, subject)

    def _added(self, key: str, subject: Subject) -> None:
        allowed_ips = self.snapshot.interfaces[subject.interface].peers[key].allowed_ips
        losers = _losers(self._taken(subject, (), allowed_ips))
        params = {
            "public_key": key,
            "allowed_ips": _listed(allowed_ips),
            **self._taken_from(subject, losers),
        }
        # Who is added again with other addresses is another risk than before.
        value = ",".join((*allowed_ips, *losers))
        danger = self._danger("endpoint_added", (), allowed_ips)
        self.writer.write("endpoint_added", subject, params, value=value, danger=danger)

    def _allowed_ips(self, change: Change, subject: Subject) -> None:
        old, new = _split(change.old), _split(change.new)
        taken = self._taken(subject, old, new)
        wider = set(widened(old, new))
        # What was another's is more than before, also where a larger network was allowed already.
        added = sorted(wider | taken.keys())
        if not added:
            return
        losers = _losers(taken)
        params = {"added": _listed(added), **self._taken_from(subject, losers)}
        kind = "endpoint_allowed_ips_widened"
        value = ",".join((*added, *losers))
        danger = self._danger(kind, old, new)
        self.writer.write(kind, subject, params, value=value, danger=danger)

    def _taken(
        self, subject: Subject, old: Sequence[str], new: Sequence[str]
    ) -> Mapping[str, Collection[str]]:
        """Which networks this peer has taken from others, and from whom."""
        losses = self._losses.get(subject.interface)
        if losses is None or subject.key is None:
            return {}
        return losses.taken(subject.key, old, fresh(old, new), MOST_LISTED)

    def _taken_from(self, subject: Subject, losers: Sequence[str]) -> dict[str, list[str]]:
        params = {"taken_from_pub": [self.writer.endpoint_id(subject, key) for key in losers]}
        if self.writer.shows_names:
            params["taken_from"] = [self.writer.name(key) for key in losers]
        return params

    def _danger(self, kind: str, old: Sequence[str], new: Sequence[str]) -> int:
        more = WHOLE_MORE if becomes_whole(old, new) else 0
        return min(9, self.writer.terms(kind).danger + more)

    @cached_property
    def _losses(self) -> Mapping[str, Losses]:
        """What the peers have lost, by the name of the interface."""
        lost: defaultdict[str, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
        for change in self.changes:
            if change.field == "allowed_ips" and change.peer is not None:
                of_peer = fresh(_split(change.new), _split(change.old))
                lost[change.interface].append((change.peer, of_peer))
        return {interface: Losses(losses) for interface, losses in lost.items()}


def _losers(taken: Mapping[str, Collection[str]]) -> list[str]:
    return sorted(set().union(*taken.values()))


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _listed(items: Sequence[str]) -> list[str]:
    return [safe(item, _TEXT_LIMIT) for item in items[:MOST_LISTED]]
