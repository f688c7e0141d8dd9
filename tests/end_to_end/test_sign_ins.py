"""Sign-ins to a Tocsin are events; a second one signs in as a broker, and pulls from it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.custodibus import can_connect
from tests.support.program import Tocsin
from tests.support.program_store import free_port
from tests.support.waiting import PATIENCE_S, eventually


def program(home: Path) -> Iterator[Tocsin]:
    home.mkdir(mode=0o700)
    made = Tocsin(home, home / "tocsin.db", environment={"TOCSIN_LINGER": "0s"})
    yield made
    made.kill_all()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Tocsin]:
    yield from program(tmp_path / "served")


@pytest.fixture
def puller(tmp_path: Path) -> Iterator[Tocsin]:
    yield from program(tmp_path / "puller")


@pytest.fixture
def port(served: Tocsin) -> int:
    """The port at which it serves everything."""
    number = free_port()
    listen = f"127.0.0.1:{number}"
    done(served, "source", "add", "http", "--serves", "events, queues", "--listen", listen)
    served.start("source", "run", "http")
    subprocess.run([sys.executable, "-c", can_connect(number)], check=True, timeout=90)
    return number


def done(tocsin: Tocsin, *arguments: str, stdin: str = "") -> str:
    finished = tocsin.run(*arguments, stdin=stdin)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def kept(tocsin: Tocsin, type_: str) -> list[dict[str, Any]]:
    listed = json.loads(done(tocsin, "event", "list", "--type", type_, "--limit", "1000", "--json"))
    return [one["event"] for one in listed]


def told(tocsin: Tocsin) -> list[tuple[str, str, str]]:
    """The sign-ins: how, where, and with what result."""
    found = [one["attributes"] for one in kept(tocsin, "log_authn")]
    return [(one["type"], one["url"], ", ".join(one["errors"]) or one["status"]) for one in found]


def post(port: int, token: str) -> int:
    """Hand an event in; the status of the answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/events",
        b'{"type": "log_changes", "attributes": {}}',
        {"authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310  # our own server
            status: int = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    return status


def test_a_tocsin_pulls_from_another(
    served: Tocsin, puller: Tocsin, port: int, tmp_path: Path
) -> None:
    printed = done(served, "broker", "add", "siem")
    found = {name: re.search(rf"^{name} = (\S+)$", printed, re.M) for name in ("Broker", "Code")}
    broker, code = (match[1] for match in found.values() if match)
    file = tmp_path / "code"
    file.write_text(code)
    lines = [
        json.dumps({"type": "alerts", "id": f"e{number}", "attributes": {"n": number}})
        for number in range(250)
    ]
    done(served, "event", "emit", stdin="\n".join(lines))
    added = ("source", "add", "procustodibus", "pc", "--url", f"http://127.0.0.1:{port}")
    done(puller, *added, "--broker", broker, "--setup-code", f"@{file}")
    puller.start("worker", "run")
    eventually(lambda: len(kept(puller, "alerts")) == 250, "all is pulled")
    assert [one["id"] for one in kept(puller, "alerts")] == [f"e{number}" for number in range(250)]
    assert told(served) == [("X-Custos", "/sessions", "ok")]


def test_tokens_are_told_and_guessing_is_an_alert(served: Tocsin, port: int) -> None:
    token = done(served, "token", "add", "siem").strip()
    assert post(port, token) == 200
    assert [post(port, "guess") for _ in range(5)] == [401] * 5
    eventually(lambda: kept(served, "alerts"), "guessing is an alert")
    assert told(served) == [
        ("token", "/events", "ok"),
        *[("token", "/events", "unknown token")] * 5,
    ]
    [alert] = kept(served, "alerts")
    assert alert["attributes"]["type"] == "authn_failures"
    assert alert["attributes"]["params"]["ip"] == "127.0.0.1"


def test_while_it_is_paused_nothing_is_told(served: Tocsin, port: int) -> None:
    done(served, "source", "pause", "sign-ins")
    assert post(port, "guess") == 401
    assert told(served) == []
