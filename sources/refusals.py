"""Rules for what a source took and the queue cannot hold: nothing of it is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from domain import strict_json
from domain.alert_kinds import EVENT_REFUSED, AlertTerms
from domain.events import MAX_EVENT_BYTES, MAX_ID_LENGTH, Event
from domain.safe import safe
from domain.times import parse_rfc3339
from domain.wording import counted
from sources.base import SourceError
from sources.events import alert
from store import refusals
from store.refusals import RefusedNews, TakingRules

_ERROR_LIMIT = 500
DEAL_WITH_THEM = "`tocsin refused list` shows them, `tocsin refused send` and `drop` make room"


def taking_rules(alerts: Mapping[str, AlertTerms]) -> TakingRules:
    """Return the rules of a source under these terms of alerts."""
    return TakingRules(updated_event, partial(_alert, alerts))


def check_room(name: str) -> None:
    """Raise SourceError where a source has so many refused events that it may take nothing more."""
    if refusals.is_full(name):
        events = counted(refusals.waiting(name), "event")
        raise SourceError(
            f"waiting: {events} that could not be queued fill the room that there is for such",
            DEAL_WITH_THEM,
        )


def updated_event(event: Event) -> Event | None:
    """Return the event under the id of its update, None where it has no time of one."""
    members = strict_json.decode(event.body)
    attributes = members["attributes"]
    try:
        seconds = parse_rfc3339(attributes["updated"]) // 1000
    except (KeyError, TypeError, ValueError):
        return None
    if attributes.get("id", event.id) != event.id:
        return None
    suffix = f".{seconds}"
    event_id = event.id[: MAX_ID_LENGTH - len(suffix)] + suffix
    named = members | {"id": event_id, "attributes": attributes | {"id": event.id}}
    body = strict_json.compact(named)
    if len(body) > MAX_EVENT_BYTES:
        return None
    return Event(event.type, event_id, body, event.created_s, event.no_facts)


def _alert(alerts: Mapping[str, AlertTerms], refused: RefusedNews, now_ms: int) -> Event | None:
    """Return the alert about refused events, once for a source until its time is over."""
    terms = alerts[EVENT_REFUSED]
    before_ms = refused.alerted_ms
    if not terms.active:
        return None
    if before_ms is not None and terms.suppresses(before_ms + terms.suppress_ms, now_ms):
        return None
    params = {
        "count": refused.waiting,
        "error": safe(refused.reason, _ERROR_LIMIT),
        "source": refused.source,
    }
    return alert(EVENT_REFUSED, terms, now_ms, (refused.source, str(now_ms)), params)
