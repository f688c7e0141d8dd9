"""Note that no file tells of countries and networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.program import Tocsin

pytest.importorskip("maxminddb", reason="the extra `geo` is not installed")
DATA = Path(__file__).parents[2] / "data" / "geo"


def test_the_kinds_that_are_off_for_want_of_data_are_named(tocsin: Tocsin) -> None:
    assert "endpoint_ip_first_use" not in tocsin.run("source", "list").stderr
    tocsin.run("source", "add", "wireguard")
    said = tocsin.run("source", "list", TOCSIN_GEO_DB=str(DATA / "countries.mmdb"))
    assert (said.returncode, said.stderr) == (
        0,
        "Alerts: there is no geo_db with networks: not raised are endpoint_ip_first_use_asn.\n",
    )
    assert tocsin.run("alert", "list", TOCSIN_GEO_DB=str(DATA / "countries.mmdb")).stderr.endswith(
        said.stderr
    )
    status = tocsin.run("status", TOCSIN_GEO_DB=str(DATA / "countries.mmdb"))
    assert "\nalerts   there is no geo_db with networks: not raised are " in status.stdout
    tocsin.run("config", "set", "geo_db", str(DATA / "named.mmdb"))
    assert tocsin.run("source", "list").stderr == ""
    assert "\nalerts   " not in tocsin.run("status").stdout


def test_a_file_that_cannot_be_used_is_named(tocsin: Tocsin, tmp_path: Path) -> None:
    tocsin.run("source", "add", "wireguard")
    said = tocsin.run("source", "list", TOCSIN_GEO_DB=str(tmp_path / "none.mmdb")).stderr
    assert "none.mmdb cannot be used: No such file or directory: not raised are" in said
    assert said.count("\n") == 1
