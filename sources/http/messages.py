"""Requests as handlers get them, and answers and refusals, always JSON."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

import msgspec

from domain.hidden_fields import WithHiddenFields

Headers = tuple[tuple[str, str], ...]
Shape = TypeVar("Shape")


class Request(WithHiddenFields, frozen=True):
    """Request. The names of headers are lower case; one that came twice is joined by commas.

    values: the parts of the path that the route's pattern names, by these names
    caller: the name of who signed in, as the route's `admit` returned it
    peer:   the address that the connection comes from
    """

    HIDDEN = ("headers", "body")

    method: str
    path: str
    headers: Mapping[str, str]
    peer: str
    body: bytes = b""
    values: Mapping[str, str] = msgspec.field(default_factory=dict)
    caller: str = ""

    def header(self, name: str) -> str:
        """Return the value of a header, "" where there is none."""
        return self.headers.get(name.lower(), "")


class JsonAnswer(msgspec.Struct, frozen=True):
    """Answer to a request: a status and JSON."""

    content: object
    status: int = HTTPStatus.OK
    headers: Headers = ()

    @property
    def body(self) -> bytes:
        """Content as JSON."""
        return msgspec.json.encode(self.content)


class RequestRefused(Exception):
    """Refusal of a request: `place` is where in it the fault is, "" for the whole.

    With `retry_after_s` the same can be sent again, so many seconds later.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        place: str = "",
        headers: Headers = (),
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(reason)
        content: dict[str, object] = {"error": reason}
        if place:
            content["place"] = place
        if retry_after_s is not None:
            content["retry_after"] = retry_after_s
            headers = (*headers, ("retry-after", str(retry_after_s)))
        self.answer = JsonAnswer(content, status, headers)


def not_now(reason: str, retry_after_s: int) -> RequestRefused:
    """Refuse what can be sent again later."""
    return RequestRefused(HTTPStatus.SERVICE_UNAVAILABLE, reason, retry_after_s=retry_after_s)


class WrongShape(ValueError):
    """Body that is no JSON, or not of the wanted shape; the text quotes nothing of it."""


def read_json(body: bytes, shape: type[Shape]) -> Shape:
    """Read a body in this shape; unknown members are passed over. Raises WrongShape."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WrongShape(type(error).__name__) from None
