"""Header lines whose values are hidden behind dots until the admin asks to see them.

`known` holds the values that may be hidden, by lower-cased header name. A line whose value is
exactly the mask of a value of its own header stands for that value, for the first where several
have the same mask; dots anywhere else are an error, so that they are never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from domain.field_errors import FieldError, FieldErrors
from domain.headers import parse_headers
from domain.lines import Pair, Pairs
from domain.masks import mask_value

Known = Mapping[str, tuple[str, ...]]

DOT = mask_value("")[:1]


def known_values(headers: Iterable[Pair]) -> Known:
    """The values of headers by the name under which `hide` and `reveal` look for them."""
    return all_of(*({name.lower(): (value,)} for name, value in headers))


def all_of(*several: Known) -> Known:
    """Every value of each, in this order."""
    found: dict[str, dict[str, None]] = {}
    for known in several:
        for name, values in known.items():
            found.setdefault(name, {}).update(dict.fromkeys(values))
    return {name: tuple(values) for name, values in found.items()}


def foremost(plain: str, known: Known) -> Known:
    """`known` with the values that stand in the text first, so that their masks are theirs."""
    standing = _values(plain)
    first = {
        name: tuple(one for one in values if one in standing.get(name, ()))
        for name, values in known.items()
    }
    return all_of(first, known)


def hide(text: str, known: Known) -> str:
    """Mask every value that is known; what was typed anew stays readable."""
    return _by_line(text, lambda name, value: _masked(name, value, known))


def reveal(text: str, known: Known) -> str:
    """Put every known value in the place of its mask."""
    return _by_line(text, lambda name, value: _unmasked(name, value, known))


def take_in(text: str, known: Known) -> Known:
    """`known` and every value that was typed anew, so that `hide` masks these as well."""
    plain = reveal(text, known)
    return foremost(plain, all_of(known, _values(plain)))


def rebase(plain: str, before: Known, after: Known) -> str:
    """Where a value still is the one `before`, write the one `after`; no value is masked."""
    return _by_line(plain, lambda name, value: _moved(name, value, before, after))


def read_headers(text: str, known: Known, kept: Pairs = ()) -> Pairs:
    """The headers with their real values; the `kept` ones may stay. Raises FieldErrors.

    No value is shown in these.
    """
    revealed = reveal(text, known).split("\n")
    dotted = [number for number, line in enumerate(revealed) if DOT in _split(line)[1]]
    errors = [_dots(number + 1, revealed[number], known) for number in dotted]
    for number in dotted:
        revealed[number] = ""
    try:
        headers = parse_headers("\n".join(revealed), kept)
    except FieldErrors as found:
        errors += found.errors
    if errors:
        raise FieldErrors(errors)
    return headers


def _dots(number: int, line: str, known: Known) -> FieldError:
    name = _split(line)[0].strip(" \t")
    if name.lower() in known:
        reason = f"line {number}: the dots of {name} were changed"
        cure = "write the whole value, or take the line back with ctrl+z"
    else:
        reason = f"line {number}: dots stand for the hidden value of another header"
        cure = f"write the value of {name}; reveal shows the hidden ones"
    return FieldError("headers", reason, cure)


def _by_line(text: str, change: Callable[[str, str], str]) -> str:
    return "\n".join(_changed(line, change) for line in text.split("\n"))


def _changed(line: str, change: Callable[[str, str], str]) -> str:
    name, value = _split(line)
    if not value:
        return line
    new = change(name.strip(" \t").lower(), value)
    return line if new == value else f"{name.strip()}: {new}"


def _split(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip(" \t\r")


def _values(plain: str) -> Known:
    lines = (_split(line) for line in plain.split("\n"))
    named = ((name.strip(" \t"), value) for name, value in lines)
    return known_values((name, value) for name, value in named if value and DOT not in value)


def _masked(name: str, value: str, known: Known) -> str:
    """The mask, unless it would stand for another value of that name."""
    if value not in known.get(name, ()):
        return value
    mask = mask_value(value)
    return mask if _unmasked(name, mask, known) == value else value


def _unmasked(name: str, value: str, known: Known) -> str:
    behind = (one for one in known.get(name, ()) if mask_value(one) == value)
    return next(behind, value)


def _moved(name: str, value: str, before: Known, after: Known) -> str:
    return after[name][0] if value in before.get(name, ()) and name in after else value
