"""POST of a delivery: the exchange, and the Outcome that always ends it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx
import msgspec

from delivery.failures import RequestFacts, deadline_passed, describe
from delivery.network import GuardedTransport, Resolver, ssl_context
from delivery.outcome import (
    MAX_ANSWER_BODY,
    MAX_ANSWER_HEADERS,
    Outcome,
    is_success,
    refusal,
    refused_events,
)
from delivery.redact import Redactor
from delivery.retry import retry_after_ms
from domain.addresses import NetworkPolicy
from domain.safe import safe
from domain.wording import status_words

_TAIL_S = 1.0
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.RESET_CONTENT)
_LOST_KEPT = "the receiver ended the kept connection in place of an answer"
_LOCATION_LIMIT = 1024


def wall_clock_ms() -> int:
    """Return UTC milliseconds, for a Retry-After date that comes without a Date header."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class _Answer:
    """Received part of an answer; it survives the exception that ends the exchange."""

    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers, repr=False)
    body: bytes = field(default=b"", repr=False)
    decided_at: float | None = None


class _Fault(msgspec.Struct, frozen=True):
    """Failure in place of an answer."""

    error: str
    detail: str
    kept_was_lost: bool = False


class _Body(httpx.AsyncByteStream):
    """Body in one piece. `sent` is called when the connection has taken all of it."""

    def __init__(self, content: bytes, sent: Callable[[], None]) -> None:
        self.content = content
        self._sent = sent

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content
        self._sent()


class Poster:
    """Client of one webhook while it drains; webhooks never share a connection.

    The connection is kept from one success to the next if nothing is left over on it, and dropped
    at the first failure. If the receiver has closed a kept one, or more bytes have come in on it, a
    new connection is made before anything is sent; from then on none is kept. One that breaks later
    is a failed attempt: the receiver may have worked on the request. The same delivery follows at
    once where no byte of an answer came.
    """

    def __init__(
        self,
        policy: NetworkPolicy,
        connect_timeout_ms: int,
        timeout_ms: int,
        ca_file: str | None = None,
        proxy: str | None = None,
        *,
        resolver: Resolver | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._policy = policy
        self._connect_timeout_ms = connect_timeout_ms
        self._timeout_ms = timeout_ms
        self.ca_file = ca_file
        self._proxy = proxy
        self._resolver = resolver or Resolver()
        self._now_ms = now_ms
        self._transport: GuardedTransport | None = None
        self._target: tuple[str, httpx.URL] | None = None
        self._keeps = True

    async def post(
        self,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        *,
        secrets: Sequence[str] = (),
        sent: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Send one request and return its Outcome; nothing but a cancellation is raised.

        `sent` is called when the connection has taken all bytes of the body.

        `headers` are all but Host, Content-Length and Accept-Encoding, which are set here. Where
        the answer repeats one of the `secrets`, the Outcome has its mask. The deadline covers
        everything from the look-up of the name on, but a 2XX head is final whatever follows it.
        """
        started = time.monotonic()
        answer = _Answer()
        fault: _Fault | None = None
        reusable = False
        deadline = asyncio.timeout(self._timeout_ms / 1000)
        try:
            async with deadline:
                reusable = await self._exchange(url, headers, _Body(body, sent), answer)
        except Exception as error:
            fault = self._describe(error, url, timed_out=deadline.expired())
        finally:
            if not reusable:
                await self.close()
        ended = answer.decided_at or time.monotonic()
        duration_ms = round((ended - started) * 1000)
        return _outcome(answer, fault, Redactor(secrets), duration_ms, self._now_ms())

    async def close(self) -> None:
        """Drop the kept connection."""
        transport, self._transport = self._transport, None
        if transport is not None:
            with contextlib.suppress(Exception):
                await transport.aclose()

    async def _exchange(
        self, url: str, headers: Sequence[tuple[str, str]], body: _Body, answer: _Answer
    ) -> bool:
        """Fill in the answer; return True if the connection can be used again."""
        request = self._request(url, headers, body)
        if self._transport is None:
            self._transport = self._new_transport()
        response = await self._transport.handle_async_request(request)
        answer.status = response.status_code
        answer.headers = response.headers
        if is_success(response.status_code):
            answer.decided_at = time.monotonic()
        is_whole = await _read_tail(response, answer)
        return is_whole and self._may_keep(response, self._transport)

    def _may_keep(self, response: httpx.Response, transport: GuardedTransport) -> bool:
        """Return True if the next request may follow on this connection."""
        if not is_success(response.status_code) or _has_odd_body(response):
            return False
        is_reusable = transport.is_reusable()
        self._keeps = self._keeps and not transport.was_spoiled
        return self._keeps and is_reusable

    def _request(self, url: str, headers: Sequence[tuple[str, str]], body: _Body) -> httpx.Request:
        request = httpx.Request(
            "POST",
            self._target_of(url),
            headers=[*headers, ("Accept-Encoding", "identity")],
            content=body.content,
        )
        request.stream = body
        return request

    def _target_of(self, url: str) -> httpx.URL:
        """Return the URL as httpx reads it, once for all requests to it. Raises InvalidURL."""
        if self._target is None or self._target[0] != url:
            self._target = url, _target(url)
        return self._target[1]

    def _new_transport(self) -> GuardedTransport:
        context, limit_s = ssl_context(self.ca_file), self._connect_timeout_ms / 1000
        return GuardedTransport(self._policy, self._resolver, context, limit_s, self._proxy)

    def _describe(self, error: Exception, url: str, *, timed_out: bool) -> _Fault:
        if timed_out:
            return _Fault(*deadline_passed(self._timeout_ms))
        name, words = describe(error, _request_facts(url, self._connect_timeout_ms))
        lost = self._transport is not None and self._transport.was_lost
        if lost:
            words, self._keeps = _LOST_KEPT, False
        if self._proxy is not None:
            words += " (through the proxy)"
        return _Fault(name, words, lost)


def _target(url: str) -> httpx.URL:
    """Return the URL, if httpx would not misread it. Raises httpx.InvalidURL."""
    target = httpx.URL(url)
    if target.scheme not in ("http", "https"):
        raise httpx.InvalidURL("it begins with neither http:// nor https://")
    if not target.host:
        raise httpx.InvalidURL("it names no host")
    if not 0 < (80 if target.port is None else target.port) < 65_536:
        raise httpx.InvalidURL(f"there is no port {target.port}")
    return target


def _request_facts(url: str, connect_timeout_ms: int) -> RequestFacts:
    try:
        parsed = httpx.URL(url)
        return RequestFacts(parsed.scheme == "https", parsed.host, connect_timeout_ms)
    except Exception:
        return RequestFacts(False, "the receiver", connect_timeout_ms)


async def _read_tail(response: httpx.Response, answer: _Answer) -> bool:
    """Keep the start of the body; return True if it was read to its end."""
    rest = response.stream
    if not isinstance(rest, httpx.AsyncByteStream):
        return False
    try:
        async with asyncio.timeout(_TAIL_S):
            async for chunk in rest:
                answer.body += chunk[: MAX_ANSWER_BODY + 1 - len(answer.body)]
                if len(answer.body) > MAX_ANSWER_BODY:
                    return False
    except TimeoutError:
        return False
    return True


def _has_odd_body(response: httpx.Response) -> bool:
    """Return True if a body is announced for a status that has none: more bytes may follow."""
    if response.status_code not in _BODILESS:
        return False
    lengths = response.headers.get_list("content-length")
    return "transfer-encoding" in response.headers or any(length != "0" for length in lengths)


def _outcome(
    answer: _Answer, fault: _Fault | None, redactor: Redactor, duration_ms: int, now_ms: int
) -> Outcome:
    status = answer.status
    if status is None:
        fault = fault or _Fault("Exception", "no answer")
        detail = redactor.text(fault.detail)
        return Outcome(None, fault.error, detail, duration_ms, kept_was_lost=fault.kept_was_lost)
    location = answer.headers.get("location")
    location = safe(redactor.text(location), _LOCATION_LIMIT) if location else None
    body = redactor.beginning(answer.body)[:MAX_ANSWER_BODY]
    return Outcome(
        status=status,
        error=None,
        detail=_detail(status, location, body),
        duration_ms=duration_ms,
        retry_after_ms=None if is_success(status) else _retry_after_ms(answer.headers, now_ms),
        location=location,
        answer_headers=_capped_headers(answer.headers, redactor),
        answer_body=body,
    )


def _detail(status: int, location: str | None, body: bytes) -> str:
    text = f"answered {status_words(status)}"
    if 300 <= status < 400:
        text += f", not followed (to {location})" if location else ", not followed"
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        text += "; let it take more, or lower max_events or max_bytes and reseal"
    if refused := refused_events(status, body):
        text += f"; {refusal(refused)}"
    return safe(text, 300)


def _retry_after_ms(headers: httpx.Headers, now_ms: int) -> int | None:
    return retry_after_ms(headers.get_list("retry-after"), headers.get("date"), now_ms)


def _capped_headers(headers: httpx.Headers, redactor: Redactor) -> tuple[tuple[str, str], ...]:
    kept: list[tuple[str, str]] = []
    room = MAX_ANSWER_HEADERS
    for name, value in headers.raw:
        room -= len(name) + len(value)
        if room < 0:
            break
        kept.append((name.decode("latin-1"), redactor.text(value.decode("latin-1"))))
    return tuple(kept)
