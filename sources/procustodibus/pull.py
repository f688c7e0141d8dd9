"""Pulls the queues of a Pro Custodibus account, one answer at a time.

Their protocol has no acknowledgement: what was answered is gone there. So each answer is committed
before the next request is made, each event of it is read for itself, and a queue that fails costs
the others nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence

import msgspec

from domain import strict_json
from domain.event_types import TOP_LEVEL_MEMBERS
from domain.events import Event, EventError, RefusedText, read_event
from domain.safe import safe
from domain.settings import DAY_MS, SECOND_MS
from domain.strict_json import StrictJsonError
from sources.base import Batch, SourceError, is_recent_loss
from sources.polling import backoff_s
from sources.procustodibus.api import SERVER_CURE, Api, QueueError

SHOWN = 120
"""Characters that are shown of what could not be read."""

MOST_WRONG = 5
MOST_DIGITS = 9
"""Digits that are read of a Retry-After; Python reads no number of thousands of them."""

OBJECTS = ("relationships", "meta", "links")
NO_LIST = "it is no list of events"
_VERSION = 1
_ENDING = b" \t\r\n,]}"


class _Data(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]


_answers = msgspec.json.Decoder(_Data)


class AnswerEvents(msgspec.Struct, frozen=True):
    """Events of an answer, what it held beside them, and how many texts that was in all.

    `broken` says what is wrong with an answer that cannot be read to its end, "" where it can.
    """

    events: tuple[Event, ...]
    refused: tuple[RefusedText, ...]
    count: int
    broken: str


def read_answer(
    body: bytes, cut: str, queue: str, now_ms: int, random64: Callable[[], int]
) -> AnswerEvents:
    """Read every event that can be read; `cut` says why not all of the body came, "" if it did."""
    texts = _split(body)
    read = [_read(text, queue, now_ms, random64) for text in texts.events]
    refused = [found for found in read if isinstance(found, RefusedText)]
    broken = ""
    rest = texts.rest or b""
    if texts.rest is not None or cut:
        reason = cut or NO_LIST
        shown = f" ({safe(rest, SHOWN)})" if rest else ""
        broken = f"{queue}, after event {len(read)}: the answer is broken, {reason}{shown}"
    if texts.is_list and not cut and rest.strip(_ENDING):  # what was cut may be given again
        refused.append(RefusedText(queue, rest, "it is the rest of a broken list of events"))
    events = tuple(found for found in read if isinstance(found, Event))
    return AnswerEvents(events, tuple(refused), len(read), broken)


def _read(text: bytes, queue: str, now_ms: int, random64: Callable[[], int]) -> Event | RefusedText:
    try:
        return read_event(_as_event(text), now_ms=now_ms, random64=random64)
    except (EventError, StrictJsonError) as error:
        return RefusedText(queue, text, str(error))
    except Exception as error:  # whatever it holds, it is nowhere else
        return RefusedText(queue, text, f"it cannot be read ({type(error).__name__})")


def _as_event(text: bytes) -> bytes:
    """Return the text with its unknown members in `meta`. Raises EventError, StrictJsonError."""
    members = strict_json.decode(text)
    if not isinstance(members, dict):
        return text
    if members.get("id") is None:
        raise EventError("id", "missing: it cannot be told from others, nor from a repeat")
    unknown = {name: value for name, value in members.items() if not _is_known(name, value)}
    if not unknown:
        return text
    known = {name: value for name, value in members.items() if name not in unknown}
    meta = dict(known.get("meta", {}))
    for name, value in unknown.items():
        while name in meta:
            name += "_"
        meta[name] = value
    return strict_json.compact(known | {"meta": meta})


def _is_known(name: str, value: object) -> bool:
    """Return True if events have such a member, with such a value."""
    if name in OBJECTS:
        return isinstance(value, dict)
    return name in TOP_LEVEL_MEMBERS


class _Texts(msgspec.Struct, frozen=True):
    """JSON of each event of an answer, and the rest behind the last whole one, None if all are.

    `is_list` says whether there was a list of events at all.
    """

    events: list[bytes]
    rest: bytes | None = None
    is_list: bool = True


def _split(body: bytes) -> _Texts:
    try:
        return _Texts([bytes(raw) for raw in _answers.decode(body).data])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _whole_events(body)


def _whole_events(body: bytes) -> _Texts:
    """Return the events at the start of an answer that is cut or broken."""
    text = body.decode("utf-8", "replace")
    member = text.find('"data"')
    before = text.find("[", member) if member >= 0 else -1
    texts: list[bytes] = []
    # It converts no number, as some have too many digits, and minds no line break in a string.
    decoder = json.JSONDecoder(strict=False, parse_int=str)
    end = before + 1
    while before >= 0:
        start = before + 1
        while start < len(text) and text[start] in " \t\r\n":
            start += 1
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        texts.append(text[start:end].encode())
        while end < len(text) and text[end] in " \t\r\n":
            end += 1
        before = end if text[end : end + 1] == "," else -1
    return _Texts(texts, text[end:].encode(), is_list=end > 0)


class FailingQueue(msgspec.Struct, frozen=True, array_like=True):
    """Queue that gives no events: how often in a row, when it is next to be tried, and why."""

    failures: int
    again_ms: int
    problem: str


class UnreadAnswer(msgspec.Struct, frozen=True, array_like=True):
    """Answer that could not be read whole: when that was, and what was wrong."""

    at_ms: int
    text: str


class PullState(msgspec.Struct, frozen=True):
    """State of the source: the queues that are left of this round, and what is wrong."""

    left: tuple[str, ...] = ()
    failing: Mapping[str, FailingQueue] = {}
    wrong: tuple[UnreadAnswer, ...] = ()
    version: int = _VERSION


_states = msgspec.json.Decoder(PullState)


class ProCustodibusSource:
    """Source: each poll takes from one queue, signs in or says hello; a round takes from all."""

    def __init__(
        self, api: Api, *, name: str, types: Sequence[str], most: int, random64: Callable[[], int]
    ) -> None:
        self.name = name
        self._api = api
        self._types = types
        self._most = most
        self._wanted: dict[str, int] = {}
        """Numbers of events that are wanted of each queue now."""
        self._random64 = random64
        self._last: dict[str, tuple[str, ...]] = {}

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        """Take from the next queue. Raises SourceError where none gives any."""
        before = _read_state(state)
        left = [name for name in before.left if name in self._types] or self._due(before, now_ms)
        if not left:
            return self._batch((), before, (), now_ms)
        queue, rest = left[0], left[1:]
        wanted = self._wanted.get(queue, self._most)
        try:
            answer = asyncio.run(self._api.next(queue, wanted))
        except QueueError as error:
            return self._batch((), _failed(before, queue, error, now_ms), rest, now_ms)
        if answer is None:
            return self._batch((), before, left, now_ms)
        found = read_answer(answer.body, answer.cut, queue, now_ms, self._random64)
        # What was cut may be given again, and would be cut at the same place for ever.
        self._wanted[queue] = max(wanted // 2, 1) if answer.cut else min(wanted * 2, self._most)
        if self._has_more(queue, found, wanted):
            rest = [*rest, queue]  # the other queues have their turn first
        after = _worked(before, queue, found, now_ms)
        return self._batch(found.events, after, rest, now_ms, found.refused)

    def _has_more(self, queue: str, found: AnswerEvents, wanted: int) -> bool:
        """Return True if there may be more: the answer is full, and not the last one again."""
        ids = tuple(event.id for event in found.events)
        is_new = ids != self._last.get(queue)
        self._last[queue] = ids
        return is_new and found.count >= wanted

    def _batch(
        self,
        events: Sequence[Event],
        state: PullState,
        left: Sequence[str],
        now_ms: int,
        refused: Sequence[RefusedText] = (),
    ) -> Batch:
        """Return the result of a poll; it has a failure while every queue fails."""
        failing = {name: known for name, known in state.failing.items() if name in self._types}
        wrong = tuple(known for known in state.wrong if is_recent_loss(known.at_ms, now_ms))
        after = msgspec.structs.replace(state, left=tuple(left), failing=failing, wrong=wrong)
        problems = [f"queue {name}: {known.problem}" for name, known in failing.items()]
        lost = [f"not read: {known.text}" for known in wrong]
        is_blind = len(failing) == len(self._types)
        reason = f"no queue gives events: {'; '.join(problems)}"
        return Batch(
            tuple(events),
            msgspec.json.encode(after),
            "; ".join((*problems, *lost)),
            more=bool(left),
            failure=SourceError(reason, SERVER_CURE) if is_blind else None,
            refused=tuple(refused),
        )

    def _due(self, state: PullState, now_ms: int) -> list[str]:
        """Return the queues of a new round; after a clock was set back one waits a day at most."""
        wait = {name: failing.again_ms - now_ms for name, failing in state.failing.items()}
        return [name for name in self._types if not 0 < wait.get(name, 0) <= DAY_MS]


def _read_state(state: bytes | None) -> PullState:
    """Return the state, or a new one where it cannot be used: their server keeps the queues."""
    try:
        known = PullState() if state is None else _states.decode(state)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return PullState()
    return known if known.version == _VERSION else PullState()


def _failed(state: PullState, queue: str, error: QueueError, now_ms: int) -> PullState:
    known = state.failing.get(queue)
    failures = 1 + (known.failures if known else 0)
    digits = error.retry_after[:MOST_DIGITS]
    retry_after_s = int(digits) if digits.isdecimal() else 0
    wait_ms = min(max(backoff_s(failures), retry_after_s) * SECOND_MS, DAY_MS)
    failing = FailingQueue(failures, now_ms + wait_ms, error.reason)
    return msgspec.structs.replace(state, failing={**state.failing, queue: failing})


def _worked(state: PullState, queue: str, found: AnswerEvents, now_ms: int) -> PullState:
    failing = {name: known for name, known in state.failing.items() if name != queue}
    wrong = (*state.wrong, *([UnreadAnswer(now_ms, found.broken)] if found.broken else []))
    return msgspec.structs.replace(state, failing=failing, wrong=wrong[-MOST_WRONG:])
