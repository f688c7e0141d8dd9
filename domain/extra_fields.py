"""The extra fields that a webhook adds to every event it sends."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import partial

from domain.errors import FieldError, raise_all
from domain.event_types import TOP_LEVEL_MEMBERS
from domain.pairs import Pair, Pairs, check_repeats, parse_pairs

FIELD_LIMIT = 64
"""Extra fields of a webhook."""

KEY_LIMIT = 64
"""Characters in the key of an extra field."""

VALUE_LIMIT = 4 * 1024
"""Bytes in the value of an extra field, as UTF-8."""

_FIELD = "extra_fields"


def parse_extra_fields(text: str) -> Pairs:
    """Read "key: value", one a line. Raises FieldErrors."""
    fields = parse_pairs(_FIELD, text, "source: tocsin", check_extra_field)
    check_extra_fields(fields)
    return fields


def check_extra_fields(fields: Sequence[Pair]) -> None:
    """Check each field and all together. Raises FieldErrors."""
    each = [partial(check_extra_field, key, value) for key, value in fields]
    keys = [key for key, _ in fields]
    raise_all([*each, partial(check_repeats, _FIELD, keys), partial(_check_count, fields)])


def check_extra_field(key: str, value: str) -> None:
    """Check one field. Raises FieldError."""
    _check_text("a key", key)
    if not key or ":" in key or len(key) > KEY_LIMIT:
        reason = f"a key is 1 to {KEY_LIMIT} characters without a colon"
        raise FieldError(_FIELD, reason, "write the field as `source: tocsin`")
    if key in TOP_LEVEL_MEMBERS:
        raise FieldError(_FIELD, f"{key} is the event's own", "choose another key")
    _check_text(f"the value of {key}", value)
    size = len(value.encode())
    if size > VALUE_LIMIT:
        reason = f"the value of {key} has {size} bytes"
        raise FieldError(_FIELD, reason, f"shorten it to {VALUE_LIMIT}")


def doubt_about(fields: Sequence[Pair]) -> str:
    """Return a warning of a likely slip, as a URL split at its first colon; "" if there is none."""
    for key, value in fields:
        if value.startswith("//"):
            return f"{key} is taken as the key and {value} as its value: a URL too wants a key"
    return ""


def _check_text(what: str, text: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise FieldError(_FIELD, f"{what} has a control character in it", "take it out")
    if text != text.strip():
        raise FieldError(_FIELD, f"{what} begins or ends with a blank", "take the blank out")


def _check_count(fields: Sequence[Pair]) -> None:
    if len(fields) > FIELD_LIMIT:
        reason = f"there are {len(fields)} extra fields"
        raise FieldError(_FIELD, reason, f"keep {FIELD_LIMIT} or fewer")
