"""URL and header values that are hidden behind dots until the admin asks to see them.

`known` holds the values that may be hidden: header values by lower-cased name, the URL by a name
that no header has. A text that is exactly the mask of a known value of its own name stands for that
value, for the first where several have the same mask; dots anywhere else are an error, so that they
are never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from domain.errors import FieldError, FieldErrors
from domain.headers import parse_headers
from domain.pairs import Pair, Pairs
from domain.safe import has_dots, mask_value
from domain.urls import check_url, mask_url

KnownValues = Mapping[str, tuple[str, ...]]

URL = ":url"


def merged(*several: KnownValues) -> KnownValues:
    """Return every value of each, in this order."""
    found: dict[str, dict[str, None]] = {}
    for known in several:
        for name, values in known.items():
            found.setdefault(name, {}).update(dict.fromkeys(values))
    return {name: tuple(values) for name, values in found.items()}


def known_headers(headers: Iterable[Pair]) -> KnownValues:
    """Return the values of headers by the names under which they are known."""
    return merged(*({name.lower(): (value,)} for name, value in headers))


def _known_url(url: str) -> KnownValues:
    """The URL under its name, if any of it is to be hidden; an empty box stands for nothing."""
    return {URL: (url,)} if mask_url(url) not in (url, "") else {}


def with_url(url: str, known: KnownValues) -> KnownValues:
    """Return `known` with this URL first, so that its mask stands for it."""
    return merged(_known_url(url), known)


def hide_url(text: str, known: KnownValues) -> str:
    """Mask a URL that is known; what was typed anew stays readable."""
    mask = mask_url(text)
    hides = text in known.get(URL, ()) and reveal_url(mask, known) == text
    return mask if hides else text


def reveal_url(text: str, known: KnownValues) -> str:
    """Put the known URL in the place of its mask."""
    return next((url for url in known.get(URL, ()) if mask_url(url) == text), text)


def read_url(text: str, known: KnownValues) -> str:
    """Return the URL with nothing hidden. Raises FieldError, which shows no hidden part."""
    if has_changed_dots(text, known):
        cure = "take it back with ctrl+z and reveal it first, or write the whole URL"
        raise FieldError("url", "its dots stand for what is hidden", cure)
    return check_url(reveal_url(text, known))


def has_changed_dots(text: str, known: KnownValues) -> bool:
    """Return True for the mask of a URL that was typed into: no URL that is known has it."""
    return URL in known and has_dots(reveal_url(text, known))


def standing_first(plain: str, known: KnownValues) -> KnownValues:
    """Return `known` with the values of the text first, so that their masks stand for them."""
    standing = _values(plain)
    first = {
        name: tuple(value for value in values if value in standing.get(name, ()))
        for name, values in known.items()
    }
    return merged(first, known)


def hide_headers(text: str, known: KnownValues) -> str:
    """Mask every value that is known; what was typed anew stays readable."""
    return _by_line(text, lambda name, value: _masked(name, value, known))


def reveal_headers(text: str, known: KnownValues) -> str:
    """Put every known value in the place of its mask."""
    return _by_line(text, lambda name, value: _unmasked(name, value, known))


def with_typed_headers(text: str, known: KnownValues) -> KnownValues:
    """Return `known` and every value that was typed anew, so that these are masked as well."""
    plain = reveal_headers(text, known)
    return standing_first(plain, merged(known, _values(plain)))


def rebase_headers(plain: str, before: KnownValues, after: KnownValues) -> str:
    """Replace each value of `before` by that of `after`; no value of `plain` is masked."""
    return _by_line(plain, lambda name, value: _moved(name, value, before, after))


def read_headers(text: str, known: KnownValues, kept: Pairs = ()) -> Pairs:
    """Return the headers with their real values; those that were `kept` may stay.

    Raises FieldErrors, which show no value.
    """
    revealed = reveal_headers(text, known).split("\n")
    dotted = [number for number, line in enumerate(revealed) if has_dots(_split(line)[1])]
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


def _dots(number: int, line: str, known: KnownValues) -> FieldError:
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


def _values(plain: str) -> KnownValues:
    lines = (_split(line) for line in plain.split("\n"))
    named = ((name.strip(" \t"), value) for name, value in lines)
    return known_headers((name, value) for name, value in named if value and not has_dots(value))


def _masked(name: str, value: str, known: KnownValues) -> str:
    """Return the mask, unless it would stand for another value of that name."""
    if value not in known.get(name, ()):
        return value
    mask = mask_value(value)
    return mask if _unmasked(name, mask, known) == value else value


def _unmasked(name: str, value: str, known: KnownValues) -> str:
    behind = (hidden for hidden in known.get(name, ()) if mask_value(hidden) == value)
    return next(behind, value)


def _moved(name: str, value: str, before: KnownValues, after: KnownValues) -> str:
    return after[name][0] if value in before.get(name, ()) and name in after else value
