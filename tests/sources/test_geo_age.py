"""Age of the files that tell countries, and the warning from six months on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.alert_kinds import DEFAULT_TERMS, GEO, KINDS, all_terms
from domain.settings import DAY_MS
from sources.geo import Geo, country_data_of
from sources.geo_age import OLD_MS, CountryData, package_data

DATA = Path(__file__).parents[1] / "data" / "geo"
MADE_MS = int(datetime(2026, 10, 27, 5, 11, 26, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package iptocc that is none; the list of its parts is to be written."""
    folder = tmp_path / "iptocc-3.3.170.dist-info"
    (folder / "sboms").mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.4\nName: iptocc\nVersion: 3.3.170\n")
    (folder / "RECORD").write_text(f"{folder.name}/sboms/parts.json,,\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    package_data.cache_clear()
    yield folder / "sboms" / "parts.json"
    package_data.cache_clear()


def test_a_package_is_as_old_as_its_build(package: Path) -> None:
    package.write_text(json.dumps({"metadata": {"timestamp": "2026-10-27T05:11:26.293935850Z"}}))
    data = package_data("upgrade it")
    assert (data.name, data.made_ms) == ("iptocc 3.3.170", MADE_MS + 293)
    assert data.age(MADE_MS + 35 * DAY_MS + 999) == "iptocc 3.3.170 of 2026-10-27, 35 days old"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"metadata": {"timestamp": "once"}}'])
def test_an_age_that_nothing_tells_is_said(package: Path, text: str) -> None:
    package.write_text(text)
    data = package_data("upgrade it")
    assert data.age(MADE_MS) == "iptocc 3.3.170, whose age nothing tells"
    assert data.warning(MADE_MS * 2) == ""


def test_a_package_without_a_list_of_its_parts(package: Path) -> None:
    assert package_data("upgrade it").made_ms is None


def test_from_six_months_on_there_is_a_warning_with_the_cure() -> None:
    data = CountryData("iptocc 3.3.170", MADE_MS, "upgrade it")
    assert data.warning(MADE_MS - DAY_MS) == ""
    assert data.warning(MADE_MS + OLD_MS - 1) == ""
    assert data.warning(MADE_MS + OLD_MS) == (
        "the country data, iptocc 3.3.170 of 2026-10-27, is 6 months old, so that alerts may name "
        "the wrong country: upgrade it"
    )
    assert "is 13 months old" in data.warning(MADE_MS + 400 * DAY_MS)


def test_a_file_is_as_old_as_it_says() -> None:
    pytest.importorskip("maxminddb", reason="the extra `geo` is not installed")
    path = str(DATA / "named.mmdb")
    data = Geo([path]).country_data
    assert data is not None
    assert (data.name, data.cure) == (path, "put a newer file in its place")
    assert data.made_ms == 1_795_777_143_000


def test_nothing_has_no_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "iptocc", None)
    assert Geo([]).country_data is None


def test_nobody_asks_where_the_kinds_are_off() -> None:
    pytest.importorskip("maxminddb", reason="the extra `geo` is not installed")
    geo = Geo([str(DATA / "named.mmdb")])
    off = {kind.name: {"active": "off"} for kind in KINDS if kind.needs == GEO}
    assert country_data_of(geo, DEFAULT_TERMS) is not None
    assert country_data_of(geo, all_terms(off)) is None
