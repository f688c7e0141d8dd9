"""Programs that a worker with rights on WireGuard starts: `wg` alone has them too."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.program import COMMAND, Tocsin

NOBODY = 65534
NET_ADMIN = 1 << 12
_TOOLS = ("setpriv", "unshare", "mount")
_RIGHTS = (
    *("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"),
    *("--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin", "--no-new-privs", "--"),
)
"""Capability of the service, by AmbientCapabilities."""

_TELLS = "#!/bin/sh\ngrep Cap /proc/self/status > {told}\n"

pytestmark = pytest.mark.skipif(
    os.getuid() != 0 or not all(map(shutil.which, _TOOLS)), reason="needs root and util-linux"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of nobody's; those of pytest let no other account through."""
    with TemporaryDirectory() as made:
        os.chown(made, NOBODY, NOBODY)
        yield Path(made)


@pytest.fixture
def tocsin(folder: Path) -> Iterator[Tocsin]:
    """The program as the service runs it: another user's, with the one capability."""
    program = Tocsin(folder, folder / "tocsin.db", (*_RIGHTS, *COMMAND))
    yield program
    program.kill_all()


def telling(path: Path, told: Path) -> Path:
    """A program that writes down which capabilities it has."""
    path.write_text(_TELLS.format(told=told))
    path.chmod(0o755)
    return path


def capabilities(told: Path) -> dict[str, int]:
    """The sets of capabilities that were written down."""
    lines = (line.split(":") for line in told.read_text().splitlines())
    return {name: int(number, 16) for name, number in lines}


def look(tocsin: Tocsin, kind: str, command: str) -> None:
    """Let a source that runs this command look once."""
    added = tocsin.run("source", "add", kind, "watched", "--command", command)
    assert added.returncode == 0, added.stderr
    tocsin.run("source", "run", "watched", "--once")


@pytest.mark.parametrize("kind", ["wireguard", "journal"])
def test_a_command_has_no_capability(tocsin: Tocsin, folder: Path, kind: str) -> None:
    program, told = telling(folder / "wg", folder / "told"), folder / "told"
    look(tocsin, kind, f"{program} show all dump")
    found = capabilities(told)
    assert found["CapBnd"] & NET_ADMIN
    assert [found[name] for name in ("CapPrm", "CapEff", "CapAmb")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("wg show all dump", NET_ADMIN),
        ("/usr/bin/wg show all dump", NET_ADMIN),
        ("wg show all private-key", 0),
        ("wg show all dump /dev/null", 0),
        ("sh -c 'wg show all dump'", 0),
    ],
)
def test_only_wg_itself_that_prints_the_dump_keeps_it(
    tocsin: Tocsin, folder: Path, words: str, expected: int
) -> None:
    if not Path("/usr/bin/wg").exists():
        pytest.skip("wireguard-tools is missing")
    told = folder / "told"
    program = telling(folder / "instead", told)
    mounted = ("unshare", "--mount", "--propagation", "private", "sh", "-c")
    script = f'mount --bind {program} /usr/bin/wg && exec "$@"'
    tocsin.command = (*mounted, script, "sh", *tocsin.command)
    look(tocsin, "wireguard", words)
    assert capabilities(told)["CapEff"] == expected
    assert capabilities(told)["CapAmb"] == expected


def test_a_program_of_that_name_on_the_search_path_gets_nothing(
    tocsin: Tocsin, folder: Path
) -> None:
    told = folder / "told"
    telling(folder / "wg", told)
    tocsin.environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
    look(tocsin, "wireguard", "wg show all dump")
    assert not told.exists()


def test_what_the_program_holds_cannot_be_taken_by_another_of_its_user(
    tocsin: Tocsin, folder: Path
) -> None:
    """A member of the group runs as the same user, yet without the capability."""
    look_at_memory = (
        "import os, sys; pid = sys.argv[1]\n"
        "try: open(f'/proc/{pid}/mem', 'rb'); print('open')\n"
        "except PermissionError: print('closed')\n"
    )
    added = tocsin.run("source", "add", "wireguard", "--command", "true")
    assert added.returncode == 0, added.stderr
    worker = tocsin.start("worker", "run")
    assert worker.stderr is not None
    assert "sending for" in worker.stderr.readline()
    other = Tocsin(folder, folder / "none", ("setpriv", "--reuid", str(NOBODY), "--"))
    other.command = (
        *("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--"),
        *(sys.executable, "-c", look_at_memory, str(worker.pid)),
    )
    assert other.run().stdout == "closed\n"
