"""`tocsin source`: what is kept of a source, looks that find something, and looks that fail."""

from __future__ import annotations

import json
import re
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cli.exit_codes import ExitCode
from domain.event_types import EventType
from store.events import reading
from tests.support.program import Tocsin
from tests.support.program_store import access_of, newer, status_of
from tests.support.waiting import PATIENCE_S, eventually
from tests.support.wireguard.dumps import PeerRow, dump

ALICE = PeerRow("alice")
LATER = replace(ALICE, handshake=ALICE.handshake + 5, rx=1404, tx=1348)  # type: ignore[operator]  # a number here


@pytest.fixture
def dump_file(tmp_path: Path) -> Path:
    """File with what the command prints: one peer."""
    file = tmp_path / "dump.txt"
    file.write_text(dump(ALICE))
    return file


def run(tocsin: Tocsin, *arguments: str, code: int = 0) -> str:
    """Output of `tocsin source`, or its error where it failed.

    What is saved may lack its program on the machine of the test.
    """
    done = tocsin.run("source", *arguments)
    lacks = not code and "cannot run as it is set" in done.stderr
    assert done.returncode == (ExitCode.CHECK_FAILED if lacks else code), done.stderr
    return done.stderr if code else done.stdout


def shown(tocsin: Tocsin, name: str = "local") -> dict[str, Any]:
    """A source as `source show --json` prints it."""
    told: dict[str, Any] = json.loads(run(tocsin, "show", name, "--json"))
    return told


def watch(tocsin: Tocsin, command: str, *options: str) -> None:
    """Keep a source of that command."""
    run(tocsin, "add", "wireguard", "--command", command, *options)


def look(tocsin: Tocsin) -> dict[str, int]:
    """Look once at the source; what came of it."""
    done = tocsin.run("source", "run", "local", "--once")
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, int] = json.loads(done.stdout)
    return answer


def local_in_status(tocsin: Tocsin) -> dict[str, Any]:
    """The source `local` as `status --json` prints it."""
    [source] = [one for one in status_of(tocsin)["sources"] if one["name"] == "local"]
    return dict(source)


# What is kept


def test_what_is_added_is_listed_and_shown_with_every_option(tocsin: Tocsin) -> None:
    with access_of(tocsin):
        pass
    assert "`tocsin source add wireguard`" in tocsin.run("source", "list").stderr
    assert run(tocsin, "add", "wireguard") == "local\n"
    added = json.loads(run(tocsin, "add", "socket", "programs", "--group", "adm", "--json"))
    assert added["options"]["group"] == "adm"
    listed = json.loads(run(tocsin, "list", "--json"))
    assert [(one["name"], one["kind"], one["state"]) for one in listed] == [
        ("local", "wireguard", "active"),
        ("programs", "socket", "active"),
        ("sign-ins", "sign_ins", "active"),
    ]
    assert "programs" in run(tocsin, "list")
    text = run(tocsin, "show", "local")
    assert "wg show all dump (default)" in text
    assert "none yet" in text


def test_the_path_of_a_socket_is_told_where_nobody_set_one(tocsin: Tocsin) -> None:
    beside = tocsin.db.resolve().with_suffix(".sock")
    added = tocsin.run("source", "add", "socket")
    assert f"the worker that sends runs it, at {beside}." in added.stderr
    assert f"{beside} (default)" in run(tocsin, "show", "socket")
    run(tocsin, "edit", "socket", "--path", "/run/other.sock")
    assert "/run/other.sock\n" in run(tocsin, "show", "socket")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--every", "0s"], "every: 0s is out of range; write a duration from 2s"),
        (["--command", "wg 'show"], "has an open quotation mark"),
        (["--command", " "], "the command is empty"),
        (["--group", "adm"], "group: a source of kind wireguard has no option of this name"),
        (["x y"], "'x y' is not a name"),
    ],
)
def test_what_cannot_be_is_refused_with_its_cure(
    tocsin: Tocsin, arguments: list[str], words: str
) -> None:
    assert words in run(tocsin, "add", "wireguard", *arguments, code=ExitCode.BAD_DATA)
    assert "None of your own yet" in tocsin.run("source", "list").stderr


def test_an_http_source_that_is_there_serves_more_after_a_question(tocsin: Tocsin) -> None:
    run(tocsin, "add", "http")
    asking = ("add", "http", "--serves", "agents", "--clients", "7")
    asked = run(tocsin, *asking, code=ExitCode.USAGE)
    assert "serves events. Let it serve agents too, and set --clients, as" in asked
    assert "`tocsin source edit http --serves events,agents`" in asked
    run(tocsin, *asking, "--yes")
    options = shown(tocsin, "http")["options"]
    assert (options["serves"], options["clients"]) == ("events, agents", "7")
    said = run(tocsin, "add", "http", "--serves", "agents", "--yes", code=ExitCode.CHECK_FAILED)
    assert "change that one with `tocsin source edit http`" in said


def test_a_name_is_taken_once_unless_it_may_be_there(tocsin: Tocsin) -> None:
    run(tocsin, "add", "wireguard")
    said = run(tocsin, "add", "wireguard", code=ExitCode.CHECK_FAILED)
    assert "there is a source local already" in said
    run(tocsin, "add", "wireguard", "--if-absent", "--every", "5s")
    assert shown(tocsin)["options"]["every"] == "30s"


def test_an_edit_keeps_the_rest_and_unset_brings_a_default_back(tocsin: Tocsin) -> None:
    run(tocsin, "add", "wireguard", "--every", "5s", "--host", "hub")
    edited = json.loads(run(tocsin, "edit", "local", "--every", "10s", "--json"))
    assert (edited["options"]["every"], edited["options"]["host"]) == ("10s", "hub")
    run(tocsin, "edit", "local", "--unset", "host")
    assert shown(tocsin)["options"]["host"] == ""
    said = run(tocsin, "edit", "local", code=ExitCode.USAGE)
    assert "nothing to change: local has --command, --every, --host" in said
    said = run(tocsin, "edit", "local", "--unset", "hosts", code=ExitCode.USAGE)
    assert "wireguard has no such option; it has command, every" in said


def test_the_audit_tells_which_options_were_set(tocsin: Tocsin) -> None:
    run(tocsin, "add", "wireguard", "--every", "5s")
    run(tocsin, "edit", "local", "--unset", "every", "--host", "hub")
    run(tocsin, "delete", "local", "--yes")
    text = tocsin.run("audit").stdout
    assert "source local, kind wireguard, every 5s\n" in text
    assert "source local, every 5s -> default, host default -> hub\n" in text
    assert "source local, kind wireguard, host hub\n" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--listen", "0.0.0.0:8786"), "could be read by others on the way; set certificate and"),
        (("--listen", "192.0.2.77:8786"), "could be read by others on the way; set certificate"),
        (("--certificate", "/nowhere/cert.pem"), "set both or neither"),
        (
            ("--certificate", "/nowhere/cert.pem", "--private-key", "/nowhere/key.pem"),
            "No such file or directory; look at /nowhere/cert.pem and /nowhere/key.pem",
        ),
    ],
)
@pytest.mark.usefixtures("made")
def test_a_source_that_cannot_listen_is_told_of_at_once(
    tocsin: Tocsin, options: tuple[str, ...], said: str
) -> None:
    added = tocsin.run("source", "add", "http", *options)
    assert (added.returncode, added.stdout) == (ExitCode.CHECK_FAILED, "http\n")
    assert added.stderr.startswith("Source http is active, but cannot run as it is set: ")
    assert said in added.stderr
    edited = tocsin.run("source", "edit", "http", "--clients", "7")
    assert edited.returncode == ExitCode.CHECK_FAILED
    assert edited.stderr.startswith("Source http is saved, but cannot run as it is set: ")
    assert said in edited.stderr
    assert shown(tocsin, "http")["options"]["clients"] == "7"
    mended = tocsin.run("source", "edit", "http", *_unset(options))
    assert (mended.returncode, mended.stderr) == (ExitCode.OK, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("wireguard hub --command 'no-such-program show'", "no program `no-such-program`; install"),
        ("journal --command no-such-program", "there is no program `no-such-program`; where sshd"),
        ("journal --file /nowhere/auth.log", "no file /nowhere/auth.log; correct the source's"),
        ("journal --file /etc", "/etc is a folder; set the source's option file to a file in it"),
        ("socket two --path /nowhere/events.sock", "there is no folder /nowhere; make it, or set"),
        ("socket two --group nobody-has-this", "there is no group nobody-has-this; set another"),
        ("socket another", "the source socket has the same socket; set another --path"),
        ("procustodibus", "no broker is named; set the source's option broker"),
    ],
)
def test_what_cannot_run_as_it_is_set_is_told_of_at_once(
    tocsin: Tocsin, arguments: str, said: str
) -> None:
    run(tocsin, "add", "socket")
    added = tocsin.run("source", "add", *shlex.split(arguments))
    assert added.returncode == ExitCode.CHECK_FAILED
    assert "is active, but cannot run as it is set: " in added.stderr
    assert said in added.stderr


def test_what_is_not_used_beside_a_file_is_not_shown(tocsin: Tocsin, tmp_path: Path) -> None:
    run(tocsin, "add", "journal", "--file", str(tmp_path))
    text = run(tocsin, "show", "journal")
    assert f"file        {tmp_path}\n" in text
    assert "journalctl" not in text
    failed = run(tocsin, "run", "journal", "--once", code=ExitCode.IO_ERROR)
    assert "Is a directory; set the source's option file to a file in it" in failed


def test_an_address_is_asked_for_with_one_of_our_own(tocsin: Tocsin) -> None:
    said = run(tocsin, "add", "http", "--public-url", "nonsense", code=ExitCode.BAD_DATA)
    assert "write an address such as https://tocsin.example:8786" in said


def test_a_file_of_names_that_is_not_there_is_told_of(tocsin: Tocsin) -> None:
    added = tocsin.run(
        "source", "add", "wireguard", "--command", "true", "--names-file", "/nowhere/names"
    )
    assert "Source local is active: the worker" in added.stderr
    missing = "there is no file /nowhere/names; correct the source's option names_file"
    assert f"WARNING: Source local: {missing}" in added.stderr


def _unset(options: tuple[str, ...]) -> list[str]:
    """Return the options that take those back."""
    return [word for name in options[::2] for word in ("--unset", name.removeprefix("--"))]


def test_pause_unpause_and_delete(tocsin: Tocsin) -> None:
    run(tocsin, "add", "wireguard")
    run(tocsin, "add", "socket")
    paused = tocsin.run("source", "pause", "local", "socket", "local").stderr
    assert paused == (
        "Paused source local: it is inactive until `tocsin source unpause local`.\n"
        "Paused source socket: it is inactive until `tocsin source unpause socket`.\n"
    )
    again = tocsin.run("source", "pause", "local").stderr
    assert again.startswith("Paused already: source local is inactive until ")
    assert shown(tocsin)["state"] == "inactive"
    unpaused = tocsin.run("source", "unpause", "local").stderr
    assert unpaused == "Unpaused source local: it is active.\n"
    again = tocsin.run("source", "unpause", "local").stderr
    assert again == "Not paused: source local is active.\n"
    assert shown(tocsin)["state"] == "active"
    said = run(tocsin, "pause", "local", "hub", code=ExitCode.NO_INPUT)
    assert "no source hub; `tocsin source list` shows what there is" in said
    assert shown(tocsin)["state"] == "active"
    assert "--yes" in run(tocsin, "delete", "local", code=ExitCode.USAGE)
    run(tocsin, "delete", "local", "--yes")
    assert "no source local" in run(tocsin, "show", "local", code=ExitCode.NO_INPUT)
    assert shown(tocsin, "socket")["state"] == "inactive"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("taken/x", "taken/x cannot be opened: a part of its path is no folder; name another\n"),
        ("", " is not a file; name one, such as tocsin.db in that folder\n"),
    ],
)
def test_a_store_that_cannot_be_is_refused_with_its_cure_alone(
    tocsin: Tocsin, tmp_path: Path, file: str, said: str
) -> None:
    (tmp_path / "taken").touch()
    done = tocsin.run("--db", str(tmp_path / file), "source", "list")
    assert done.returncode == ExitCode.UNAVAILABLE
    assert done.stderr.endswith(said)


def test_where_there_is_no_store_the_list_says_what_makes_one(tocsin: Tocsin) -> None:
    said = run(tocsin, "list", code=ExitCode.UNAVAILABLE)
    assert f"there is no store at {tocsin.db}; `tocsin`, or a command that adds something" in said
    assert not tocsin.db.exists()


@pytest.mark.parametrize("command", ["show", "edit", "pause", "unpause", "delete", "run"])
def test_an_unknown_name_is_told_with_the_way_to_the_list(tocsin: Tocsin, command: str) -> None:
    with access_of(tocsin):
        pass
    yes = ["--yes"] if command == "delete" else []
    said = run(tocsin, command, "hub", *yes, code=ExitCode.NO_INPUT)
    assert "no source hub; `tocsin source list` shows what there is" in said


# Looks


def test_two_looks_give_what_happened_between_them(tocsin: Tocsin, dump_file: Path) -> None:
    watch(tocsin, f"cat {dump_file}")
    assert look(tocsin) == {"accepted": 0, "repeated": 0}
    assert "1 peer on wg0" in run(tocsin, "show", "local")
    dump_file.write_text(dump(LATER))
    assert look(tocsin) == {"accepted": 1, "repeated": 0}
    assert look(tocsin) == {"accepted": 0, "repeated": 0}
    with access_of(tocsin) as desk:
        [event] = desk.call(reading.newest, EventType.ENDPOINT_STATS, limit=10)
    attributes = json.loads(event.body)["attributes"]
    assert (attributes["rx_delta"], attributes["tx_delta"]) == (1000, 1000)
    assert (attributes["rx_total"], attributes["tx_total"]) == (1404, 1348)


def test_the_source_shows_in_status(tocsin: Tocsin, dump_file: Path) -> None:
    watch(tocsin, f"cat {dump_file}")
    assert "source   local: active, 0 events, never looked" in tocsin.run("status").stdout
    look(tocsin)
    dump_file.write_text(dump(LATER))
    look(tocsin)
    source = local_in_status(tocsin)
    assert (source["kind"], source["accepted_events"], source["error"]) == ("wireguard", 1, None)
    assert source["last_ok"] is not None
    assert "source   local: active, 1 event, looked " in tocsin.run("status").stdout


def test_the_problem_is_within_the_width_of_a_terminal(tocsin: Tocsin, dump_file: Path) -> None:
    watch(tocsin, f"cat {dump_file}")
    look(tocsin)
    dump_file.write_text(dump(LATER))
    look(tocsin)
    run(tocsin, "edit", "local", "--command", "false")
    tocsin.run("source", "run", "local", "--once")
    header, local, _ = run(tocsin, "list").splitlines()
    assert local.count(" ago") == 2
    assert header.index("PROBLEM") < 70
    assert local[header.index("PROBLEM") :].startswith("it said nothing")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("false", "it said nothing: `false` failed with exit status 1"),
        ("no-such-program-here", "there is no program `no-such-program-here`"),
        ("echo hello", "`echo hello` printed no whole dump"),
    ],
)
def test_a_look_that_fails_says_why(tocsin: Tocsin, command: str, reason: str) -> None:
    watch(tocsin, command)
    done = tocsin.run("source", "run", "local", "--once")
    assert done.returncode == ExitCode.IO_ERROR
    assert done.stderr.startswith(f"tocsin: source local: {reason}")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    source = local_in_status(tocsin)
    assert reason in source["error"]
    assert (source["failures"], source["state"]) == (1, "failing")
    shown = json.loads(run(tocsin, "show", "local", "--json"))
    assert shown["error_at"] == source["error_at"] is not None
    check = tocsin.run("status", "--check")
    assert check.returncode == ExitCode.CHECK_FAILED
    assert reason in check.stdout


def test_a_source_that_fails_says_when_it_is_tried_again(tocsin: Tocsin, tmp_path: Path) -> None:
    watch(tocsin, "false")
    run(tocsin, "run", "local", "--once", code=ExitCode.IO_ERROR)
    told = re.compile(r"false` failed .*; tried again (in \d\S+ at the latest|now)$", re.M)
    assert not told.search(run(tocsin, "list")), "nobody is there to try"
    tocsin.start("worker", "run", log=tmp_path / "worker")
    eventually(lambda: local_in_status(tocsin)["failures"] > 1, "a look of the worker's")
    assert told.search(run(tocsin, "list"))
    assert told.search(run(tocsin, "show", "local"))
    assert told.search(tocsin.run("status").stdout)


def test_a_failed_look_forgets_nothing(tocsin: Tocsin, dump_file: Path) -> None:
    watch(tocsin, f"cat {dump_file}")
    look(tocsin)
    hidden = dump_file.rename(dump_file.with_name("hidden"))
    run(tocsin, "run", "local", "--once", code=ExitCode.IO_ERROR)
    hidden.unlink()
    dump_file.write_text(dump(LATER))
    assert look(tocsin) == {"accepted": 1, "repeated": 0}
    assert local_in_status(tocsin)["error"] is None


def test_what_only_takes_in_cannot_look_once(tocsin: Tocsin) -> None:
    run(tocsin, "add", "socket")
    said = run(tocsin, "run", "socket", "--once", code=ExitCode.IO_ERROR)
    assert "source socket: it waits for others to hand events in; run it without --once" in said


def test_a_full_disk_is_to_be_tried_again(tocsin: Tocsin, dump_file: Path) -> None:
    watch(tocsin, f"cat {dump_file}")
    done = tocsin.run("source", "run", "local", "--once", "--set", "min_free_disk=100TB")
    assert done.returncode == ExitCode.TEMPORARY
    assert "min_free_disk" in done.stderr


def test_an_outdated_store_must_be_upgraded_first(tocsin: Tocsin, dump_file: Path) -> None:
    watch(tocsin, f"cat {dump_file}")
    for arguments in (("run", "local", "--once"), ("add", "socket"), ("pause", "local")):
        done = newer(tocsin).run("source", *arguments)
        assert done.returncode == ExitCode.UNAVAILABLE
        assert "tocsin db upgrade" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watching_goes_on_until_a_signal_and_tells_what_it_added(
    tocsin: Tocsin, dump_file: Path, number: signal.Signals
) -> None:
    watch(tocsin, f"cat {dump_file}", "--every", "2s")
    run(tocsin, "pause", "local")
    once = tocsin.run("source", "run", "local", "--once")
    assert once.stderr == "source local is paused: it is run here all the same\n"
    watching = tocsin.start("source", "run", "local")
    changed = dump_file.with_name("changed")
    changed.write_text(dump(LATER))
    changed.replace(dump_file)
    with access_of(tocsin) as desk:
        eventually(
            lambda: desk.call(reading.heads)[EventType.ENDPOINT_STATS] == 1,
            "the event of the second look",
        )
    watching.send_signal(number)
    out, _ = watching.communicate(timeout=PATIENCE_S)
    assert watching.returncode == 0
    assert json.loads(out) == {"accepted": 1, "repeated": 0}


def test_watching_outlives_a_command_that_fails(tocsin: Tocsin, tmp_path: Path) -> None:
    log = tmp_path / "log"
    missing = tmp_path / "missing"
    watch(tocsin, f"cat {missing}", "--every", "2s")
    watching = tocsin.start("source", "run", "local", log=log)
    eventually(lambda: log.exists() and "source local: cat: " in log.read_text(), "a word")
    missing.write_text(dump(ALICE))
    eventually(lambda: local_in_status(tocsin)["error"] is None, "a good look")
    assert watching.poll() is None


def test_watching_says_how_it_ends_and_who_watches_too(
    tocsin: Tocsin, dump_file: Path, tmp_path: Path
) -> None:
    watch(tocsin, f"cat {dump_file}")
    log = tmp_path / "log"
    worker = tocsin.start("worker", "run", log=tmp_path / "worker")
    eventually(lambda: local_in_status(tocsin)["last_ok"] is not None, "a look of the worker's")
    watching = tocsin.start("source", "run", "local", log=log)
    eventually(lambda: log.exists() and log.read_text().count("\n") == 2, "two lines")
    first, second = log.read_text().splitlines()
    assert first == f"running source local for {tocsin.db}: Ctrl+C ends it; --once looks once"
    assert f"(pid {worker.pid}) runs it too: what one has told" in second
    assert watching.poll() is None
