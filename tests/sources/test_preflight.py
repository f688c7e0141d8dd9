"""Preflight of a source: what it lacks, and when one that fails is tried again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from domain.source_kinds import AGENT, JOURNAL, SOCKET, WIREGUARD
from sources.preflight import next_try_ms, startup_problem, startup_warning
from store.records import StoredSource

FAILED = StoredSource(
    name="one",
    kind=WIREGUARD,
    active=True,
    options={},
    revision=1,
    error="it is dark",
    error_ms=1_000,
    failures=3,
    created_ms=0,
    updated_ms=0,
)


@pytest.mark.parametrize(("failures", "wait_s"), [(1, 1), (3, 4), (9, 256), (1_000, 300)])
def test_what_fails_is_tried_again_less_and_less(failures: int, wait_s: int) -> None:
    for kind in (WIREGUARD, SOCKET):
        source = replace(FAILED, kind=kind, failures=failures)
        assert next_try_ms(source) == 1_000 + wait_s * 1_000


@pytest.mark.parametrize("change", [{"active": False}, {"failures": 0}, {"kind": AGENT}])
def test_what_is_paused_or_well_or_reports_by_itself_is_not_tried_again(
    change: dict[str, object],
) -> None:
    assert next_try_ms(replace(FAILED, **change)) is None


@pytest.fixture
def shut(tmp_path: Path) -> Iterator[Path]:
    """A folder that this account may not look into: a root may, so it is nobody meanwhile."""
    folder, account = tmp_path / "shut", os.geteuid()
    folder.mkdir()
    folder.chmod(0)
    if account == 0:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(account)
        folder.chmod(0o700)


def test_nothing_is_known_of_what_this_account_may_not_see(shut: Path) -> None:
    with pytest.raises(PermissionError):
        os.stat(shut / "names")
    named = replace(FAILED, options={"names_file": str(shut / "names")})
    assert startup_warning(named) == ""
    log = replace(FAILED, kind=JOURNAL, options={"file": str(shut / "auth.log")})
    assert startup_problem(log) == ""
    socket = replace(FAILED, kind=SOCKET, options={"path": str(shut / "in" / "socket")})
    assert startup_problem(socket) == ""


def test_what_cannot_be_there_is_not_there(tmp_path: Path) -> None:
    too_long = tmp_path / ("x" * 300)
    assert "there is no file" in startup_warning(
        replace(FAILED, options={"names_file": str(too_long)})
    )
    socket = replace(FAILED, kind=SOCKET, options={"path": str(too_long / "socket")})
    assert "there is no folder" in startup_problem(socket)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    named = replace(FAILED, options={"names_file": str(tmp_path)})
    assert "is a folder" in startup_warning(named)
