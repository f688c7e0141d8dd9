"""Exports of a released version come in again, into its own store and into a new one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.program import Tocsin
from tests.support.released_stores import MASKED, RELEASED, REVEALED, copy_of

LATER_MEMBERS = ("retry_interval",)
"""Members of webhooks that the first released version did not know."""

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(params=RELEASED, ids=lambda folder: folder.name)
def released(request: pytest.FixtureRequest) -> Path:
    """The folder of a released version."""
    folder: Path = request.param
    return folder


@pytest.mark.parametrize("document", [MASKED, REVEALED])
def test_an_export_of_before_changes_nothing_in_the_upgraded_store(
    tocsin: Tocsin, released: Path, document: str
) -> None:
    copy_of(released, tocsin.db)
    upgraded = tocsin.run("db", "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    imported = tocsin.run("config", "import", "--dry-run", str(released / document))
    assert imported.returncode == 0, imported.stderr
    assert imported.stderr == "Nothing to change: all of it is so already.\n"


def test_an_export_of_before_makes_the_same_in_a_new_store(tocsin: Tocsin, released: Path) -> None:
    document = released / REVEALED
    imported = tocsin.run("config", "import", "--yes", str(document))
    assert imported.returncode == 0, imported.stderr
    again = tocsin.run("config", "export", "--reveal", "--yes")
    assert again.returncode == 0, again.stderr
    wanted = json.loads(document.read_text())["webhooks"]
    since = {name: None for name in LATER_MEMBERS if name not in wanted[0]}
    assert json.loads(again.stdout)["webhooks"] == [webhook | since for webhook in wanted]
