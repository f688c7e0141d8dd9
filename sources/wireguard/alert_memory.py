"""What the alerts remember from look to look, a part of the source's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec


class LeftOrigin(NamedTuple):
    """A place that an endpoint went away from, and when."""

    place: str
    at_ms: int


class Usage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How an endpoint is used. Stored as an array: new fields go at the end, with a default.

    since_s:     when it was first seen by us
    handshake_s: its last handshake, also after a restart that forgot it
    silences:    what is known of it while it is silent, bits of `silence.Silent`
    hour_ends_s: when the hour ends in which its traffic is counted
    rx, tx:      its totals when that hour began
    history:     what it moved before, as `traffic` writes it
    ip:          where it was heard from last, "" for nowhere yet
    noted_s:     when it was last noted that it is there
    used:        its places, networks and countries, with the second of their last use by
                 `Observation.seen_s`, as `places` writes them: one text costs a fifth of a table
    left:        the places that it went away from lately
    called_s:    since when this side calls at it, 0 for as long as it is known
    """

    since_s: int
    handshake_s: int
    silences: int
    hour_ends_s: int
    rx: int
    tx: int
    history: str = ""
    ip: str = ""
    noted_s: int = 0
    used: str = ""
    left: tuple[LeftOrigin, ...] = ()
    called_s: int = 0


Usages = Mapping[str, Usage]


class Observation(msgspec.Struct, frozen=True):
    """How we have looked.

    since_ms: since when without a break
    every_ms: how long it usually is between two looks
    lost_ms:  how much longer all breaks were than all times that the clock was set back by
    """

    since_ms: int = 0
    every_ms: int = 0
    lost_ms: int = 0

    def seen_s(self, now_ms: int) -> int:
        """The time in which we have looked, in seconds: it stands still in a break.

        It goes neither back nor forth when the clock is set.
        """
        return (now_ms - self.lost_ms) // 1000


class AlertMemory(msgspec.Struct, frozen=True):
    """Stored with the state: new fields have a default.

    endpoints: by the name of the interface, then by the public key
    suppressed: by the id of the subject of an alert, then by kind and value: the millisecond
                until which the alert is not raised again
    watch:     since when we look
    swept_ms:  when what is over was last forgotten
    """

    endpoints: Mapping[str, Usages] = {}
    suppressed: Mapping[str, Mapping[str, int]] = msgspec.field(name="told", default_factory=dict)
    watch: Observation = Observation()
    swept_ms: int = 0
