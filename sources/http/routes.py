"""Which handler answers which path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

from sources.http.messages import Answer, Refused, Request

Handler = Callable[[Request], Awaitable[Answer]]
Admit = Callable[[Request], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Route:
    """One path that is served.

    path:     such as "/hosts/{host}/ping/{version}"; a name in braces takes one part of a path
    admit:    called before the body is read, says who the caller is or raises Refused;
              None lets everyone in
    max_body: the most bytes of a body where fewer than the source's `max_body` are enough
    """

    method: str
    path: str
    handler: Handler
    admit: Admit | None = None
    max_body: int | None = None


class Routes:
    """The table of all routes of one server."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(route, route.path.split("/")) for route in routes]

    def find(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]]:
        """The route of a path and what stands in its places. Raises Refused: 404 or 405."""
        parts = raw_path.split("/")
        methods: set[str] = set()
        for route, pattern in self._routes:
            values = _match(pattern, parts)
            if values is None:
                continue
            if route.method == method:
                return route, values
            methods.add(route.method)
        if methods:
            allowed = ", ".join(sorted(methods))
            reason = f"this path takes {allowed}"
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, reason, headers=(("allow", allowed),))
        raise Refused(HTTPStatus.NOT_FOUND, "there is nothing at this path")


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(parts):
        return None
    values: dict[str, str] = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{") and part:
            values[wanted[1:-1]] = unquote(part)
        elif wanted != part:
            return None
    return values
