"""Outside text made harmless for a terminal, a log line or a widget; and masks of secrets."""

from __future__ import annotations

import ast
import re
import unicodedata

_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LITERAL = re.compile(
    r"""\bbytearray\((b'(?:[^'\\]|\\.)*'|b"(?:[^"\\]|\\.)*")\)""", re.ASCII | re.DOTALL
)
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
DOTS = "\u2022" * 4
_SHOWN = 4
LONG_ENOUGH = 16
"""Letters of a secret whose last four may be shown; in "Bearer TOKEN" those of the token."""


def safe(text: str | bytes, limit: int = 4096, *, keep_newlines: bool = False) -> str:
    """Write out every control, format, surrogate, private and unassigned character as an escape.

    Bytes are read as UTF-8; what is no UTF-8 becomes \\xNN. A backslash of the text stays as it
    is. The result has at most `limit` characters; a cut one ends in an ellipsis.
    """
    readable = _start(text, limit)
    if not readable.isprintable():  # a quick check: it has none of these categories
        kept = "\n" if keep_newlines else ""
        readable = "".join([_escaped(character, kept) for character in readable])
    return readable if len(readable) <= limit else readable[: max(0, limit - 1)] + _ELLIPSIS


def plain_bytes(text: str) -> str:
    """Return a library's sentence with its bytes as people write them, "x", not bytearray(b'x')."""
    return _LITERAL.sub(lambda found: f'"{_decoded(found[1])}"', text)


def _decoded(literal: str) -> str:
    return bytes(ast.literal_eval(literal)).decode("utf-8", "backslashreplace")


def _start(text: str | bytes, limit: int) -> str:
    """Return one character more than the limit, if there are more: something is cut then."""
    if isinstance(text, bytes):
        text = text[: 4 * (limit + 1)].decode("utf-8", "backslashreplace")
    return text[: limit + 1]


def _escaped(character: str, kept: str) -> str:
    if character == kept or unicodedata.category(character) not in _UNSAFE_CATEGORIES:
        return character
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def mask_value(value: str) -> str:
    """Return dots and the last four characters, or only dots where these would say too much."""
    token = value.rpartition(" ")[2]
    return DOTS + (token[-_SHOWN:] if len(token) >= LONG_ENOUGH else "")


def is_masked(value: str) -> bool:
    """Return True for a text that `mask_value` made; no value begins so."""
    return value.startswith(DOTS)


def has_dots(text: str) -> bool:
    """Return True for a text with one of the dots that stand for what is hidden."""
    return DOTS[0] in text
