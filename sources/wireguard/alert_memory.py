"""Memory of the alerts from poll to poll, a part of the source's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec


class LeftOrigin(NamedTuple):
    """Origin that an endpoint has left, and when."""

    origin: str
    at_ms: int


class Usage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Usage of an endpoint. Stored as an array: new fields go at the end, with a default.

    since_s:           first poll that saw it
    handshake_s:       its last handshake, also after a restart that forgot it
    silences:          what was found of its silence, bits of `silence.Silent`
    hour_ends_s:       end of the hour in which its traffic is counted
    rx, tx:            its totals when that hour began
    history:           its traffic before, as `traffic` writes it
    ip:                its last address, "" for none yet
    noted_s:           when its origin was last noted
    used:              its origins, networks and countries, with the second of their last use by
                       `Observation.observed_s`, as `origins` writes them: a text costs a fifth of a
                       table
    left:              the origins that it left lately
    keepalive_since_s: start of the keepalives of this side, 0 for as long as it is known
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
    keepalive_since_s: int = 0


Usages = Mapping[str, Usage]


class Observation(msgspec.Struct, frozen=True):
    """Times of the polls.

    since_ms: the first poll after the last break
    every_ms: usual time between two polls
    lost_ms:  sum of all breaks, less the times by which the clock was set back
    """

    since_ms: int = 0
    every_ms: int = 0
    lost_ms: int = 0

    def observed_s(self, now_ms: int) -> int:
        """Return the time of observation in seconds: it stands still in a break.

        It goes neither back nor forth when the clock is set.
        """
        return (now_ms - self.lost_ms) // 1000


class AlertMemory(msgspec.Struct, frozen=True):
    """Memory of the alerts. Stored with the state: new fields have a default.

    endpoints:  by the name of the interface, then by the public key
    suppressed: by the id of the subject of an alert, then by kind and value: the millisecond
                until which the alert is not raised again
    watch:      times of the polls
    swept_ms:   when outdated entries were last removed
    """

    endpoints: Mapping[str, Usages] = {}
    suppressed: Mapping[str, Mapping[str, int]] = msgspec.field(name="told", default_factory=dict)
    watch: Observation = Observation()
    swept_ms: int = 0
