"""Routes by which agents and brokers learn that this server is there, and sign in."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import msgspec

from domain.ids import base58
from sources.base import SourceError
from sources.http.app import Route
from sources.http.messages import JsonAnswer, Request, RequestRefused, WrongShape, read_json
from sources.intake import Inlet
from sources.procustodibus.sign_in import SESSION_S, Sessions, is_key

_SMALL_BODY = 4096


class _Credentials(msgspec.Struct):
    """New key of a client; `secret` is the public half of it."""

    secret: str


def routes(inlet: Inlet, sessions: Sessions) -> Iterable[Route]:
    """Return the routes that agents and brokers have in common."""
    hello = Hello(inlet, sessions)
    set_up = "/users/{user}/credentials/signature"
    return (
        Route("GET", "/health", hello.health, max_body=_SMALL_BODY),
        Route("GET", "/sessions/challenge", hello.challenge, max_body=_SMALL_BODY),
        Route("POST", "/sessions", hello.sign_in, max_body=_SMALL_BODY),
        Route("POST", set_up, hello.set_up, max_body=_SMALL_BODY),
    )


class Hello:
    """Answers to what agents and brokers send before any work."""

    def __init__(self, inlet: Inlet, sessions: Sessions) -> None:
        self._inlet = inlet
        self._sessions = sessions

    async def health(self, _: Request) -> JsonAnswer:
        """Answer whether events would be taken."""
        try:
            self._inlet.check_room()
        except SourceError as error:
            return JsonAnswer([{"name": "store", "healthy": False, "error": error.reason}])
        return JsonAnswer([{"name": "store", "healthy": True, "error": None}])

    async def challenge(self, _: Request) -> JsonAnswer:
        """Return something to sign."""
        id_, value = self._sessions.challenge()
        return _resource(id_, "challenges", {"value": value})

    async def sign_in(self, request: Request) -> JsonAnswer:
        """Return a session for a signed challenge."""
        token = await self._sessions.sign_in(request)
        attributes = {"token": token}
        meta = {"expiration_timeout": SESSION_S}
        return _resource(base58(secrets.randbits(64)), "sessions", attributes, meta)

    async def set_up(self, request: Request) -> JsonAnswer:
        """Keep the public key of a client that has a set-up code."""
        try:
            given = read_json(request.body, _Credentials)
        except WrongShape:
            raise RequestRefused(400, "the body is no JSON with a secret", place="body") from None
        if not is_key(given.secret):
            raise RequestRefused(400, "it is not the base64 of an ed25519 key", place="secret")
        await self._sessions.set_up(request, request.values["user"], given.secret)
        return _resource(base58(secrets.randbits(64)), "credentials", {"type": "signature"})


def _resource(
    id_: str, type_: str, attributes: dict[str, str], meta: dict[str, int] | None = None
) -> JsonAnswer:
    resource: dict[str, object] = {"id": id_, "type": type_, "attributes": attributes}
    return JsonAnswer({"data": [resource | ({"meta": meta} if meta else {})]})
