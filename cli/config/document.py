"""JSON document of `config export` and `import`: its structure, reader, writer and fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from cli.json_shapes import Shape, header_lines, shown_url
from cli.webhook.fields import check_certificates, split_pair
from domain import alert_kinds
from domain.errors import FieldError, FieldErrors, raise_all
from domain.event_types import EventType
from domain.hidden_fields import WithHiddenFields
from domain.pairs import Pair, Pairs
from domain.safe import is_masked, mask_value
from domain.settings import BY_NAME
from domain.signing import format_secret, parse_secret
from domain.strict_json import StrictJsonError, compact, decode
from domain.times import parse_rfc3339
from domain.urls import is_masked_url
from domain.webhooks import WebhookFields, clean_fields, parse_limit
from domain.wording import duration_text, time_text
from store.configuration import StoredConfiguration
from store.records import Secrets, StoredSource, Webhook

VERSION = 1
MASK = mask_value("")
_POSITION = re.compile(r"(.*) - at `(?:key in )?\$\.?(.*)`", re.DOTALL)
REVEAL = "export with --reveal, or write it in clear"
MOST_SECRETS = 2
State = Literal["active", "inactive"]
T = TypeVar("T")


class WebhookEntry(WithHiddenFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook; `headers` and `secrets` are null where the key to them was not there.

    `url` is masked where it is not revealed.
    """

    HIDDEN = ("url", "headers", "secrets")

    name: str | None = None
    type: EventType
    state: State | UnsetType = UNSET
    url: str
    headers: list[str] | UnsetType | None = UNSET
    extra_fields: list[str] | UnsetType = UNSET
    max_events: int | UnsetType | None = UNSET
    max_bytes: int | UnsetType | None = UNSET
    interval: str | UnsetType | None = UNSET
    retry_interval: str | UnsetType | None = UNSET
    ca_file: str | UnsetType | None = UNSET
    secrets: list[str] | UnsetType | None = UNSET
    secret_rotation_ends: str | None = None


class SourceEntry(WithHiddenFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source; `options` are those that differ from the defaults of its kind."""

    HIDDEN = ("secret",)

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
    """The document of a store, ready to be written; names of other versions are left out."""
    document = Document(
        settings={name: text for name, text in kept.settings.items() if name in BY_NAME},
        webhooks=[_webhook(webhook, now_ms, reveal=reveal) for webhook in kept.webhooks],
        sources=[_source(source, kept, reveal=reveal) for source in kept.sources],
        alerts={k: options for k, options in kept.alerts.items() if k in alert_kinds.BY_NAME},
        tokens=kept.tokens,
        hosts=kept.hosts,
        brokers=kept.brokers,
    )
    shape: Shape = msgspec.to_builtins(document)
    return shape


def read_document(data: bytes) -> Document:
    """Read a document. Raises FieldError, StrictJsonError."""
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
        retry_interval=duration_text(fields.retry_interval_ms),
        ca_file=fields.ca_file,
        secrets=[secret if reveal else MASK for secret in in_force] if webhook.readable else None,
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
    """The FieldError of a message of msgspec."""
    match = _POSITION.fullmatch(message)
    reason, place = (match[1], match[2]) if match else (message, "")
    reason = reason[:1].lower() + reason[1:]
    return FieldError(place or "the document", reason, "docs/json.md describes every member")


def given(value: T | UnsetType, otherwise: T) -> T:
    """The value of the document, or `otherwise` if it has none."""
    return otherwise if isinstance(value, UnsetType) else value


def webhook_fields(entry: WebhookEntry, before: Webhook | None) -> WebhookFields:
    """The fields of a webhook after the import. Raises FieldError, FieldErrors."""
    base = before.fields if before else WebhookFields(entry.type, entry.url)
    fields = replace(
        base,
        type=entry.type,
        url=_url(entry, before),
        name=entry.name,
        active=given(entry.state, "active" if base.active else "inactive") == "active",
        headers=_headers(entry, before),
        extra_fields=_extra_fields(entry, base.extra_fields),
        max_events=given(entry.max_events, base.max_events),
        max_bytes=given(entry.max_bytes, base.max_bytes),
        interval_ms=_span("interval", entry.interval, base.interval_ms),
        retry_interval_ms=_span("retry_interval", entry.retry_interval, base.retry_interval_ms),
        ca_file=given(entry.ca_file, base.ca_file),
    )
    fields = clean_fields(fields, base)
    if fields.ca_file and fields.ca_file != base.ca_file:
        check_certificates(fields.ca_file)
    return fields


def webhook_secrets(entry: WebhookEntry, before: Webhook | None, now_ms: int) -> Secrets | None:
    """The signing secrets of a webhook after the import. Raises FieldError."""
    kept = in_force(before.secrets, now_ms) if before else None
    if isinstance(entry.secrets, UnsetType) or (entry.secrets is None and before):
        return kept
    if entry.secrets is None or any(map(is_masked, entry.secrets)):
        if kept is None:
            raise nothing_to_keep("secrets", "it is masked")
        return kept
    if len(entry.secrets) > MOST_SECRETS:
        raise FieldError("secrets", f"there are {len(entry.secrets)}", "write one, or two")
    clear = [_secret(text) for text in entry.secrets]
    if not clear:
        return None
    current, *previous = clear
    if not previous:
        return Secrets(current)
    return in_force(Secrets(current, previous[0], _rotation_end(entry)), now_ms)


def in_force(secrets: Secrets | None, now_ms: int) -> Secrets | None:
    """The secrets without the previous one if its rotation is over."""
    if secrets is None or len(secrets.in_force(now_ms)) > 1:
        return secrets
    return Secrets(secrets.current)


def nothing_to_keep(field: str, reason: str) -> FieldError:
    """The error about a secret that neither the document nor the store has."""
    return FieldError(field, f"{reason}, and this store has none to keep", REVEAL)


def texts(options: dict[str, object]) -> dict[str, str]:
    """Options as the store keeps them. Raises FieldErrors."""
    raise_all([partial(_text, name, value) for name, value in options.items()])
    return {name: str(value) for name, value in options.items()}


def placed(place: str, check: Callable[[], T]) -> T:
    """Run a check whose errors then name their place in the document.

    Raises FieldError, FieldErrors.
    """
    try:
        return check()
    except FieldError as error:
        raise _at(place, error) from None
    except FieldErrors as errors:
        raise FieldErrors(_at(place, error) for error in errors.errors) from None


def _at(place: str, error: FieldError) -> FieldError:
    return FieldError(f"{place}.{error.field}", error.reason, error.cure)


def _url(entry: WebhookEntry, before: Webhook | None) -> str:
    if not is_masked_url(entry.url):
        return entry.url
    if before is None:
        raise nothing_to_keep("url", "it is masked")
    return before.fields.url


def _headers(entry: WebhookEntry, before: Webhook | None) -> Pairs:
    kept = before.fields.headers if before else ()
    if isinstance(entry.headers, UnsetType) or (entry.headers is None and before):
        return kept
    if entry.headers is None:
        raise nothing_to_keep("headers", "they are missing, since their key was not there")
    return tuple(_header(split_pair("headers", text, "X-Foo: bar"), kept) for text in entry.headers)


def _header(header: Pair, kept: Sequence[Pair]) -> Pair:
    name, value = header
    if not is_masked(value):
        return header
    for known, clear in kept:
        if known.lower() == name.lower():
            return name, clear
    raise nothing_to_keep("headers", f"the value of {name} is masked")


def _extra_fields(entry: WebhookEntry, kept: Pairs) -> Pairs:
    if isinstance(entry.extra_fields, UnsetType):
        return kept
    return tuple(split_pair("extra_fields", text, "source: hub") for text in entry.extra_fields)


def _span(name: str, text: str | UnsetType | None, kept: int | None) -> int | None:
    if isinstance(text, UnsetType):
        return kept
    return None if text is None else parse_limit(name, text)


def _secret(text: str) -> str:
    try:
        return format_secret(parse_secret(text))
    except FieldError as error:
        raise FieldError("secrets", error.reason, error.cure) from None


def _rotation_end(entry: WebhookEntry) -> int:
    try:
        return parse_rfc3339(entry.secret_rotation_ends or "")
    except ValueError:
        raise FieldError(
            "secret_rotation_ends",
            "two secrets need the time until which the second one signs",
            "write it as 2026-01-31T12:00:00Z, or one secret",
        ) from None


def _text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise FieldError(name, "it is no text", "write it in quotes")
