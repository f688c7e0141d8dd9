"""The ASGI application: a request through the table of routes to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from sources.http.bodies import Body, ClientGone, Receive
from sources.http.budget import Budget, Share
from sources.http.messages import Answer, Refused, Request, not_now
from sources.http.routes import Routes
from sources.http.unpacking import Unpacker
from sources.memory import MOST_BYTES
from store.errors import StoreError

Send = Callable[[Any], Awaitable[None]]
CONNECTION = "tocsin.connection"
"""The name in a scope of the connection that a request came on: it is told who was let in."""

STORE_RETRY_S = 5
_BUG = "this is a bug in tocsin: its log tells where; nothing of this request was taken"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may ask for."""

    max_body: int
    clients: int
    client_timeout_s: float


class App:
    """Answers requests; whatever goes wrong inside is told to `on_bug`, never to a client.

    Raises TimeoutError out of a call when a client does not take its answer.
    """

    def __init__(self, routes: Routes, limits: Limits, on_bug: Callable[[Exception], None]) -> None:
        self._routes = routes
        self._limits = limits
        self._on_bug = on_bug
        self._unpacker = Unpacker()
        self._budget = Budget(max(2 * limits.max_body, MOST_BYTES))

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """One request, as ASGI wants it."""
        if scope["type"] != "http":
            return
        share = Share(self._budget)
        body = Body(receive, share, self._limits.client_timeout_s)
        body.ended = not _has_body(scope["headers"])
        with suppress(ClientGone):
            with closing(share):
                answer = await self._answer(scope, body, share)
            ends = not scope[CONNECTION].let_in or _has_no_length(scope["headers"])
            async with asyncio.timeout(2 * self._limits.client_timeout_s):
                await self._send(answer, body, send, ends=ends)

    async def _answer(self, scope: Mapping[str, Any], body: Body, share: Share) -> Answer:
        try:
            return await self._handled(scope, body, share)
        except Refused as refused:
            return refused.answer
        except StoreError:
            return not_now("the store cannot be written: try again", STORE_RETRY_S).answer
        except ClientGone:
            raise
        except Exception as error:
            self._on_bug(error)
            return Answer({"error": _BUG}, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _handled(self, scope: Mapping[str, Any], body: Body, share: Share) -> Answer:
        if scope["http_version"] not in ("1.0", "1.1"):
            raise Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "use HTTP/1.1")
        raw_path = scope["raw_path"].decode("ascii", "replace")
        route, values = self._routes.find(scope["method"], raw_path)
        request = replace(_request(scope), values=values)
        if route.admit is not None:
            scope[CONNECTION].let_in = False
            request = replace(request, caller=await route.admit(request))
            scope[CONNECTION].let_in = True
        limit = min(route.max_body or self._limits.max_body, self._limits.max_body)
        data = await body.read(limit, request.header("content-length"))
        encoding = request.header("content-encoding")
        data = await self._unpacker.unpacked(data, encoding, limit, share, request.caller)
        return await route.handler(replace(request, body=data))

    async def _send(self, answer: Answer, body: Body, send: Send, *, ends: bool) -> None:
        """Send the answer; with `ends` the connection ends with it."""
        content = answer.body
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(content))),
            *answer.headers,
        ]
        is_early = not body.ended and ("connection", "close") not in headers
        if (is_early or ends) and ("connection", "close") not in headers:
            headers.append(("connection", "close"))
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": int(answer.status), "headers": pairs})
        await send({"type": "http.response.body", "body": content, "more_body": True})
        if is_early:
            await body.discard(self._limits.max_body)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(
        name.lower() == b"transfer-encoding"
        or (name.lower() == b"content-length" and value != b"0")
        for name, value in headers
    )


def _has_no_length(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """A body without a length ends its connection: what is behind it was judged by nobody."""
    return any(name.lower() == b"transfer-encoding" for name, _ in headers)


def _request(scope: Mapping[str, Any]) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        peer=scope["client"][0] if scope["client"] else "",
    )
