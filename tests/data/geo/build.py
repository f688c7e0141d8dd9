"""Builds the files beside it, of documentation ranges and made-up countries and networks.

Run with `mmdb-writer` 0.2.7 (and netaddr) installed, which nothing else needs:
`python tests/data/geo/build.py`.
"""

from __future__ import annotations

from pathlib import Path

from mmdb_writer import MMDBWriter  # type: ignore[import-not-found]  # not among our tools
from netaddr import IPSet  # type: ignore[import-untyped]

HERE = Path(__file__).parent


def named(country: str, name: str, asn: int, as_name: str) -> dict[str, object]:
    """A record in the shape of GeoLite2 and DB-IP."""
    return {
        "country": {"iso_code": country, "names": {"en": name}},
        "autonomous_system_number": asn,
        "autonomous_system_organization": as_name,
    }


FILES: dict[str, dict[str, dict[str, object]]] = {
    "named": {
        "192.0.2.0/24": named("AU", "Australia", 64_497, "Example South"),
        "198.51.100.0/24": named("NL", "The Netherlands", 64_496, "Example North"),
        "10.0.0.0/8": named("AQ", "Antarctica", 64_511, "Never to be looked up"),
        "2001:db8::/32": named("DE", "Germany", 64_498, "Example Six"),
    },
    "countries": {
        "192.0.2.0/24": {"country_code": "AU"},
        "203.0.113.0/24": {"country_code": "JP"},
    },
    "networks": {
        "192.0.2.0/24": {"asn": "AS64499", "as_name": "Example \x1b[2JFlat", "country": "AU"},
    },
}

for file, ranges in FILES.items():
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=f"Example-{file}")
    for network, record in ranges.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(HERE / f"{file}.mmdb"))
