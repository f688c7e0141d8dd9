"""Host names to addresses, without ever holding anything else up."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

from domain.addresses import is_address

_Found = tuple[str, ...] | Exception


class Resolver:
    """Looks host names up in daemon threads, at most one at a time for each name.

    A thread of its own for each name, since `getaddrinfo` cannot be cancelled: a name server that
    hangs must hold up neither another receiver nor the end of the program. Belongs to one event
    loop; all posters of a worker share one, so that they share the lookups in flight.
    """

    def __init__(self, look_up: Callable[[str], tuple[str, ...]] | None = None) -> None:
        self._look_up = look_up or _look_up
        self._in_flight: dict[str, asyncio.Future[_Found]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Every address of a host, in the system's order of preference; OSError if it has none."""
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
