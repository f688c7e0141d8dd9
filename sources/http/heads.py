"""Requests as bytes: heads that are cut out of them and judged, and the bodies behind the heads.

httptools reads both, and is strict: it takes no header of several lines, no second Content-Length,
and no length beside a Transfer-Encoding. It has no bounds: it is given a head when that is whole
and short enough, and of a body so much as is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

import httptools

from sources.http.messages import Head, RequestRefused

MOST_BYTES = 16 * 1024
MOST_HEADERS = 100

_END = re.compile(rb"\n\r?\n")
_END_BYTES = 3
_HTTP_2 = b"PRI * HTTP/2"
_TO_THE_END = -1
"""In place of a length: the body ends where its parts do, and the connection ends with it."""


class RequestReader:
    """Reader of the requests of one connection, one after the other; it waits for nothing."""

    def __init__(self) -> None:
        self._message = _Message()
        self._parser = httptools.HttpRequestParser(self._message)
        self._ahead = b""
        self._searched = 0
        self._body_left = 0
        self._without_body = 0

    def feed(self, data: bytes) -> None:
        """Take bytes that the client sent."""
        self._ahead = self._ahead + data if self._ahead else data

    @property
    def has_more(self) -> bool:
        """Return whether bytes wait that were neither of a head nor of a body so far."""
        return bool(self._ahead)

    @property
    def body_ended(self) -> bool:
        """Return whether the last request has no more of a body."""
        return self._message.ended

    def head(self) -> Head | None:
        """Return the next head, None as long as it is not whole.

        The body of the one before has ended. Raises RequestRefused.
        """
        end = _END.search(self._ahead, max(0, self._searched - _END_BYTES))
        self._searched = len(self._ahead)
        if (end.end() if end else self._searched) > MOST_BYTES:
            raise _too_much(f"the head of a request may have {MOST_BYTES:,} bytes")
        if end is None:
            return None
        data, self._ahead = self._ahead[: end.end()], self._ahead[end.end() :]
        self._searched = 0
        return self._judged(data)

    def part(self) -> bytes:
        """Return what has come of the body, b"" for nothing. Raises RequestRefused."""
        if not self._ahead:
            return b""
        data, self._ahead = self._ahead, b""
        if self._body_left != _TO_THE_END:
            data, self._ahead = data[: self._body_left], data[self._body_left :]
            self._body_left -= len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._message.ended:  # else it is about what came behind it, which is not taken
                raise _bad(f"the body does not come as its head says: {error}") from None
        part = self._message.taken()
        # Bytes between the parts, and behind the last: the parser keeps some of them.
        self._without_body = 0 if part else self._without_body + len(data)
        if self._without_body > MOST_BYTES:
            raise _too_much(f"between parts of a body there may be {MOST_BYTES:,} bytes")
        return part

    def _judged(self, data: bytes) -> Head:
        """Read a head and judge it. Raises RequestRefused."""
        if data.startswith(_HTTP_2):
            raise RequestRefused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "use HTTP/1.1")
        message = self._message
        message.begin()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise _bad("use HTTP/1.1, and send no header Upgrade") from None
        except httptools.HttpParserError as error:
            raise _bad(f"the head of the request is not as HTTP/1.1 has it: {error}") from None
        if not message.has_head:
            raise _bad("a request begins with a line such as POST /events HTTP/1.1")
        headers = message.headers
        if message.header_count > MOST_HEADERS:
            raise _too_much(f"a request may have {MOST_HEADERS} headers")
        version = self._parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise RequestRefused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "use HTTP/1.1")
        if "upgrade" in headers:
            raise _bad("use HTTP/1.1, and send no header Upgrade")
        if ("host" not in headers and version == "1.1") or "," in headers.get("host", ""):
            raise _bad("a request has one header Host")
        encoding = headers.get("transfer-encoding")
        if encoding is not None and encoding.lower() != "chunked":
            raise RequestRefused(HTTPStatus.NOT_IMPLEMENTED, "use no Transfer-Encoding but chunked")
        self._without_body = 0
        self._body_left = int(headers.get("content-length", "0"))
        if encoding is not None:
            self._body_left = _TO_THE_END
        return Head(
            method=self._parser.get_method().decode("ascii"),
            path=message.target.partition(b"?")[0].decode("ascii", "replace"),
            headers=headers,
            keeps_connection=version == "1.1" and not _asks_to_close(headers),
        )


class _Message:
    """Collector of what the parser finds, of one request at a time."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget the last request."""
        self.target = b""
        self.headers: dict[str, str] = {}
        self.header_count = 0
        self.ended = False
        self.has_head = False
        self._parts: list[bytes] = []

    def taken(self) -> bytes:
        """Return what has come of the body since the last call."""
        if not self._parts:
            return b""
        data = b"".join(self._parts)
        self._parts.clear()
        return data

    def on_url(self, url: bytes) -> None:
        if not self.has_head:
            self.target += url

    def on_header(self, raw_name: bytes, raw_value: bytes) -> None:
        if self.has_head:  # behind a body in chunks
            return
        self.header_count += 1
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").rstrip(" \t")
        headers = self.headers
        headers[name] = f"{headers[name]}, {value}" if name in headers else value

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, body: bytes) -> None:
        if not self.ended:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        self.ended = True


def _asks_to_close(headers: Mapping[str, str]) -> bool:
    wishes = headers.get("connection")
    return wishes is not None and "close" in map(str.strip, wishes.lower().split(","))


def _bad(reason: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.BAD_REQUEST, reason)


def _too_much(reason: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
