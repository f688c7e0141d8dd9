"""Group commit: what the worker writes while the store is busy shares the next transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, ParamSpec

from peewee import PeeweeException

from store.database import Store
from store.errors import StoreGone
from store.models import database
from store.records import Work

P = ParamSpec("P")

MOST_CALLS = 100
"""Calls of one transaction, so that others who write get their turn."""

MOST_BYTES = 8 << 20
"""Bodies read in one transaction: the call that goes beyond is its last."""


class _Call(NamedTuple):
    function: partial[Work | None]
    answer: asyncio.Future[Work | None]


class GroupCommit:
    """Queue of one worker into the store, used inside one event loop.

    Calls are done in the order in which they came; each has a savepoint of its own, and an
    exception is the answer to that call alone. Where the database refuses anything of a group,
    nothing of it is kept, and each of its calls is tried once more in a transaction of its own.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[_Call] = deque()
        self._committing: asyncio.Task[None] | None = None

    async def run(
        self, function: Callable[P, Work | None], *args: P.args, **kwargs: P.kwargs
    ) -> Work | None:
        """Run a function that writes; what it wrote is durable when this returns.

        A cancelled caller must assume that it was done. Raises what the function raises, and
        StoreError where the store does not take it.
        """
        answer: asyncio.Future[Work | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Call(partial(function, *args, **kwargs), answer))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_all())
        return await answer

    async def _commit_all(self) -> None:
        while calls := self._take():
            try:
                await self._commit(calls)
            finally:
                for call in calls:
                    call.answer.cancel()  # unless it is answered

    def _take(self) -> list[_Call]:
        """Return the next calls; those whose callers went away meanwhile are left out."""
        calls: list[_Call] = []
        while self._waiting and len(calls) < MOST_CALLS:
            call = self._waiting.popleft()
            if not call.answer.done():
                calls.append(call)
        return calls

    async def _commit(self, calls: list[_Call]) -> None:
        if len(calls) == 1:
            await self._commit_alone(calls[0])
            return
        group = _Group([call.function for call in calls])
        try:
            answers = await self._store.run(group.commit)
        except Exception as error:
            for call in calls:
                if isinstance(error, StoreGone) or not group.is_begun:
                    _give(call, error)
                else:
                    await self._commit_alone(call)
            return
        for call, answer in zip(calls, answers, strict=False):
            _give(call, answer)
        self._waiting.extendleft(reversed(calls[len(answers) :]))
        del calls[len(answers) :]

    async def _commit_alone(self, call: _Call) -> None:
        bound = call.function
        try:
            _give(call, await self._store.run(bound.func, *bound.args, **bound.keywords))
        except Exception as error:
            _give(call, error)


class _Group:
    """Calls that share a transaction."""

    def __init__(self, calls: Sequence[Callable[[], Work | None]]) -> None:
        self._calls = calls
        self.is_begun = False

    def commit(self) -> list[Work | Exception | None]:
        """Do the calls; return the answers of those that were done, in order: at least one.

        What the database raises ends the group, since it may have ended the transaction.
        """
        answers: list[Work | Exception | None] = []
        read = 0
        with database.atomic():
            self.is_begun = True
            for call in self._calls:
                answer = _within_savepoint(call)
                answers.append(answer)
                read += len(answer.body) if isinstance(answer, Work) else 0
                if read > MOST_BYTES:
                    break
        return answers


def _within_savepoint(call: Callable[[], Work | None]) -> Work | Exception | None:
    execute = database.connection().execute
    execute("SAVEPOINT call_of_group")
    answer: Work | Exception | None
    try:
        answer = call()
    except (PeeweeException, sqlite3.Error):
        raise
    except Exception as error:
        execute("ROLLBACK TO call_of_group")
        answer = error
    execute("RELEASE call_of_group")
    return answer


def _give(call: _Call, answer: Work | Exception | None) -> None:
    if call.answer.done():
        return
    if isinstance(answer, Exception):
        call.answer.set_exception(answer)
    else:
        call.answer.set_result(answer)
