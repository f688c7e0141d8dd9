"""Files of countries, as the commands show them."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import ANY

import pytest

from tests.support.program import ROOT, Tocsin

pytest.importorskip("maxminddb", reason="the extra `geo` is not installed")

FILE = ROOT / "tests" / "data" / "geo" / "named.mmdb"
BUILT_S, LONG_AGO_S = 1_795_777_143, 1_740_787_200


def run(tocsin: Tocsin, *words: str, file: Path = FILE) -> str:
    done = tocsin.run(*words, TOCSIN_GEO_DB=str(file))
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """The file as if it had been built in March 2025."""
    content, built = FILE.read_bytes(), BUILT_S.to_bytes(4, "big")
    assert content.count(built) == 1
    file = tmp_path / "old.mmdb"
    file.write_bytes(content.replace(built, LONG_AGO_S.to_bytes(4, "big")))
    return file


def test_status_says_how_old_it_is(tocsin: Tocsin) -> None:
    run(tocsin, "source", "add", "socket")
    assert "places   " not in run(tocsin, "status")
    run(tocsin, "source", "add", "wireguard", "--command", "true")
    assert f"\nplaces   countries are told by {FILE} of 2026-11-27, " in run(tocsin, "status")


def test_old_data_is_warned_of_wherever_its_alerts_are(tocsin: Tocsin, old_file: Path) -> None:
    said = f"the country data, {old_file} of 2025-03-01, is "
    run(tocsin, "source", "add", "wireguard", "--command", "true")
    assert f"WARNING: {said}" in run(tocsin, "status", file=old_file)
    assert f"Alerts: {said}" in run(tocsin, "source", "list", file=old_file)
    assert f"Alerts: {said}" in run(tocsin, "alert", "list", file=old_file)
    assert json.loads(run(tocsin, "status", "--json", file=old_file))["countries"] == {
        "from": str(old_file),
        "made": "2025-03-01T00:00:00Z",
        "warning": ANY,
    }
    assert said not in run(tocsin, "status")
    assert json.loads(run(tocsin, "status", "--check", "--json", file=old_file))["warnings"] == []
    run(tocsin, "alert", "edit", "endpoint_ip_first_use_country", "--active", "off")
    run(tocsin, "alert", "edit", "authn_first_use_country", "--active", "off")
    assert said not in run(tocsin, "status", file=old_file)
