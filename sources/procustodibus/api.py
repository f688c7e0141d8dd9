"""Client of the Pro Custodibus API: a broker's set-up, its session, and the events of a queue.

Each is one HTTP request, bounded in time and size whatever the server does.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import certifi
import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.addresses import is_loopback
from domain.hidden_fields import WithHiddenFields
from domain.safe import plain_bytes, safe
from domain.version import VERSION
from sources.base import SourceError
from sources.procustodibus.sign_in import SCHEME, encode

TIMEOUT_S = 16.0
"""Seconds for a whole request, as the official broker has them for each step."""

MOST_BYTES = 64 * 1024 * 1024
LEEWAY_S = 60.0
"""Seconds before its end after which a session is not used any more."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SETUP_CURE = (
    "make a new set-up code for the broker on their site, and give the source a key with "
    "--setup-code @FILE"
)
SERVER_CURE = "see whether the source's option url is right, and whether their service is up"


class ApiAnswer(msgspec.Struct, frozen=True):
    """Answer of the server; `cut` says why not all of it came, "" where it did."""

    status: int
    body: bytes
    retry_after: str = ""
    cut: str = ""


class NoAnswer(Exception):
    """Raised where no answer came: the server may have done what the request says, or not."""


class Unreachable(NoAnswer):
    """Raised where the server did not even take the request."""


class Exchange:
    """Sends requests to one server; each has a connection of its own."""

    def __init__(
        self, url: str, *, timeout_s: float = TIMEOUT_S, most_bytes: int = MOST_BYTES
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._context: ssl.SSLContext | None = None
        _check(url)

    async def ask(
        self, method: str, path: str, authorization: str = "", body: Mapping[str, Any] | None = None
    ) -> ApiAnswer:
        """Send a request, once. Raises NoAnswer, Unreachable."""
        headers = {"accept-encoding": "identity", "user-agent": f"tocsin/{VERSION}"}
        if authorization:
            headers["authorization"] = authorization
        content = b""
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body).encode()
        try:
            return await self._ask(method, path, headers, content)
        except TimeoutError:
            raise NoAnswer(f"it gave no answer within {self._timeout_s:g} s") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL) as error:
            raise Unreachable(_cause(error)) from None
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as error:
            raise NoAnswer(_cause(error)) from None

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes
    ) -> ApiAnswer:
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        client = httpx.AsyncClient(
            verify=self._trust(), trust_env=False, timeout=self._timeout_s, follow_redirects=False
        )
        async with client:
            request = client.build_request(
                method, self._url + path, headers=headers, content=content
            )
            async with asyncio.timeout_at(deadline):
                response = await client.send(request, stream=True)
            try:
                body, cut = await self._body(response, deadline)
            finally:
                await response.aclose()
        return ApiAnswer(response.status_code, body, response.headers.get("retry-after", ""), cut)

    async def _body(self, response: httpx.Response, deadline: float) -> tuple[bytes, str]:
        """Return what came of the body, also of one that is cut: it is not sent a second time."""
        body = bytearray()
        try:
            async with asyncio.timeout_at(deadline):
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > self._most_bytes:
                        return bytes(body), f"it is longer than {self._most_bytes:,} bytes"
        except TimeoutError:
            return bytes(body), f"it did not end within {self._timeout_s:g} s"
        except (httpx.HTTPError, OSError) as error:
            return bytes(body), _cause(error)
        return bytes(body), ""

    def _trust(self) -> ssl.SSLContext:
        """Return a context with the authorities that this host trusts, and those of browsers."""
        if self._context is None:
            self._context = ssl.create_default_context()
            self._context.load_verify_locations(certifi.where())
        return self._context


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or is_loopback(parts.hostname or ""):
        return
    raise SourceError(
        f"{safe(url, 200)} is not encrypted, and an API that is not on this host is asked over TLS "
        "only",
        "use https",
    )


def _cause(error: Exception) -> str:
    """Return the cause in words of OpenSSL or the system, which no version of Python changes."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"TLS: {safe(cause.verify_message, 300)}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {(cause.reason or 'no handshake').replace('_', ' ').lower()}"
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, socket.gaierror):
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return safe(plain_bytes(str(error)), 300) or type(error).__name__


class QueueError(Exception):
    """Raised where a queue gave no events: the reason, and the Retry-After of the answer."""

    def __init__(self, reason: str, retry_after: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class _Attributes(WithHiddenFields, frozen=True):
    HIDDEN = ("token",)

    value: str = ""
    token: str = ""


class _Meta(msgspec.Struct, frozen=True):
    expiration_timeout: float = 0.0


class _Resource(msgspec.Struct, frozen=True):
    id: str = ""
    attributes: _Attributes = _Attributes()
    meta: _Meta = _Meta()


class _Resources(msgspec.Struct, frozen=True):
    data: list[_Resource]


_resources = msgspec.json.Decoder(_Resources)


class Api:
    """Session of a broker with the API; `secret` gives its private key, None where it has none.

    The session is kept in memory alone.
    """

    def __init__(
        self,
        exchange: Exchange,
        broker: str,
        secret: Callable[[], str | None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exchange = exchange
        self._broker = check_broker(broker)
        self._secret = secret
        self._monotonic = monotonic
        self._token = ""
        self._until_s = 0.0
        self._is_new = False
        """True until the first request of the session."""
        self._greeted = False
        self._doubtful = set[str]()
        """Queues whose last answer may not have come."""

    async def next(self, queue: str, most: int) -> ApiAnswer | None:
        """Return the next events of a queue, or None where a step towards them was made.

        Such a step signs in or says hello, and takes nothing: since a stop waits for an answer
        only so long, no second request follows the first. Raises QueueError; SourceError where no
        queue gives any.
        """
        if not self._is_signed_in():
            await self._sign_in()
            return None
        if not self._greeted or queue in self._doubtful:
            await self._say_hello()
            return None
        answer = await self._next(queue, most)
        if answer is not None and answer.status != HTTPStatus.OK:
            raise QueueError(f"it answers {_status(answer.status)}", answer.retry_after)
        return answer

    def _is_signed_in(self) -> bool:
        """Return whether there is a session; a new one is good for one request at least."""
        return bool(self._token) and (self._is_new or self._monotonic() < self._until_s)

    async def _say_hello(self) -> None:
        """Let a server that can, as another Tocsin, give again what it cannot know to have come.

        Where it is refused, events are fetched all the same.
        """
        try:
            answer = await self._ask("GET", f"/queues/{VERSION}/hello")
        except NoAnswer as error:
            raise _unreachable(error) from None
        if answer is None:
            return
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _refused(answer.status, "the hello")
        self._greeted = True
        self._doubtful.clear()

    async def _next(self, queue: str, most: int) -> ApiAnswer | None:
        self._doubtful.add(queue)
        try:
            answer = await self._ask("POST", f"/queues/{quote(queue)}/next", {"max": most})
        except Unreachable as error:
            raise _unreachable(error) from None
        except NoAnswer as error:
            raise QueueError(str(error)) from None
        if answer is None or (answer.status == HTTPStatus.OK and not answer.cut):
            self._doubtful.discard(queue)
        return answer

    async def _ask(
        self, method: str, path: str, body: Mapping[str, int] | None = None
    ) -> ApiAnswer | None:
        """Send a request within the session; None where it turns out to be over."""
        session = f"{SCHEME} user=^{self._broker}, session=^{self._token}"
        was_new, self._is_new = self._is_new, False
        answer = await self._exchange.ask(method, path, session, body)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return answer
        self._token = ""
        return answer if was_new else None

    async def _sign_in(self) -> None:
        key = _private_key(self._secret())
        challenge = await self._resource("GET", "/sessions/challenge", "")
        signature = encode(key.sign(challenge.attributes.value.encode()))
        session = await self._resource(
            "POST",
            "/sessions",
            f"{SCHEME} user=^{self._broker}, challenge=^{challenge.id}, signature={signature}",
        )
        self._token, self._is_new = session.attributes.token, True
        lasts_s = session.meta.expiration_timeout
        self._until_s = self._monotonic() + lasts_s - min(LEEWAY_S, lasts_s / 10)

    async def _resource(self, method: str, path: str, authorization: str) -> _Resource:
        try:
            answer = await self._exchange.ask(method, path, authorization)
        except NoAnswer as error:
            raise _unreachable(error) from None
        return _resource(answer)


async def set_up(exchange: Exchange, broker: str, code: str) -> str:
    """Make a key, and let the API know its public half; returns the secret to be kept.

    Other keys of the broker stay good. Raises SourceError.
    """
    key = Ed25519PrivateKey.generate()
    path = f"/users/{check_broker(broker)}/credentials/signature"
    body = {
        "secret": base64.b64encode(key.public_key().public_bytes_raw()).decode(),
        "description": f"tocsin on {safe(socket.gethostname(), 60)}",
        "keep_others": True,
    }
    header = f"{SCHEME} user=^{broker}, broker_setup={encode(code.encode())}"
    try:
        answer = await exchange.ask("POST", path, header, body)
    except NoAnswer as error:
        raise _unreachable(error) from None
    if answer.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
        raise _refused(answer.status, "the set-up code")
    return base64.b64encode(key.private_bytes_raw()).decode()


def check_broker(broker: str) -> str:
    """Return the id of a broker as it can stand in a header. Raises SourceError."""
    if not _ID.fullmatch(broker):
        reason = f"{safe(broker, 40)!r} is no id of a broker" if broker else "no broker is named"
        raise SourceError(reason, "set the source's option broker to the id that their site shows")
    return broker


def _private_key(secret: str | None) -> Ed25519PrivateKey:
    if secret is None:
        raise SourceError("it has no key to sign in with yet", _SETUP_CURE)
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret))


def _resource(answer: ApiAnswer) -> _Resource:
    if answer.status != HTTPStatus.OK:
        raise _refused(answer.status, "the sign-in")
    try:
        [resource] = _resources.decode(answer.body).data
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        raise SourceError("the API answered something else than a session", SERVER_CURE) from None
    return resource


def _refused(status: int, what: str) -> SourceError:
    is_ours = status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
    reason = f"the API refused {what}: {_status(status)}"
    return SourceError(reason, _SETUP_CURE if is_ours else SERVER_CURE)


def _unreachable(error: NoAnswer) -> SourceError:
    return SourceError(f"the API cannot be asked: {error}", SERVER_CURE)


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
