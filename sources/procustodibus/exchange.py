"""One HTTP request to the API, bounded in time and size whatever the server does."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpx

from domain.safe import plain_bytes, safe
from domain.version import VERSION
from sources.base import SourceError

TIMEOUT_S = 16.0
"""In all, as the official broker has it for each step."""

MOST_BYTES = 64 * 1024 * 1024
_READ_HTTP = "an API that is not on this host is asked over TLS only"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said; `cut` tells that not all of it came, and why."""

    status: int
    body: bytes
    retry_after: str = ""
    cut: str = ""


class NoAnswer(Exception):
    """Nothing was learned: whether the server did what it was asked is not known."""


class Unreachable(NoAnswer):
    """The server did not even take the request."""


class Exchange:
    """Asks one server; each request has a connection of its own."""

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
    ) -> Answer:
        """Ask once. Raises NoAnswer, Unreachable."""
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
            raise Unreachable(_sentence(error)) from None
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as error:
            raise NoAnswer(_sentence(error)) from None

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str], content: bytes
    ) -> Answer:
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
        return Answer(response.status_code, body, response.headers.get("retry-after", ""), cut)

    async def _body(self, response: httpx.Response, deadline: float) -> tuple[bytes, str]:
        """What came of the body, also of one that is cut: it is not answered a second time."""
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
            return bytes(body), _sentence(error)
        return bytes(body), ""

    def _trust(self) -> ssl.SSLContext:
        """The authorities that this host trusts, and those that browsers do."""
        if self._context is None:
            self._context = ssl.create_default_context()
            self._context.load_verify_locations(certifi.where())
        return self._context


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or _is_loopback(parts.hostname or ""):
        return
    raise SourceError(f"{safe(url, 200)} is not encrypted, and {_READ_HTTP}", "use https")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sentence(error: Exception) -> str:
    """The cause in words that no version of Python changes: those of OpenSSL and of the system."""
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
