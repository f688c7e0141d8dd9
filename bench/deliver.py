"""How fast a backlog is delivered to a local receiver."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from bench.events import events
from bench.program import receiver
from bench.report import Figure, show
from bench.rounds import medians, seconds
from bench.stores import (
    BATCH,
    add_webhooks,
    append_lines,
    floor_append,
    floor_store,
    new_path,
    opened,
)
from delivery.dispatcher import Until
from delivery.worker import Ended, Role, Worker
from domain.settings import DEFAULTS
from store.database import Store
from store.queue import attempts

GOAL = 150_000
ROUNDS = 3
CASES = ((1, 200_000), (10, 30_000), (100, 4_000))
"""Webhooks, and the events that each of them gets."""


def measure(folder: Path) -> None:
    """Print the rates of the worker and of the floor, for several numbers of webhooks."""
    lines = list(events(max(count for _, count in CASES)))
    with receiver() as url:
        figures = [
            figure for hooks, count in CASES for figure in _case(folder, url, lines[:count], hooks)
        ]
    show(f"Delivery of a backlog, {BATCH:,} events a POST, median of {ROUNDS} rounds", figures)


def _case(folder: Path, url: str, lines: list[bytes], hooks: int) -> list[Figure]:
    taken = medians(
        {
            "floor": lambda: _floor(folder, url, lines, hooks),
            "worker": lambda: _worker(folder, url, lines, hooks),
        },
        ROUNDS,
    )
    delivered = len(lines) * hooks
    rate = {name: delivered / duration for name, duration in taken.items()}
    goal = GOAL if hooks == 1 else None
    return [
        Figure(f"floor, webhooks: {hooks}", rate["floor"], "events/s", 1.0),
        Figure(
            f"worker, webhooks: {hooks}",
            rate["worker"],
            "events/s",
            rate["worker"] / rate["floor"],
            at_least=goal,
        ),
    ]


def _worker(folder: Path, url: str, lines: list[bytes], hooks: int) -> float:
    with opened(new_path(folder)) as store:
        add_webhooks(store, [f"{url}/{number}" for number in range(hooks)])
        append_lines(store, lines)
        took = seconds(lambda: asyncio.run(_work(store)))
        assert store.call(attempts.undelivered) == 0
        return took


async def _work(store: Store) -> None:
    worker = Worker(
        store,
        DEFAULTS,
        role=Role.headless(),
        log=lambda _: None,
        merge=lambda _: DEFAULTS,
        until=Until.EMPTY,
    )
    assert await worker.run() is Ended.DONE


def _floor(folder: Path, url: str, lines: list[bytes], hooks: int) -> float:
    rows = [(json.loads(line)["id"], line) for line in lines]
    with floor_store(new_path(folder)) as database:
        floor_append(database, rows)
        return seconds(lambda: asyncio.run(_floor_all(database, url, hooks)))


async def _floor_all(database: sqlite3.Connection, url: str, hooks: int) -> None:
    """The least that keeps the promise: read, join, POST, commit; nothing shown, nothing judged."""
    with ThreadPoolExecutor(1) as thread:
        tasks = (_floor_one(database, thread, f"{url}/{hook}", hook) for hook in range(hooks))
        await asyncio.gather(*tasks)


async def _floor_one(
    database: sqlite3.Connection, thread: ThreadPoolExecutor, url: str, hook: int
) -> None:
    loop = asyncio.get_running_loop()
    last = 0
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            bodies = await loop.run_in_executor(thread, _floor_read, database, last)
            if not bodies:
                return
            body = b"[" + b",".join(bodies) + b"]"
            headers = {"webhook-id": hashlib.sha256(body).hexdigest()}
            answer = await client.post(url, content=body, headers=headers)
            assert answer.status_code == 200
            last += len(bodies)
            await loop.run_in_executor(thread, _floor_record, database, hook, last)


def _floor_read(database: sqlite3.Connection, last: int) -> list[bytes]:
    rows = database.execute(
        "SELECT body FROM event WHERE type = 'endpoint_stats' AND seq > ? ORDER BY seq LIMIT ?",
        (last, BATCH),
    )
    return [body for (body,) in rows]


def _floor_record(database: sqlite3.Connection, hook: int, last: int) -> None:
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT INTO delivery VALUES (?, ?)", (hook, last))
    database.execute("INSERT OR REPLACE INTO place VALUES (?, ?)", (hook, last))
    database.execute("COMMIT")
