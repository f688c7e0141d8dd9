"""Masking of secrets in answers that repeat their request, before an answer is kept.

A receiver that echoes the request, as test services and debug pages do, would otherwise bring
encrypted values in clear into the store and onto the screen.
"""

from __future__ import annotations

import base64
import html
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from urllib.parse import unquote, unquote_plus

import msgspec

from domain.safe import LONG_ENOUGH, mask_value
from domain.signing import PREFIX

SHORTEST_MASKED = 8
"""Characters of the shortest value that is masked; a shorter one would be found everywhere."""

SHORTEST_BEGINNING = 4
"""Characters of the shortest beginning of a secret that is masked at a cut end."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]* +")
_QUERY_MARKS = re.compile(r"[&;]")


def secrets_of(
    url: str, headers: Iterable[tuple[str, str]], signing_secrets: Iterable[str]
) -> tuple[str, ...]:
    """Return the secrets of a request: its headers' values, its keys, and those in its URL.

    An echo may contain parts of a value: so the text behind "Bearer ", the password inside Basic,
    each cookie, and the decoded forms of the URL's parts are secrets too.
    """
    found: list[str] = []
    for name, value in headers:
        found += [value, *_credentials(value)]
        if name.lower() == "cookie":
            found += _cookies(value)
    for secret in signing_secrets:
        found += [secret, secret.removeprefix(PREFIX)]
    found += _path_keys(url)
    found += _query_values(url)
    return tuple(dict.fromkeys(found))


def _credentials(value: str) -> Iterator[str]:
    scheme = _SCHEME.match(value)
    if scheme is None:
        return
    credentials = value[scheme.end() :]
    yield credentials
    if scheme[0].strip().lower() != "basic":
        return
    with suppress(ValueError):  # not base64: nobody can have decoded it
        decoded = base64.b64decode(credentials)
        for text in (decoded.decode("latin-1"), decoded.decode(errors="replace")):
            yield text
            yield text.partition(":")[2]


def _cookies(value: str) -> Iterator[str]:
    for cookie in value.split(";"):
        content = cookie.partition("=")[2].strip()
        yield from (content, content.strip('"'))


def _path_keys(url: str) -> Iterator[str]:
    """Yield the parts of the path that are as long as a key, and the path behind its first part."""
    path = url.partition("?")[0].partition("://")[2].partition("/")[2]
    for part in (path.partition("/")[2], *path.split("/")):
        if len(part) >= LONG_ENOUGH:
            yield from (part, unquote(part))


def _query_values(url: str) -> Iterator[str]:
    """Yield the values of a query; a part without "=" may be a key as a whole."""
    for part in _QUERY_MARKS.split(url.partition("?")[2]):
        name, equals, value = part.partition("=")
        written = value if equals else name
        yield from (written, unquote(written), unquote_plus(written))


class _Span(msgspec.Struct, frozen=True):
    """Part of a text and the mask in its place."""

    start: int
    end: int
    mask: str


class Redactor:
    """Mask of secrets in plain text and in the escapes of JSON, URLs and HTML."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secret for secret in secrets if len(secret) >= SHORTEST_MASKED)
        self._shortest = min(map(len, self._secrets), default=sys.maxsize)
        self._shortest_beginning = SHORTEST_BEGINNING if self._secrets else sys.maxsize

    def text(self, text: str) -> str:
        """Return a whole text, masked."""
        return "".join(kept + mask for kept, mask in self._pieces(text, cut=False))

    def beginning(self, data: bytes) -> bytes:
        """Return the beginning of a text, masked; a secret may be cut in two at its end."""
        pieces = self._pieces(data.decode("latin-1"), cut=True)
        return b"".join(kept.encode("latin-1") + mask.encode() for kept, mask in pieces)

    def _pieces(self, text: str, *, cut: bool) -> Iterator[tuple[str, str]]:
        """Yield the kept pieces of the text, each with the mask that follows it.

        Nothing is found in a text that is shorter than what is looked for: no escape is shorter
        than what it stands for.
        """
        place = 0
        shortest = self._shortest_beginning if cut else self._shortest
        for span in _without_overlaps(self._spans(text, cut=cut)) if len(text) >= shortest else ():
            yield text[place : span.start], span.mask
            place = span.end
        yield text[place:], ""

    def _spans(self, text: str, *, cut: bool) -> Iterator[_Span]:
        for read, starts in _readings(text):
            for secret in self._secrets:
                for at in _places(secret, read):
                    yield _Span(starts[at], starts[at + len(secret)], mask_value(secret))
                cut_length = _cut_length(secret, read) if cut else 0
                if cut_length:
                    yield _Span(starts[len(read) - cut_length], len(text), mask_value(""))


def _places(secret: str, text: str) -> Iterator[int]:
    """Yield the indexes at which a secret begins in a text, also within itself."""
    at = text.find(secret)
    while at >= 0:
        yield at
        at = text.find(secret, at + 1)


def _cut_length(secret: str, text: str) -> int:
    """Return the number of a secret's first characters that end the text."""
    beginning = secret[:SHORTEST_BEGINNING]
    at = text.find(beginning, max(0, len(text) - len(secret) + 1))
    while at >= 0:
        if secret.startswith(text[at:]):
            return len(text) - at
        at = text.find(beginning, at + 1)
    return 0


def _without_overlaps(spans: Iterable[_Span]) -> list[_Span]:
    """Return the spans without overlaps; the mask is that of the span that ends last."""
    apart: list[_Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        before = apart[-1] if apart else None
        if before is None or span.start >= before.end:
            apart.append(span)
        elif span.end > before.end:
            apart[-1] = _Span(before.start, span.end, span.mask)
    return apart


# How a text may be written in characters that stand for others: each pattern finds those, and its
# function says what one means. What is cut off where the text ends is found too, and means nothing.


def _in_json(match: re.Match[str]) -> str:
    return chr(int(match["hex"], 16)) if match["hex"] else match["one"] or ""


def _in_url(match: re.Match[str]) -> str:
    return chr(int(match["hex"], 16)) if match["hex"] else ""


def _in_form(match: re.Match[str]) -> str:
    return " " if match[0] == "+" else _in_url(match)


def _in_html(match: re.Match[str]) -> str:
    return html.unescape(match[0]) if match[0].endswith(";") else ""


_PERCENT = r"%(?:(?P<hex>[0-9a-fA-F]{2})|[0-9a-fA-F]?\Z)"
_WRITINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(r"\\(?:u00(?P<hex>[0-9a-fA-F]{2})|u?0{0,2}[0-9a-fA-F]?\Z|(?P<one>.))", re.S),
        _in_json,
    ),
    (re.compile(_PERCENT), _in_url),
    (re.compile(rf"{_PERCENT}|\+"), _in_form),
    (
        re.compile(r"&(?:(?:#[0-9]{1,3}|#[xX][0-9a-fA-F]{1,2}|[a-z]{2,4});|#?[0-9a-zA-Z]{0,4}\Z)"),
        _in_html,
    ),
)


def _readings(text: str) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield the text as it is, and decoded from each of these escapes.

    With each comes the index in the text at which each character begins, and at which the last
    ends.
    """
    yield text, range(len(text) + 1)
    for pattern, meaning in _WRITINGS:
        if pattern.search(text):
            yield _read(text, pattern, meaning)


def _read(
    text: str, pattern: re.Pattern[str], meaning: Callable[[re.Match[str]], str]
) -> tuple[str, Sequence[int]]:
    read: list[str] = []
    starts: list[int] = []
    place = 0
    for match in pattern.finditer(text):
        meant = meaning(match)
        read += text[place : match.start()], meant
        starts += [*range(place, match.start()), *[match.start()] * len(meant)]
        place = match.end()
    read.append(text[place:])
    starts += range(place, len(text) + 1)
    return "".join(read), starts
