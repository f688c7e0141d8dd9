"""The door to the network: every address is judged where it is dialled."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable

import httpcore
import httpx

from delivery.connection import OneConnection, WatchedStream
from delivery.resolver import Resolver
from domain.addresses import NetworkPolicy, is_address
from domain.times import format_duration

_KEEP_ALIVE_S = 2.0


class AddressRefused(OSError):
    """The network policy forbids an address that the receiver's name leads to."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Dials only what the policy allows; without a policy (towards a proxy) it dials anything.

    One refused address refuses the name. The addresses are dialled in turn, each with an equal
    share of the time that is left, so that a dead first one does not eat it all. `stream` is the
    last one that was opened.
    """

    def __init__(self, policy: NetworkPolicy | None, resolver: Resolver) -> None:
        self.stream: WatchedStream | None = None
        self._policy = policy
        self._resolver = resolver
        self._dialler = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        started = time.monotonic()
        addresses = await self._look_up(host, timeout)
        if self._policy is not None:
            judge(self._policy, host, addresses)
        failure: Exception | None = None
        for index, address in enumerate(addresses):
            share = _share(started, timeout, len(addresses) - index)
            try:
                stream = await self._dialler.connect_tcp(
                    address, port, share, local_address, socket_options
                )
                self.stream = WatchedStream(stream)
                return self.stream
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = failure or error
        if isinstance(failure, httpcore.ConnectTimeout) or failure is None:
            raise httpcore.ConnectTimeout(f"no connection{_within(timeout)}")
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _look_up(self, host: str, limit: float | None) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(limit):
                return await self._resolver.addresses(host)
        except TimeoutError:
            raise httpcore.ConnectTimeout(
                f"no answer from the name server{_within(limit)}"
            ) from None


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport over one connection that is dialled through the guard, HTTP/1.1 only.

    Through a proxy, it is the proxy that looks names up and dials: then only addresses written in
    the URL itself are judged.
    """

    def __init__(
        self,
        policy: NetworkPolicy,
        resolver: Resolver,
        ssl_context: ssl.SSLContext,
        proxy: str | None = None,
    ) -> None:
        self._policy = policy
        backend = GuardedBackend(policy if proxy is None else None, resolver)
        maker = (
            _direct(backend, ssl_context)
            if proxy is None
            else _through_proxy(proxy, backend, ssl_context)
        )
        self.connection = OneConnection(maker.create_connection, lambda: backend.stream)
        # httpx offers no way to hand a backend in; its transport does all its work through _pool.
        self._pool = self.connection  # type: ignore[assignment]  # two methods of a pool are used

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.raw_host.decode("ascii")
        if is_address(host):
            judge(self._policy, host, (host,))
        return await super().handle_async_request(request)


def judge(policy: NetworkPolicy, host: str, addresses: Iterable[str]) -> None:
    """Raise AddressRefused if the policy forbids any of a host's addresses."""
    for address in addresses:
        reason = policy.refusal(address)
        if reason is not None:
            raise AddressRefused(
                reason if address == host else f"{host} leads to a refused address: {reason}"
            )


def _direct(backend: GuardedBackend, ssl_context: ssl.SSLContext) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=ssl_context, keepalive_expiry=_KEEP_ALIVE_S, network_backend=backend
    )


def _through_proxy(
    proxy: str, backend: GuardedBackend, ssl_context: ssl.SSLContext
) -> httpcore.AsyncConnectionPool:
    parsed = httpx.Proxy(proxy)
    url = parsed.url
    return httpcore.AsyncHTTPProxy(
        proxy_url=httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        proxy_auth=parsed.raw_auth,
        ssl_context=ssl_context,
        proxy_ssl_context=ssl_context if url.scheme == "https" else None,
        keepalive_expiry=_KEEP_ALIVE_S,
        network_backend=backend,
    )


def _share(started: float, limit: float | None, addresses_left: int) -> float | None:
    if limit is None:
        return None
    return max(0.0, started + limit - time.monotonic()) / addresses_left


def _within(limit: float | None) -> str:
    return "" if limit is None else f" within {format_duration(round(limit * 1000))}"
