"""`tocsin source add`, pause and edit: the worker that sends runs what is active, as it is set."""

from __future__ import annotations

from pathlib import Path

from store import sources
from store.records import StoredSource
from tests.cli.desks import desk_of, eventually, said
from tests.program import Tocsin
from tests.sources.dumps import PeerRow, dump, idle
from tests.store.helpers import Desk


def done(tocsin: Tocsin, *arguments: str) -> None:
    finished = tocsin.run("source", *arguments)
    assert finished.returncode == 0, finished.stderr


def local(desk: Desk) -> StoredSource:
    return desk.call(sources.find, "local")


def test_a_running_worker_runs_what_is_active(tocsin: Tocsin, tmp_path: Path) -> None:
    dump_file, log = tmp_path / "dump", tocsin.home / "worker.log"
    dump_file.write_text(dump(idle("alice")))
    tocsin.start("worker", "run", log=log)
    with desk_of(tocsin) as desk:
        eventually(lambda: said(log, "sending for"), "it sends")
        done(tocsin, "add", "wireguard", "--command", f"cat {dump_file}", "--every", "2s")
        eventually(lambda: local(desk).last_ok_ms, "the baseline is taken")
        dump_file.write_text(dump(PeerRow("alice")))
        eventually(lambda: local(desk).accepted_events == 1, "an event is made")
        dump_file.unlink()
        eventually(lambda: said(log, "source local: "), "the failure is told")
        assert local(desk).state == "failing"
        done(tocsin, "pause", "local")
        assert (local(desk).state, local(desk).error) == ("inactive", None)
        dump_file.write_text(dump(PeerRow("alice"), PeerRow("bob")))
        done(tocsin, "edit", "local", "--command", f"cat ./{dump_file.name}")
        done(tocsin, "unpause", "local")
        eventually(lambda: local(desk).state == "failing", "it runs as it is set now")
        done(tocsin, "edit", "local", "--command", f"cat {dump_file}")
        eventually(lambda: local(desk).state == "active", "and is well again")


def test_a_run_that_only_sends_what_is_due_runs_no_source(tocsin: Tocsin, tmp_path: Path) -> None:
    done(tocsin, "add", "wireguard", "--command", f"cat {tmp_path}/dump")
    assert tocsin.run("worker", "run", "--until-empty").returncode == 0
    with desk_of(tocsin) as desk:
        assert (local(desk).last_ok_ms, local(desk).error) == (None, None)
