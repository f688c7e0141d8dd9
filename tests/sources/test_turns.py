"""FairLock: client after client, whoever asks how often."""

from __future__ import annotations

import asyncio

from sources.turns import FairLock


def test_clients_take_turns_in_the_order_of_their_own_requests() -> None:
    turns = FairLock()
    served: list[str] = []

    async def request(client: str, name: str) -> None:
        async with turns.turn(client):
            served.append(name)
            await asyncio.sleep(0)

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for client, name in ("a1", "a2", "a3", "a4", "b1", "b2", "c1"):
                group.create_task(request(client, client + name))
        async with turns.turn("z"):
            pass

    asyncio.run(run())
    assert served == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


def test_who_gives_up_waiting_keeps_nobody_waiting() -> None:
    turns = FairLock()

    async def run() -> None:
        async with turns.turn("a"):
            waiting = [asyncio.create_task(_hold(turns, client)) for client in "abc"]
            await asyncio.sleep(0)
            waiting[0].cancel()
        waiting[1].cancel()  # as the turn comes to it
        async with asyncio.timeout(20):
            await waiting[2]
            async with turns.turn("d"):
                pass
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(run())


async def _hold(turns: FairLock, client: str) -> None:
    async with turns.turn(client):
        await asyncio.sleep(0)
