"""The examples of the pages about keys name ids that there are."""

from __future__ import annotations

import tomllib

import pytest

from docs.tools import keys
from tests.support.documents import DOCS, code_blocks
from tui.shell.keymap import complaints


@pytest.mark.parametrize("page", ["keys.md", "screen.md"])
def test_the_example_has_ids_that_there_are(page: str) -> None:
    [example] = code_blocks((DOCS / page).read_text(encoding="utf-8"), "toml")
    assert tomllib.loads(example)["keys"].keys() <= {one.id for one in keys.bindings()}


def test_the_check_of_a_configuration_knows_each_id_of_the_page() -> None:
    wrong = complaints({str(one.id): "f12" for one in keys.bindings()})
    assert [one for one in wrong if "is no id" in one] == []


def test_a_key_that_the_page_has_no_part_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "names", lambda _: ["keys quit"])
    with pytest.raises(ValueError, match=r"no part for .*webhooks\.add"):
        keys.page()
