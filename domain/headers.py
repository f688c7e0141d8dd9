"""The headers an admin adds to every request of a webhook."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from domain.errors import FieldError, raise_all
from domain.pairs import Pair, Pairs, check_repeats, parse_pairs
from domain.safe import has_dots

HEADER_LIMIT = 64
"""Headers of a webhook."""

VALUE_LIMIT = 8 * 1024
"""Bytes in the value of a header."""

TOTAL_LIMIT = 64 * 1024
"""Bytes in all headers of a webhook together."""

_FIELD = "headers"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_NAME_LIMIT = 256
_BYTES_AROUND = len(": \r\n")
_RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_RESERVED_PREFIXES = ("proxy-", "webhook-")


def parse_headers(text: str, kept: Sequence[Pair] = ()) -> Pairs:
    """Read "Name: value", one a line; those that are `kept` may stay. Raises FieldErrors."""

    def check(name: str, value: str) -> None:
        if (name, value) not in kept:
            check_header(name, value)

    headers = parse_pairs(_FIELD, text, "X-Foo: bar", check)
    check_headers(headers, kept)
    return headers


def is_reserved(name: str) -> bool:
    """Return True for a header that Tocsin sets itself, or that would be untrue."""
    lowered = name.lower()
    return lowered in _RESERVED or lowered.startswith(_RESERVED_PREFIXES)


def check_headers(headers: Sequence[Pair], kept: Sequence[Pair] = ()) -> None:
    """Check each header but those that are `kept`, and all together. Raises FieldErrors."""
    each = [partial(check_header, *header) for header in headers if header not in kept]
    names = [name.lower() for name, _ in headers]
    raise_all([*each, partial(check_repeats, _FIELD, names), partial(_check_size, headers)])


def check_header(name: str, value: str) -> None:
    """Check one header. Messages never show the value, since it may be a secret.

    A tab inside a value is refused too: HTTP allows it, but it looks like a blank wherever
    it is shown. Raises FieldError.
    """
    _check_name(name)
    if len(value) > VALUE_LIMIT:
        reason = f"the value of {name} has {len(value)} characters"
        raise FieldError(_FIELD, reason, f"shorten it to {VALUE_LIMIT}")
    if value != value.strip():
        reason = f"the value of {name} begins or ends with a blank"
        raise FieldError(_FIELD, reason, "take the blank out")
    if has_dots(value):
        reason = f"the value of {name} has the dots that stand for what is hidden"
        raise FieldError(_FIELD, reason, "write the whole value")
    if not _PRINTABLE.fullmatch(value):
        reason = f"the value of {name} has a character that is not printable ASCII"
        raise FieldError(_FIELD, reason, "take it out, or encode the value, e.g. as Base64")


def _check_name(name: str) -> None:
    if not _TOKEN.fullmatch(name) or len(name) > _NAME_LIMIT:
        reason = (
            f"a name is 1 to {_NAME_LIMIT} letters, digits or hyphens"
            if name
            else "the name is empty"
        )
        raise FieldError(_FIELD, reason, "write the header as `X-Foo: bar`")
    if is_reserved(name):
        raise FieldError(_FIELD, f"{name} is set by Tocsin itself", "leave it out")


def _check_size(headers: Sequence[Pair]) -> None:
    if len(headers) > HEADER_LIMIT:
        reason = f"there are {len(headers)} headers"
        raise FieldError(_FIELD, reason, f"keep {HEADER_LIMIT} or fewer")
    total = sum(len(name) + len(value) + _BYTES_AROUND for name, value in headers)
    if total > TOTAL_LIMIT:
        reason = f"all headers together have {total} bytes"
        raise FieldError(_FIELD, reason, f"shorten them to {TOTAL_LIMIT}")
