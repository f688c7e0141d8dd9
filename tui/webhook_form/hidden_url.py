"""The URL whose end is hidden behind dots until the admin asks to see it, as header values are.

It is known beside them, under a name that no header has.
"""

from __future__ import annotations

from domain.field_errors import FieldError
from domain.masks import has_dots
from domain.urls import check_url, mask_url
from tui.webhook_form.hidden_values import Known, all_of

NAME = ":url"


def known_url(url: str) -> Known:
    """The URL under its name, if any of it is hidden."""
    return {NAME: (url,)} if mask_url(url) != url else {}


def with_url(url: str, known: Known) -> Known:
    """`known` with this URL first, so that its mask is its own."""
    return all_of(known_url(url), known)


def hide_url(text: str, known: Known) -> str:
    """Mask a URL that is known; what was typed anew stays readable."""
    mask = mask_url(text)
    hides = text in known.get(NAME, ()) and reveal_url(mask, known) == text
    return mask if hides else text


def reveal_url(text: str, known: Known) -> str:
    """Put the known URL in the place of its mask."""
    return next((url for url in known.get(NAME, ()) if mask_url(url) == text), text)


def read_url(text: str, known: Known) -> str:
    """The URL that is meant. Raises FieldError, which shows no hidden part."""
    url = reveal_url(text, known)
    if has_dots(url) and NAME in known:
        cure = "reveal it first, write the whole URL, or take it back with ctrl+z"
        raise FieldError("url", "its dots stand for what is hidden", cure)
    return check_url(url)
