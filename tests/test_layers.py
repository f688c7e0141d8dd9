"""Imports run downhill, and a headless run loads nothing of the screen."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program import ROOT, Tocsin

HEADLESS = ("cli", "delivery", "domain", "sources", "store")
PACKAGES = (*HEADLESS, "tui")
OPENS_THE_SCREEN = ("cli.screen", "cli.demo.commands")
LINTER = str(Path(sys.executable).with_name("lint-imports"))

# Blocking click is what an installation without our own tools looks like: httpx loads rich for its
# own command line where it finds click.
RUN_AND_TELL = """
import sys
sys.modules["click"] = None
from cli.main import run
try:
    code = run(sys.argv[2:])
except SystemExit as end:
    code = end.code
import json, pathlib
pathlib.Path(sys.argv[1]).write_text(json.dumps(sorted(sys.modules)))
sys.exit(code)
"""
IMPORT_EVERYTHING = f"""
import sys
sys.modules["click"] = None
from importlib import import_module
from pkgutil import walk_packages
for package in {HEADLESS}:
    for module in walk_packages([package], package + "."):
        if not module.name.startswith({OPENS_THE_SCREEN}):
            import_module(module.name)
print(*sorted(sys.modules))
"""
SCREEN = {"textual", "rich", "tui"}
SLOW = {"asyncio", "cryptography", "h11", "httpx", "shutil", "subprocess", "tomllib"}
"""Modules for which a short command would wait in vain."""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINTER, "--no-cache", "--no-logo"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_every_contract_is_kept() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("domain/ids.py", "import store.models"),
        ("store/errors.py", "import delivery.post"),
        ("delivery/retry.py", "import sources.base"),
        ("sources/base.py", "import delivery.post"),
        ("delivery/post.py", "import cli.main"),
        ("delivery/post.py", "import peewee"),
        ("cli/main.py", "import playhouse.pool"),
        ("cli/main.py", "import httpx"),
        ("store/errors.py", "import h11"),
        ("store/errors.py", "import argparse"),
        ("cli/main.py", "import textual"),
        ("delivery/post.py", "import rich"),
    ],
)
def test_a_contract_catches(tmp_path: Path, file: str, line: str) -> None:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a", encoding="utf-8") as target:
        target.write(f"\n{line}\n")
    result = lint(tmp_path)
    assert result.returncode == 1
    assert "1 broken" in result.stdout


def test_no_module_of_ours_needs_the_screen() -> None:
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(result.stdout.split())
    assert {"delivery.post", "cli.main", "store.database"} <= loaded
    assert not SCREEN & loaded


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (["worker", "run", "--once"], set()),
        (["status"], SLOW | {"domain.events", "sources.factory"}),
        (["status", "--json"], SLOW),
        (["webhook", "list"], SLOW),
        (["event", "emit", "-"], SLOW | {"dataclasses", "delivery", "http", "sources.base"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_headless_run_loads_nothing_of_the_screen(
    tocsin: Tocsin, words: list[str], unwanted: set[str]
) -> None:
    event = '{"type":"alerts","attributes":{}}'
    assert tocsin.run("event", "emit", "-", stdin=event).returncode == 0
    loaded = modules_of(tocsin, *words, stdin=event)
    assert "store.database" in loaded
    assert not (SCREEN | unwanted) & loaded


def test_telling_the_version_loads_next_to_nothing(tocsin: Tocsin) -> None:
    loaded = modules_of(tocsin, "--version")
    assert "cli.main" in loaded
    assert not {"asyncio", "cryptography", "h11", "httpx", "peewee", "store"} & loaded


def modules_of(tocsin: Tocsin, *words: str, stdin: str = "") -> set[str]:
    """Return the modules that a command that ends well has loaded by its end."""
    told = tocsin.home / "modules.json"
    tocsin.command = (sys.executable, "-P", "-c", RUN_AND_TELL, str(told))
    result = tocsin.run(*words, stdin=stdin)
    assert result.returncode == 0, result.stderr
    return set(json.loads(told.read_text()))


def test_the_first_screen_waits_for_no_room_behind_it() -> None:
    told = "import cli.screen, tui.webhooks.screen, sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told_of_drafts = {
        f"tui.webhook_form.{one}" for one in ("draft_holders", "titles", "waiting_drafts")
    }
    loaded = set(result.stdout.split()) - told_of_drafts
    assert "tui.webhooks.screen" in loaded
    behind = ("tui.webhook_form.", "tui.source_", "tui.delivery_", "tui.event_", "tui.setting_")
    assert not [module for module in loaded if module.startswith(behind)]
    assert not {"httpx", "httptools", "maxminddb"} & loaded
