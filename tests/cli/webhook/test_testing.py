"""`tocsin webhook test`: one marked event outside of the queue."""

from __future__ import annotations

import json
import signal

from cli.exit_codes import ExitCode
from delivery.testing import ABANDONED
from store import audit
from tests.cli.webhook.webhooks import SECRET, TOKEN, actions, add, listed, shown
from tests.support.program import Tocsin
from tests.support.program_store import access_of
from tests.support.receiver_client import Receiver
from tests.support.waiting import PATIENCE_S


def test_test_sends_one_marked_event_and_prints_the_answer(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    url = receiver.url("/ok/try")
    add(tocsin, "--url", url, "--header", f"Authorization: {TOKEN}", "--secret", SECRET)
    done = tocsin.run("webhook", "test", "1")
    assert done.returncode == ExitCode.OK, done.stderr
    assert done.stdout.startswith("delivered: answered 200 OK, after ")
    [request] = receiver.requests("/ok/try")
    assert request.header("authorization") == TOKEN
    assert (request.header("webhook-id") or "").startswith("msg_test_")
    [sent] = request.events
    assert (sent["type"], sent["attributes"]["test"]) == ("alerts", True)
    assert actions(tocsin) == ["webhook.add", "webhook.test"]
    assert shown(tocsin, 1)["queued"] == 0


def test_what_is_not_saved_is_tested_as_the_options_say(tocsin: Tocsin, receiver: Receiver) -> None:
    options = ("--type", "log_authn", "--url", receiver.url("/ok/new"), "--json")
    header = ("--header", "Authorization: @-", "--extra-field", "source: tocsin")
    done = tocsin.run("webhook", "test", *options, *header, stdin=TOKEN)
    assert done.returncode == ExitCode.OK, done.stderr
    assert json.loads(done.stdout)["webhook"] is None
    [request] = receiver.requests("/ok/new")
    assert request.header("authorization") == TOKEN
    assert (request.events[0]["type"], request.events[0]["source"]) == ("log_authn", "tocsin")
    assert (listed(tocsin), actions(tocsin)) == ([], ["webhook.test"])


def test_an_edit_is_tested_before_it_is_saved(tocsin: Tocsin, receiver: Receiver) -> None:
    add(tocsin, "--url", receiver.url("/503/old"), "--header", f"Authorization: {TOKEN}")
    changed = ("--url", receiver.url("/ok/new"), "--secret", SECRET)
    done = tocsin.run("webhook", "test", "1", *changed)
    assert done.returncode == ExitCode.OK, done.stderr
    [request] = receiver.requests("/ok/new")
    assert request.header("authorization") == TOKEN
    assert request.header("webhook-signature")
    assert shown(tocsin, 1, "--reveal")["url"] == receiver.url("/503/old")


def test_a_test_without_the_saved_secret_is_unsigned(tocsin: Tocsin, receiver: Receiver) -> None:
    add(tocsin, "--url", receiver.url("/ok/try"), "--secret", SECRET)
    for options in ((), ("--secret", "none")):
        assert tocsin.run("webhook", "test", "1", *options).returncode == ExitCode.OK
    signed, unsigned = receiver.requests("/ok/try")
    assert signed.header("webhook-signature")
    assert unsigned.header("webhook-signature") is None


def test_a_test_of_nothing_says_what_to_give(tocsin: Tocsin) -> None:
    done = tocsin.run("webhook", "test", "--type", "alerts")
    assert done.returncode == ExitCode.USAGE
    assert "--url must be given, or the ID of a webhook" in done.stderr


def test_test_of_a_failing_receiver_is_a_failed_check(tocsin: Tocsin, receiver: Receiver) -> None:
    add(tocsin, "--url", receiver.url("/503/try"))
    add(tocsin, "--url", "http://127.0.0.1:1/")
    answered = tocsin.run("webhook", "test", "1", "--json")
    assert answered.returncode == ExitCode.CHECK_FAILED
    outcome = json.loads(answered.stdout)
    assert (outcome["delivered"], outcome["status"]) == (False, 503)
    silent = tocsin.run("webhook", "test", "2")
    assert silent.returncode == ExitCode.CHECK_FAILED
    assert silent.stdout.startswith("not delivered: connection refused")


def test_a_test_that_is_interrupted_is_in_the_audit_trail(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    add(tocsin, "--url", receiver.url("/hang/try"))
    process = tocsin.start("webhook", "test", "1")
    receiver.wait(count=1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE_S) == ExitCode.INTERRUPTED
    with access_of(tocsin) as desk:
        noted = desk.call(audit.changes)[0]
    assert (noted.action, noted.detail["error"]) == ("webhook.test", ABANDONED)
