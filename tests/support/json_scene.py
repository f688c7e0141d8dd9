"""A store in which every member of the JSON has something to show, and what is printed of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.program import Tocsin
from tests.support.program_store import access_of, change_store
from tests.support.receiver_client import Receiver, running_receiver

Members = list[str]
"""Paths of values in JSON, such as `webhooks[].pending.id`, in the order in which they come."""

OPAQUE = ("[].detail", "[].event", "event", "[].options", "options", "sources[].options")
"""Members whose own members are not named here: an audit line's change, an event, options."""

NAMES = {"settings": None, "alerts": None}
"""Members of an export whose own members are the names of what is set."""

URL = ("--url", "https://tocsin.example/")


@dataclass(frozen=True, slots=True)
class Scene:
    """A failing delivery, a quarantined event, a delivered one, sources, a worker, a pause."""

    tocsin: Tocsin
    receiver: Receiver

    def json(self, *arguments: str, stdin: str = "") -> Any:
        """Run a command to its end and read what it printed."""
        done = self.tocsin.run(*arguments, stdin=stdin)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def members(self, *arguments: str, stdin: str = "") -> Members:
        """Return the members of what a command prints."""
        return members_of(self.json(*arguments, stdin=stdin))

    def do(self, *arguments: str, stdin: str = "", code: int = 0) -> None:
        """Run a command that is to end with this code."""
        finished = self.tocsin.run(*arguments, stdin=stdin)
        assert finished.returncode == code, finished.stderr

    def pending(self) -> list[str]:
        """Return the ids of the pending deliveries."""
        listed = self.json("delivery", "list", "--state", "pending", "--json")
        return [delivery["id"] for delivery in listed]


@contextmanager
def json_scene(folder: Path) -> Iterator[Scene]:
    """Make the store in a folder, with a receiver and a worker that are ended with it."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    tocsin = Tocsin(home, home / "tocsin.db")
    try:
        with running_receiver() as receiver:
            scene = Scene(tocsin, receiver)
            _make_deliveries(scene)
            _make_sources(scene, folder)
            _make_clients(scene)
            home.joinpath("tocsin.db.before-schema-3").write_bytes(bytes(100))
            yield scene
    finally:
        tocsin.kill_all()


def _make_deliveries(scene: Scene) -> None:
    url = scene.receiver.url
    header = ("--header", "Authorization: Bearer abcdefgh1234", "--extra-field", "site: hub")
    alerts = ("webhook", "add", "--type", "alerts", "--name", "siem", "--secret", "generate")
    scene.do(*alerts, "--url", url("/503/siem"), *header)
    scene.do("webhook", "add", "--type", "log_authn", "--url", url("/hints/log"))
    lines = [event(type_) for type_ in ("alerts", "alerts", "log_authn")]
    scene.do("event", "emit", stdin="\n".join(lines))
    scene.do("worker", "run", "--once", code=75)
    [sealed] = scene.pending()
    bad = scene.json("delivery", "show", sealed, "--body")[0]["id"]
    scene.do("delivery", "reseal", sealed, "--without", bad, "--yes")
    scene.do("worker", "run", "--once", code=75)


def _make_sources(scene: Scene, folder: Path) -> None:
    dump = folder / "dump.txt"
    dump.write_text("")
    scene.do("source", "add", "wireguard", "--command", f"cat {dump}")
    scene.do("source", "run", "local", "--once")
    with access_of(scene.tocsin) as desk:
        desk.add_source("pc", "procustodibus")
        desk.refuse(b"[17]")
    alike = {"name": "SIEM", "type": "alerts", "state": "inactive"}
    document = {"version": 1, "webhooks": [alike | {"url": scene.receiver.url("/ok/it")}]}
    scene.do("config", "import", "--yes", "-", stdin=json.dumps(document))


def _make_clients(scene: Scene) -> None:
    scene.do("token", "add", "relay")
    scene.do("host", "add", "edge", *URL)
    scene.do("broker", "add", "puller", *URL)


def _pause_a_worker(scene: Scene) -> None:
    worker = scene.tocsin.start("worker", "run")
    assert worker.stderr is not None
    assert "sending" in worker.stderr.readline()
    scene.do("worker", "pause")


def event(type_: str) -> str:
    """Return an event as a line."""
    return json.dumps({"type": type_, "attributes": {}})


def shapes_of(scene: Scene) -> dict[str, Members]:
    """Return the members of each table of docs/json.md, by the name of the table."""
    sent = scene.json("delivery", "list", "--state", "delivered", "--json")[0]["id"]
    refused = scene.json("refused", "list", "--json")[0]["id"]
    held = scene.json("webhook", "show", "1", "--json")["quarantine"][0]["id"]
    shapes = {
        "refused list": scene.members("refused", "list", "--json"),
        "refused show": scene.members("refused", "show", refused, "--json"),
        "refused send": scene.members("refused", "send", refused, "--to", "2", "--json"),
    }
    _pause_a_worker(scene)
    shapes |= {
        "status": scene.members("status", "--json"),
        "status check": scene.members("status", "--check", "--json"),
        "webhook list": scene.members("webhook", "list", "--json"),
        "webhook reveal": scene.members("webhook", "list", "--reveal", "--json"),
        "webhook show": scene.members("webhook", "show", "siem", "--json"),
        "webhook test": scene.members("webhook", "test", "2", "--json"),
        "delivery list": scene.members("delivery", "list", "--json"),
        "delivery show": scene.members("delivery", "show", sent, "--json"),
        "event list": scene.members("event", "list", "--json"),
        "event show": scene.members("event", "show", "alerts", held, "--json"),
        "audit": scene.members("audit", "--json"),
        "worker list": scene.members("worker", "list", "--json"),
        "source list": scene.members("source", "list", "--json"),
        "alert list": scene.members("alert", "list", "--json"),
        "host list": scene.members("host", "list", "--json"),
        "broker list": scene.members("broker", "list", "--json"),
        "client files": scene.members("host", "add", "depot", *URL, "--json"),
        "token list": scene.members("token", "list", "--json"),
        "config show": scene.members("config", "show", "--json"),
        "config export": members_of(scene.json("config", "export") | NAMES),
        "event emit": scene.members("event", "emit", stdin=event("alerts")),
        "db prune": scene.members("db", "prune"),
    }
    change_store(scene.tocsin.db, "DELETE FROM event WHERE key & 0xffff = 1")
    shapes["db check"] = scene.members("db", "check", "--json")
    return shapes | {longer: _added(shapes[longer], shapes[base]) for longer, base in ADDED_TO}


ADDED_TO = (
    ("webhook reveal", "webhook list"),
    ("webhook show", "webhook list"),
    ("delivery show", "delivery list"),
    ("event show", "event list"),
    ("refused show", "refused list"),
    ("refused send", "webhook test"),
)
"""Tables that name only what comes to the members of another one."""


def _added(members: Members, base: Members) -> Members:
    """Return what comes to the members of `base`, or of one object of it."""
    known = {*base} if {*base} & {*members} else one_of(base)
    assert known <= {*members}, f"{known - {*members}} is not printed"
    return [one for one in members if one not in known]


def one_of(members: Members) -> set[str]:
    """Return the members of one object of a list."""
    return {one.removeprefix("[].") for one in members}


def members_of(value: object) -> Members:
    """Return the paths of all values, without those that are null here and objects elsewhere."""
    paths = list(dict.fromkeys(_paths(value)))
    return [
        one for one in paths if not any(other.startswith((f"{one}.", f"{one}[")) for other in paths)
    ]


def _paths(value: object, path: str = "") -> Iterator[str]:
    if path in OPAQUE or not isinstance(value, dict | list):
        yield path
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _paths(member, f"{path}.{name}" if path else name)
    else:
        for item in value:
            yield from _paths(item, f"{path}[]")
