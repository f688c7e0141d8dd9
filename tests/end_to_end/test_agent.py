"""The unmodified agent of Pro Custodibus on a real WireGuard hub reports to us."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from domain.event_types import EventType
from domain.events import Event
from store.events import reading
from tests.end_to_end.custodibus import PINGS_WHEN_TOLD, can_connect, write_files
from tests.support.certificates import Authority
from tests.support.program import COMMAND, Tocsin
from tests.support.program_store import access_of
from tests.support.waiting import PATIENCE_S
from tests.support.wireguard.expected_events import EXPECTED, lines
from tests.support.wireguard.play import STEPS, Play
from tests.support.wireguard.rig import Rig, rig_or_skip

pytestmark = [pytest.mark.xdist_group("custodibus"), pytest.mark.timeout(600)]

PORT = 8786
NAMES = "names"


@pytest.fixture
def rig() -> Iterator[Rig]:
    yield from rig_or_skip()


@pytest.fixture
def tocsin_on_hub(rig: Rig, tmp_path: Path) -> Iterator[Tocsin]:
    program = Tocsin(tmp_path, tmp_path / "tocsin.db", tuple(rig.hub.argv(*COMMAND)))
    yield program
    program.kill_all()


class Agent:
    """The real one, on the hub; `ping` starts it for one ping, `pinging` keeps it running."""

    def __init__(self, rig: Rig, commands: Path, conf: Path, trusted: Path) -> None:
        self._rig = rig
        self._conf = str(conf)
        self._trust = ("env", f"REQUESTS_CA_BUNDLE={trusted}")
        self._commands = commands
        self._command = (*self._trust, str(commands / "procustodibus-agent"), "-c", self._conf)

    def test(self) -> str:
        return self._rig.hub.run(*self._command, "--test")

    def ping(self) -> None:
        self._rig.hub.run(*self._command)

    @contextmanager
    def pinging(self) -> Iterator[Callable[[], None]]:
        """A function that lets one running agent ping, so that hardly any time goes by."""
        python = str(self._commands / "python")
        argv = self._rig.hub.argv(*self._trust, python, "-c", PINGS_WHEN_TOLD, self._conf)
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin
            assert process.stdout
            told, says = process.stdin, process.stdout

            def ping() -> None:
                told.write("\n")
                told.flush()
                assert says.readline() == "pinged\n"

            try:
                yield ping
            finally:
                process.kill()

    def fails(self) -> bool:
        argv = self._rig.hub.argv(*self._command)
        return (
            subprocess.run(
                argv, capture_output=True, timeout=3 * PATIENCE_S, check=False
            ).returncode
            != 0
        )


class Hub:
    """Tocsin on the hub, and the agent there that reports to it."""

    def __init__(self, rig: Rig, tocsin: Tocsin, commands: Path, authority: Authority) -> None:
        self.rig = rig
        self.tocsin = tocsin
        self.agent = Agent(rig, commands, self._add_host(authority), authority.file)
        self.serve()

    def _add_host(self, authority: Authority) -> Path:
        certificate, private_key = map(str, authority.issue())
        tls = ("--certificate", certificate, "--private-key", private_key)
        done(self.tocsin, "source", "add", "http", "--serves", "agents", *tls)
        added = done(self.tocsin, "host", "add", "hub")
        done(self.tocsin, "source", "edit", "hub", "--names-file", str(self.names_file))
        self.names_file.write_text("")
        return write_files(added, self.tocsin.home / "agent")

    @property
    def names_file(self) -> Path:
        return self.tocsin.home / NAMES

    def serve(self) -> None:
        self.tocsin.start("source", "run", "http")
        self.rig.hub.run(sys.executable, "-c", can_connect(PORT))

    def host(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(done(self.tocsin, "host", "show", "hub", "--json"))
        return shown


@pytest.fixture
def hub(rig: Rig, tocsin_on_hub: Tocsin, custodibus_commands: Path, authority: Authority) -> Hub:
    """With TLS, by a certificate of an authority of our own."""
    return Hub(rig, tocsin_on_hub, custodibus_commands, authority)


def done(tocsin: Tocsin, *arguments: str) -> str:
    finished = tocsin.run(*arguments)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def new_events(tocsin: Tocsin, seen: dict[EventType, int]) -> list[Event]:
    """Return the events that came since the last look; `seen` is moved on."""
    found = []
    with access_of(tocsin) as desk:
        for type_ in EventType:
            for one in desk.call(reading.after, type_, seen.get(type_, 0), limit=1000):
                seen[type_] = one.seq
                found.append(Event(type_, one.id, one.body, created_s=0))
    return found


def test_a_whole_play_gives_what_a_look_at_the_host_itself_gives(hub: Hub) -> None:
    said = hub.agent.test()
    assert "can access host record on api for hub" in said
    assert "All systems go" in said
    play = Play(hub.rig)
    seen: dict[EventType, int] = {}
    told: dict[str, list[str]] = {}
    so_far: list[Event] = []
    with hub.agent.pinging() as ping:
        for name, step in STEPS.items():
            step(play)
            names = "".join(f'{key} "{who}"\n' for key, who in play.names.items())
            hub.names_file.write_text(names)
            ping()
            found = new_events(hub.tocsin, seen)
            before = {*lines(so_far, play.names)} - {*EXPECTED[name]}
            told[name] = [line for line in lines(found, play.names) if not is_again(line, before)]
            so_far += found
    assert told == EXPECTED
    handshakes = [stamp_of(one) for one in so_far if one.type is EventType.ENDPOINT_STATS]
    assert len(handshakes) == len({*handshakes})
    shown = hub.host()
    assert (shown["state"], shown["error"]) == ("active", None)
    assert shown["setup_expires"] is None


def is_again(line: str, before: set[str]) -> bool:
    """True for a handshake that a peer made again by itself, as a slow one does."""
    return " handshake " in line and line in before


def stamp_of(event: Event) -> tuple[str, str]:
    """Whose handshake an event tells of, and its time."""
    attributes = json.loads(event.body)["attributes"]
    return attributes["peer"], attributes["handshake"]


def test_an_agent_comes_back_by_itself_and_loses_no_traffic(hub: Hub) -> None:
    """The server goes away with every session in it."""
    hub.agent.test()
    hub.agent.ping()
    hub.rig.ping("alice")
    hub.agent.ping()
    hub.tocsin.kill_all()
    hub.rig.shake_hands_again("alice")
    assert hub.agent.fails()
    hub.serve()
    hub.rig.shake_hands_again("alice")
    hub.agent.ping()
    stats = [
        json.loads(one.body)["attributes"]
        for one in new_events(hub.tocsin, {})
        if one.type is EventType.ENDPOINT_STATS
    ]
    counters = hub.rig.counters("alice")
    assert sum(one["rx_delta"] for one in stats) == stats[-1]["rx_total"] <= counters.rx


def test_a_badly_set_up_agent_is_told_of_and_its_secrets_go_nowhere(
    hub: Hub, tmp_path: Path
) -> None:
    hub.agent.test()
    conf = tmp_path / "agent" / "procustodibus.conf"
    conf.write_text(conf.read_text().replace("RedactSecrets = true\n", ""))
    hub.agent.ping()
    assert "sends private or preshared keys" in hub.host()["error"]
    private_key = hub.rig.hub.private_key.encode()
    for file in tmp_path.glob("tocsin.db*"):
        assert private_key not in file.read_bytes()
