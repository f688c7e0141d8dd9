"""What an admin types to see only some rows of a list, read into the terms of a search."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from domain.event_types import EventType
from domain.safe import safe
from domain.times import parse_time
from domain.words import ERROR_WORDS, OTHER_ERROR
from store.terms import (
    STATE_WORDS,
    Answered,
    HasState,
    HasText,
    OfType,
    OfWebhook,
    Since,
    Term,
    Test,
    Unanswered,
)

OF_DELIVERIES = ("state:failing", "webhook:NAME", "since:1h", "status:5xx", "type:alerts")
OF_CHANGES = ("webhook:NAME", "since:1h")
"""The words that a list understands, as its box offers them."""

_STATUS = re.compile(r"([1-9])([0-9x])([0-9x])", re.IGNORECASE)
_WORD = re.compile(r"""!*(?:[^\s:"']+:)?(?:"[^"]*"?|'[^']*'?|\S)\S*""")
_QUOTES = ('"', "'")
_SHOWN = 40
_ALIASES = {"hook": "webhook"}


class FilterReader:
    """Reads filters against the webhooks that there are, at a moment.

    `names` are those of the webhooks, by their ids; `offered` are the words that may be used,
    such as "state:failing".
    """

    def __init__(self, names: Mapping[int, str], now_ms: int, offered: Sequence[str]) -> None:
        self._names = names
        self._now_ms = now_ms
        kinds: dict[str, Callable[[str], Test]] = {
            "state": _state,
            "webhook": self._webhook,
            "type": _type,
            "since": self._since,
            "status": _status,
        }
        self._kinds = {word.partition(":")[0]: kinds[word.partition(":")[0]] for word in offered}

    def read(self, text: str) -> tuple[Term, ...]:
        """The terms of all the words. Raises ValueError with what to write instead."""
        return tuple(self._term(word) for word in _words(text))

    def _term(self, word: str) -> Term:
        inverse = word.startswith("!")
        written = word.lstrip("!")
        kind, colon, value = map(_unquoted, written.partition(":"))
        read = self._kinds.get(_ALIASES.get(kind.lower(), kind.lower()))
        if not colon or read is None or written[0] in _QUOTES:
            return Term(self._text(_unquoted(written)), inverse)
        if not value:
            raise ValueError(f"write something after {kind}:")
        return Term(read(value), inverse)

    def _text(self, text: str) -> HasText:
        wanted = text.lower()
        return HasText(
            text, tuple(id_ for id_, name in self._names.items() if wanted in name.lower())
        )

    def _webhook(self, reference: str) -> OfWebhook:
        named = [id_ for id_, name in self._names.items() if name.lower() == reference.lower()]
        if named:
            return OfWebhook(max(named))
        if reference.isdecimal() and len(reference) < 19:
            return OfWebhook(int(reference))
        raise ValueError(
            f"no webhook is called {safe(reference, _SHOWN)}: write its name or id; "
            'a name with blanks stands in quotes, webhook:"siem one"'
        )

    def _since(self, text: str) -> Since:
        return Since(parse_time(text, self._now_ms))


def _words(text: str) -> Iterator[str]:
    """The words, with their quotes; a blank between quotes ends none, nor need they be closed."""
    for match in _WORD.finditer(text):
        if _unquoted(match[0].lstrip("!")):
            yield match[0]


def _unquoted(text: str) -> str:
    """A text in quotes without them; within a word a quote is as good a letter as any."""
    if text[:1] in _QUOTES:
        return text[1:].removesuffix(text[0])
    return text


def _state(text: str) -> HasState:
    for word in STATE_WORDS:
        if word == text.lower():
            return HasState(word)
    raise ValueError(f"no state {safe(text, _SHOWN)}: write {', '.join(STATE_WORDS)}")


def _type(text: str) -> OfType:
    try:
        return OfType(EventType(text.lower()))
    except ValueError:
        names = ", ".join(EventType)
        raise ValueError(f"no type {safe(text, _SHOWN)}: write {names}") from None


def _status(text: str) -> Answered | Unanswered:
    match = _STATUS.fullmatch(text)
    if match is None:
        return _unanswered(text)
    digits = text.lower()
    return Answered(int(digits.replace("x", "0")), int(digits.replace("x", "9")))


def _unanswered(text: str) -> Unanswered:
    """What a list shows in place of a status."""
    words = dict.fromkeys((*dict(ERROR_WORDS).values(), OTHER_ERROR))
    for word in words:
        if word.lower() == text.lower():
            return Unanswered(word)
    raise ValueError(
        f"{safe(text, _SHOWN)} is no status: write it like 503 or 5xx, or as the list shows it: "
        f"{', '.join(words)}"
    )
