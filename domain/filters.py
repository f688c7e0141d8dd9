"""Filter language of lists: words such as `state:failing !since:1h siem`, read into terms.

All terms of a filter must hold. `store.filters` has their SQL; `event_passes` judges one event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args

from msgspec import Struct

from domain.event_types import EventType
from domain.safe import safe
from domain.times import parse_time
from domain.wording import ERROR_WORDS, OTHER_ERROR

OF_DELIVERIES = ("state:failing", "webhook:NAME", "since:1h", "status:5xx", "type:alerts")
OF_CHANGES = ("webhook:NAME", "since:1h")
"""The words that a list understands, as its box offers them."""

StateWord = Literal["pending", "sending", "failing", "blocked", "delivered", "skipped", "resealed"]
STATE_WORDS: tuple[StateWord, ...] = get_args(StateWord)

_STATUS = re.compile(r"([1-9])([0-9x])([0-9x])", re.IGNORECASE)
_WORD = re.compile(r"""!*(?:[^\s:"']+:)?(?:"[^"]*"?|'[^']*'?|\S)\S*""")
_QUOTES = ('"', "'")
_SHOWN = 40
_ALIASES = {"hook": "webhook"}


class HasState(Struct, frozen=True):
    """Rows in this state; "sending", "failing" and "blocked" are kinds of pending."""

    word: StateWord


class OfWebhook(Struct, frozen=True):
    """Rows for this webhook, or about it."""

    webhook_id: int


class OfType(Struct, frozen=True):
    """Rows with events of this type."""

    type: EventType


class Since(Struct, frozen=True):
    """Rows sealed, changed or accepted at this time or later, in milliseconds."""

    since_ms: int


class Answered(Struct, frozen=True):
    """Rows whose last attempt got a status from `lowest` to `highest`."""

    lowest: int
    highest: int


class Unanswered(Struct, frozen=True):
    """Rows whose last attempt got no answer; `word` is what `error_word` calls it."""

    word: str


class HasText(Struct, frozen=True):
    """Rows that hold this text, A-Z as a-z, or are for one of these webhooks."""

    text: str
    webhook_ids: tuple[int, ...] = ()


Criterion = HasState | OfWebhook | OfType | Since | Answered | Unanswered | HasText


class Term(Struct, frozen=True):
    """One criterion; `inverse`: rows that do not meet it are wanted."""

    criterion: Criterion
    inverse: bool = False


Terms = tuple[Term, ...]


class FilterReader:
    """Reader of filters, for the webhooks and the time of one moment.

    `names` are those of the webhooks, by their ids; `offered` are the words that may be used,
    such as "state:failing". Any other word is text to look for.
    """

    def __init__(self, names: Mapping[int, str], now_ms: int, offered: Iterable[str]) -> None:
        self._names = names
        kinds: dict[str, Callable[[str], Criterion]] = {
            "state": _state,
            "webhook": self._webhook,
            "type": _type,
            "since": lambda text: Since(parse_time(text, now_ms)),
            "status": _status,
        }
        self._kinds = {kind: kinds[kind] for kind in (word.partition(":")[0] for word in offered)}

    def read(self, text: str) -> Terms:
        """Return the terms of all words. Raises ValueError with what to write instead."""
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
        ids = (id_ for id_, name in self._names.items() if wanted in name.lower())
        return HasText(text, tuple(ids))

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


def phrase_terms(text: str) -> Terms:
    """Return the one term of a search for a whole text, `!` before it inverting it.

    An empty text has none. A list of events is searched so, blanks and quotes being part of JSON.
    """
    wanted = text.strip()
    phrase = wanted.removeprefix("!").strip()
    return (Term(HasText(phrase), inverse=phrase != wanted),) if phrase else ()


def event_passes(terms: Sequence[Term], type_: EventType, received_ms: int, body: bytes) -> bool:
    """Return True for an event that meets all terms, as `event_conditions` in SQL would find it.

    `body` is its JSON as stored. Raises ValueError for a criterion that is not for events.
    """
    return all(_meets(term.criterion, type_, received_ms, body) != term.inverse for term in terms)


def _meets(criterion: Criterion, type_: EventType, received_ms: int, body: bytes) -> bool:
    match criterion:
        case OfType(wanted):
            return type_ == wanted
        case Since(since_ms):
            return received_ms >= since_ms
        case HasText(text):
            return text.encode().lower() in body.lower()  # of bytes, A-Z alone: as LIKE does
        case _:
            raise ValueError(f"no event has a {type(criterion).__name__}")


def _words(text: str) -> Iterator[str]:
    """Yield the words, with their quotes, which hold blanks and need not be closed."""
    for match in _WORD.finditer(text):
        if _unquoted(match[0].lstrip("!")):
            yield match[0]


def _unquoted(text: str) -> str:
    """Return a text in quotes without them; a quote within a word is a letter like any other."""
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
    """Read a status, such as 503 or 5xx, or the word that a list shows in place of one."""
    if _STATUS.fullmatch(text):
        digits = text.lower()
        return Answered(int(digits.replace("x", "0")), int(digits.replace("x", "9")))
    words = dict.fromkeys((*dict(ERROR_WORDS).values(), OTHER_ERROR))
    for word in words:
        if word.lower() == text.lower():
            return Unanswered(word)
    raise ValueError(
        f"{safe(text, _SHOWN)} is no status: write it like 503 or 5xx, or as the list shows it: "
        f"{', '.join(words)}"
    )
