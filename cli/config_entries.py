"""From the entries of a configuration document to what the store keeps, each value checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from msgspec import UnsetType
from msgspec.structs import replace

from cli.config_document import WebhookEntry
from cli.webhook_fields import check_certificates, split_pair
from domain.errors import FieldError, FieldErrors, raise_all
from domain.pairs import Pair, Pairs
from domain.safe import is_masked
from domain.settings import BY_NAME
from domain.signing import format_secret, parse_secret
from domain.times import parse_rfc3339
from domain.urls import is_masked_url
from domain.webhooks import WebhookFields, clean_fields
from store.records import Secrets, Webhook

T = TypeVar("T")

REVEAL = "export with --reveal, or write it in clear"
MOST_SECRETS = 2


def given(value: T | UnsetType, otherwise: T) -> T:
    """What stands in the document, or what holds where it says nothing."""
    return otherwise if isinstance(value, UnsetType) else value


def webhook_fields(entry: WebhookEntry, before: Webhook | None) -> WebhookFields:
    """The fields that a webhook is to have. Raises FieldError, FieldErrors."""
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
        interval_ms=_interval(entry, base.interval_ms),
        ca_file=given(entry.ca_file, base.ca_file),
    )
    fields = clean_fields(fields, base)
    if fields.ca_file and fields.ca_file != base.ca_file:
        check_certificates(fields.ca_file)
    return fields


def webhook_secrets(entry: WebhookEntry, before: Webhook | None, now_ms: int) -> Secrets | None:
    """The signing secrets that a webhook is to have. Raises FieldError."""
    kept = in_force(before.secrets, now_ms) if before else None
    if isinstance(entry.secrets, UnsetType) or (entry.secrets is None and before):
        return kept
    if entry.secrets is None or any(map(is_masked, entry.secrets)):
        if kept is None:
            raise nothing_to_keep("secrets", "it is masked")
        return kept
    if len(entry.secrets) > MOST_SECRETS:
        raise FieldError("secrets", f"there are {len(entry.secrets)}", "write one, or two")
    words = [_secret(text) for text in entry.secrets]
    if not words:
        return None
    current, *previous = words
    if not previous:
        return Secrets(current)
    return in_force(Secrets(current, previous[0], _rotation_end(entry)), now_ms)


def in_force(secrets: Secrets | None, now_ms: int) -> Secrets | None:
    """The secrets without one whose rotation is over."""
    if secrets is None or len(secrets.in_force(now_ms)) > 1:
        return secrets
    return Secrets(secrets.current)


def nothing_to_keep(field: str, reason: str) -> FieldError:
    """What is said of a secret that neither the document nor the store has."""
    return FieldError(field, f"{reason}, and this store has none to keep", REVEAL)


def texts(options: dict[str, object]) -> dict[str, str]:
    """Options as the store keeps them. Raises FieldErrors."""
    raise_all([partial(_text, name, value) for name, value in options.items()])
    return {name: str(value) for name, value in options.items()}


def placed(place: str, check: Callable[[], T]) -> T:
    """Run a check so that what it finds names its place in the document.

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
    for one, clear in kept:
        if one.lower() == name.lower():
            return name, clear
    raise nothing_to_keep("headers", f"the value of {name} is masked")


def _extra_fields(entry: WebhookEntry, kept: Pairs) -> Pairs:
    if isinstance(entry.extra_fields, UnsetType):
        return kept
    return tuple(split_pair("extra_fields", text, "source: hub") for text in entry.extra_fields)


def _interval(entry: WebhookEntry, kept: int | None) -> int | None:
    if isinstance(entry.interval, UnsetType):
        return kept
    if entry.interval is None:
        return None
    value = BY_NAME["interval"].parse(entry.interval)
    return value if isinstance(value, int) else None


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
