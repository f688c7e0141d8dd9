"""The fields of a webhook that an admin edits, and their checks."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from msgspec.structs import replace

from domain.errors import FieldError, raise_all
from domain.event_types import EventType
from domain.extra_fields import check_extra_fields
from domain.headers import check_headers
from domain.hidden_fields import WithHiddenFields
from domain.options import OWN_RETRY_INTERVAL, Option
from domain.settings import BY_NAME
from domain.urls import check_url

NAME_LIMIT = 64
"""Characters in the name of a webhook."""


LIMITS: Mapping[str, Option] = {
    **{name: BY_NAME[name] for name in ("max_events", "max_bytes", "interval")},
    "retry_interval": Option(
        "retry_interval",
        OWN_RETRY_INTERVAL,
        "how long a failed attempt waits for the next",
        BY_NAME["retry_interval"].lowest,
        BY_NAME["retry_interval"].highest,
    ),
}
"""Limits and intervals that a webhook may have of its own, in place of the setting of that name."""


class WebhookFields(WithHiddenFields, frozen=True):
    """Everything about a webhook that an admin may edit, except its signing secrets.

    `max_events`, `max_bytes`, `interval_ms` and `retry_interval_ms` are None where the webhook
    follows the setting of that name; 0 is an interval. `ca_file` is the absolute path of a PEM
    bundle.
    """

    HIDDEN = ("url", "headers")

    type: EventType
    url: str
    name: str | None = None
    active: bool = True
    headers: tuple[tuple[str, str], ...] = ()
    extra_fields: tuple[tuple[str, str], ...] = ()
    max_events: int | None = None
    max_bytes: int | None = None
    interval_ms: int | None = None
    retry_interval_ms: int | None = None
    ca_file: str | None = None


def clean_fields(fields: WebhookFields, before: WebhookFields | None = None) -> WebhookFields:
    """Return the fields as they are to be stored: name trimmed, URL in its final form.

    A header that `before` has too may stay. Raises FieldErrors with everything that is wrong.
    """
    check_fields(fields, before)
    name = None if fields.name is None else check_name(fields.name)
    return replace(fields, url=check_url(fields.url), name=name)


def check_fields(fields: WebhookFields, before: WebhookFields | None = None) -> None:
    """Raise FieldErrors with everything that is wrong."""
    kept = () if before is None else before.headers
    raise_all(
        [
            partial(check_url, fields.url),
            partial(_unless_none, check_name, fields.name),
            partial(check_headers, fields.headers, kept),
            partial(check_extra_fields, fields.extra_fields),
            partial(check_limit, "max_events", fields.max_events),
            partial(check_limit, "max_bytes", fields.max_bytes),
            partial(check_limit, "interval", fields.interval_ms),
            partial(check_limit, "retry_interval", fields.retry_interval_ms),
            partial(_unless_none, check_ca_file, fields.ca_file),
        ]
    )


def check_name(text: str) -> str:
    """Return the name, trimmed. Raises FieldError.

    A command would take a name of digits only for an id, and one with a hyphen in front for an
    option.
    """
    name = text.strip()
    if not 1 <= len(name) <= NAME_LIMIT:
        reason = f"it has {len(name)} characters"
        raise FieldError("name", reason, f"write 1 to {NAME_LIMIT}, or no name at all")
    if not name.isprintable():
        raise FieldError("name", "it has a control or invisible character", "take it out")
    if name.isdigit():
        raise FieldError("name", f"{name} would be taken for an id", "add a letter")
    if name.startswith("-"):
        raise FieldError("name", f"{name} would be taken for an option", "begin with a letter")
    return name


def check_limit(name: str, value: int | None) -> None:
    """Check a webhook's own limit or interval. Raises FieldError."""
    LIMITS[name].check(value)


def parse_limit(name: str, text: str) -> int:
    """Read a webhook's own limit or interval. Raises FieldError."""
    return cast("int", LIMITS[name].parse(text))  # each of them is a number


def check_ca_file(path: str) -> str:
    """Return the path of the CA file, if it is absolute. Raises FieldError."""
    if not posixpath.isabs(path):
        raise FieldError("ca_file", f"{path!r} is not an absolute path", "start it with /")
    if not path.isprintable():
        raise FieldError("ca_file", "it has a control or invisible character", "take it out")
    return path


def _unless_none(check: Callable[[str], str], value: str | None) -> None:
    if value is not None:
        check(value)
