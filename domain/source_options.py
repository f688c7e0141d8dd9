"""Kinds of options that sources and alerts have, beside those of settings."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from domain.event_types import EventType
from domain.options import Kind, value_text

NAME_FORM = "write letters, digits, dots, hyphens and underscores"
PARTS = ("events", "agents", "queues")
"""The parts that an HTTP source can serve."""

ALL_TYPES = ", ".join(type_.value for type_ in EventType)
_TEXT_LIMIT = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_AS_NUMBER = re.compile(r"AS[0-9]{1,10}")
_COUNTRY = re.compile(r"[A-Z]{2}")


def check_name(text: str, limit: int) -> str:
    """Return a name that can be typed on a command line. Raises ValueError."""
    name = text.strip()
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} is not a name")
    if len(name) > limit:
        raise ValueError(f"{text!r} is longer than {limit} characters")
    return name


def split_listen(text: str) -> tuple[str, int]:
    """Return the address and port of "127.0.0.1:8786" or "[::1]:8786". Raises ValueError."""
    host, colon, port = text.strip().rpartition(":")
    address = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise ValueError(f"{text!r} has no port")
    try:
        is_six = ipaddress.ip_address(address).version == 6
    except ValueError:
        raise ValueError(f"{host!r} is not an IP address") from None
    if is_six != host.startswith("["):
        raise ValueError(f"{text!r} is not an address and a port")
    return address, int(port)


def _listen(text: str) -> str:
    split_listen(text)
    return text.strip()


def _plain(text: str) -> str:
    if not text.isprintable() or len(text) > _TEXT_LIMIT:
        raise ValueError(f"{text[:40]!r} is too long or has characters that are not printed")
    return text.strip()


def _url(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is not an address of the web")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{text!r} has more than a host and a path")
    return text.strip().rstrip("/")


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(text.replace(",", " ").split()))


def _some_of(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        words = _words(text.lower())
        unknown = [word for word in words if word not in known]
        if unknown or not words:
            raise ValueError(f"{unknown[0]!r} is unknown" if unknown else "it names nothing")
        return tuple(name for name in known if name in words)

    return parse


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_origin(word) for word in _words(text))


def _origin(word: str) -> str:
    if _AS_NUMBER.fullmatch(word.upper()) or _COUNTRY.fullmatch(word.upper()):
        return word.upper()
    try:
        return str(ipaddress.ip_network(word, strict=False))
    except ValueError:
        raise ValueError(f"{word!r} is no address, network, AS number or country code") from None


TEXT = Kind("text", "a text of one line", _plain, value_text)
LISTEN = Kind("listen", "an address and a port such as 127.0.0.1:8786", _listen, value_text)
URL = Kind("url", "an address such as https://api.custodib.us", _url, value_text)
OPEN_URL = Kind(
    "url",
    "an address such as https://tocsin.example:8786",
    lambda text: _url(text) if text.strip() else "",
    value_text,
)
SERVES = Kind("serves", f"some of {', '.join(PARTS)}", _some_of(PARTS), value_text, lists=True)
TYPES = Kind(
    "types",
    f"some of {ALL_TYPES}",
    _some_of([type_.value for type_ in EventType]),
    value_text,
    lists=True,
)
ORIGINS = Kind(
    "places",
    "addresses, networks, AS numbers and country codes, such as 192.0.2.0/24, AS64496, NL",
    _origins,
    value_text,
    lists=True,
)
