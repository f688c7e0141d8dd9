"""`tocsin event`: what is taken in which form, what is refused, and what the lists show."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from domain.event_types import EventType
from domain.times import rfc3339
from store.events import reading
from store.queue import delivery_requests
from tests.support.program import ROOT, Tocsin
from tests.support.program_store import access_of, newer
from tests.support.stores import ACTOR, event, events, fields
from tests.support.waiting import PATIENCE_S, eventually

SAMPLES = ROOT / "tests/data/samples"
ALERT = '{"type":"alerts","id":"%s","attributes":{"created":"2026-11-24T08:00:00Z","n":%d}}'


def line(name: str, number: int = 0) -> str:
    """A complete alert as one line of JSON."""
    return ALERT % (name, number) + "\n"


def emit(tocsin: Tocsin, text: str, *options: str) -> tuple[int, Any, str]:
    """The exit code, the answer and stderr of `event emit` with `text` on stdin."""
    done = tocsin.run("event", "emit", *options, stdin=text)
    return done.returncode, json.loads(done.stdout), done.stderr


def stored(tocsin: Tocsin, type_: EventType = EventType.ALERTS) -> list[str]:
    """The ids in the store, in the order of acceptance."""
    with access_of(tocsin) as desk:
        return [found.id for found in desk.call(reading.after, type_, 0, limit=100_000)]


def answer(accepted: int, repeated: int = 0) -> dict[str, int]:
    return {"accepted": accepted, "repeated": repeated}


@pytest.mark.parametrize("type_", EventType)
def test_each_sample_goes_through_unchanged_in_meaning(tocsin: Tocsin, type_: EventType) -> None:
    file = SAMPLES / f"{type_.value}.json"
    for expected in (answer(1), answer(0, 1)):
        done = tocsin.run("event", "emit", str(file))
        assert (done.returncode, json.loads(done.stdout)) == (ExitCode.OK, expected)
    [sample] = json.loads(file.read_text())
    shown = tocsin.run("event", "show", type_.value, sample["id"], "--json")
    assert json.loads(shown.stdout)["event"] == sample


@pytest.mark.usefixtures("made")
def test_one_object_is_taken(tocsin: Tocsin) -> None:
    assert emit(tocsin, line("a").rstrip()) == (ExitCode.OK, answer(1), "")
    assert stored(tocsin) == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(json.loads(ALERT % ("a", 1)), indent=2),
        "\n\n" + (ALERT % ("a", 1)).replace(",", ",\n") + "\n",
        "[" + ALERT % ("a", 1) + "]",
        "[\n" + ALERT % ("a", 1) + "\n]\n",
    ],
)
@pytest.mark.usefixtures("made")
def test_a_document_may_have_several_lines(tocsin: Tocsin, text: str) -> None:
    assert emit(tocsin, text) == (ExitCode.OK, answer(1), "")
    assert stored(tocsin) == ["a"]


@pytest.mark.usefixtures("made")
def test_an_array_is_read_whole_or_refused_and_each_event_of_it_stands_alone(
    tocsin: Tocsin,
) -> None:
    good = ALERT % ("a", 1)
    code, counts, errors = emit(tocsin, f'[{good},{{"type":"nope","attributes":{{}}}}]')
    assert (code, counts) == (ExitCode.BAD_DATA, answer(0))
    assert errors.startswith('tocsin: event 2 of 2, type: unknown type "nope"')
    assert stored(tocsin) == []
    assert emit(tocsin, f"[{good},{good}]") == (ExitCode.OK, answer(1, 1), "")
    text = f"[{ALERT % ('b', 1)},{ALERT % ('a', 2)},{ALERT % ('c', 1)}]"
    for counted in (answer(2), answer(0, 2)):
        code, counts, errors = emit(tocsin, text)
        assert (code, counts) == (ExitCode.BAD_DATA, counted)
        assert errors.startswith("event 2 of 3: id a: its id is known already with another body")
    assert stored(tocsin) == ["a", "b", "c"]


@pytest.mark.usefixtures("made")
def test_one_line_that_is_no_json_is_refused_in_the_singular(tocsin: Tocsin) -> None:
    code, _, errors = emit(tocsin, "hello")
    assert code == ExitCode.BAD_DATA
    assert errors.splitlines() == [
        "line 1: byte 0: not JSON: expected a value here",
        "1 of 1 line was refused.",
    ]


@pytest.mark.usefixtures("made")
def test_what_is_no_text_is_replaced_and_counted(tocsin: Tocsin) -> None:
    bad = '{"type":"alerts","id":"x","attributes":{"user":"root\\u0000\\ud800"}}\n'
    for counted in (answer(2), answer(0, 2)):
        assert emit(tocsin, bad + line("a")) == (ExitCode.OK, counted | {"sanitized": 1}, "")
    shown = json.loads(tocsin.run("event", "show", "alerts", "x", "--json").stdout)
    assert shown["event"]["attributes"]["user"] == "root\ufffd\ufffd"
    code, counts, errors = emit(tocsin, bad.replace('"x"', '"x\\u0000"') + line("b"))
    assert (code, counts) == (ExitCode.BAD_DATA, answer(1))
    assert errors.startswith("line 1: id: contains the character NUL")
    assert stored(tocsin) == ["x", "a", "b"]


@pytest.mark.usefixtures("made")
def test_a_document_that_is_too_large_is_refused(tocsin: Tocsin, tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    with file.open("wb") as large:
        large.write(b"[")
        large.truncate(64_000_001)
    done = tocsin.run("event", "emit", str(file))
    assert (done.returncode, json.loads(done.stdout)) == (ExitCode.BAD_DATA, answer(0))
    assert done.stderr == (
        "tocsin: the document is larger than 64.0 MB: send its events as JSON lines instead\n"
    )


@pytest.mark.usefixtures("made")
def test_json_lines_take_the_good_and_name_the_bad(tocsin: Tocsin) -> None:
    text = (
        line("a")
        + "nope\n"
        + "\n"
        + '{"type":"alerts","attributes":{"created":"yesterday"}}\r\n'
        + line("a")
        + line("a", 7)
        + line("b").rstrip()
    )
    code, counts, errors = emit(tocsin, text)
    assert (code, counts) == (ExitCode.BAD_DATA, answer(2, 1))
    told = errors.splitlines()
    assert told[0] == "line 2: byte 0: not JSON: expected a value here"
    assert told[1].startswith('line 4: attributes.created: "yesterday" is not')
    assert told[2].startswith("line 6: id a: its id is known already with another body")
    assert told[3:] == ["3 of 7 lines were refused."]
    assert stored(tocsin) == ["a", "b"]


@pytest.mark.usefixtures("made")
def test_lines_keep_their_numbers_and_order_across_chunks(tocsin: Tocsin, tmp_path: Path) -> None:
    padding = "x" * 3_000
    lines = [ALERT % (f"e{n}", n) for n in range(4_000)]
    lines[3_500] = '{"type":"alerts","attributes":{"text":"' + padding + '"},"id":""}'
    lines = [text.replace('"n":', f'"text":"{padding}","n":') for text in lines]
    file = tmp_path / "many.jsonl"
    file.write_text("\n".join(lines))
    done = tocsin.run("event", "emit", str(file))
    assert (done.returncode, json.loads(done.stdout)) == (ExitCode.BAD_DATA, answer(3_999))
    assert done.stderr.startswith('line 3501: id: "" is no id')
    assert stored(tocsin) == [f"e{n}" for n in range(4_000) if n != 3_500]


@pytest.mark.usefixtures("made")
def test_a_line_without_end_is_refused_and_the_next_one_taken(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    file = tmp_path / "long.jsonl"
    file.write_text(line("a") + '{"x":"' + "y" * 10_000_000 + '"}\n' + line("b") + "nope\n")
    done = tocsin.run("event", "emit", str(file))
    assert (done.returncode, json.loads(done.stdout)) == (ExitCode.BAD_DATA, answer(2))
    assert [text.split(":")[0] for text in done.stderr.splitlines()[:2]] == ["line 2", "line 4"]
    assert stored(tocsin) == ["a", "b"]


def test_a_missing_file_is_named(tocsin: Tocsin, tmp_path: Path) -> None:
    for name in (tmp_path / "none", tmp_path):
        done = tocsin.run("event", "emit", str(name))
        assert done.returncode == ExitCode.NO_INPUT
        assert done.stderr.startswith(f"tocsin: {name}: ")


def test_little_disk_stops_all_but_sign_ins(tocsin: Tocsin) -> None:
    short = ("--set", "min_free_disk=90TB")
    code, counts, errors = emit(tocsin, line("a"), *short)
    assert (code, counts) == (ExitCode.TEMPORARY, answer(0))
    assert "less than min_free_disk" in errors
    assert "nothing was taken from line 1 on" in errors
    assert emit(tocsin, f"[{ALERT % ('a', 1)}]", *short)[:2] == (ExitCode.TEMPORARY, answer(0))
    sign_in = '{"type":"log_authn","attributes":{}}'
    assert emit(tocsin, sign_in, *short) == (ExitCode.OK, answer(1), "")
    assert stored(tocsin) == []


def test_an_older_store_takes_nothing(tocsin: Tocsin) -> None:
    assert emit(tocsin, line("a"))[0] == ExitCode.OK
    done = newer(tocsin).run("event", "emit", stdin=line("b"))
    assert done.returncode == ExitCode.UNAVAILABLE
    assert "run `tocsin db upgrade`" in done.stderr
    assert stored(tocsin) == ["a"]


class Pipe:
    """A running `event emit` that reads from a pipe which stays open."""

    def __init__(self, tocsin: Tocsin, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        self.tocsin = tocsin
        self.process = tocsin.start("event", "emit", str(path))
        self._writer = os.open(path, os.O_WRONLY)

    def write(self, text: str) -> None:
        os.write(self._writer, text.encode())

    def wait_for(self, *ids: str) -> None:
        """Wait until exactly these are in the store."""
        eventually(lambda: stored(self.tocsin) == list(ids), f"{ids} are stored")

    def close(self) -> None:
        os.close(self._writer)

    def end(self) -> tuple[int, Any, str]:
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, json.loads(out), err


@pytest.mark.usefixtures("made")
def test_a_pipe_is_taken_as_it_comes(tocsin: Tocsin, tmp_path: Path) -> None:
    pipe = Pipe(tocsin, tmp_path)
    pipe.write(line("a"))
    pipe.wait_for("a")
    pipe.write(line("b") + line("c")[:20])
    pipe.wait_for("a", "b")
    pipe.write(line("c")[20:-1])
    pipe.close()
    assert pipe.end() == (ExitCode.OK, answer(3), "")
    assert stored(tocsin) == ["a", "b", "c"]


@pytest.mark.usefixtures("made")
def test_a_pipe_goes_on_behind_a_line_that_breaks_readers(tocsin: Tocsin, tmp_path: Path) -> None:
    pipe = Pipe(tocsin, tmp_path)
    pipe.write(line("a") + '{"a":' + "9" * 5_000 + "x\n")
    pipe.wait_for("a")
    pipe.write(line("b"))
    pipe.wait_for("a", "b")
    pipe.close()
    code, counts, errors = pipe.end()
    assert (code, counts) == (ExitCode.BAD_DATA, answer(2))
    assert errors.startswith("line 2: byte 5005: not JSON")


@pytest.mark.usefixtures("made")
def test_a_document_may_come_slowly(tocsin: Tocsin, tmp_path: Path) -> None:
    pipe = Pipe(tocsin, tmp_path)
    for part in ("[", ALERT % ("a", 1), ",\n", ALERT % ("b", 2), "]"):
        pipe.write(part)
    pipe.close()
    assert pipe.end() == (ExitCode.OK, answer(2), "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.usefixtures("made")
def test_a_signal_ends_it_with_what_is_on_disk(
    tocsin: Tocsin, tmp_path: Path, number: signal.Signals
) -> None:
    pipe = Pipe(tocsin, tmp_path)
    pipe.write(line("a") + line("b")[:-1])
    pipe.wait_for("a")
    pipe.process.send_signal(number)
    code, counts, errors = pipe.end()
    assert (code, counts) == (ExitCode.INTERRUPTED, answer(1))
    assert errors.startswith("Interrupted: the rest was not read.")
    assert stored(tocsin) == ["a"]
    pipe.close()


@pytest.mark.usefixtures("made")
def test_a_reader_that_went_away_costs_no_event(tocsin: Tocsin, tmp_path: Path) -> None:
    pipe = Pipe(tocsin, tmp_path)
    assert pipe.process.stdout is not None
    pipe.process.stdout.close()
    pipe.write(line("a"))
    pipe.close()
    assert pipe.process.wait(timeout=PATIENCE_S) == ExitCode.BROKEN_PIPE
    assert stored(tocsin) == ["a"]


def test_emit_loads_nothing_of_delivery_and_no_cryptography(tocsin: Tocsin) -> None:
    assert emit(tocsin, line("a"))[0] == ExitCode.OK
    script = (
        "import sys; from cli.main import run; code = run(sys.argv[1:]); "
        "heavy = {'cryptography', 'httpx', 'delivery', 'textual'} & set(sys.modules); "
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, "--db", str(tocsin.db), "event", "emit"],
        input=line("b"),
        env={"PYTHONPATH": str(ROOT), "HOME": str(tocsin.home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_list_shows_the_newest_of_all_types_oldest_first(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        for number in range(1, 6):
            desk.now_ms += 1_000
            type_ = EventType.ALERTS if number % 2 else EventType.LOG_AUTHN
            desk.append(event(number, type_))
        third_ms = desk.now_ms - 2_000
    listed = json.loads(tocsin.run("event", "list", "--limit", "3", "--json").stdout)
    assert [one["id"] for one in listed] == ["e3", "e4", "e5"]
    assert [one["seq"] for one in listed] == [2, 2, 3]
    alerts = json.loads(tocsin.run("event", "list", "--type", "alerts", "--json").stdout)
    assert [one["id"] for one in alerts] == ["e1", "e3", "e5"]
    time = rfc3339(third_ms)
    newer_ones = json.loads(tocsin.run("event", "list", "--since", time, "--json").stdout)
    assert [one["id"] for one in newer_ones] == ["e3", "e4", "e5"]


def test_search_finds_what_the_screen_finds(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.append(event(1, text="Roof"), event(2, text="cellar"), event(3, text="roof_2"))
        desk.append(event(4, EventType.LOG_CHANGES, text="a roof"))
    for options, expected in (
        (("--search", "roof"), ["e1", "e3", "e4"]),
        (("--search", "roof", "--type", "alerts"), ["e1", "e3"]),
        (("--search", "roof", "--limit", "2"), ["e3", "e4"]),
        (("--search", "!roof"), ["e2"]),
        (("--search", "roof_"), ["e3"]),
        (("--search", "e2"), ["e2"]),
        (("--search", "roof", "--since", "2999-01-01T00:00:00Z"), []),
    ):
        listed = json.loads(tocsin.run("event", "list", "--json", *options).stdout)
        assert [one["id"] for one in listed] == expected, options


def test_follow_goes_on_with_what_is_searched_for(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.append(event(1, text="roof"))
        process = tocsin.start("event", "list", "--follow", "--json", "--search", "roof")
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["id"] == "e1"
        desk.append(event(2, text="cellar"), event(3, text="roof"))
        assert json.loads(process.stdout.readline())["id"] == "e3"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE_S) == ExitCode.INTERRUPTED


def test_list_in_words_and_when_empty(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        empty = tocsin.run("event", "list", "--json")
        assert json.loads(empty.stdout) == []
        desk.append(event(1, text="\x1b]52;evil"))
    header, row = tocsin.run("event", "list").stdout.splitlines()
    assert header.split() == ["ACCEPTED", "TYPE", "ID", "EVENT"]
    assert row.split()[1:3] == ["alerts", "e1"]
    assert "\x1b" not in row
    assert tocsin.run("event", "list", "--limit", "9" * 30).returncode == ExitCode.OK


def test_list_tells_the_kind_of_an_alert_within_the_width_of_a_terminal(tocsin: Tocsin) -> None:
    attributes = {
        "created": "2026-11-27T10:18:27Z",
        "danger": 5,
        "params": {"count": 5, "host": "gateway", "ip": "192.0.2.2"},
        "suppress_until": "2026-11-28T10:18:26Z",
        "type": "authn_failures",
    }
    emit(tocsin, json.dumps({"type": "alerts", "id": "a", "attributes": attributes}))
    _, row = tocsin.run("event", "list").stdout.splitlines()
    assert row.endswith("alerts  a   danger 5  authn_failures  gateway  192.0.2.2  count 5")


def test_json_keeps_the_spelling_of_numbers_and_is_plain_ascii(tocsin: Tocsin) -> None:
    body = '{"type":"alerts","id":"a","attributes":{"n":10.10,"big":%s,"text":"é\u202e😀\x7f"}}'
    assert emit(tocsin, body % ("9" * 40))[0] == ExitCode.OK
    for command in (("list",), ("show", "alerts", "a")):
        text = tocsin.run("event", *command, "--json").stdout
        assert text.isascii()
        assert '"n":10.10' in text
        assert "9" * 40 in text
        shown = json.loads(text)
        found = shown["event"] if isinstance(shown, dict) else shown[0]["event"]
        assert found["attributes"]["text"] == "é\u202e😀\x7f"


def test_follow_shows_new_events(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.append(event(1))
        process = tocsin.start("event", "list", "--follow", "--json")
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["id"] == "e1"
        desk.append(event(2, EventType.LOG_CHANGES))
        assert json.loads(process.stdout.readline())["id"] == "e2"
        desk.append(*events(3, 4))
        assert [json.loads(process.stdout.readline())["id"] for _ in "34"] == ["e3", "e4"]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE_S) == ExitCode.INTERRUPTED


def test_show_tells_who_carried_it(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.append(event(1))
        alone = tocsin.run("event", "show", "alerts", "e1")
        assert alone.stdout.startswith("Alerts number 1, accepted ")
        assert '"id": "e1"' in alone.stdout
        assert alone.stdout.endswith("No delivery has carried it so far.\n")
        webhook = desk.add(fields(), start=0)
        desk.end(desk.started(webhook), 200)
    shown = tocsin.run("event", "show", "alerts", "e1").stdout
    assert "msg_1" in shown
    assert "delivered" in shown
    as_json = json.loads(tocsin.run("event", "show", "alerts", "e1", "--json").stdout)
    assert as_json["deliveries"] == [{"id": "msg_1", "webhook": 1, "state": "delivered"}]
    assert as_json["waiting"] == []


def test_show_tells_which_webhooks_wait_for_it(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        webhook = desk.add(fields(name="siem"), start=0)
        desk.append(event(1), event(2))
        desk.end(desk.started(webhook), 503)
        desk.call(delivery_requests.reseal, "msg_1", ACTOR, desk.now_ms, idle=True, without=1)
        desk.add(fields(name="later"), start=0)
        shown = tocsin.run("event", "show", "e1").stdout
        as_json = json.loads(tocsin.run("event", "show", "e1", "--json").stdout)
        desk.call(delivery_requests.release, 1, EventType.ALERTS, 1, ACTOR, desk.now_ms)
        released = tocsin.run("event", "show", "e1").stdout
    rows = [re.split(r" {2,}", line.strip()) for line in shown.splitlines()]
    assert ["-", "1", "in quarantine", "-"] in rows
    assert ["-", "2", "waits: queued", "-"] in rows
    assert shown.endswith("`tocsin webhook release 1 e1` sends it out of quarantine.\n")
    assert as_json["waiting"] == [
        {"webhook": 2, "state": "queued"},
        {"webhook": 1, "state": "in quarantine"},
    ]
    assert "released, about to be sent" in released
    assert "webhook release" not in released


def test_show_of_an_unknown_event(tocsin: Tocsin) -> None:
    assert emit(tocsin, line("a"))[0] == ExitCode.OK
    done = tocsin.run("event", "show", "log_authn", "a")
    assert done.returncode == ExitCode.NO_INPUT
    assert done.stderr == "tocsin: no event a of type log_authn is kept\n"


@pytest.mark.parametrize(
    "words",
    [
        "event emit",
        "webhook add --type alerts --url https://siem.example/",
        "config set interval 5m",
    ],
)
def test_a_command_that_makes_a_store_says_where_once(tocsin: Tocsin, words: str) -> None:
    tocsin.db = tocsin.home / "mistyped" / "tocsin.db"
    first, again = (tocsin.run(*words.split(), stdin=line("a")) for _ in "12")
    note = f"Made a new store at {tocsin.db}.\n"
    assert (first.returncode, again.returncode) == (ExitCode.OK, ExitCode.OK)
    assert note not in first.stdout
    assert first.stderr.startswith(note)
    assert "new store" not in again.stderr


def test_lists_make_no_store(tocsin: Tocsin) -> None:
    for command in (("event", "list"), ("delivery", "list"), ("webhook", "list")):
        done = tocsin.run(*command)
        assert done.returncode == ExitCode.UNAVAILABLE
        assert "there is no store" in done.stderr
    assert not tocsin.db.exists()


def test_an_id_that_one_type_has_is_enough(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.append(event(1), event(2), event(2, EventType.LOG_AUTHN))
    named = tocsin.run("event", "show", "alerts", "e1", "--json")
    for words in ("e1 --json", "--json e1", "alerts --json e1", "--json alerts e1"):
        assert tocsin.run("event", "show", *words.split()).stdout == named.stdout, words
    several = tocsin.run("event", "show", "e2")
    assert several.returncode == ExitCode.BAD_DATA
    first, *lines = several.stderr.splitlines()
    assert first == (
        "tocsin: 2 events have the id e2: name the type, as `tocsin event show alerts e2`"
    )
    assert [line.split(":")[1].strip() for line in lines] == [
        "alerts number 2",
        "log_authn number 1",
    ]
    assert "log_authn" in tocsin.run("event", "show", "log_authn", "e2", "--json").stdout
    missing = tocsin.run("event", "show", "none")
    assert missing.returncode == ExitCode.NO_INPUT
    assert "no event none is kept" in missing.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("alert e1", "alert is no type of event: choose from alerts, "),
        ("alerts e1 e2", "one event is shown at a time"),
        ("alerts --bogus e1", "unrecognized arguments: --bogus e1"),
        ("--json", "the following arguments are required: [TYPE] ID"),
    ],
)
def test_what_names_no_event_is_refused(tocsin: Tocsin, words: str, said: str) -> None:
    done = tocsin.run("event", "show", *words.split())
    assert done.returncode == ExitCode.USAGE
    assert said in done.stderr


@pytest.mark.parametrize("text", ["", "\n \n", "[]", "[ ]\n"])
@pytest.mark.usefixtures("made")
def test_an_input_without_events_says_so(tocsin: Tocsin, text: str) -> None:
    done = tocsin.run("event", "emit", "-", stdin=text)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"accepted": 0, "repeated": 0})
    assert done.stderr == "There was no event in stdin: nothing was queued.\n"


def test_an_empty_socket_name_is_not_the_store(tocsin: Tocsin) -> None:
    done = tocsin.run("event", "emit", "-", "--socket", "", stdin="")
    assert done.returncode == 2
    assert "--socket: it is empty; name a socket, or leave it out" in done.stderr
    assert not tocsin.db.exists()
