"""Names by which people tell things apart: which look alike, and which look empty or blank."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from domain.errors import FieldError

_BLANKS = frozenset("\N{HANGUL CHOSEONG FILLER}\N{HANGUL JUNGSEONG FILLER}\N{HANGUL FILLER}")
_MORE_BLANKS = frozenset("\N{HALFWIDTH HANGUL FILLER}\N{BRAILLE PATTERN BLANK}\U0001d159")
"""Printed characters that show nothing; `str.isprintable` refuses the other ones."""

_UNSEEN_MARKS = frozenset("\N{COMBINING GRAPHEME JOINER}\N{KHMER VOWEL INHERENT AQ}")


def check_seen(name: str) -> None:
    """Raise FieldError for a name that shows nothing, or a blank that is none."""
    blank = next((one for one in name if one in _BLANKS or one in _MORE_BLANKS), None)
    if blank is not None:
        reason = f"it has a character that looks like a blank (U+{ord(blank):04X})"
        raise FieldError("name", reason, "take it out")
    if looks_empty(name):
        raise FieldError("name", "it looks empty", "write a letter or a digit")


def looks_empty(name: str) -> bool:
    """True of a name in which no character is seen by itself."""
    return not (name.isascii() and name.strip()) and not any(map(_is_seen, name))


def look(name: str) -> str:
    """The same for all names that people may take for one: in which case, with which blanks."""
    if name.isascii():
        return " ".join(name.lower().split())
    seen = (" " if _is_blank(one) else one for one in unicodedata.normalize("NFC", name))
    text = "".join(one for one in seen if not _is_unseen(one))
    return " ".join(unicodedata.normalize("NFC", text.casefold()).split())


def alike(name: str, others: Iterable[str]) -> str | None:
    """The first of other names that people may take for this one; the same name is not meant."""
    own = look(name)
    return next((one for one in others if one != name and look(one) == own), None)


def doubtful(names: Iterable[str]) -> list[tuple[str, ...]]:
    """The names that look empty, each alone, and those that look alike, together."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(look(name), []).append(name)
    return [tuple(one) for text, one in groups.items() if len(one) > 1 or looks_empty(text)]


def _is_blank(character: str) -> bool:
    return character.isspace() or character in _BLANKS or character in _MORE_BLANKS


def _is_unseen(character: str) -> bool:
    """A control or format character, or a mark that only chooses how another one is drawn."""
    is_mark = character in _UNSEEN_MARKS or "VARIATION SELECTOR" in unicodedata.name(character, "")
    return is_mark or unicodedata.category(character) in ("Cc", "Cf")


def _is_seen(character: str) -> bool:
    kind = unicodedata.category(character)[0]
    return kind in "LNPS" and not _is_blank(character)
