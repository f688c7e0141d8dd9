"""README and docs name what there is, and nothing else."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import derive
from cli.exit_codes import ExitCode
from cli.grammar.tree import build
from domain.settings import SETTINGS, Setting
from tests.documents import DOCS, PAGES, README, section, table_rows
from tests.program import ROOT

LINK = re.compile(r"\]\(([^)\s]+)\)")
INSTALLING = re.compile(
    r"^\s.*(?:\binstall .*--require-hashes|pipx install|uv tool install|PIP\) --require-hashes)"
)
MACHINE = re.compile(r"/(work|root|tmp|Users|home/[a-z]+)\b|\b(localhost|127\.0\.0\.1):\d{5}\b")


def commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from [child.prog] if child.get_default("run") else commands(child)


def test_readme_lists_every_command_and_no_other() -> None:
    named = [row[0].strip("`") for row in table_rows(section(README, "Commands"))]
    assert named == list(commands(build()))


def test_readme_begins_with_all_its_sections_in_their_order() -> None:
    text = README.read_text(encoding="utf-8")
    contents = text[text.index("Contents: ") :].split("\n\n")[0].removeprefix("Contents: ")
    listed = [LINK.sub("", one).strip().removeprefix("[") for one in contents.split(" ·")]
    assert listed == re.findall(r"^## (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_readme_describes_every_setting(setting: Setting) -> None:
    rows = {row[0].strip("`"): row for row in table_rows(section(README, "Settings"))}
    _, environment, default, range_, description = rows[setting.name]
    assert environment == f"`{setting.environment}`"
    assert range_ == setting.range
    assert plain(description).startswith(plain(setting.description))
    written = setting.format(setting.default)
    assert default == written or (written in ("", "none") and default)


def test_readme_has_no_other_settings_and_keeps_their_order() -> None:
    named = [row[0].strip("`") for row in table_rows(section(README, "Settings"))]
    assert named == [setting.name for setting in SETTINGS]


def test_readme_explains_every_exit_code() -> None:
    rows = table_rows(section(README, "Exit codes"))
    assert [(int(code), plain(words)) for code, words in rows] == [
        (int(code), code.description) for code in ExitCode
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.is_file(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(linked), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_speaks_of_the_machine_it_was_written_on(page: Path) -> None:
    assert not MACHINE.search(page.read_text(encoding="utf-8"))


def test_readme_says_what_make_does() -> None:
    targets = set(re.findall(r"\bmake ([a-z]+)(?=\s{2,}#)", README.read_text(encoding="utf-8")))
    assert targets >= {"run", "test", "check", "bench", "trials"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"there is no make {target}"


def test_every_recipe_installs_the_http_server_and_what_tells_countries() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = README.read_text(encoding="utf-8") + makefile
    recipes = [
        line for line in text.splitlines() if INSTALLING.search(line) and "SUPPLY" not in line
    ]
    assert len(recipes) == 7
    for recipe in recipes:
        files = re.findall(r"requirements/(?:run|dev)\.txt", recipe)
        assert "'.[http,geo]'" in recipe or files, recipe
        for file in files:
            names = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / file).read_text(), re.MULTILINE))
            assert names >= {"hypercorn", "iptocc", "maxminddb"}, file


@pytest.mark.parametrize(
    ("looks", "when"), [(1, "at first"), (16, "when half of them have roamed")]
)
def test_the_size_of_a_state_is_what_the_page_says(looks: int, when: str) -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    said = re.search(rf"([\d.]+) MB\s+{when}", page)
    assert said is not None
    state, _ = derive.looks(peers=1_000, count=looks)
    assert len(state) / 1e5 == pytest.approx(float(said[1]), rel=0.05), "of 10,000, in MB"


def test_each_promise_names_tests_that_are_there() -> None:
    rows = table_rows(section(DOCS / "promises.md", "What is promised"))
    assert len(rows) >= 10
    for promise, tried in rows:
        paths = re.findall(r"`(tests/[a-z_/]+\.py)`", tried)
        assert paths, promise
        for path in paths:
            assert re.search(r"^def test_", (ROOT / path).read_text(), re.MULTILINE), path


def plain(text: str) -> str:
    return text.replace("`", "")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    ("picture", "words"), [("webhooks", "Receiver"), ("form", "Extra"), ("delivery", "Attempts")]
)
def test_the_pictures_show_screens(picture: str, words: str) -> None:
    drawn = (DOCS / "pictures" / f"{picture}.svg").read_text(encoding="utf-8")
    assert words in drawn
    assert " object at 0x" not in drawn
