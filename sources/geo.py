"""Where an address is: its country and its network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """What is known of an address, "" or None where it is not.

    country is the ISO code of two letters, asn the number of the network (AS).
    """

    country: str = ""
    country_name: str = ""
    asn: int | None = None
    as_name: str = ""


Locate = Callable[[str], Location | None]


def nowhere(_ip: str) -> None:
    """The look-up where there is no data to look into."""
