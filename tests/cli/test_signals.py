"""Stop of a process, which is ended hard if it takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from cli.signals import worker_end_s
from cli.source import commands
from domain.settings import DEFAULTS
from sources.polling import TAKING_PATIENCE_S


def test_a_worker_has_the_time_for_its_attempts_and_then_for_answers() -> None:
    settings = replace(DEFAULTS, grace_ms=2_000)
    assert worker_end_s(settings, takes=True) == 2 + TAKING_PATIENCE_S
    assert worker_end_s(settings, takes=False) == 2


def test_a_source_that_runs_alone_has_the_time_for_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[float] = []

    @contextmanager
    def ending(_stop: Callable[[], None], grace_s: Callable[[], float]) -> Iterator[None]:
        given.append(grace_s())
        yield

    async def nothing(*_: Any, **__: Any) -> None:
        return

    monkeypatch.setattr(commands, "stop_on_signals", ending)
    monkeypatch.setattr("sources.runner.run_one", nothing)
    context: Any = SimpleNamespace(settings=DEFAULTS, now_ms=lambda: 0)
    store: Any = None
    asyncio.run(commands._run("pc", context, store, lambda _: None, once=False))
    assert given == [TAKING_PATIENCE_S]
