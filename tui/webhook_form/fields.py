"""Between the texts of the form and the fields of a webhook, with every error at its field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeVar

from domain.event_types import EventType
from domain.extra_fields import extra_fields_text, parse_extra_fields
from domain.field_errors import FieldError, FieldErrors
from domain.headers import headers_text
from domain.lines import Pair, Pairs
from domain.settings import BY_NAME
from domain.times import parse_time
from domain.webhooks import WebhookFields, check_ca_file, check_name
from tui.webhook_form.hidden_url import NAME, hide_url, read_url, reveal_url, with_url
from tui.webhook_form.hidden_values import (
    Known,
    all_of,
    foremost,
    hide,
    known_values,
    read_headers,
    rebase,
    reveal,
    take_in,
)
from tui.webhook_form.secrets import Choice, check_own_secret

T = TypeVar("T")
Start = Literal["now", "start"] | int
ACTIVE, INACTIVE = "active", "inactive"
NOW, ALL_KEPT, SINCE = "now", "start", "since"
_NOW: Start = "now"


LABELS = {
    "type": "Type",
    "state": "State",
    "name": "Name",
    "url": "URL",
    "headers": "Headers",
    "extra_fields": "Extra fields",
    "max_events": "Max events",
    "max_bytes": "Max bytes",
    "interval": "Interval",
    "ca_file": "CA file",
    "secret": "Secret",
    "own_secret": "Secret",
    "start": "From",
    "since": "From",
}
"""What each field is called on the screen, in the order of the form; two have two boxes."""


def labels_of(names: Iterable[str]) -> str:
    """Fields as the form calls them, in its order: "Name, URL"."""
    found = set(names)
    return ", ".join(dict.fromkeys(label for name, label in LABELS.items() if name in found))


@dataclass(frozen=True, slots=True)
class FormTexts:
    """What stands in the form, each field as text; a known URL and header values are masked."""

    type: str = EventType.ALERTS.value
    state: str = ACTIVE
    name: str = ""
    url: str = field(default="", repr=False)
    headers: str = field(default="", repr=False)
    extra_fields: str = ""
    max_events: str = ""
    max_bytes: str = ""
    interval: str = ""
    ca_file: str = ""
    secret: str = Choice.KEEP.value
    own_secret: str = field(default="", repr=False)
    start: str = NOW
    since: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """What the form holds: its texts, and what stands behind the dots in them."""

    texts: FormTexts
    known: Known = field(default_factory=dict, repr=False)

    @property
    def plain(self) -> FormTexts:
        """The texts with nothing hidden."""
        return _revealed(self.texts, self.known)

    def changed_from(self, other: Contents) -> set[str]:
        """The names of the fields that differ."""
        mine, theirs = self.plain, other.plain
        names = (one.name for one in fields(FormTexts))
        return {name for name in names if getattr(mine, name) != getattr(theirs, name)}

    def with_all_hidden(self) -> Contents:
        """The same with URL and header values masked, also what was typed just now."""
        known = with_url(self.plain.url, take_in(self.texts.headers, self.known))
        return Contents(hidden(self.plain, known), known)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the texts say. `best` leaves out what is wrong, and is to be saved if nothing is."""

    best: WebhookFields
    start: Start
    errors: Mapping[str, str]
    now_ms: int


class _Reader:
    """Reads one field after the other and gathers what is wrong with them."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def read(self, name: str, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except FieldErrors as found:
            self.errors[name] = "\n".join(f"{one.reason}; {one.cure}" for one in found.errors)
        except FieldError as error:
            self.errors[name] = f"{error.reason}; {error.cure}"
        except ValueError as error:
            self.errors[name] = str(error)
        return otherwise

    def lines(self, name: str, read: Callable[[str], Pairs], text: str) -> Pairs:
        """Of lines of which some are wrong, those that are right."""
        whole = self.read(name, lambda: read(text), None)
        return _right_lines(read, text) if whole is None else whole

    def limit(self, name: str, text: str) -> Any:
        return self.read(name, lambda: BY_NAME[name].parse(text) if text.strip() else None, None)


def hidden(texts: FormTexts, known: Known) -> FormTexts:
    """The texts with everything masked that is known."""
    return replace(texts, url=hide_url(texts.url, known), headers=hide(texts.headers, known))


def _revealed(texts: FormTexts, known: Known) -> FormTexts:
    return replace(texts, url=reveal_url(texts.url, known), headers=reveal(texts.headers, known))


def contents_of(webhook: WebhookFields) -> Contents:
    """The fields as the form shows them."""
    known = with_url(webhook.url, known_values(webhook.headers))
    texts = FormTexts(
        type=webhook.type.value,
        state=ACTIVE if webhook.active else INACTIVE,
        name=webhook.name or "",
        url=webhook.url,
        headers=headers_text(webhook.headers),
        extra_fields=extra_fields_text(webhook.extra_fields),
        max_events=_limit_text("max_events", webhook.max_events),
        max_bytes=_limit_text("max_bytes", webhook.max_bytes),
        interval=_limit_text("interval", webhook.interval_ms),
        ca_file=webhook.ca_file or "",
    )
    return Contents(hidden(texts, known), known)


def read_contents(contents: Contents, now_ms: int, kept: Pairs = ()) -> Reading:
    """Check every field and say what they mean; headers that were `kept` may stay."""
    texts, known = contents.texts, contents.known
    reader = _Reader()
    best = WebhookFields(
        type=EventType(texts.type),
        active=texts.state == ACTIVE,
        name=reader.read("name", lambda: _if_any(check_name, texts.name.strip()), None),
        url=reader.read("url", lambda: read_url(texts.url, known), ""),
        headers=reader.lines(
            "headers", lambda text: read_headers(text, known, kept), texts.headers
        ),
        extra_fields=reader.lines("extra_fields", parse_extra_fields, texts.extra_fields),
        max_events=reader.limit("max_events", texts.max_events),
        max_bytes=reader.limit("max_bytes", texts.max_bytes),
        interval_ms=reader.limit("interval", texts.interval),
        ca_file=reader.read("ca_file", lambda: _if_any(check_ca_file, texts.ca_file.strip()), None),
    )
    reader.read("own_secret", lambda: check_own_secret(texts.secret, texts.own_secret), None)
    start = reader.read("since", lambda: _start(texts, now_ms), _NOW)
    return Reading(best, start, reader.errors, now_ms)


@dataclass(frozen=True, slots=True)
class Merged:
    """The form after somebody else saved, and the fields that both sides changed."""

    contents: Contents
    disputed: frozenset[str]


def merge(mine: Contents, base: Contents, theirs: Contents) -> Merged:
    """What was typed stays; fields nobody typed into show what somebody else saved."""
    typed, saved = mine.changed_from(base), theirs.changed_from(base)
    kept = {name: getattr(mine.plain, name) for name in typed}
    if "headers" in kept:
        kept["headers"] = rebase(kept["headers"], base.known, theirs.known)
    plain = replace(theirs.plain, **kept)
    known = foremost(plain.headers, all_of(theirs.known, base.known, mine.known))
    known = with_url(plain.url, known) if plain.url in known.get(NAME, ()) else known
    merged = Contents(hidden(plain, known), known)
    return Merged(merged, frozenset(typed & saved & merged.changed_from(theirs)))


def _right_lines(read: Callable[[str], Pairs], text: str) -> Pairs:
    found: list[Pair] = []
    for line in text.split("\n"):
        with suppress(FieldErrors):
            found += read(line)
    return tuple(found)


def _limit_text(name: str, value: int | None) -> str:
    return "" if value is None else BY_NAME[name].format(value)


def _if_any(check: Callable[[str], str], text: str) -> str | None:
    return check(text) if text else None


def _start(texts: FormTexts, now_ms: int) -> Start:
    if texts.start == SINCE:
        return parse_time(texts.since, now_ms)
    return "start" if texts.start == ALL_KEPT else "now"
