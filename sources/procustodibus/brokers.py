"""Brokers: the queues that they read, as those of Pro Custodibus are read.

The protocol has no acknowledgement. So an answer counts as read when the broker asks for the next
events of the same type. Until then they are given again, with the same ids, whenever there is a
sign that the answer came to nothing: the broker says hello, as it does when it starts and after
a round that failed; a request of it fails here; or this process starts anew.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from domain import clients as kinds
from domain.event_types import EventType
from sources.http.app import Route
from sources.http.messages import JsonAnswer, Request, RequestRefused, WrongShape, read_json
from sources.intake import Inlet
from sources.procustodibus.sign_in import Sessions
from store import clients
from store.queue import broker_cursors

USUAL_MAX = 10
MOST_EVENTS = 1_000
MOST_BYTES = 8_000_000
_SMALL_BODY = 4096


def routes(inlet: Inlet, sessions: Sessions) -> Iterable[Route]:
    """Return the routes by which a signed-in broker reads."""
    brokers = Brokers(inlet, sessions)
    return (
        Route("GET", "/queues/{version}/hello", brokers.hello, brokers.admit, max_body=_SMALL_BODY),
        Route("POST", "/queues/{type}/next", brokers.next, brokers.admit, max_body=_SMALL_BODY),
    )


class _Wanted(msgspec.Struct):
    max: int = USUAL_MAX


class Brokers:
    """Brokers that read from one server, and the last event that each was given of each type."""

    def __init__(self, inlet: Inlet, sessions: Sessions) -> None:
        self._inlet = inlet
        self._store = inlet.store
        self._sessions = sessions
        self._given: dict[str, dict[EventType, int]] = {}

    async def admit(self, request: Request) -> str:
        """Let in a broker, and nobody else; return its name."""
        return (await self._sessions.admit(request, kinds.BROKER)).name

    async def hello(self, request: Request) -> JsonAnswer:
        """Return the name of the broker here; what it was given last will be given again."""
        self._given.pop(request.caller, None)
        broker = await self._store.run(clients.find, kinds.BROKER, request.caller)
        await self._store.run(clients.note_seen, broker.name, self._inlet.clock())
        attributes = {"name": broker.name}
        return JsonAnswer(
            {"data": [{"id": broker.user_id, "type": "users", "attributes": attributes}]}
        )

    async def next(self, request: Request) -> JsonAnswer:
        """Return the events that follow; none of a type that Tocsin does not have."""
        try:
            return await self._next(request)
        except BaseException:
            # The broker drops a whole round when one of its requests fails.
            self._given.pop(request.caller, None)
            raise

    async def _next(self, request: Request) -> JsonAnswer:
        wanted = _wanted(request.body)
        await self._store.run(clients.note_seen, request.caller, self._inlet.clock())
        try:
            type_ = EventType(request.values["type"])
        except ValueError:
            return JsonAnswer({"data": []})
        given = self._given.setdefault(request.caller, {})
        found = await self._store.run(
            broker_cursors.read_on,
            request.caller,
            type_,
            given.get(type_),
            limit=wanted,
            max_bytes=MOST_BYTES,
        )
        if found:
            given[type_] = found[-1].seq
        return JsonAnswer({"data": [msgspec.Raw(event.body) for event in found]})


def _wanted(body: bytes) -> int:
    try:
        wanted = read_json(body, _Wanted).max if body else USUAL_MAX
    except WrongShape:
        raise RequestRefused(400, 'the body is not like {"max": 100}', place="body") from None
    return max(1, min(wanted, MOST_EVENTS))
