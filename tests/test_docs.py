"""README and docs name what there is, and nothing else."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

from bench import derive
from cli.parser import build
from docs.tools import commands, keys, licences, settings
from tests.support.documents import CONTRIBUTING, DOCS, PAGES, README, section, table_rows
from tests.support.program import ROOT

GENERATORS = (commands, keys, licences, settings)
NAMED_FILE = re.compile(
    r"(?<![\w./-])((?:cli|delivery|docs|domain|sources|store|tests|tui)/[a-z0-9_/.]*[a-z0-9_/])"
)
NAMED_FOLDER = re.compile(r"^ *([a-z_/]+/) {2,}", re.MULTILINE)

COMMAND_LINE = re.compile(r"^(?: {4}|\$ )?((?:sudo |.*\| )?tocsin(?: .*)?)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
INSTALLING = re.compile(
    r"^\s.*(?:\binstall .*--require-hashes|pipx install|uv tool install|PIP\) --require-hashes)"
)
MACHINE = re.compile(r"/(work|root|tmp|Users|home/[a-z]+)\b|\b(localhost|127\.0\.0\.1):\d{5}\b")


def test_the_map_has_every_folder_but_those_of_the_nouns_of_commands() -> None:
    named = NAMED_FOLDER.findall((DOCS / "architecture.md").read_text(encoding="utf-8"))
    packages = ("delivery", "domain", "sources", "store", "tui")
    folders = {path.parent for name in packages for path in (ROOT / name).glob("*/__init__.py")}
    assert {f"{folder.relative_to(ROOT)}/" for folder in folders} <= {*named}


def command_lines(page: Path) -> list[str]:
    """The lines of a page's examples that run `tocsin`, each with what continues it."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    return [found[1] for found in COMMAND_LINE.finditer(text)]


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda generator: generator.PAGE.name)
def test_generated_pages_are_those_of_the_code(generator: ModuleType) -> None:
    assert generator.PAGE.read_text(encoding="utf-8") == generator.page(), "run `make docs`"


def test_commands_are_read_from_the_whole_grammar() -> None:
    page = commands.PAGE.read_text(encoding="utf-8")
    named = re.findall(r"^\| `(tocsin [a-z]+(?: [a-z]+)?)", page, re.MULTILINE)
    assert sorted(named) == sorted(one.prog for one in commands.commands(build()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_examples_can_be_read(page: Path) -> None:
    grammar = build()
    for line in command_lines(page):
        words = shlex.split(line, comments=True)
        words = words[words.index("tocsin") + 1 :]
        ends = [at for at, word in enumerate(words) if word in ("<", "|", ">")]
        grammar.parse_args(words[: min(ends, default=None)])  # or it raises Failure


def test_the_readme_is_short_and_names_every_page_of_the_manual() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 170
    linked = {Path(target).name for target in LINK.findall(text)}
    assert {page.name for page in PAGES if page != README} <= linked


@pytest.mark.parametrize("page", [CONTRIBUTING, DOCS / "architecture.md"], ids=lambda one: one.name)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = [*NAMED_FILE.findall(text), *NAMED_FOLDER.findall(text)]
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


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


def test_every_target_of_make_that_is_named_is_there() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (README, CONTRIBUTING))
    named = set(re.findall(r"\bmake ([a-z]+)(?=\s{2,}#|`)", text))
    assert named >= {"run", "demo", "test", "quick", "check", "docs", "bench", "trials"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_every_recipe_installs_the_http_server_and_what_tells_countries() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pages = (README, CONTRIBUTING, DOCS / "service.md")
    text = "\n".join([*(page.read_text(encoding="utf-8") for page in pages), makefile])
    recipes = [
        line for line in text.splitlines() if INSTALLING.search(line) and "SUPPLY" not in line
    ]
    assert len(recipes) == 9
    for recipe in recipes:
        files = re.findall(r"requirements/(?:run|dev)\.txt", recipe)
        assert "'.[http,geo]'" in recipe or files, recipe
        for file in files:
            names = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / file).read_text(), re.MULTILINE))
            assert names >= {"httptools", "iptocc", "maxminddb"}, file


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
