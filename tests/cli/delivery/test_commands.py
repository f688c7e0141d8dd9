"""`tocsin delivery`: what the lists show, and what retry, skip and reseal do to the store."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
from typing import Any

import pytest
from msgspec.structs import replace

from cli.exit_codes import ExitCode
from store import audit
from store.workers import SendingLock
from tests.support.program import ROOT, Tocsin
from tests.support.program_store import access_of, change_store, enter_worker, free_locks, newer
from tests.support.stores import MINUTE, Desk, event, events, fields
from tests.support.waiting import PATIENCE_S

SECRET = "whsec_" + "QUJD" * 10
ANSWER_EVIL = (
    "UPDATE attempt SET answer_body = x'1b5d35323b633b6576696c07', "
    "detail = char(27) || ']52;c;evil' || char(7)"
)


def failing(desk: Desk, count: int = 3) -> int:
    """A webhook whose delivery of some events was answered 503 once."""
    webhook = desk.add(fields(name="siem"))
    desk.append(*events(1, count))
    desk.end(desk.started(webhook), 503)
    return webhook


def delivered_and_pending(desk: Desk) -> None:
    """Two webhooks: the first got its delivery, that of the second failed."""
    first, second = desk.add(fields(name="ok")), desk.add(fields(name="siem"))
    desk.append(*events(1, 2))
    desk.end(desk.started(first), 200)
    desk.now_ms += MINUTE
    desk.end(desk.started(second), None)


def listed(tocsin: Tocsin, *options: str) -> list[str]:
    """The ids that `delivery list --json` gives."""
    done = tocsin.run("delivery", "list", "--json", *options)
    assert done.returncode == ExitCode.OK, done.stderr
    return [one["id"] for one in json.loads(done.stdout)]


def shown(tocsin: Tocsin, delivery: str) -> Any:
    """Return what `delivery show --json` says."""
    done = tocsin.run("delivery", "show", delivery, "--json")
    assert done.returncode == ExitCode.OK, done.stderr
    return json.loads(done.stdout)


def test_list_filters(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.now_ms -= 10 * MINUTE
        delivered_and_pending(desk)
    for options, expected in (
        ((), ["msg_1", "msg_2"]),
        (("--webhook", "siem"), ["msg_2"]),
        (("--webhook", "1"), ["msg_1"]),
        (("--state", "pending"), ["msg_2"]),
        (("--state", "skipped"), []),
        (("--since", "9m30s"), ["msg_2"]),
        (("--until", "9m30s"), ["msg_1"]),
        (("--limit", "1"), ["msg_2"]),
        (("--limit", "9" * 30), ["msg_1", "msg_2"]),
    ):
        assert listed(tocsin, *options) == expected, options


def test_the_filter_of_the_screen_finds_the_same_here(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.now_ms -= 10 * MINUTE
        delivered_and_pending(desk)
        unnamed = desk.add(replace(fields(), url="https://pager.example.com/in"))
        desk.append(*events(11, 12))
        desk.end(desk.started(unnamed), 503)
    for words, expected in (
        ("state:failing", ["msg_2", "msg_3"]),
        ("state:failing !status:5xx", ["msg_2"]),
        ("webhook:siem since:1h", ["msg_2"]),
        ("!webhook:siem", ["msg_1", "msg_3"]),
        ("status:2xx", ["msg_1"]),
        ("pager.example", ["msg_3"]),
        ("refused", ["msg_2"]),
        ("!refused type:alerts", ["msg_1", "msg_3"]),
        ("since:5m", []),
    ):
        assert listed(tocsin, "--filter", words) == expected, words
    assert listed(tocsin, "--filter", "state:failing", "--webhook", "siem") == ["msg_2"]
    assert listed(tocsin, "--filter", "state:failing", "--limit", "1") == ["msg_3"]


def test_a_filter_that_cannot_be_read_says_what_to_write(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
    done = tocsin.run("delivery", "list", "--filter", "status:good")
    assert done.returncode == ExitCode.USAGE
    assert "--filter: good is no status: write it like 503 or 5xx" in done.stderr


def test_follow_shows_what_comes_to_fit_the_filter(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        webhook = failing(desk)
        process = tocsin.start("delivery", "list", "--follow", "--json", "--filter", "status:2xx")
        other = tocsin.start("delivery", "list", "--follow", "--json", "--filter", "status:5xx")
        assert process.stdout is not None
        assert other.stdout is not None
        assert json.loads(other.stdout.readline())["attempts"] == 1
        desk.end(desk.started(webhook), 200)
        assert json.loads(process.stdout.readline())["state"] == "delivered"
    for one in (process, other):
        one.send_signal(signal.SIGINT)
        assert one.wait(timeout=PATIENCE_S) == ExitCode.INTERRUPTED


def test_list_of_a_webhook_that_is_gone(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
    tocsin.run("webhook", "delete", "1", "--yes")
    assert listed(tocsin, "--webhook", "siem") == ["msg_1"]
    change_store(tocsin.db, "UPDATE webhook SET erased_ms = 1, name = NULL")
    assert listed(tocsin, "--webhook", "1") == ["msg_1"]
    for reference in ("2", "siem", "9" * 40):
        done = tocsin.run("delivery", "list", "--webhook", reference)
        assert done.returncode == ExitCode.NO_INPUT


def test_list_in_words(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        delivered_and_pending(desk)
    header, first, second = tocsin.run("delivery", "list").stdout.splitlines()
    assert header.split()[:3] == ["SEALED", "ID", "WEBHOOK"]
    assert first.split()[1:5] == ["msg_1", "1", "alerts", "delivered"]
    assert first.split()[-1] == "200"
    assert second.split()[-1] == "refused"


def test_show_json_has_every_field(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        body = desk.started(1).body
    lock = SendingLock(tocsin.db)
    assert lock.acquire()
    delivery = shown(tocsin, "msg_1")
    lock.release()
    history = delivery.pop("history")
    for name in ("sealed", "sending_since", "next_attempt"):
        assert delivery.pop(name).endswith("Z")
    assert delivery == {
        "id": "msg_1",
        "webhook": 1,
        "type": "alerts",
        "state": "pending",
        "events": 3,
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "attempts": 2,
        "reason": "attempt 2, interval 3m",
        "asked": None,
        "blocked": None,
        "last_status": 503,
        "last_error": None,
        "ended": None,
        "ended_by": None,
    }
    assert history[0].pop("started").endswith("Z")
    assert history == [
        {
            "number": 1,
            "url": "https://example.com/hook",
            "revision": 1,
            "duration_ms": 40,
            "status": 503,
            "error": None,
            "detail": "answered 503",
            "answer_headers": ["Server: test"],
            "answer_body": "ok",
            "worker": "worker-1",
        }
    ]


def test_show_in_words_is_safe(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        desk.end(desk.started(1), None)
    change_store(tocsin.db, ANSWER_EVIL)
    text = tocsin.run("delivery", "show", "msg_1").stdout
    assert "\x1b" not in text
    assert "\\x1b]52;c;evil\\x07" in text
    assert "next attempt" in text
    assert "(attempt 3, interval 3m)" in text
    assert [line.split()[1] for line in text.splitlines() if line.startswith("attempt ")] == [
        "1",
        "2",
    ]


def test_body_is_exactly_what_is_sent(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        webhook = desk.add(fields(extra_fields=(("source", "tocsin"),)))
        desk.append(event(1, text="é"), event(2))
        work = desk.started(webhook)
    done = subprocess.run(
        [*tocsin.command, "--db", str(tocsin.db), "delivery", "show", "msg_1", "--body"],
        env={"HOME": str(tocsin.home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.OK, work.body, b"")


def test_a_body_that_was_tampered_with_is_told(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
    change_store(tocsin.db, "UPDATE event SET body = CAST('{}' AS BLOB) WHERE key & 0xffff = 2")
    done = tocsin.run("delivery", "show", "msg_1", "--body")
    assert done.returncode == ExitCode.CHECK_FAILED
    assert "not the bytes that msg_1 was sealed with" in done.stderr


def test_retry_makes_it_due_now(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        done = tocsin.run("delivery", "retry", "msg_1")
        assert done.returncode == ExitCode.OK
        assert done.stderr == (
            "The next attempt of msg_1 is due now.\n"
            "No worker is running: `tocsin worker` starts one.\n"
        )
        delivery = desk.delivery("msg_1")
        assert delivery.next_attempt_ms is not None
        assert delivery.next_attempt_ms < desk.now_ms + MINUTE
        assert delivery.reason.startswith("attempt 2, asked by ")
        enter_worker(desk)
        tocsin.run("webhook", "pause", "siem")
        paused = tocsin.run("delivery", "retry", "msg_1").stderr
        free_locks()
        killed = tocsin.run("delivery", "retry", "msg_1").stderr
    assert "webhook 1 (siem) is inactive" in paused
    assert "No worker is running" not in paused
    assert "No worker is running" in killed


def test_retry_cuts_no_attempt_in_flight(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        lock = SendingLock(tocsin.db)
        assert lock.acquire()
        work = desk.started(1)
        done = tocsin.run("delivery", "retry", "msg_1")
        assert done.returncode == ExitCode.OK
        assert done.stderr.startswith("An attempt is in flight: this is applied when it is over")
        desk.end(work, 503)
        assert desk.delivery("msg_1").next_attempt_ms == desk.now_ms
        lock.release()


@pytest.mark.parametrize("most", ["100001", "999999999999999999"])
def test_a_reseal_takes_as_many_events_as_the_setting_does(tocsin: Tocsin, most: str) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        done = tocsin.run("delivery", "reseal", "msg_1", "--max-events", most, "--yes")
        assert done.returncode == ExitCode.BAD_DATA
        assert "max_events" in done.stderr
        assert "from 1 to 100000" in done.stderr
        assert desk.delivery("msg_1").state == "pending"


@pytest.mark.parametrize("command", ["skip", "reseal"])
def test_what_ends_a_delivery_asks_first(tocsin: Tocsin, command: str) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        asked = tocsin.run("delivery", command, "msg_1")
        assert asked.returncode == ExitCode.USAGE
        assert "delivery msg_1 of webhook 1 with 3 events" in asked.stderr
        assert "Nothing was done: add --yes" in asked.stderr
        assert desk.delivery("msg_1").state == "pending"
        assert not [one for one in desk.call(audit.changes) if one.action.startswith("delivery")]


def test_skip_gives_up_and_counts(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        done = tocsin.run("delivery", "skip", "msg_1", "--yes")
        assert done.returncode == ExitCode.OK
        assert done.stderr == "Skipped delivery msg_1 of webhook 1 with 3 events.\n"
        assert desk.delivery("msg_1").state == "skipped"
        assert desk.status(1).skipped_events == 3
        again = tocsin.run("delivery", "skip", "msg_1", "--yes")
        assert again.returncode == ExitCode.CHECK_FAILED
        assert "delivery msg_1 is skipped" in again.stderr
        assert SendingLock(tocsin.db).acquire()


@pytest.mark.parametrize("status", [200, 503])
def test_skip_waits_for_the_attempt_in_flight(tocsin: Tocsin, status: int) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        lock = SendingLock(tocsin.db)
        assert lock.acquire()
        work = desk.started(1)
        done = tocsin.run("delivery", "skip", "msg_1", "--yes")
        assert done.returncode == ExitCode.OK
        assert done.stderr.startswith("An attempt is in flight: this is applied when it is over")
        assert desk.delivery("msg_1").state == "pending"
        assert shown(tocsin, "msg_1")["asked"] == "skip"
        desk.end(work, status)
        assert desk.delivery("msg_1").state == ("delivered" if status == 200 else "skipped")
        lock.release()


def test_skip_of_what_a_dead_worker_left_in_flight_is_done_at_once(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        desk.started(1)
        assert tocsin.run("delivery", "skip", "msg_1", "--yes").stderr.startswith("Skipped ")
        assert desk.delivery("msg_1").state == "skipped"


def test_reseal_in_smaller_requests(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        done = tocsin.run("delivery", "reseal", "msg_1", "--max-events", "2", "--yes")
        assert done.returncode == ExitCode.OK
        assert done.stderr == (
            "Ended delivery msg_1 of webhook 1 with 3 events; they are sealed anew.\n"
        )
        assert desk.delivery("msg_1").state == "resealed"
        work = desk.started(1)
        assert (work.public_id, work.count) == ("msg_2", 2)


def test_reseal_without_an_event(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
        unknown = tocsin.run("delivery", "reseal", "msg_1", "--without", "e9", "--yes")
        assert unknown.returncode == ExitCode.NO_INPUT
        assert "event e9 is not in delivery msg_1" in unknown.stderr
        done = tocsin.run("delivery", "reseal", "msg_1", "--without", "e2", "--yes")
        assert done.returncode == ExitCode.OK
        assert "Event e2 is set aside: `tocsin webhook release 1 e2` sends it." in done.stderr
        assert desk.status(1).quarantined_events == 1
        assert desk.started(1).count == 2


@pytest.mark.parametrize(
    ("count", "options", "asked", "done"),
    [
        (
            2,
            ("--max-events", "1"),
            "with 2 events, and seal them anew under new ids, at most 1 a request? "
            "A receiver that took some of them already gets those twice.",
            "with 2 events; they are sealed anew.",
        ),
        (
            1,
            (),
            "with 1 event, and seal it anew under a new id? "
            "A receiver that took it already gets it twice.",
            "with 1 event; it is sealed anew.",
        ),
        (
            2,
            ("--without", "e1"),
            "with 2 events, and seal the other, without event e1, anew under a new id? "
            "A receiver that took it already gets it twice.",
            "with 2 events; the other is sealed anew.",
        ),
        (
            3,
            ("--without", "e1"),
            "with 3 events, and seal the others, without event e1, anew under new ids? "
            "A receiver that took some of them already gets those twice.",
            "with 3 events; the others are sealed anew.",
        ),
        (
            1,
            ("--without", "e1"),
            "with 1 event, and set event e1 aside? Nothing is sealed anew.",
            "with 1 event.",
        ),
    ],
)
def test_a_reseal_speaks_of_as_many_events_as_there_are(
    tocsin: Tocsin, count: int, options: tuple[str, ...], asked: str, done: str
) -> None:
    with access_of(tocsin) as desk:
        failing(desk, count)
    reseal = ("delivery", "reseal", "msg_1", *options)
    assert f"End delivery msg_1 of webhook 1 {asked}" in tocsin.run(*reseal).stderr
    said = tocsin.run(*reseal, "--yes").stderr
    assert said.splitlines()[0] == f"Ended delivery msg_1 of webhook 1 {done}"


def test_a_skip_speaks_of_as_many_events_as_there_are(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk, 1)
        desk.append(*events(2, 2))
    assert "with 1 event? It is never sent again." in tocsin.run("delivery", "skip", "msg_1").stderr
    skip = tocsin.run("webhook", "skip", "siem", "--before", "now")
    assert "Its receiver will never get it." in skip.stderr


def test_unknown_deliveries(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
    for command in (("show",), ("show", "--body"), ("retry",), ("skip", "--yes"), ("reseal",)):
        done = tocsin.run("delivery", *command, "msg_9")
        assert done.returncode == ExitCode.NO_INPUT
        assert done.stderr.startswith("tocsin: no delivery msg_9;")


def test_an_older_store_is_listed_and_not_changed(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        failing(desk)
    program = newer(tocsin)
    done = program.run("delivery", "list")
    assert "msg_1" in done.stdout
    assert "made by an older Tocsin" in done.stderr
    refused = program.run("delivery", "skip", "msg_1", "--yes")
    assert refused.returncode == ExitCode.UNAVAILABLE
    with access_of(tocsin) as desk:
        assert desk.delivery("msg_1").state == "pending"


def test_show_prints_the_request_as_a_command_without_its_secrets(tocsin: Tocsin) -> None:
    url = "https://example.com/hook?key=SUPER-SECRET-3f9a"
    headers = (("Authorization", "Bearer a-very-long-secret-3f9a"),)
    with access_of(tocsin) as desk:
        webhook = desk.add(replace(fields(headers=headers), url=url), secret=SECRET)
        desk.append(*events(1, 2))
        desk.end(desk.started(webhook), 503)
        edited = (*headers, ("X-Foo", "bar"))
        desk.edit(webhook, replace(fields(headers=edited), url=url, max_events=7))
    done = tocsin.run("delivery", "show", "msg_1", "--curl")
    assert done.returncode == ExitCode.OK, done.stderr
    assert done.stdout.startswith("curl -sS \\\n  -H ")
    for part in (
        "'Authorization: ••••3f9a'",
        "'webhook-id: msg_1'",
        "'webhook-signature: v1,…'",
        "--data-binary '[{",
        "'https://example.com/hook?••••'",
    ):
        assert part in done.stdout
    assert "SECRET" not in done.stdout
    assert "very-long" not in done.stdout
    assert done.stderr == "Edited since (revision 1): the headers are those of now.\n"


@pytest.mark.parametrize("hidden", ["\N{RIGHT-TO-LEFT OVERRIDE}", "\x7f"])
def test_a_body_that_no_terminal_shows_stands_beside_the_command(
    tocsin: Tocsin, hidden: str
) -> None:
    with access_of(tocsin) as desk:
        desk.add(fields())
        desk.append(event(1, text=f"a{hidden}b"))
        desk.started(1)
    assert hidden in tocsin.run("delivery", "show", "msg_1", "--body").stdout
    done = tocsin.run("delivery", "show", "msg_1", "--curl")
    assert "--data-binary @msg_1.json" in done.stdout
    assert "`tocsin delivery show msg_1 --body > msg_1.json` writes its body." in done.stderr


def test_a_long_body_stands_beside_the_command(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        desk.add(fields())
        desk.append(event(1, text="x" * 20_000))
        desk.started(1)
    done = tocsin.run("delivery", "show", "msg_1", "--curl")
    assert "--data-binary @msg_1.json" in done.stdout
    assert "`tocsin delivery show msg_1 --body > msg_1.json` writes its body." in done.stderr


def test_follow_shows_what_is_sealed_tried_and_ended(tocsin: Tocsin) -> None:
    with access_of(tocsin) as desk:
        first = failing(desk)
        second = desk.add(fields())
        process = tocsin.start("delivery", "list", "--follow", "--json")
        assert process.stdout is not None

        def read() -> tuple[str, str, int]:
            assert process.stdout is not None
            one = json.loads(process.stdout.readline())
            return one["id"], one["state"], one["attempts"]

        assert read() == ("msg_1", "pending", 1)
        desk.append(event(9))
        work = desk.started(second)
        assert read() == ("msg_2", "pending", 1)
        desk.end(work, 200)
        assert read() == ("msg_2", "delivered", 1)
        desk.end(desk.started(first), 503)
        assert read() == ("msg_1", "pending", 2)
        desk.end(desk.started(first), 200)
        assert read() == ("msg_1", "delivered", 3)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE_S) == ExitCode.INTERRUPTED


def test_follow_has_no_end_in_time(tocsin: Tocsin) -> None:
    done = tocsin.run("delivery", "list", "--follow", "--until", "now")
    assert done.returncode == ExitCode.USAGE
    assert "--until and --follow contradict each other" in done.stderr
