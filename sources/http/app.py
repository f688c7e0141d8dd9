"""Application of the HTTP server: finds the route of a request and sends its answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from sources.http.bodies import Body, Budget, Share, Unpacker
from sources.http.messages import (
    ClientConnection,
    ClientGone,
    Head,
    JsonAnswer,
    Request,
    RequestRefused,
    not_now,
)
from sources.limits import MOST_BYTES
from store.errors import StoreError

Handler = Callable[[Request], Awaitable[JsonAnswer]]
Admit = Callable[[Request], Awaitable[str]]
STORE_RETRY_S = 5
_BUG = "this is a bug in tocsin: its log tells where; nothing of this request was taken"


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

    A call raises TimeoutError when a client does not take its answer.
    """

    def __init__(
        self, routes: Iterable[Route], limits: ClientLimits, on_bug: Callable[[Exception], None]
    ) -> None:
        self._routes = list(routes)
        self._limits = limits
        self._on_bug = on_bug
        self._unpacker = Unpacker()
        self._budget = Budget(max(2 * limits.max_body, MOST_BYTES))

    async def __call__(self, head: Head, connection: ClientConnection) -> None:
        """Answer one request."""
        share = Share(self._budget)
        body = Body(connection, share, self._limits.client_timeout_s)
        with suppress(ClientGone):
            with closing(share):
                answer = await self._answer(head, body, connection)
            # What is behind a body without a length was judged by nobody.
            is_early = not connection.body_ended
            if is_early or not (
                head.keeps_connection and head.body_has_length and connection.admitted
            ):
                connection.ends = True
            data = answer.encode(ends=connection.ends, with_body=head.method != "HEAD")
            await connection.send(data)
            if is_early:
                await body.discard(self._limits.max_body)

    async def _answer(self, head: Head, body: Body, connection: ClientConnection) -> JsonAnswer:
        try:
            return await self._handle(head, body, connection)
        except RequestRefused as refused:
            return refused.answer
        except StoreError:
            return not_now("the store cannot be written: try again", STORE_RETRY_S).answer
        except ClientGone:
            raise
        except Exception as error:
            self._on_bug(error)
            return JsonAnswer({"error": _BUG}, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _handle(self, head: Head, body: Body, connection: ClientConnection) -> JsonAnswer:
        route, values = self._find(head.method, head.path)
        request = Request(
            method=head.method,
            path=unquote(head.path),
            headers=head.headers,
            peer=connection.address,
            values=values,
        )
        caller = ""
        if route.admit is not None:
            connection.admitted = False
            caller = await route.admit(request)
            connection.admitted = True
        limit = min(route.max_body or self._limits.max_body, self._limits.max_body)
        data = await body.read(limit, request.header("content-length"))
        encoding = request.header("content-encoding")
        data = await self._unpacker.unpack(data, encoding, limit, body.share, caller)
        return await route.handler(replace(request, body=data, caller=caller))

    def _find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """Return the route of a path and the values of its names. Raises RequestRefused."""
        matches = [(route, route.pattern.fullmatch(path)) for route in self._routes]
        found = {route.method: (route, match) for route, match in matches if match is not None}
        if method in found:
            route, match = found[method]
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
        if found:
            allowed = ", ".join(sorted(found))
            reason, headers = f"this path takes {allowed}", (("allow", allowed),)
            raise RequestRefused(HTTPStatus.METHOD_NOT_ALLOWED, reason, headers=headers)
        raise RequestRefused(HTTPStatus.NOT_FOUND, "there is nothing at this path")
