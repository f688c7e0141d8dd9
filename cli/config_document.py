"""The JSON document that carries what is configured from one store to another: its form.

Where a member is missing, what it stands for is left as it is.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from cli.shapes import Shape, header_lines, shown_url
from domain import alert_kinds
from domain.errors import FieldError
from domain.event_types import EventType
from domain.safe import mask_value
from domain.settings import BY_NAME
from domain.strict_json import StrictJsonError, compact, decode
from domain.wording import duration_text, time_text
from store.configuration import StoredConfiguration
from store.records import StoredSource, Webhook

VERSION = 1
MASK = mask_value("")
_PLACE = re.compile(r"(.*) - at `(?:key in )?\$\.?(.*)`", re.DOTALL)

State = Literal["active", "inactive"]


class WebhookEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook; `headers` and `secrets` are null where the key to them was not there.

    `url` is masked where it is not revealed.
    """

    name: str | None = None
    type: EventType
    state: State | UnsetType = UNSET
    url: str
    headers: list[str] | UnsetType | None = UNSET
    extra_fields: list[str] | UnsetType = UNSET
    max_events: int | UnsetType | None = UNSET
    max_bytes: int | UnsetType | None = UNSET
    interval: str | UnsetType | None = UNSET
    ca_file: str | UnsetType | None = UNSET
    secrets: list[str] | UnsetType | None = UNSET
    secret_rotation_ends: str | None = None


class SourceEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source; `options` are those that differ from the defaults of its kind."""

    name: str
    kind: str
    state: State | UnsetType = UNSET
    options: dict[str, Any] | UnsetType = UNSET
    secret: str | UnsetType | None = UNSET


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is configured; of tokens, hosts and brokers only the names."""

    version: int = VERSION
    settings: dict[str, Any] = {}
    webhooks: list[WebhookEntry] = []
    sources: list[SourceEntry] = []
    alerts: dict[str, dict[str, Any]] = {}
    tokens: list[str] = []
    hosts: list[str] = []
    brokers: list[str] = []


def shape_of(kept: StoredConfiguration, now_ms: int, *, reveal: bool) -> Shape:
    """What is configured, ready to be written; what another version set is left out."""
    document = Document(
        settings={name: text for name, text in kept.settings.items() if name in BY_NAME},
        webhooks=[_webhook(one, now_ms, reveal=reveal) for one in kept.webhooks],
        sources=[_source(one, kept, reveal=reveal) for one in kept.sources],
        alerts={k: options for k, options in kept.alerts.items() if k in alert_kinds.BY_NAME},
        tokens=kept.tokens,
        hosts=kept.hosts,
        brokers=kept.brokers,
    )
    shape: Shape = msgspec.to_builtins(document)
    return shape


def read_document(data: bytes) -> Document:
    """Read what `shape_of` made or somebody wrote. Raises FieldError, StrictJsonError."""
    value = msgspec.json.decode(compact(decode(data)))
    if not isinstance(value, dict) or "version" not in value:
        raise StrictJsonError("", "it is no configuration that `tocsin config export` wrote")
    if value["version"] != VERSION or isinstance(value["version"], bool):
        raise FieldError(
            "version", f"this Tocsin reads version {VERSION}", "export with the same Tocsin"
        )
    try:
        return msgspec.convert(value, Document)
    except msgspec.ValidationError as error:
        raise _in_words(str(error)) from None


def _webhook(webhook: Webhook, now_ms: int, *, reveal: bool) -> WebhookEntry:
    fields = webhook.fields
    secrets = webhook.secrets
    in_force = secrets.in_force(now_ms) if secrets else ()
    ends = secrets.previous_until_ms if secrets and len(in_force) > 1 else None
    return WebhookEntry(
        name=fields.name,
        type=fields.type,
        state=_state(fields.active),
        url=shown_url(webhook, reveal=reveal),
        headers=header_lines(webhook, reveal=reveal) if webhook.readable else None,
        extra_fields=[f"{key}: {value}" for key, value in fields.extra_fields],
        max_events=fields.max_events,
        max_bytes=fields.max_bytes,
        interval=duration_text(fields.interval_ms),
        ca_file=fields.ca_file,
        secrets=[one if reveal else MASK for one in in_force] if webhook.readable else None,
        secret_rotation_ends=time_text(ends),
    )


def _source(source: StoredSource, kept: StoredConfiguration, *, reveal: bool) -> SourceEntry:
    has_secret = source.name in kept.source_secrets
    shown = kept.source_secrets.get(source.name) if reveal else MASK
    return SourceEntry(
        name=source.name,
        kind=source.kind,
        state=_state(source.active),
        options=dict(source.options),
        secret=shown if has_secret else None,
    )


def _state(active: bool) -> State:
    return "active" if active else "inactive"


def _in_words(message: str) -> FieldError:
    """Place, reason and cure of what does not have the form of the document."""
    match = _PLACE.fullmatch(message)
    reason, place = (match[1], match[2]) if match else (message, "")
    reason = reason[:1].lower() + reason[1:]
    return FieldError(place or "the document", reason, "docs/json.md describes every member")
