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
from typing import NamedTuple

import certifi
import httpx

from delivery.connection import (
    HttpConnection,
    LeftOver,
    SocketStream,
    Stream,
    encrypted,
    open_tunnel,
)
from domain.addresses import NetworkPolicy, is_address
from domain.times import format_duration

_Found = tuple[str, ...] | Exception

_PORTS = {"http": 80, "https": 443}


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


class Dialler:
    """Dialler of allowed addresses only; without a policy (to a proxy) of any.

    One refused address refuses the name. The addresses are dialled in turn, each with an equal
    share of the time that is left, so that a dead first one does not use it all.
    """

    def __init__(self, policy: NetworkPolicy | None, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver

    async def connect(self, host: str, port: int, limit_s: float) -> SocketStream:
        """Return a connection. Raises AddressRefused, OSError and httpx.ConnectTimeout."""
        started = time.monotonic()
        addresses = await self._look_up(host, limit_s)
        if self._policy is not None:
            judge(self._policy, host, addresses)
        failure: Exception | None = None
        for index, address in enumerate(addresses):
            left_s = max(0.0, started + limit_s - time.monotonic())
            try:
                return await _dial(address, port, left_s / (len(addresses) - index))
            except (OSError, httpx.ConnectTimeout) as error:
                failure = failure or error
        if isinstance(failure, httpx.ConnectTimeout) or failure is None:
            raise httpx.ConnectTimeout(f"no connection{_within(limit_s)}")
        raise failure

    async def _look_up(self, host: str, limit_s: float) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(limit_s) as limit:
                return await self._resolver.addresses(host)
        except TimeoutError:
            if not limit.expired():
                raise
            raise httpx.ConnectTimeout(
                f"no answer from the name server{_within(limit_s)}"
            ) from None


async def _dial(address: str, port: int, limit_s: float) -> SocketStream:
    dialled = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        dialled.setblocking(False)
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(limit_s) as limit:
            await asyncio.get_running_loop().sock_connect(dialled, (address, port))
        return SocketStream(dialled)
    except BaseException as error:
        dialled.close()
        if isinstance(error, TimeoutError) and limit.expired():
            raise httpx.ConnectTimeout("") from error
        raise


class GuardedTransport(httpx.AsyncBaseTransport):
    """Transport of httpx over one guarded connection to one receiver, HTTP/1.1 only.

    A proxy looks names up and dials by itself: then only addresses written in the URL are checked.

    was_spoiled: something was left over on a kept connection, or it ended
    was_lost:    a kept connection ended before a byte of the answer to the latest request came in
    """

    def __init__(
        self,
        policy: NetworkPolicy,
        resolver: Resolver,
        ssl_context: ssl.SSLContext,
        connect_limit_s: float,
        proxy: str | None = None,
    ) -> None:
        self.was_spoiled = False
        self.was_lost = False
        self._policy = policy
        self._ssl_context = ssl_context
        self._limit_s = connect_limit_s
        self._proxy = None if proxy is None else httpx.Proxy(proxy).url
        self._dialler = Dialler(policy if proxy is None else None, resolver)
        self._kept: HttpConnection | None = None
        self._origin: _Origin | None = None

    def is_reusable(self) -> bool:
        """Return True if the connection stands and nothing is left over on it."""
        kept = self._kept
        if kept is None or not kept.is_at_rest():
            return False
        self.was_spoiled = self.was_spoiled or kept.left_over()
        return not self.was_spoiled and not kept.is_old()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request on the kept connection, or on a new one if that cannot be used again."""
        kept, origin = self._kept, _origin(request.url)
        if kept is not None and origin == self._origin and self.is_reusable():
            try:
                return await self._send_on(kept, request)
            except LeftOver:  # it came in after the look above; nothing was sent
                self.was_spoiled = True
        await self.aclose()
        self._kept, self._origin = await self._connect(request.url), origin
        return await self._exchange(self._kept, request)

    async def aclose(self) -> None:
        """Drop the connection."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    async def _send_on(self, kept: HttpConnection, request: httpx.Request) -> httpx.Response:
        try:
            return await self._exchange(kept, request)
        except ssl.SSLError:
            raise
        except (OSError, httpx.RemoteProtocolError):
            self.was_lost = not kept.heard
            raise

    async def _exchange(self, connection: HttpConnection, request: httpx.Request) -> httpx.Response:
        url = request.url
        target = url.raw_path
        if self._proxy is not None and url.scheme == "http":
            target = b"%b://%b%b" % (url.raw_scheme, url.netloc, url.raw_path)
        body = request.stream
        if not isinstance(body, httpx.AsyncByteStream):
            raise TypeError("the body of the request cannot be read here")
        return await connection.exchange(request.method, target, request.headers.raw, body)

    async def _connect(self, url: httpx.URL) -> HttpConnection:
        scheme, host, port = _origin(url)
        if is_address(host):
            judge(self._policy, host, (host,))
        first = _origin(self._proxy or url)
        stream: Stream = await self._dialler.connect(first.host, first.port, self._limit_s)
        try:
            if first.scheme == "https":
                stream = await self._encrypted(stream, first.host)
            if scheme == "https" and self._proxy is not None:
                await open_tunnel(stream, _authority(host, port))
                stream = await self._encrypted(stream, host)
        except BaseException:
            stream.close()
            raise
        return HttpConnection(stream)

    async def _encrypted(self, stream: Stream, host: str) -> Stream:
        return await encrypted(stream, self._ssl_context, host, self._limit_s)


def judge(policy: NetworkPolicy, host: str, addresses: Iterable[str]) -> None:
    """Raise AddressRefused if the policy forbids any of a host's addresses."""
    for address in addresses:
        reason = policy.refusal(address)
        if reason is not None:
            raise AddressRefused(
                reason if address == host else f"{host} leads to a refused address: {reason}"
            )


class _Origin(NamedTuple):
    """Other end of a connection; the host as it is looked up."""

    scheme: str
    host: str
    port: int


def _origin(url: httpx.URL) -> _Origin:
    port = _PORTS[url.scheme] if url.port is None else url.port
    return _Origin(url.scheme, url.raw_host.decode("ascii"), port)


def _authority(host: str, port: int) -> bytes:
    return f"[{host}]:{port}".encode() if ":" in host else f"{host}:{port}".encode()


def _within(limit_s: float) -> str:
    return f" within {format_duration(round(limit_s * 1000))}"


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
    context.set_alpn_protocols(["http/1.1"])
    return context


def _holds_files(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
