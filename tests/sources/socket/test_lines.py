"""Cutting what comes over a socket into lines, within bounds."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.limits import MemoryBudget, MemoryFull
from sources.socket import server as module
from sources.socket.server import BadLine, LineReader


def lines_of(reader: asyncio.StreamReader, memory: MemoryBudget | None = None) -> LineReader:
    return LineReader(reader, memory or MemoryBudget(), 20.0)


@given(st.lists(st.binary(max_size=12)), st.data())
def test_lines_are_the_same_however_they_come(texts: list[bytes], data: st.DataObject) -> None:
    whole = b"\n".join(texts)
    cuts = data.draw(st.lists(st.integers(0, len(whole))).map(sorted))
    memory = MemoryBudget(1000)

    async def run() -> list[bytes]:
        reader = asyncio.StreamReader()
        lines = lines_of(reader, memory)
        found: list[bytes] = []

        async def read() -> None:
            while some := await lines.next():
                found.extend(some)
                lines.free()

        reading = asyncio.create_task(read())
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            reader.feed_data(whole[start:end])
            await asyncio.sleep(0)
        reader.feed_eof()
        await reading
        lines.close()
        return found

    expected = [line for line in whole.split(b"\n") if line.strip(b" \t\r")]
    assert asyncio.run(run()) == expected
    memory.take(1000)  # nothing is held any more


def test_short_lines_come_together_and_long_ones_alone() -> None:
    async def run() -> None:
        reader = asyncio.StreamReader(limit=1 << 20)
        long = b"x" * module.TOGETHER_BYTES
        reader.feed_data(b"a\nb\n" + long + b"\nc\n")
        lines = lines_of(reader)
        assert await lines.next() == [b"a", b"b"]
        assert await lines.next() == [long]
        assert await lines.next() == [b"c"]

    asyncio.run(run())


def test_a_line_may_not_be_longer_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_LIMIT", 10)

    async def run() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(b"0123456789\n01234567890")
        lines = lines_of(reader)
        with pytest.raises(BadLine, match="longer than 10 bytes"):
            await lines.next()

    asyncio.run(run())


@pytest.mark.parametrize("before", [b"", b"whole\n"])
def test_a_line_that_began_must_end_in_time(before: bytes) -> None:
    async def run() -> None:
        reader = asyncio.StreamReader()
        lines = LineReader(reader, MemoryBudget(), 0.05)
        reader.feed_data(before + b"begun")
        if before:
            assert await lines.next() == [b"whole"]
        with pytest.raises(BadLine, match="too long to come"):
            await lines.next()

    asyncio.run(run())


def test_clients_share_the_memory() -> None:
    async def run() -> None:
        memory = MemoryBudget(100)
        readers = [asyncio.StreamReader() for _ in range(2)]
        first, second = (lines_of(reader, memory) for reader in readers)
        readers[0].feed_data(b"x" * 60 + b"\n")
        assert len(await first.next()) == 1
        readers[1].feed_data(b"x" * 60 + b"\n")
        with pytest.raises(MemoryFull):
            await second.next()
        second.close()
        first.free()
        readers[0].feed_data(b"x" * 90 + b"\n")
        assert len(await first.next()) == 1

    asyncio.run(run())


def test_blank_lines_and_line_ends_take_no_memory() -> None:
    async def run() -> None:
        memory = MemoryBudget(100)
        reader = asyncio.StreamReader()
        lines = lines_of(reader, memory)
        for _ in range(50):
            reader.feed_data(b" \t\r\n" * 20)
            with suppress(TimeoutError):
                async with asyncio.timeout(0):
                    await lines.next()
        reader.feed_data(b"a\n" + b"\n" * 20)
        assert await lines.next() == [b"a"]
        memory.take(99)  # what was given is held still, and nothing else

    asyncio.run(run())
