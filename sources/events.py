"""Events that sources make: ids follow from facts, so that a fact seen twice is a repeat.

A file of its own, since WireGuard, sign-ins and the alerts about sources make theirs here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from domain.alert_kinds import AlertTerms
from domain.event_types import EventType
from domain.events import Event
from domain.ids import event_id_from_facts
from domain.times import rfc3339, rfc3339_second

_encoder = msgspec.json.Encoder(order="sorted")


def whole_second(time_ms: int) -> str:
    """Return a time as it stands in events."""
    return rfc3339(time_ms // 1000 * 1000)


def fact_event(
    type_: EventType,
    facts: Iterable[str],
    attributes: Mapping[str, Any],
    relationships: Mapping[str, Any] | None = None,
    *,
    created_given: bool = True,
    no_facts: tuple[str, ...] = (),
) -> Event:
    """Return an event whose id follows from its facts.

    `created_given`: the time in its attributes is a fact too; `no_facts`: see `Event`.
    """
    event_id = event_id_from_facts(type_, "\0".join(facts).encode())
    body = {"attributes": attributes, "id": event_id, "type": type_.value}
    if relationships:
        body["relationships"] = relationships
    created_s = rfc3339_second(attributes["created"]) if created_given else None
    return Event(type_, event_id, _encoder.encode(body), created_s, no_facts)


def alert(
    kind: str,
    terms: AlertTerms,
    now_ms: int,
    facts: Iterable[str],
    params: Mapping[str, Any],
    *,
    danger: int | None = None,
    created_given: bool = True,
    no_facts: tuple[str, ...] = (),
) -> Event:
    """Return an alert; its danger is that of its kind unless another is given."""
    attributes = {
        "created": whole_second(now_ms),
        "danger": danger or terms.danger,
        "params": params,
        "suppress_until": terms.suppress_until(now_ms),
        "type": kind,
        "updated": whole_second(now_ms),
    }
    facts = (kind, *facts)
    return fact_event(
        EventType.ALERTS, facts, attributes, created_given=created_given, no_facts=no_facts
    )
