"""Country and network of an address, from files of the admin or from iptocc."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from domain.alert_kinds import GEO, KINDS, NETWORKS, AlertTerms
from domain.countries import country_name
from domain.safe import safe
from sources.base import install_cure, upgrade_cure
from sources.geo_age import PACKAGE, CountryData, package_data

if TYPE_CHECKING:
    from maxminddb import Reader

MOST_KNOWN = 20_000
"""Addresses whose location is cached."""

NAME_LIMIT = 100
_PEEKED = 200
_LAST_S = 1 << 33
"""Latest time of a build, in the year 2242: a later one is an error."""

_UNLOCATED = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.168.0.0/16", "::/127", "fc00::/7", "fe80::/10"),
        ),
    )
)
"""Networks whose addresses have no location: a file that gives them one is wrong."""

_LACKS = {GEO: "no geo_db with countries", NETWORKS: "no geo_db with networks"}


class Location(msgspec.Struct, frozen=True):
    """Location of an address, with "" or None for unknown parts.

    country is the ISO code of two letters, asn the number of the network (AS).
    """

    country: str = ""
    country_name: str = ""
    asn: int | None = None
    as_name: str = ""


_Stamp = tuple[int, int, int]
Locate = Callable[[str], Location | None]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def nowhere(_ip: str) -> None:
    """Return None for every address: there is no data."""


class Geo:
    """Look-up of addresses in MaxMind's format, or with iptocc where no file is named.

    A file is read again when it has changed; while one cannot be read, its last content holds.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self._files = [_File(path) for path in files]
        self._country_of = None if files else _iptocc()
        self._known: dict[str, Location | None] = {}

    @property
    def problem(self) -> str:
        """Return the faults of the files, "" if all is well."""
        self._refresh()
        return "; ".join(file.problem for file in self._files if file.problem)

    @property
    def has_countries(self) -> bool:
        """Return whether it knows countries."""
        self._refresh()
        return self._country_of is not None or any(file.has_countries for file in self._files)

    @property
    def country_data(self) -> CountryData | None:
        """Return the data of countries, of several files the oldest; None where there are none."""
        if self._country_of is not None:
            return package_data(upgrade_cure(PACKAGE))
        self._refresh()
        files = [file.country_data for file in self._files if file.has_countries]
        return min(files, key=lambda data: data.made_ms or 0, default=None)

    @property
    def has_networks(self) -> bool:
        """Return whether it knows networks."""
        self._refresh()
        return any(file.has_networks for file in self._files)

    def locate(self, ip: str) -> Location | None:
        """Return the location of an address; None for one that is not public."""
        self._refresh()
        try:
            return self._known[ip]
        except KeyError:
            location = self._look_up(ip)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[ip] = location
        return location

    def _refresh(self) -> None:
        if any([file.refresh() for file in self._files]):
            self._known.clear()

    def _look_up(self, ip: str) -> Location | None:
        address = _in_the_world(ip)
        if address is None:
            return None
        if self._country_of is not None:
            return _located([{"country_code": self._country_of(str(address))}])
        return _located([record for file in self._files if (record := file.record(address))])


class _File:
    """File of MaxMind's format, held in memory: a mapped file that is cut ends the process."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._reader: Reader | None = None
        self._loaded: _Stamp | None = None
        self._rejected: _Stamp | None = None
        self._unread = ""
        self._broken = ""
        self.has_countries = False
        self.has_networks = False

    @property
    def problem(self) -> str:
        """Return why it cannot be read now, or a fault in its content; "" for nothing."""
        return self._unread or self._broken

    @property
    def country_data(self) -> CountryData:
        """Return its path and the time at which it was built."""
        built_s = self._reader.metadata().build_epoch if self._reader else 0
        made_ms = built_s * 1000 if 0 < built_s < _LAST_S else None
        return CountryData(safe(self._path, 200), made_ms, "put a newer file in its place")

    def refresh(self) -> bool:
        """Read the file if it has changed; return whether it was read."""
        try:
            found = os.stat(self._path)
        except OSError as error:
            self._rejected = None
            self._unread = self._complaint(error.strerror or "it cannot be read")
            return False
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp == self._loaded:
            self._unread = ""
            return False
        return stamp != self._rejected and self._open(stamp)

    def _open(self, stamp: _Stamp) -> bool:
        """Read the file. A broken one is not tried again; one that may not be read is."""
        try:
            from maxminddb import MODE_MEMORY, InvalidDatabaseError, open_database
        except ModuleNotFoundError:
            self._rejected = stamp
            self._unread = f"geo_db: maxminddb is missing; {install_cure('geo')}"
            return False
        try:
            reader = open_database(self._path, MODE_MEMORY)
            samples = [_located([record]) for _, record in islice(reader, _PEEKED)]
        except (OSError, InvalidDatabaseError, ValueError) as error:
            self._rejected = None if isinstance(error, OSError) else stamp
            self._unread = self._complaint(f"{type(error).__name__}: {error}")
            return False
        self._reader, self._loaded, self._rejected = reader, stamp, None
        self._unread = self._broken = ""
        self.has_countries = any(sample is not None and sample.country for sample in samples)
        self.has_networks = any(sample is not None and sample.asn is not None for sample in samples)
        return True

    def record(self, address: Address) -> Any:
        """Return the file's record of an address."""
        from maxminddb import InvalidDatabaseError

        if self._reader is None:
            return None
        try:
            return self._reader.get(address)
        except (InvalidDatabaseError, ValueError) as error:
            self._broken = self._complaint(f"{type(error).__name__}: {error}")
            return None

    def _complaint(self, reason: str) -> str:
        return safe(f"geo_db: {self._path} cannot be used: {reason}", 300)


@lru_cache(maxsize=4)
def geo_of(files: tuple[str, ...]) -> Geo:
    """Return the look-up in these files, the same for all sources."""
    return Geo(files)


def country_data_of(geo: Geo, alerts: Mapping[str, AlertTerms]) -> CountryData | None:
    """Return the data of countries, if a kind of alert that is on needs them."""
    is_needed = any(kind.needs == GEO and alerts[kind.name].active for kind in KINDS)
    return geo.country_data if is_needed else None


def shortage(geo: Geo, alerts: Mapping[str, AlertTerms]) -> str:
    """Return a line with the kinds of alerts that are not raised for want of data; "" for none."""
    lacking = {
        need for need, is_there in ((GEO, geo.has_countries), (NETWORKS, geo.has_networks))
        if not is_there
    }  # fmt: skip
    kinds = [kind.name for kind in KINDS if kind.needs in lacking and alerts[kind.name].active]
    lacked = [lack for need, lack in _LACKS.items() if need in lacking]
    reason = geo.problem or f"there is {' and '.join(lacked)}"
    return f"{reason}: not raised are {', '.join(kinds)}" if kinds else geo.problem


def _iptocc() -> Callable[[str], str | None] | None:
    try:
        from iptocc import country_code
    except ImportError:
        return None
    found: Callable[[str], str | None] = country_code
    return found


def _in_the_world(ip: str) -> Address | None:
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return None if any(address in network for network in _UNLOCATED) else address


def _located(records: Sequence[Any]) -> Location | None:
    """Return the location from the records of all files; the first record with a value wins."""
    countries = [pair for record in records for pair in _countries(record)]
    networks = [pair for record in records for pair in _networks(record)]
    if not countries and not networks:
        return None
    code, name = countries[0] if countries else ("", "")
    asn, as_name = networks[0] if networks else (None, "")
    return Location(code, safe(name or country_name(code), NAME_LIMIT), asn, as_name)


def _countries(record: Any) -> Iterator[tuple[str, str]]:
    """Yield the country of a record: nested as in GeoLite2, or flat as in IPinfo."""
    if not isinstance(record, dict):
        return
    nested = record.get("country")
    if isinstance(nested, dict):
        names = nested.get("names")
        name = names.get("en") if isinstance(names, dict) else ""
        yield from _country(nested.get("iso_code"), name)
    else:
        code = record.get("country_code") or nested
        yield from _country(code, record.get("country_name") or nested)


def _country(code: Any, name: Any) -> Iterator[tuple[str, str]]:
    if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha():
        is_name = isinstance(name, str) and len(name) > 2
        yield code.upper(), name if is_name else ""


def _networks(record: Any) -> Iterator[tuple[int, str]]:
    if not isinstance(record, dict):
        return
    number = record.get("autonomous_system_number", record.get("asn"))
    text = str(number).upper().removeprefix("AS")
    if text.isascii() and text.isdecimal() and 0 < int(text) < 1 << 32:
        name = record.get("autonomous_system_organization") or record.get("as_name") or ""
        yield int(text), safe(str(name), NAME_LIMIT)


@lru_cache(maxsize=20_000)
def origin_of(ip: str) -> str:
    """Return the origin of an address: itself, or the /64 network of an IPv6 address.

    A host with IPv6 uses the addresses of its network in turns.
    """
    if ":" not in ip:
        return ip
    try:
        address = ipaddress.IPv6Address(ip)
    except ValueError:
        return ip
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    zone = f"%{address.scope_id}" if address.scope_id else ""
    prefix = ipaddress.IPv6Network((int(address), 64), strict=False)
    return f"{prefix}{zone}"
