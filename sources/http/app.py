"""Application of the HTTP server (ASGI): finds the route of a request and sends its answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from sources.http.bodies import Body, Budget, ClientGone, Receive, Share, Unpacker
from sources.http.messages import JsonAnswer, Request, RequestRefused, not_now
from sources.limits import MOST_BYTES
from store.errors import StoreError

Handler = Callable[[Request], Awaitable[JsonAnswer]]
Admit = Callable[[Request], Awaitable[str]]
Send = Callable[[Any], Awaitable[None]]
CONNECTION = "tocsin.connection"
"""Name in a scope of the connection that a request came on: its `admitted` is set there."""

STORE_RETRY_S = 5
_BUG = "this is a bug in tocsin: its log tells where; nothing of this request was taken"
_CLOSE = ("connection", "close")


@dataclass(frozen=True)
class Route:
    """Route: one path that is served.

    path:     such as "/hosts/{host}/ping/{version}"; a name in braces takes one part of a path
    admit:    called before the body is read, says who the caller is or raises RequestRefused;
              None lets everyone in
    max_body: the most bytes of a body where fewer than the source's `max_body` are enough
    """

    method: str
    path: str
    handler: Handler
    admit: Admit | None = None
    max_body: int | None = None

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Pattern of a path as it is sent, before it is unquoted."""
        return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.path))


class ClientLimits(msgspec.Struct, frozen=True):
    """Bounds for one client, and for how many there may be."""

    max_body: int
    clients: int
    client_timeout_s: float


class App:
    """Application that answers requests; `on_bug` gets a fault of our own, a client nothing of it.

    Raises TimeoutError out of a call when a client does not take its answer.
    """

    def __init__(
        self, routes: Iterable[Route], limits: ClientLimits, on_bug: Callable[[Exception], None]
    ) -> None:
        self._routes = list(routes)
        self._limits = limits
        self._on_bug = on_bug
        self._unpacker = Unpacker()
        self._budget = Budget(max(2 * limits.max_body, MOST_BYTES))

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI wants it."""
        if scope["type"] != "http":
            return
        request = _request(scope)
        # A body without a length ends its connection: what is behind it was judged by nobody.
        has_no_length = "transfer-encoding" in request.headers
        ended = not has_no_length and request.header("content-length") in ("", "0")
        share = Share(self._budget)
        body = Body(receive, share, self._limits.client_timeout_s, ended=ended)
        with suppress(ClientGone):
            with closing(share):
                answer = await self._answer(scope, request, body)
            ends = has_no_length or not scope[CONNECTION].admitted
            async with asyncio.timeout(2 * self._limits.client_timeout_s):
                await self._send(answer, body, send, ends=ends)

    async def _answer(self, scope: Mapping[str, Any], request: Request, body: Body) -> JsonAnswer:
        try:
            return await self._handle(scope, request, body)
        except RequestRefused as refused:
            return refused.answer
        except StoreError:
            return not_now("the store cannot be written: try again", STORE_RETRY_S).answer
        except ClientGone:
            raise
        except Exception as error:
            self._on_bug(error)
            return JsonAnswer({"error": _BUG}, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _handle(self, scope: Mapping[str, Any], request: Request, body: Body) -> JsonAnswer:
        if scope["http_version"] not in ("1.0", "1.1"):
            raise RequestRefused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "use HTTP/1.1")
        route, values = self._find(request.method, scope["raw_path"].decode("ascii", "replace"))
        request = replace(request, values=values)
        if route.admit is not None:
            scope[CONNECTION].admitted = False
            request = replace(request, caller=await route.admit(request))
            scope[CONNECTION].admitted = True
        limit = min(route.max_body or self._limits.max_body, self._limits.max_body)
        data = await body.read(limit, request.header("content-length"))
        encoding = request.header("content-encoding")
        data = await self._unpacker.unpack(data, encoding, limit, body.share, request.caller)
        return await route.handler(replace(request, body=data))

    def _find(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]]:
        """Return the route of a path and the values of its names. Raises RequestRefused."""
        matches = [(route, route.pattern.fullmatch(raw_path)) for route in self._routes]
        found = {route.method: (route, match) for route, match in matches if match is not None}
        if method in found:
            route, match = found[method]
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
        if found:
            allowed = ", ".join(sorted(found))
            reason, headers = f"this path takes {allowed}", (("allow", allowed),)
            raise RequestRefused(HTTPStatus.METHOD_NOT_ALLOWED, reason, headers=headers)
        raise RequestRefused(HTTPStatus.NOT_FOUND, "there is nothing at this path")

    async def _send(self, answer: JsonAnswer, body: Body, send: Send, *, ends: bool) -> None:
        """Send the answer; with `ends` the connection ends with it."""
        content = answer.body
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(content))),
            *answer.headers,
        ]
        is_early = not body.ended and _CLOSE not in headers
        if (is_early or ends) and _CLOSE not in headers:
            headers.append(_CLOSE)
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": int(answer.status), "headers": pairs})
        await send({"type": "http.response.body", "body": content, "more_body": True})
        if is_early:
            await body.discard(self._limits.max_body)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _request(scope: Mapping[str, Any]) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Request(
        method=scope["method"],
        path=scope["path"],
        headers=headers,
        peer=scope["client"][0] if scope["client"] else "",
    )
