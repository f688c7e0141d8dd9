"""Requests as handlers get them, and answers and refusals, always JSON."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol, TypeVar

import msgspec

from domain.hidden_fields import WithHiddenFields

Headers = tuple[tuple[str, str], ...]
Shape = TypeVar("Shape")


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


class Head(WithHiddenFields, frozen=True):
    """Head of a request: `path` as it was sent, without its query; `headers` as in a Request."""

    HIDDEN = ("headers",)

    method: str
    path: str
    headers: Mapping[str, str]
    keeps_connection: bool

    @property
    def body_has_length(self) -> bool:
        """Return False where the body comes in chunks, until there are no more."""
        return "transfer-encoding" not in self.headers


class ClientConnection(Protocol):
    """Connection as the application knows it, which answers one request after the other on it."""

    address: str
    admitted: bool
    """True once its client has signed in; the application sets it."""
    ends: bool
    """True where it ends with the next answer; the application may set it."""

    @property
    def body_ended(self) -> bool:
        """Return whether the whole body of the request was read."""

    async def read(self, until_s: float) -> bytes:
        """Return more of the body, b"" at its end; only now more of it may come.

        `until_s` is a time of the loop. Raises TimeoutError, ClientGone, RequestRefused.
        """

    async def send(self, data: bytes) -> None:
        """Send all of an answer. Raises TimeoutError, ClientGone."""


class ClientGone(Exception):
    """Raised where the client closed the connection: there is nobody to answer."""


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

    def encode(self, *, ends: bool, with_body: bool = True) -> bytes:
        """Return it as bytes; with `ends` it says that the connection ends with it."""
        body = self.body
        close = "connection: close\r\n" if ends else ""
        more = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
        status = HTTPStatus(self.status)
        head = (
            f"HTTP/1.1 {status:d} {status.phrase}\r\ndate: {_date(int(time.time()))}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n{more}{close}\r\n"
        )
        return head.encode("latin-1") + (body if with_body else b"")


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
