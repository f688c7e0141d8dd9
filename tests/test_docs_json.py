"""docs/json.md names exactly the members that the commands print."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from docs.tools import json_members
from tests.support.documents import table_rows
from tests.support.json_scene import URL, Members, Scene, event, json_scene, one_of, shapes_of

pytestmark = pytest.mark.xdist_group("json scene")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with json_scene(tmp_path_factory.mktemp("json")) as scene:
        yield scene


@pytest.fixture(scope="module")
def shapes(scene: Scene) -> dict[str, Members]:
    return shapes_of(scene)


def test_the_page_names_what_is_printed(shapes: dict[str, Members]) -> None:
    assert json_members.PAGE.read_text() == json_members.page_of(shapes), "run `make docs`"


def test_each_member_is_explained() -> None:
    rows = table_rows(json_members.PAGE.read_text())
    assert len(rows) > 200
    assert [member for member, meaning in rows if meaning == json_members.UNEXPLAINED] == []


def test_a_member_that_is_new_or_gone_changes_the_page() -> None:
    old = "| member | meaning |\n| --- | --- |\n| `a` | its A |\n| `b` | its Bs |\n| `b.c` | C |\n"
    assert json_members.members(old, ["b.c", "b.d"]) == (
        "| member | meaning |\n| --- | --- |\n| `b` | its Bs |\n| `b.c` | C |\n| `b.d` | ? |\n"
    )


def test_what_is_printed_of_one_webhook_is_as_of_a_list(
    scene: Scene, shapes: dict[str, Members]
) -> None:
    listed = shapes["webhook list"]
    assert {*scene.members("webhook", "list", "--json")} == {*listed}
    edited = scene.members("webhook", "edit", "siem", "--secret", "rotate", "--json")
    assert {*edited} == {*listed, "[].dropped_events", "[].generated_secret"}
    more = ("--header", "X-Site: hub", "--extra-field", "a: b", "--secret", "generate", "--json")
    url = ("--url", "http://127.0.0.1:9/")
    added = scene.members("webhook", "add", "--type", "alerts", *url, *more)
    assert {*added} == one_of(listed) | {"generated_secret"}


def test_what_is_printed_of_one_source_and_one_token_is_as_of_a_list(
    scene: Scene, shapes: dict[str, Members]
) -> None:
    added = scene.members("source", "add", "wireguard", "another", "--json")
    assert {*added} == one_of(shapes["source list"])
    token = scene.members("token", "add", "edge", "--json")
    assert {*token} == one_of(shapes["token list"]) | {"token"}
    kind = scene.members("alert", "show", "source_stale", "--json")
    assert {*kind} == one_of(shapes["alert list"])


@pytest.mark.parametrize(("noun", "name"), [("host", "edge"), ("broker", "puller")])
def test_what_is_printed_of_a_client(
    scene: Scene, shapes: dict[str, Members], noun: str, name: str
) -> None:
    files = {*shapes["client files"]}
    assert {*scene.members(noun, "add", f"a-{noun}", *URL, "--json")} == files
    assert {*scene.members(noun, "renew", f"a-{noun}", *URL, "--json")} == files
    listed = one_of(shapes[f"{noun} list"])
    assert {*scene.members(noun, "show", name, *URL, "--json")} == listed | files


def test_what_is_printed_of_a_run_of_a_source_is_as_of_emitted_events(
    scene: Scene, shapes: dict[str, Members]
) -> None:
    assert shapes["event emit"] == ["accepted", "repeated"]
    assert scene.members("source", "run", "local", "--once") == shapes["event emit"]
    texts = scene.members("event", "emit", stdin=event("alerts").replace("{}", '{"a": "\\u0000"}'))
    assert texts == [*shapes["event emit"], "sanitized"]
