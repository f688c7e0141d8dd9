"""docs/json.md names exactly the members that the commands print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.desks import change_store, desk_of
from tests.documents import DOCS, section, table_rows
from tests.program import Tocsin
from tests.receiver_client import Receiver

PAGE = DOCS / "json.md"
OPAQUE = ("[].detail", "[].event", "event", "[].options", "options")
"""Members whose own members are not told there: an audit line's change, an event, options."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A store in which every member of the JSON has something to show."""

    tocsin: Tocsin

    def json(self, *arguments: str) -> Any:
        return json.loads(self.tocsin.run(*arguments).stdout)


@pytest.fixture
def scene(tocsin: Tocsin, receiver: Receiver, tmp_path: Path) -> Scene:
    """A failing delivery, a quarantined event, a delivered one, a source, a worker, a pause."""
    header = ("--header", "Authorization: Bearer abcdefgh1234", "--extra-field", "site: hub")
    alerts = ("webhook", "add", "--type", "alerts", "--name", "siem", "--secret", "generate")
    done(tocsin, *alerts, "--url", receiver.url("/503/siem"), *header)
    done(tocsin, "webhook", "add", "--type", "log_authn", "--url", receiver.url("/hints/log"))
    done(tocsin, "event", "emit", stdin="\n".join(map(event, ("alerts", "alerts", "log_authn"))))
    done(tocsin, "worker", "run", "--once", code=75)
    [sealed] = pending(tocsin)
    bad = json.loads(tocsin.run("delivery", "show", sealed, "--body").stdout)[0]["id"]
    done(tocsin, "delivery", "reseal", sealed, "--without", bad, "--yes")
    done(tocsin, "worker", "run", "--once", code=75)
    dump = tmp_path / "dump.txt"
    dump.write_text("")
    done(tocsin, "source", "add", "wireguard", "--command", f"cat {dump}")
    done(tocsin, "source", "run", "local", "--once")
    alike = {"name": "SIEM", "type": "alerts", "state": "inactive", "url": receiver.url("/ok/it")}
    document = json.dumps({"version": 1, "webhooks": [alike]})
    done(tocsin, "config", "import", "--yes", "-", stdin=document)
    worker = tocsin.start("worker", "run")
    assert worker.stderr is not None
    assert "sending" in worker.stderr.readline()
    done(tocsin, "worker", "pause")
    return Scene(tocsin)


def done(tocsin: Tocsin, *arguments: str, stdin: str = "", code: int = 0) -> None:
    finished = tocsin.run(*arguments, stdin=stdin)
    assert finished.returncode == code, finished.stderr


def event(type_: str) -> str:
    return json.dumps({"type": type_, "attributes": {}})


def pending(tocsin: Tocsin) -> list[str]:
    listed = json.loads(tocsin.run("delivery", "list", "--state", "pending", "--json").stdout)
    return [delivery["id"] for delivery in listed]


def documented(heading: str) -> set[str]:
    """The members in a section's tables; one that has members of its own is described by them."""
    named = {row[0].strip("`") for row in table_rows(section(PAGE, heading))}
    assert named, f"{heading} has no table"
    return {
        name
        for name in named
        if not any(other.startswith((f"{name}.", f"{name}[")) for other in named)
    }


def one_of(members: set[str]) -> set[str]:
    """The members of a list's object."""
    return {member.removeprefix("[].") for member in members}


def printed(value: Any, path: str = "") -> Iterator[str]:
    """The paths of the values, as the page writes them."""
    if path in OPAQUE or not isinstance(value, dict | list):
        yield path
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from printed(member, f"{path}.{name}" if path else name)
    else:
        for item in value:
            yield from printed(item, f"{path}[]")


def leaves(value: Any) -> set[str]:
    """What is printed, without what is null here and has members elsewhere."""
    paths = set(printed(value))
    return {p for p in paths if not any(o.startswith((f"{p}.", f"{p}[")) for o in paths)}


def test_lists_and_status(scene: Scene) -> None:
    assert leaves(scene.json("status", "--json")) == documented("`tocsin status --json`")
    assert leaves(scene.json("status", "--check", "--json")) == documented(
        "`tocsin status --check --json`"
    )
    webhooks = documented("`tocsin webhook list --json`")
    masked = webhooks - {"[].secrets[]"}
    assert leaves(scene.json("webhook", "list", "--reveal", "--json")) == webhooks
    assert leaves(scene.json("webhook", "list", "--json")) == masked
    assert leaves(scene.json("webhook", "show", "siem", "--json")) == one_of(masked) | documented(
        "`tocsin webhook show ID --json`"
    )
    deliveries = documented("`tocsin delivery list --json`")
    assert leaves(scene.json("delivery", "list", "--json")) == deliveries
    assert leaves(scene.json("worker", "list", "--json")) == documented(
        "`tocsin worker list --json`"
    )
    assert leaves(scene.json("audit", "--json")) == documented("`tocsin audit --json`")
    assert leaves(scene.json("config", "show", "--json")) == documented(
        "`tocsin config show --json`"
    )


def test_export(scene: Scene) -> None:
    scene.tocsin.run("token", "add", "relay")
    scene.tocsin.run("host", "add", "edge", "--url", "https://tocsin.example/")
    scene.tocsin.run("broker", "add", "puller", "--url", "https://tocsin.example/")
    named = dict.fromkeys(("settings", "alerts"))  # their members are names of what is set
    document = scene.json("config", "export") | named
    sources = [one | {"options": None} for one in document["sources"]]
    assert leaves(document | {"sources": sources}) == documented("`tocsin config export`")


def test_single_things(scene: Scene) -> None:
    history = documented("`tocsin delivery show ID --json`")
    shown = scene.json("delivery", "list", "--state", "delivered", "--json")[0]["id"]
    assert leaves(scene.json("delivery", "show", shown, "--json")) == history | one_of(
        documented("`tocsin delivery list --json`")
    )
    events = scene.json("event", "list", "--type", "log_authn", "--json")
    listed = documented("`tocsin event list --json`")
    assert leaves(events) == listed
    assert leaves(scene.json("event", "show", "log_authn", events[0]["id"], "--json")) == one_of(
        listed
    ) | documented("`tocsin event show [TYPE] ID --json`")
    assert leaves(scene.json("webhook", "test", "2", "--json")) == documented(
        "`tocsin webhook test ID --json`"
    )


def test_edits(scene: Scene) -> None:
    masked = documented("`tocsin webhook list --json`") - {"[].secrets[]"}
    edited = scene.json("webhook", "edit", "siem", "--secret", "rotate", "--json")
    assert leaves(edited) == masked | {"[].dropped_events", "[].generated_secret"}
    more = ("--header", "X-Site: hub", "--extra-field", "a: b", "--secret", "generate", "--json")
    url = ("--url", "http://127.0.0.1:9/")
    added = scene.json("webhook", "add", "--type", "alerts", *url, *more)
    assert leaves(added) == one_of(masked) | {"generated_secret"}


def test_answers(scene: Scene) -> None:
    counts = documented("`tocsin event emit`, `tocsin source run`")
    assert leaves(json.loads(scene.tocsin.run("event", "emit", stdin=event("alerts")).stdout)) == (
        counts
    )
    assert leaves(scene.json("db", "prune")) == documented("`tocsin db prune`")
    change_store(scene.tocsin.db, "DELETE FROM event WHERE seq = 1")
    assert leaves(scene.json("db", "check", "--json")) == documented("`tocsin db check --json`")


def test_sources_and_alerts(tocsin: Tocsin) -> None:
    added = json.loads(tocsin.run("source", "add", "wireguard", "--json").stdout)
    documented_sources = documented("`tocsin source list --json`")
    assert leaves(added) == one_of(documented_sources)
    assert leaves(json.loads(tocsin.run("source", "list", "--json").stdout)) == documented_sources
    kinds = documented("`tocsin alert list --json`")
    assert leaves(json.loads(tocsin.run("alert", "list", "--json").stdout)) == kinds


def test_refused_events(tocsin: Tocsin, receiver: Receiver) -> None:
    with desk_of(tocsin) as desk:
        desk.add_source("pc", "procustodibus")
        desk.refuse(b"[17]")
    listed = documented("`tocsin refused list --json`")
    [one] = found = json.loads(tocsin.run("refused", "list", "--json").stdout)
    assert leaves(found) == listed
    whole = json.loads(tocsin.run("refused", "show", one["id"], "--json").stdout)
    assert leaves(whole) == one_of(listed) | documented("`tocsin refused show ID --json`")
    done(tocsin, "webhook", "add", "--type", "alerts", "--url", receiver.url("/hints/hand"))
    sent = json.loads(tocsin.run("refused", "send", one["id"], "--to", "1", "--json").stdout)
    assert leaves(sent) == documented("`tocsin webhook test ID --json`") | documented(
        "`tocsin refused send --json`"
    )


def test_tokens(tocsin: Tocsin) -> None:
    listed = documented("`tocsin token list --json`")
    added = json.loads(tocsin.run("token", "add", "edge", "--json").stdout)
    assert leaves(added) == one_of(listed) | {"token"}
    assert leaves(json.loads(tocsin.run("token", "list", "--json").stdout)) == listed
