"""`tocsin source add`, pause and edit: the worker that sends runs what is active, as it is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from domain.event_types import EventType
from domain.webhooks import WebhookFields
from store import sources
from store.records import StoredSource
from tests.support.program import Tocsin
from tests.support.program_store import access_of, said
from tests.support.receiver_client import Receiver
from tests.support.stores import Desk
from tests.support.waiting import eventually
from tests.support.wireguard.dumps import PeerRow, dump, idle


def done(tocsin: Tocsin, *arguments: str) -> None:
    finished = tocsin.run("source", *arguments)
    assert finished.returncode == 0, finished.stderr


def put(file: Path, text: str) -> None:
    """Write a file at once, since it may be read at any time."""
    begun = file.with_name("begun")
    begun.write_text(text)
    begun.replace(file)


def local(desk: Desk) -> StoredSource:
    return desk.call(sources.find, "local")


def test_a_running_worker_runs_what_is_active(tocsin: Tocsin, tmp_path: Path) -> None:
    dump_file, log = tmp_path / "dump", tocsin.home / "worker.log"
    dump_file.write_text(dump(idle("alice")))
    tocsin.start("worker", "run", log=log)
    with access_of(tocsin) as desk:
        eventually(lambda: said(log, "sending for"), "it sends")
        done(tocsin, "add", "wireguard", "--command", f"cat {dump_file}", "--every", "2s")
        eventually(lambda: local(desk).last_ok_ms, "the baseline is taken")
        put(dump_file, dump(PeerRow("alice")))
        eventually(lambda: local(desk).accepted_events == 1, "an event is made")
        dump_file.unlink()
        eventually(lambda: said(log, "source local: "), "the failure is told")
        eventually(lambda: local(desk).state == "failing", "and kept")
        done(tocsin, "pause", "local")
        assert (local(desk).state, local(desk).error) == ("inactive", None)
        put(dump_file, dump(PeerRow("alice"), PeerRow("bob")))
        done(tocsin, "edit", "local", "--command", f"cat ./{dump_file.name}")
        done(tocsin, "unpause", "local")
        eventually(lambda: local(desk).state == "failing", "it runs as it is set now")
        done(tocsin, "edit", "local", "--command", f"cat {dump_file}")
        eventually(lambda: local(desk).state == "active", "and is well again")


def test_until_empty_waits_for_the_first_look_of_each_source(
    tocsin: Tocsin, receiver: Receiver, tmp_path: Path
) -> None:
    """Events of the second look are delivered; who hands events in is not waited for."""
    dump_file = tmp_path / "dump"
    with access_of(tocsin) as desk:
        desk.add(WebhookFields(EventType.ENDPOINT_STATS, receiver.url("/ok/looked")))
    done(tocsin, "add", "wireguard", "--command", f"cat {dump_file}")
    done(tocsin, "add", "socket", "--path", str(tmp_path / "socket"))
    for text in (dump(idle("alice")), dump(PeerRow("alice"))):
        dump_file.write_text(text)
        ended = tocsin.run("worker", "run", "--until-empty")
        assert ended.returncode == 0, ended.stderr
        assert "source socket: not waited for: it is handed its events" in ended.stderr
    [request] = receiver.requests("/ok/looked")
    assert len(request.ids) == 1
    dump_file.unlink()
    assert "source local: its first look failed: " in tocsin.run("worker", "--until-empty").stderr


def test_until_empty_waits_no_longer_than_its_timeout(tocsin: Tocsin) -> None:
    done(tocsin, "add", "wireguard", "--command", "sleep 60")
    ended = tocsin.run("worker", "run", "--until-empty", "--timeout", "500ms")
    assert "source local: its first look was not waited for" in ended.stderr
    assert ended.returncode == 0


def test_a_run_that_only_sends_what_is_due_runs_no_source(tocsin: Tocsin, tmp_path: Path) -> None:
    done(tocsin, "add", "wireguard", "--command", f"cat {tmp_path}/dump")
    assert tocsin.run("worker", "run", "--once").returncode == 0
    with access_of(tocsin) as desk:
        assert (local(desk).last_ok_ms, local(desk).error) == (None, None)


def test_a_second_process_is_told_that_one_serves_at_a_time(tocsin: Tocsin, tmp_path: Path) -> None:
    log, path = tmp_path / "log", tmp_path / "socket"
    done(tocsin, "add", "socket", "--path", str(path))
    worker = tocsin.start("worker", "run", log=tmp_path / "worker")
    eventually(path.exists, "the worker serves")
    tocsin.start("source", "run", "socket", log=log)
    eventually(lambda: log.exists() and log.read_text().count("\n") == 2, "two lines")
    first, second = log.read_text().splitlines()
    assert first == f"running source socket at {path} for {tocsin.db}: Ctrl+C ends it"
    assert f"(pid {worker.pid}) runs it too: one serves at a time, and this one waits" in second


@pytest.mark.parametrize("command", ["unpause", "pause"])
def test_a_source_that_others_serve_is_refused_and_not_called_running(
    tocsin: Tocsin, command: str
) -> None:
    assert tocsin.run("host", "add", "hub", "--url", "https://tocsin.example/").returncode == 0
    done(tocsin, command, "hub")
    refused = tocsin.run("source", "run", "hub")
    assert refused.returncode == ExitCode.IO_ERROR
    [line] = refused.stderr.splitlines()
    assert "source hub: it is of kind agent; run the source that serves it instead" in line
