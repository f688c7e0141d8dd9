"""`tocsin config set wireguard on`: the worker that sends watches this host's WireGuard."""

from __future__ import annotations

from pathlib import Path

from store import sources
from tests.cli.desks import desk_of, eventually, said
from tests.program import Tocsin
from tests.sources.dumps import PeerRow, dump, idle
from tests.store.helpers import Desk


def set_up(tocsin: Tocsin, dump_file: Path) -> None:
    """Let the program "watch" a file, every second."""
    dump_file.write_text(dump(idle("alice")))
    for name, value in (("wireguard_command", f"cat {dump_file}"), ("wireguard_every", "1s")):
        done = tocsin.run("config", "set", name, value)
        assert done.returncode == 0, done.stderr


def switch(tocsin: Tocsin, value: str) -> None:
    done = tocsin.run("config", "set", "wireguard", value)
    assert done.stderr == f"wireguard is now {value}.\n"


def looks(desk: Desk) -> int:
    """When the source was last watched, 0 for never."""
    return max((one.last_ok_ms or 0 for one in desk.call(sources.health)), default=0)


def test_a_running_worker_obeys_the_switch(tocsin: Tocsin, tmp_path: Path) -> None:
    dump_file, log = tmp_path / "dump", tocsin.home / "worker.log"
    set_up(tocsin, dump_file)
    tocsin.start("worker", "run", log=log)
    with desk_of(tocsin) as desk:
        eventually(lambda: said(log, "sending for"), "it sends")
        assert looks(desk) == 0
        switch(tocsin, "on")
        eventually(lambda: looks(desk), "the baseline is taken")
        dump_file.write_text(dump(PeerRow("alice")))
        eventually(lambda: desk.call(sources.health)[0].accepted_events == 1, "an event is made")
        dump_file.unlink()
        eventually(lambda: said(log, "source wireguard: "), "the failure is told")
        switch(tocsin, "off")
        eventually(lambda: desk.call(sources.health)[0].error is None, "off has no error")


def test_a_run_that_only_sends_what_is_due_watches_nothing(tocsin: Tocsin, tmp_path: Path) -> None:
    set_up(tocsin, tmp_path / "dump")
    switch(tocsin, "on")
    assert tocsin.run("worker", "run", "--until-empty").returncode == 0
    with desk_of(tocsin) as desk:
        assert looks(desk) == 0
