"""Strict JSON reader: it refuses whatever two readers could understand differently.

Numbers keep every digit and, but for -0, their spelling: 10.10 stays 10.10.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from domain.safe import safe

MAX_DEPTH = 64

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_TRAILING_COMMA = re.compile(r",[ \t\r\n]*[\]}]")
_NOTHING_FOLLOWS = "not JSON: nothing follows this comma"
# By the beginning of the parser's own message, whose words change with Python's version.
_SYNTAX_REASONS = (
    ("Extra data", "more than one JSON document: expected its end here"),
    ("Expecting value", "not JSON: expected a value here"),
    ("Expecting property name", "not JSON: a name in double quotes is missing here"),
    ("Expecting ':'", "not JSON: a colon is missing here"),
    ("Expecting ','", "not JSON: a comma or a closing bracket is missing here"),
    ("Unterminated string", "not JSON: the text that begins here has no end"),
    ("Invalid control character", "not JSON: a control character in a text"),
    ("Invalid \\", "not JSON: this backslash begins no valid escape"),
)
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
# An unclosed string runs to the end of the text, so that no text takes more than one pass.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)

_IN_ARRAY = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{},]', re.DOTALL)
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_IN_ITEM = re.compile(_STRING_OR_BRACKET.pattern.encode(), re.DOTALL)
_BLANKS = b" \t\r\n"
_BLANKS_HERE = re.compile(rb"[ \t\r\n]*")


class StrictJsonError(ValueError):
    """Fault of a JSON text, at a place: "byte 17", or a path such as "a.b[2]" or ""."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.place = place
        self.reason = reason


class _Flaw:
    """Stand-in for a value that JSON readers disagree about. No dataclass: msgspec writes those."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


def decode(data: bytes) -> Any:
    """Read one JSON text whose values may still be flawed: only `compact` says so.

    Numbers that are no integers come as msgspec.Raw, which `compact` writes as they were.
    """
    text = _text(data)
    if not _is_shallow(data):
        _check_depth(text)
    try:
        return _parsed(text)
    except json.JSONDecodeError as error:
        position, reason = _syntax_fault(text, error)
        raise StrictJsonError(_byte_place(text, position), reason) from None


def array_items(data: bytes, longest: int) -> Iterator[bytes]:
    """Cut the text of an array into those of its items, one at a time, which it does not read.

    So the caller holds no more than one, whatever the text. An item of more than `longest`
    bytes is cut behind them and is the last. Raises StrictJsonError where it is no array, after the
    items before that place.
    """
    position = start = _behind_blanks(data, data.index(b"[") + 1)
    comma = -1
    while match := _IN_ARRAY.search(data, position):
        token, position = match[0], match.end()
        if token in b",]}":
            item = data[start : match.start()].rstrip(_BLANKS)
            if item:
                yield item
            elif token == b",":
                raise StrictJsonError(f"byte {match.start()}", _reason("Expecting value"))
            elif comma >= 0:
                raise StrictJsonError(f"byte {comma}", _NOTHING_FOLLOWS)
            if token != b",":
                _check_end(data, token, position)
                return
            comma = match.start()
            position = start = _behind_blanks(data, position)
            continue
        if token in b"[{":
            position = _end_of_nested(data, position, start + longest + 1)
        if position > start + longest:
            break
    rest = data[start : start + longest + 1]
    if rest:
        yield rest
        raise StrictJsonError(f"byte {len(data)}", _reason("Expecting ','"))
    raise StrictJsonError(f"byte {len(data)}", _reason("Expecting value"))


def _behind_blanks(data: bytes, position: int) -> int:
    match = _BLANKS_HERE.match(data, position)
    return match.end() if match else position


def _end_of_nested(data: bytes, position: int, stop: int) -> int:
    """Return the position behind the bracket that closes the one before `position`, or `stop`."""
    depth = 1
    for match in _IN_ITEM.finditer(data, position, stop):
        token = match[0]
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
            if depth == 0:
                return match.end()
    return stop


def _check_end(data: bytes, bracket: bytes, position: int) -> None:
    """Check what ends an array, and that nothing follows it."""
    if bracket != b"]":
        raise StrictJsonError(f"byte {position - 1}", _reason("Expecting ','"))
    rest = data[position:].lstrip(_BLANKS)
    if rest:
        raise StrictJsonError(f"byte {len(data) - len(rest)}", _reason("Extra data"))


def compact(value: Any) -> bytes:
    """Write what `decode` gave as JSON without blanks, in UTF-8, or say where its flaw is."""
    try:
        data = _encode(value)
    except (TypeError, UnicodeEncodeError):  # a flaw, half a surrogate pair
        data = b""
    if not data or b"\\u0000" in data:
        for place, reason in _flaws(value, ""):
            raise StrictJsonError(place, reason)
    return data


def sanitized(value: Any) -> Any:
    """Return a value with U+FFFD for each NUL and each half of a surrogate pair in a text.

    Names of members stay as they are, for two of them could become one.
    """
    if isinstance(value, str):
        return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [sanitized(item) for item in value]
    if isinstance(value, dict):
        return {name: sanitized(member) for name, member in value.items()}
    return value


def canonical(value: Any) -> bytes:
    """Write what `decode` gave so that the order of members makes no difference."""
    return _encode_sorted(value)


def comparable(data: bytes) -> Any:
    """Read JSON that was accepted earlier into values whose == is equality of meaning.

    Numbers are equal by value, to the last digit, and never equal to true or false.
    """
    return _comparing_decoder.decode(data.decode())


def _text(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise StrictJsonError("byte 0", "starts with a byte order mark: save it as plain UTF-8")
    if (position := data.find(b"\0")) >= 0:
        raise StrictJsonError(f"byte {position}", "contains a NUL byte")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StrictJsonError(f"byte {error.start}", "is not UTF-8") from None


def _is_shallow(data: bytes) -> bool:
    """Return True, quickly, for a text that is not nested too deep; its brackets all match."""
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return True
    brackets = _STRING.sub(b"", data).translate(_AS_SQUARE, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):  # each time the innermost go
        if not brackets:
            break
        brackets = brackets.replace(b"[]", b"")
    return not brackets


def _check_depth(text: str) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match[0] in "[{":
            depth += 1
        elif match[0] in "]}":
            depth -= 1
        if depth > MAX_DEPTH:
            place = _byte_place(text, match.start())
            raise StrictJsonError(place, f"nested deeper than {MAX_DEPTH} levels")


def _parsed(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more digits than Python converts
        return _long_number_decoder.decode(text)


def _byte_place(text: str, position: int) -> str:
    return f"byte {len(text[:position].encode())}"


def _syntax_fault(text: str, error: json.JSONDecodeError) -> tuple[int, str]:
    """Return the position and the reason in words of our own: Python's change with its version."""
    comma = _trailing_comma(text, error.pos)
    if comma is not None:
        return comma, _NOTHING_FOLLOWS
    return error.pos, _reason(error.msg)


def _reason(message: str) -> str:
    reasons = (reason for start, reason in _SYNTAX_REASONS if message.startswith(start))
    return next(reasons, "not JSON")


def _trailing_comma(text: str, position: int) -> int | None:
    """Return the position of a comma before the end of an array or object, if the fault is one.

    Python names the comma from 3.13 on, and the bracket behind it before.
    """
    match = _TRAILING_COMMA.match(text, position)
    if match is None and text[position : position + 1] in ("]", "}"):
        before = text[:position].rstrip(" \t\r\n")
        position = len(before) - 1
        match = _TRAILING_COMMA.match(text, position) if before else None
    return None if match is None else position


def _number(text: str) -> msgspec.Raw | _Flaw:
    if (len(text) > 300 or "e" in text or "E" in text) and math.isinf(float(text)):
        return _Flaw(f"{safe(text, 40)} is too large for a number")
    return msgspec.Raw(text)


def _constant(text: str) -> _Flaw:
    return _Flaw(f"{text} is not JSON")


def _object(members: list[tuple[str, Any]]) -> dict[str, Any] | _Flaw:
    result = dict(members)
    if len(result) == len(members):
        return result
    keys = [key for key, _ in members]
    repeated = next(key for number, key in enumerate(keys) if key in keys[:number])
    return _Flaw(f'the key "{safe(repeated, 100)}" stands twice in one object')


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_constant=_constant
)
_long_number_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_number, parse_float=_number, parse_constant=_constant
)


def _comparable_number(text: str) -> tuple[str, object]:
    from decimal import Decimal, InvalidOperation  # slow to load and rarely needed

    try:
        return "number", Decimal(text)
    except InvalidOperation:  # an exponent beyond all reason
        return "number", text


_comparing_decoder = json.JSONDecoder(parse_int=_comparable_number, parse_float=_comparable_number)


def _flaws(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, _Flaw):
        yield place, value.reason
    elif isinstance(value, str):
        yield from _text_flaws(value, place)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flaws(item, f"{place}[{index}]")
    elif isinstance(value, dict):
        for key, member in value.items():
            inner = f"{place}.{safe(key, 100)}" if place else safe(key, 100)
            yield from _text_flaws(key, inner)
            yield from _flaws(member, inner)


def _text_flaws(text: str, place: str) -> Iterator[tuple[str, str]]:
    if "\0" in text:
        yield place, "contains the character NUL (\\u0000)"
    if any("\ud800" <= character <= "\udfff" for character in text):
        yield place, "contains half a surrogate pair, which is no text"
