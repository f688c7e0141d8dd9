"""A proxy of HTTP inside the test's own loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Proxy:
    """A proxy for plain requests and for tunnels, which notes the request lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._tasks: list[asyncio.Task[None] | None] = []

    async def ended(self) -> None:
        """Wait until all of its connections are closed, which the clients end."""
        await asyncio.gather(*filter(None, self._tasks))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        line = head.split(b"\r\n")[0].decode()
        self.lines.append(line)
        method, target, _ = line.split()
        address = target if method == "CONNECT" else target.split("/")[2]
        host, port = address.split(":")
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            path = "/" + target.split("/", 3)[3]
            up_writer.write(head.replace(target.encode(), path.encode(), 1))
        await asyncio.gather(_pipe(reader, up_writer), _pipe(up_reader, writer))
        for one in (writer, up_writer):
            with suppress(OSError):
                await one.wait_closed()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # either side may be gone already
    finally:
        writer.close()
