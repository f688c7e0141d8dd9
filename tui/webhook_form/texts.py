"""Texts of the form's fields; dots in them may stand for a known URL or header value."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from domain.event_types import EventType
from domain.hidden_fields import WithHiddenFields
from domain.pairs import pairs_text
from domain.webhooks import LIMITS, WebhookFields
from tui.webhook_form.hidden_values import (
    KnownValues,
    hide_headers,
    hide_url,
    known_headers,
    reveal_headers,
    reveal_url,
    with_typed_headers,
    with_url,
)
from tui.webhook_form.secrets import SecretChoice

ACTIVE, INACTIVE = "active", "inactive"
NOW, ALL_KEPT, SINCE = "now", "start", "since"

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
    "retry_interval": "Retry interval",
    "ca_file": "CA file",
    "secret": "Secret",
    "own_secret": "Secret",
    "start": "From",
    "since": "From",
}
"""Label of each field on the screen, in the order of the form; a label here twice has two boxes."""


def labels_of(names: Iterable[str]) -> str:
    """Return the labels of fields in the order of the form: "Name, URL"."""
    found = set(names)
    return ", ".join(dict.fromkeys(label for name, label in LABELS.items() if name in found))


class FormTexts(WithHiddenFields, frozen=True):
    """Text of each field, as shown; `known` are the values that its dots may stand for.

    `generated` is the signing secret that was made for this form, "" before one was.
    """

    HIDDEN = ("url", "headers", "own_secret", "known", "generated")

    type: str = EventType.ALERTS.value
    state: str = ACTIVE
    name: str = ""
    url: str = ""
    headers: str = ""
    extra_fields: str = ""
    max_events: str = ""
    max_bytes: str = ""
    interval: str = ""
    retry_interval: str = ""
    ca_file: str = ""
    secret: str = SecretChoice.KEEP.value
    own_secret: str = ""
    start: str = NOW
    since: str = ""
    known: KnownValues = msgspec.field(default_factory=dict)
    generated: str = ""

    @property
    def plain(self) -> FormTexts:
        """The texts with nothing hidden."""
        url, headers = reveal_url(self.url, self.known), reveal_headers(self.headers, self.known)
        return replace(self, url=url, headers=headers)

    @property
    def masked(self) -> FormTexts:
        """The texts with every known value masked; a value that was typed anew stays readable."""
        url, headers = hide_url(self.url, self.known), hide_headers(self.headers, self.known)
        return replace(self, url=url, headers=headers)

    @property
    def all_masked(self) -> FormTexts:
        """The texts with URL and header values masked, also those that were typed anew."""
        plain = self.plain
        known = with_url(plain.url, with_typed_headers(self.headers, self.known))
        return replace(plain, known=known).masked

    def changed_from(self, other: FormTexts) -> set[str]:
        """Return the names of the fields that differ."""
        mine, theirs = self.plain, other.plain
        return {name for name in LABELS if getattr(mine, name) != getattr(theirs, name)}


def texts_of(webhook: WebhookFields) -> FormTexts:
    """Return the fields of a webhook as the form shows them."""
    return FormTexts(
        type=webhook.type.value,
        state=ACTIVE if webhook.active else INACTIVE,
        name=webhook.name or "",
        url=webhook.url,
        headers=pairs_text(webhook.headers),
        extra_fields=pairs_text(webhook.extra_fields),
        max_events=_limit_text("max_events", webhook.max_events),
        max_bytes=_limit_text("max_bytes", webhook.max_bytes),
        interval=_limit_text("interval", webhook.interval_ms),
        retry_interval=_limit_text("retry_interval", webhook.retry_interval_ms),
        ca_file=webhook.ca_file or "",
        known=with_url(webhook.url, known_headers(webhook.headers)),
    ).masked


def _limit_text(name: str, value: int | None) -> str:
    return "" if value is None else LIMITS[name].format(value)
