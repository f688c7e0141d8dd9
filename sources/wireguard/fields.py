"""Values of a peer or an interface, from a dump or from an agent.

No error quotes a value: it may be a key in the wrong place.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from domain.clients import KEY

LAST_SECOND = 253_402_300_799
"""The end of the year 9999."""

LAST_COUNT = 2**64 - 1
LAST_PORT = 65_535
LAST_FWMARK = 2**32 - 1
LONGEST_NAME = 64
"""Characters of the name of an interface, which is in ids and in every event about it."""

_ENDPOINT = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45}(?:%[^\]\s]{1,64})?)\]|(?P<v4>[0-9.]{7,15})):(?P<port>[0-9]+)"
)


class Malformed(ValueError):
    """A value is wrong, in words that do not quote it."""


def check_key(text: str, what: str) -> str:
    """Return a key, which is the base64 of 32 bytes."""
    if not KEY.fullmatch(text):
        raise Malformed(f"{what} is not a key")
    return text


def is_interface_name(text: str) -> bool:
    """Return whether an interface may have this name."""
    return 0 < len(text) <= LONGEST_NAME and text.isprintable()


def check_interface_name(text: str) -> str:
    """Return the name of an interface."""
    if not is_interface_name(text):
        raise Malformed("the name of an interface is empty, too long or not printable")
    return text


def split_endpoint(text: str) -> tuple[str, int]:
    """Return the address and port of "192.0.2.1:51820" or "[2001:db8::1]:51820"."""
    match = _ENDPOINT.fullmatch(text)
    address = match and (match["v4"] or match["v6"])
    if not (match and address and _is_address(address)):
        raise Malformed("the endpoint is not an address and a port")
    return address, read_number(match["port"], "the endpoint's port", LAST_PORT)


@lru_cache(maxsize=20_000)
def _is_address(text: str) -> bool:
    """Return whether a text is an address, with a zone that is fit to be shown."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return text.isprintable()


def read_number(text: str, what: str, highest: int) -> int:
    """Return a decimal number from 0 on."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 20):
        raise Malformed(f"{what} is not a number")
    return check_number(int(text), what, highest)


def check_number(number: int, what: str, highest: int) -> int:
    """Return a number from 0 to `highest`."""
    if number < 0:
        raise Malformed(f"{what} is under 0")
    if number > highest:
        raise Malformed(f"{what} is over {highest}")
    return number
