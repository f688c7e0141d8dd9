"""Reading of the form: from its texts to the fields of a webhook, with every error at its field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Literal, TypeVar

import msgspec

from domain.errors import FieldError, FieldErrors
from domain.event_types import EventType
from domain.extra_fields import parse_extra_fields
from domain.pairs import Pair, Pairs
from domain.times import parse_time
from domain.webhooks import WebhookFields, check_ca_file, check_name, parse_limit
from store.records import Secrets
from store.webhook_edits import SecretChange, changed_secrets
from tui.webhook_form.hidden_values import read_headers, read_url
from tui.webhook_form.secrets import change_of
from tui.webhook_form.texts import ACTIVE, ALL_KEPT, SINCE, FormTexts

T = TypeVar("T")
Start = Literal["now", "start"] | int
_NOW: Start = "now"


class FormReading(msgspec.Struct, frozen=True):
    """Webhook that the texts describe, and the errors by the name of their field.

    `fields` leaves out what is wrong; they are to be saved only if there is no error.
    """

    fields: WebhookFields
    start: Start
    secret_change: SecretChange | None
    errors: Mapping[str, str]
    now_ms: int

    def secrets_after(self, before: Secrets | None) -> Secrets | None:
        """Return the secrets that will sign once the form is saved."""
        return changed_secrets(before, self.secret_change, self.now_ms)


def read_texts(texts: FormTexts, now_ms: int, kept: Pairs = ()) -> FormReading:
    """Check every field and say what they mean; headers that were `kept` may stay."""
    read = _Reader()
    known = texts.known
    fields = WebhookFields(
        type=EventType(texts.type),
        active=texts.state == ACTIVE,
        name=read("name", lambda: _if_any(check_name, texts.name), None),
        url=read("url", lambda: read_url(texts.url, known), ""),
        headers=read.lines("headers", lambda text: read_headers(text, known, kept), texts.headers),
        extra_fields=read.lines("extra_fields", parse_extra_fields, texts.extra_fields),
        max_events=read.limit("max_events", texts.max_events),
        max_bytes=read.limit("max_bytes", texts.max_bytes),
        interval_ms=read.limit("interval", texts.interval),
        retry_interval_ms=read.limit("retry_interval", texts.retry_interval),
        ca_file=read("ca_file", lambda: _if_any(check_ca_file, texts.ca_file), None),
    )
    change = read(
        "own_secret", lambda: change_of(texts.secret, texts.own_secret, texts.generated), None
    )
    start = read("since", lambda: _start(texts, now_ms), _NOW)
    return FormReading(fields, start, change, read.errors, now_ms)


class _Reader:
    """Reads one field after the other and gathers what is wrong with them."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def __call__(self, name: str, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except FieldErrors as found:
            self.errors[name] = "\n".join(f"{error.reason}; {error.cure}" for error in found.errors)
        except FieldError as error:
            self.errors[name] = f"{error.reason}; {error.cure}"
        except ValueError as error:
            self.errors[name] = str(error)
        return otherwise

    def lines(self, name: str, read: Callable[[str], Pairs], text: str) -> Pairs:
        """Read lines; if some are wrong, return those that are right."""
        whole = self(name, lambda: read(text), None)
        return _right_lines(read, text) if whole is None else whole

    def limit(self, name: str, text: str) -> int | None:
        return self(name, lambda: parse_limit(name, text) if text.strip() else None, None)


def _right_lines(read: Callable[[str], Pairs], text: str) -> Pairs:
    found: list[Pair] = []
    for line in text.split("\n"):
        with suppress(FieldErrors):
            found += read(line)
    return tuple(found)


def _if_any(check: Callable[[str], str], text: str) -> str | None:
    text = text.strip()
    return check(text) if text else None


def _start(texts: FormTexts, now_ms: int) -> Start:
    if texts.start == SINCE:
        return parse_time(texts.since, now_ms)
    return "start" if texts.start == ALL_KEPT else "now"
