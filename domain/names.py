"""Checks of names: those that look alike to people, or look empty."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from domain.errors import FieldError

_BLANKS = frozenset("\N{HANGUL CHOSEONG FILLER}\N{HANGUL JUNGSEONG FILLER}\N{HANGUL FILLER}")
_MORE_BLANKS = frozenset("\N{HALFWIDTH HANGUL FILLER}\N{BRAILLE PATTERN BLANK}\U0001d159")
"""Printed characters that show nothing; `str.isprintable` refuses the other ones."""

_UNSEEN_MARKS = frozenset("\N{COMBINING GRAPHEME JOINER}\N{KHMER VOWEL INHERENT AQ}")


def check_seen(name: str) -> None:
    """Raise FieldError for a name that shows nothing, or that has a character like a blank."""
    blank = next((letter for letter in name if letter in _BLANKS or letter in _MORE_BLANKS), None)
    if blank is not None:
        reason = f"it has a character that looks like a blank (U+{ord(blank):04X})"
        raise FieldError("name", reason, "take it out")
    if looks_empty(name):
        raise FieldError("name", "it looks empty", "write a letter or a digit")


def looks_empty(name: str) -> bool:
    """Return True for a name in which no character is seen by itself."""
    return not (name.isascii() and name.strip()) and not any(map(_is_seen, name))


def folded(name: str) -> str:
    """Return a name without what people overlook: the case of letters, odd blanks, unseen marks."""
    if name.isascii():
        return " ".join(name.lower().split())
    seen = (" " if _is_blank(letter) else letter for letter in unicodedata.normalize("NFC", name))
    text = "".join(letter for letter in seen if not _is_unseen(letter))
    return " ".join(unicodedata.normalize("NFC", text.casefold()).split())


def alike(name: str, others: Iterable[str]) -> str | None:
    """Return the first of other names that people may take for this one, but for itself."""
    own = folded(name)
    return next((other for other in others if other != name and folded(other) == own), None)


def doubtful(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the names that look empty, each alone, and those that look alike, together."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(folded(name), []).append(name)
    return [tuple(group) for text, group in groups.items() if len(group) > 1 or looks_empty(text)]


def _is_blank(character: str) -> bool:
    return character.isspace() or character in _BLANKS or character in _MORE_BLANKS


def _is_unseen(character: str) -> bool:
    """A control or format character, or a mark that only chooses how another one is drawn."""
    is_mark = character in _UNSEEN_MARKS or "VARIATION SELECTOR" in unicodedata.name(character, "")
    return is_mark or unicodedata.category(character) in ("Cc", "Cf")


def _is_seen(character: str) -> bool:
    kind = unicodedata.category(character)[0]
    return kind in "LNPS" and not _is_blank(character)
