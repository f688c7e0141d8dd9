"""Heads of requests: cut out of what a client sends, and judged before the server sees them.

A server behind this meets no HTTP/2, no upgrade and no head that is too long.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus

MOST_BYTES = 16 * 1024
MOST_HEADERS = 100

_END = re.compile(rb"\n\r?\n")
_HTTP_2 = b"PRI * HTTP/2"
_TO_THE_END = -1
"""In place of a length: the body ends where its parts do, and the app ends the connection then."""


class BadHead(Exception):
    """Head that is refused, with the answer to it."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class HeadReader:
    """Reads the bytes of a client from `read`, a head or some of a body at a time."""

    def __init__(self, read: Callable[[int], Awaitable[bytes]]) -> None:
        self._read = read
        self._ahead = b""
        self._body_left = 0

    async def read(self, count: int) -> bytes:
        """Read a whole head, or some of a body; b"" at the end. Raises BadHead."""
        if self._body_left:
            return await self._some_of_body(count)
        while (end := _END.search(self._ahead)) is None and len(self._ahead) <= MOST_BYTES:
            data = await self._read(count)
            if not data:
                rest, self._ahead = self._ahead, b""
                return rest
            self._ahead += data
        stop = len(self._ahead) if end is None else end.end()
        head, self._ahead = self._ahead[:stop], self._ahead[stop:]
        self._body_left = _body_length(head)
        return head

    async def _some_of_body(self, count: int) -> bytes:
        data, self._ahead = self._ahead, b""
        data = data or await self._read(count)
        if self._body_left == _TO_THE_END:
            return data
        data, self._ahead = data[: self._body_left], data[self._body_left :]
        self._body_left -= len(data)
        return data


def _body_length(head: bytes) -> int:
    """Judge a head, and return the length of the body that follows. Raises BadHead."""
    if head.startswith(_HTTP_2):
        raise BadHead(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "use HTTP/1.1")
    if len(head) > MOST_BYTES:
        reason = f"the head of a request may have {MOST_BYTES:,} bytes"
        raise BadHead(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
    _, *lines = head.rstrip(b"\r\n").split(b"\n")
    if len(lines) > MOST_HEADERS:
        reason = f"a request may have {MOST_HEADERS} headers"
        raise BadHead(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
    if any(line.startswith((b" ", b"\t")) for line in lines):
        reason = "a header has to be one line"  # HTTP's parser joins such lines: other headers
        raise BadHead(HTTPStatus.BAD_REQUEST, reason)
    pairs = [line.partition(b":") for line in lines]
    headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
    names = {name for name, _ in headers}
    if b"upgrade" in names:
        raise BadHead(HTTPStatus.BAD_REQUEST, "use HTTP/1.1, and send no header Upgrade")
    lengths = {value for name, value in headers if name == b"content-length"} or {b"0"}
    if len(lengths) > 1 or not all(re.fullmatch(rb"[0-9]{1,18}", text) for text in lengths):
        raise BadHead(HTTPStatus.BAD_REQUEST, "Content-Length has to be one number")
    return _TO_THE_END if b"transfer-encoding" in names else int(lengths.pop())
