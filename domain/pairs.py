"""Pairs of a name and a value, a line each: read, checked for repeats, and written.

A file of its own, since headers and extra fields share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from domain.errors import FieldError, FieldErrors

Pair = tuple[str, str]
Pairs = tuple[Pair, ...]


def parse_pairs(field: str, text: str, example: str, check: Callable[[str, str], None]) -> Pairs:
    """Split each line at its first colon and check the pair; blank lines are passed over.

    Raises FieldErrors that name every bad line by its number, and never show its value.
    """
    pairs: list[Pair] = []
    errors: list[FieldError] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip(" \t\r"):
            continue
        name, colon, value = line.removesuffix("\r").partition(":")
        if not colon:
            reason = f"line {number} has no colon"
            errors.append(FieldError(field, reason, f"write it as `{example}`"))
            continue
        pairs.append((name.strip(" \t"), value.strip(" \t")))
        try:
            check(*pairs[-1])
        except FieldError as error:
            errors.append(FieldError(field, f"line {number}: {error.reason}", error.cure))
    if errors:
        raise FieldErrors(errors)
    return tuple(pairs)


def pairs_text(pairs: Iterable[Pair]) -> str:
    """Write one pair a line, as the form shows them and `parse_pairs` reads them back."""
    return "\n".join(f"{name}: {value}" for name, value in pairs)


def check_repeats(field: str, names: Sequence[str]) -> None:
    """Raise FieldError if a name is there a second time."""
    repeated = first_repeated(names)
    if repeated is not None:
        raise FieldError(field, f"{repeated} is there more than once", "keep one of them")


def first_repeated(names: Sequence[str]) -> str | None:
    """Return the first name that is there a second time."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
