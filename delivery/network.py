"""Network of an attempt: names are resolved, addresses checked before dialling, TLS set up."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from functools import lru_cache

import certifi
import httpcore
import httpx

from delivery.connection import OneConnection, SocketStream, WatchedStream
from domain.addresses import NetworkPolicy, is_address
from domain.times import format_duration

_Found = tuple[str, ...] | Exception

_KEEP_ALIVE_S = 2.0


class Resolver:
    """Resolver of host names in daemon threads, at most one at a time for each name.

    Each name has a thread of its own, since `getaddrinfo` cannot be cancelled: a name server that
    hangs must hold up neither another receiver nor the end of the program. It belongs to one event
    loop; all posters of a worker share it, and so the lookups in flight.
    """

    def __init__(self, look_up: Callable[[str], tuple[str, ...]] | None = None) -> None:
        self._look_up = look_up or _look_up
        self._in_flight: dict[str, asyncio.Future[_Found]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return all addresses of a host, the system's preferred ones first. Raises OSError."""
        if is_address(host):
            return (host,)
        lookup = self._in_flight.get(host) or self._start(host)
        found = await asyncio.shield(lookup)
        if isinstance(found, Exception):
            raise found
        return found

    def _start(self, host: str) -> asyncio.Future[_Found]:
        loop = asyncio.get_running_loop()
        lookup: asyncio.Future[_Found] = loop.create_future()
        self._in_flight[host] = lookup

        def finish(found: _Found) -> None:
            del self._in_flight[host]
            lookup.set_result(found)

        def work() -> None:
            found = self._outcome(host)
            try:
                loop.call_soon_threadsafe(finish, found)
            except RuntimeError:
                return  # the loop ended meanwhile: nobody waits any more

        try:
            threading.Thread(target=work, name=f"lookup {host}", daemon=True).start()
        except RuntimeError:  # the system lets this process have no more
            finish(OSError(f"too many name lookups hang to begin one of {host}"))
        return lookup

    def _outcome(self, host: str) -> _Found:
        try:
            return self._look_up(host)
        except Exception as error:
            return error


def _look_up(host: str) -> tuple[str, ...]:
    rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(row[4][0]) for row in rows))


class AddressRefused(OSError):
    """The network policy forbids an address that the receiver's name leads to."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Network backend that dials only allowed addresses; without a policy (to a proxy) any.

    One refused address refuses the name. The addresses are dialled in turn, each with an equal
    share of the time that is left, so that a dead first one does not use it all. `stream` is the
    last one that was opened.
    """

    def __init__(self, policy: NetworkPolicy | None, resolver: Resolver) -> None:
        self.stream: WatchedStream | None = None
        self._policy = policy
        self._resolver = resolver

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
                self.stream = WatchedStream(await _dial(address, port, share))
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
    """Transport of httpx over one connection that the guarded backend dials, HTTP/1.1 only.

    A proxy looks names up and dials by itself: then only addresses written in the URL are checked.
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


async def _dial(address: str, port: int, limit: float | None) -> SocketStream:
    """Connect to an address. Raises httpcore.ConnectError and ConnectTimeout."""
    try:
        dialled = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    try:
        dialled.setblocking(False)
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(limit):
            await asyncio.get_running_loop().sock_connect(dialled, (address, port))
        return SocketStream(dialled)
    except BaseException as error:
        dialled.close()
        if isinstance(error, TimeoutError) and error.errno is None:
            raise httpcore.ConnectTimeout from error
        if isinstance(error, OSError):
            raise httpcore.ConnectError(str(error)) from error
        raise


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


class CaFileError(OSError):
    """A webhook's CA file cannot be used."""


def ssl_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Return a context that verifies receivers by a PEM file, or by the system's authorities.

    A given file replaces the system's authorities; it is read again when it has changed.
    SSL_CERT_FILE and SSL_CERT_DIR have no effect. Raises CaFileError.
    """
    if ca_file is None:
        return _system_context()
    try:
        facts = os.stat(ca_file)
        return _file_context(ca_file, facts.st_mtime_ns, facts.st_size, facts.st_ino)
    except ssl.SSLError as error:
        raise CaFileError(f"the CA file {ca_file} holds no PEM certificate") from error
    except OSError as error:
        raise CaFileError(f"cannot read the CA file {ca_file}: {error.strerror}") from error


@lru_cache(maxsize=1)
def _system_context() -> ssl.SSLContext:
    context = _bare_context()
    paths = ssl.get_default_verify_paths()
    cafile = paths.openssl_cafile if os.path.isfile(paths.openssl_cafile) else None
    capath = paths.openssl_capath if _holds_files(paths.openssl_capath) else None
    if cafile is None and capath is None:
        cafile = certifi.where()
    context.load_verify_locations(cafile, capath)
    return context


@lru_cache(maxsize=64)
def _file_context(ca_file: str, *_identity: int) -> ssl.SSLContext:
    context = _bare_context()
    context.load_verify_locations(ca_file)
    return context


def _bare_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _holds_files(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
