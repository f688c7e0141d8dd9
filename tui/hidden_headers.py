"""Header lines whose values are hidden behind dots until the admin asks to see them.

`known` holds the values that may be hidden, by lower-cased header name. A line whose value is
exactly the mask of its own header stands for that value; dots anywhere else are an error, so that
they are never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from domain.field_errors import FieldError, FieldErrors
from domain.headers import parse_headers
from domain.lines import Pair, Pairs
from domain.masks import mask_value

Known = Mapping[str, str]

DOT = mask_value("")[:1]


def known_values(headers: Iterable[Pair]) -> dict[str, str]:
    """The values of headers by the name under which `hide` and `reveal` look for them."""
    return {name.lower(): value for name, value in headers}


def hide(text: str, known: Known) -> str:
    """Mask every value that is known; what was typed anew stays readable."""
    return _by_line(text, lambda name, value: _mask_if(known.get(name) == value, value))


def reveal(text: str, known: Known) -> str:
    """Put every known value in the place of its mask."""
    return _by_line(text, lambda name, value: _unmasked(name, value, known))


def take_in(text: str, known: Known) -> dict[str, str]:
    """`known` and every value that was typed anew, so that `hide` masks these as well."""
    typed = {}
    for line in text.split("\n"):
        name, value = _split(line)
        if value and DOT not in value:
            typed[name.strip(" \t").lower()] = value
    return {**known, **typed}


def rebase(plain: str, before: Known, after: Known) -> str:
    """Where a value still is the one `before`, write the one `after`; no value is masked."""
    return _by_line(plain, lambda name, value: _moved(name, value, before, after))


def read_headers(text: str, known: Known) -> Pairs:
    """The headers with their real values. Raises FieldErrors, which show no value."""
    revealed = reveal(text, known).split("\n")
    dotted = [number for number, line in enumerate(revealed) if DOT in _split(line)[1]]
    errors = [_dots(number + 1, revealed[number], known) for number in dotted]
    for number in dotted:
        revealed[number] = ""
    try:
        headers = parse_headers("\n".join(revealed))
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
        cure = f"write the value of {name}; ctrl+r shows the hidden ones"
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


def _mask_if(hidden: bool, value: str) -> str:
    return mask_value(value) if hidden else value


def _unmasked(name: str, value: str, known: Known) -> str:
    return known[name] if name in known and value == mask_value(known[name]) else value


def _moved(name: str, value: str, before: Known, after: Known) -> str:
    return after.get(name, value) if before.get(name) == value else value
