"""A request as a handler gets it, and what it answers; nothing here knows of the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. The names of headers are lower case; one that came twice is joined by commas.

    values: what stands in the places of the route's path
    caller: who was let in, as the route's `admit` said
    peer:   the address that the connection comes from
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    peer: str
    body: bytes = b""
    values: Mapping[str, str] = field(default_factory=dict)
    caller: str = ""

    def header(self, name: str) -> str:
        """The value of a header, "" where there is none."""
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a status and JSON."""

    content: object
    status: int = HTTPStatus.OK
    headers: Headers = ()

    @property
    def body(self) -> bytes:
        """The content as JSON."""
        return msgspec.json.encode(self.content)


class Refused(Exception):
    """Why a request is refused: `place` tells where in it the fault is, "" for the whole.

    With `retry_after_s` the same can be asked again, so many seconds later.
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
        self.status = status
        self.reason = reason
        self.place = place
        self.headers = headers
        self.retry_after_s = retry_after_s

    @property
    def answer(self) -> Answer:
        """What the client is told."""
        content: dict[str, object] = {"error": self.reason}
        headers = self.headers
        if self.place:
            content["place"] = self.place
        if self.retry_after_s is not None:
            content["retry_after"] = self.retry_after_s
            headers = (*headers, ("retry-after", str(self.retry_after_s)))
        return Answer(content, self.status, headers)


def not_now(reason: str, retry_after_s: int) -> Refused:
    """A refusal of what can be asked again later."""
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, reason, retry_after_s=retry_after_s)


def too_large(limit: int, how: str = "") -> Refused:
    """A refusal of a body of more than `limit` bytes; `how` is "unpacked " where that is meant."""
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the {how}body is larger than {limit:,} bytes: send fewer events in one request",
        place="body",
    )
