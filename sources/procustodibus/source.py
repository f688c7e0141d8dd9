"""Pulls the queues of a Pro Custodibus account, one answer at a time.

Their protocol has no acknowledgement: what was answered is gone there. So each answer is committed
before the next request is made, and a queue that fails costs the others nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from domain.events import Event, RefusedText
from domain.settings import DAY_MS, SECOND_MS
from sources.base import Batch, SourceError, is_told_still
from sources.polling import backoff_s
from sources.procustodibus.api import SERVER_CURE, Api, QueueError
from sources.procustodibus.reading import Found, read_answer

MOST_TOLD = 5
MOST_DIGITS = 9
"""Of the seconds that a server asks to be left; Python reads no number of thousands of digits."""

_VERSION = 1


class Failing(msgspec.Struct, frozen=True, array_like=True):
    """A queue that gives no events: how often in a row, when it is asked again, and why."""

    failures: int
    again_ms: int
    problem: str


class Wrong(msgspec.Struct, frozen=True, array_like=True):
    """What could not be read, and when that was."""

    at_ms: int
    text: str


class State(msgspec.Struct, frozen=True):
    """Which queues are still to be asked in this round, and what is wrong."""

    left: tuple[str, ...] = ()
    failing: Mapping[str, Failing] = {}
    wrong: tuple[Wrong, ...] = ()
    version: int = _VERSION


_states = msgspec.json.Decoder(State)


class ProCustodibusSource:
    """Asks one queue with each poll, signs in or says hello; all of them in a round."""

    def __init__(
        self,
        api: Api,
        *,
        name: str,
        types: Sequence[str],
        most: int,
        random64: Callable[[], int],
    ) -> None:
        self.name = name
        self._api = api
        self._types = types
        self._most = most
        self._asked: dict[str, int] = {}
        """For how many events a queue is asked now."""
        self._random64 = random64
        self._last: dict[str, tuple[str, ...]] = {}

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        """Ask the next queue. Raises SourceError where none can be asked."""
        before = _recalled(state)
        left = [one for one in before.left if one in self._types] or self._due(before, now_ms)
        if not left:
            return self._batch((), before, (), now_ms)
        queue, rest = left[0], left[1:]
        asked = self._asked.get(queue, self._most)
        try:
            answer = asyncio.run(self._api.next(queue, asked))
        except QueueError as error:
            return self._batch((), _failed(before, queue, error, now_ms), rest, now_ms)
        if answer is None:
            return self._batch((), before, left, now_ms)
        found = read_answer(answer.body, answer.cut, queue, now_ms, self._random64)
        # What was cut may be given again, and would be cut at the same place for ever.
        self._asked[queue] = max(asked // 2, 1) if answer.cut else min(asked * 2, self._most)
        if self._has_more(queue, found, asked):
            rest = [*rest, queue]  # the other queues have their turn first
        after = _worked(before, queue, found, now_ms)
        return self._batch(found.events, after, rest, now_ms, found.refused)

    def _has_more(self, queue: str, found: Found, asked: int) -> bool:
        """A full answer has more behind it, unless it is the last one over again."""
        ids = tuple(event.id for event in found.events)
        is_new = ids != self._last.get(queue)
        self._last[queue] = ids
        return is_new and found.count >= asked

    def _batch(
        self,
        events: Sequence[Event],
        state: State,
        left: Sequence[str],
        now_ms: int,
        refused: Sequence[RefusedText] = (),
    ) -> Batch:
        """What is told of a poll. While every queue fails none is a good look, also a sign-in."""
        failing = {name: one for name, one in state.failing.items() if name in self._types}
        wrong = tuple(one for one in state.wrong if is_told_still(one.at_ms, now_ms))
        after = msgspec.structs.replace(state, left=tuple(left), failing=failing, wrong=wrong)
        problems = [f"queue {name}: {one.problem}" for name, one in failing.items()]
        lost = [f"not read: {one.text}" for one in wrong]
        is_blind = len(failing) == len(self._types)
        return Batch(
            tuple(events),
            msgspec.json.encode(after),
            "; ".join((*problems, *lost)),
            more=bool(left),
            failure=_no_queue(problems) if is_blind else None,
            refused=tuple(refused),
        )

    def _due(self, state: State, now_ms: int) -> list[str]:
        """The queues of a new round."""
        return [one for one in self._types if _is_due(state.failing.get(one), now_ms)]


def _is_due(failing: Failing | None, now_ms: int) -> bool:
    """A clock that was set back makes no queue wait longer than a day."""
    return failing is None or not 0 < failing.again_ms - now_ms <= DAY_MS


def _recalled(state: bytes | None) -> State:
    """What is remembered is no condition: the queues are at their server."""
    try:
        known = State() if state is None else _states.decode(state)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return State()
    return known if known.version == _VERSION else State()


def _failed(state: State, queue: str, error: QueueError, now_ms: int) -> State:
    known = state.failing.get(queue)
    failures = 1 + (known.failures if known else 0)
    digits = error.retry_after[:MOST_DIGITS]
    asked_s = int(digits) if digits.isdecimal() else 0
    wait_ms = min(max(backoff_s(failures), asked_s) * SECOND_MS, DAY_MS)
    failing = Failing(failures, now_ms + wait_ms, error.reason)
    return msgspec.structs.replace(state, failing={**state.failing, queue: failing})


def _worked(state: State, queue: str, found: Found, now_ms: int) -> State:
    failing = {name: one for name, one in state.failing.items() if name != queue}
    wrong = (*state.wrong, *([Wrong(now_ms, found.broken)] if found.broken else []))
    return msgspec.structs.replace(state, failing=failing, wrong=wrong[-MOST_TOLD:])


def _no_queue(problems: Sequence[str]) -> SourceError:
    return SourceError(f"no queue gives events: {'; '.join(problems)}", SERVER_CURE)
