"""Looking addresses up; tests/data/geo/build.py says how its files were made."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from domain.alert_kinds import DEFAULT_TERMS, all_terms
from domain.countries import country_name
from sources import geo
from sources.geo import Geo, Location, shortage

maxminddb = pytest.importorskip("maxminddb", reason="the extra `geo` is not installed")
DATA = Path(__file__).parents[1] / "data" / "geo"
NAMED, COUNTRIES, NETWORKS = (
    str(DATA / f"{name}.mmdb") for name in ("named", "countries", "networks")
)


@pytest.fixture
def no_iptocc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "iptocc", None)


def test_country_and_network_of_one_file() -> None:
    found = Geo([NAMED])
    south = Location("AU", "Australia", 64_497, "Example South")
    assert found.locate("192.0.2.7") == south
    assert found.locate("::ffff:192.0.2.7") == south
    assert found.locate("2001:db8::1") == Location("DE", "Germany", 64_498, "Example Six")
    assert found.locate("198.51.100.1") == Location(
        "NL", "The Netherlands", 64_496, "Example North"
    )
    assert found.locate("203.0.113.1") is None
    assert (found.has_countries, found.has_networks, found.problem) == (True, True, "")


def test_flat_records_of_two_files_whose_text_is_made_safe() -> None:
    both = Geo([COUNTRIES, NETWORKS])
    located = both.locate("192.0.2.7")
    assert located is not None
    assert (located.country, located.country_name, located.asn) == ("AU", "Australia", 64_499)
    assert located.as_name.startswith("Example ")
    assert "\x1b" not in located.as_name
    assert both.locate("203.0.113.9") == Location("JP", "Japan", None, "")
    assert (both.has_countries, both.has_networks) == (True, True)
    assert (Geo([COUNTRIES]).has_countries, Geo([COUNTRIES]).has_networks) == (True, False)


@pytest.mark.parametrize(
    "ip",
    ["10.1.2.3", "::ffff:10.1.2.3", "192.168.1.1", "172.31.0.1", "100.64.0.1", "0.1.2.3",
     "169.254.1.1", "127.0.0.1", "fd00::1", "fe80::1%u-bob", "::1", "::", "nonsense", ""],
)  # fmt: skip
def test_what_is_nowhere_in_the_world_is_not_looked_up(ip: str) -> None:
    assert Geo([NAMED]).locate(ip) is None


def test_a_file_that_changes_is_read_again_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "geo.mmdb"
    found = Geo([str(file)])
    assert found.locate("192.0.2.7") is None
    assert "cannot be used: No such file" in found.problem
    shutil.copy(COUNTRIES, file)
    os.utime(file, ns=(1, 1))
    assert found.locate("192.0.2.7") == Location("AU", "Australia", None, "")
    assert found.problem == ""
    file.write_bytes(b"\x1b[2J not what it was")
    assert found.locate("192.0.2.7") == Location("AU", "Australia", None, "")
    assert "InvalidDatabaseError" in found.problem
    shutil.copy(NAMED, file)
    located = found.locate("192.0.2.7")
    assert located is not None
    assert located.asn == 64_497
    assert found.problem == ""


def test_a_file_that_is_cut_while_it_is_used_ends_nobody(tmp_path: Path) -> None:
    file = tmp_path / "geo.mmdb"
    shutil.copy(NAMED, file)
    found = Geo([str(file)])
    assert found.locate("192.0.2.7") is not None
    os.truncate(file, 10)
    assert found.locate("192.0.2.8") is not None


def test_what_is_wrong_with_a_file_is_over_when_it_is_back(tmp_path: Path) -> None:
    file, away = tmp_path / "geo.mmdb", tmp_path / "away.mmdb"
    shutil.copy(NAMED, file)
    found = Geo([str(file)])
    file.rename(away)
    assert "No such file" in found.problem
    away.rename(file)
    assert found.problem == ""
    broken = Geo([str(file)])
    file.write_text("broken")
    assert "InvalidDatabaseError" in broken.problem
    file.rename(away)
    assert "No such file" in broken.problem
    away.rename(file)
    assert "InvalidDatabaseError" in broken.problem


def test_a_file_that_may_be_read_at_last_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    found = Geo([NAMED])
    with monkeypatch.context() as forbidden:  # root may read all
        forbidden.setattr(maxminddb, "open_database", refuse)
        assert "Permission denied" in found.problem
    assert found.problem == ""
    assert found.has_networks


def test_a_file_that_is_no_database_is_not_read_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "geo.mmdb"
    file.write_text("broken")
    found = Geo([str(file)])
    assert "InvalidDatabaseError" in found.problem
    monkeypatch.setattr(maxminddb, "open_database", lambda *_: pytest.fail("it is read again"))
    assert "InvalidDatabaseError" in found.problem


@pytest.mark.usefixtures("no_iptocc")
def test_without_data_the_kinds_that_need_it_are_off_and_that_is_said() -> None:
    nothing = Geo([])
    assert nothing.locate("192.0.2.7") is None
    said = shortage(nothing, DEFAULT_TERMS)
    lacks = "there is no geo_db with countries and no geo_db with networks: not raised are "
    assert said.startswith(lacks)
    assert "endpoint_ip_first_use_country" in said
    assert "endpoint_ip_first_use_asn" in said
    assert "\n" not in said
    assert "endpoint_ip_first_use_asn" in shortage(Geo([COUNTRIES]), DEFAULT_TERMS)
    assert shortage(Geo([NAMED]), DEFAULT_TERMS) == ""
    off = {
        name: {"active": "off"}
        for name in DEFAULT_TERMS
        if name.endswith(("first_use_country", "first_use_asn"))
    }
    assert shortage(nothing, all_terms(off)) == ""


def test_iptocc_knows_countries_where_no_file_is_named() -> None:
    pytest.importorskip("iptocc", reason="iptocc is not installed")
    assert Geo([]).locate("8.8.8.8") == Location("US", "United States", None, "")
    assert (Geo([]).has_countries, Geo([]).has_networks) == (True, False)


def test_sources_share_what_is_read() -> None:
    assert geo.geo_of((NAMED,)) is geo.geo_of((NAMED,))


def test_countries_have_names() -> None:
    assert [country_name(code) for code in ("AD", "ZW", "US", "XX")] == [
        *("Andorra", "Zimbabwe", "United States"),
        "",
    ]
