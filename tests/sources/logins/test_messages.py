"""Lines of sshd, whose meaning no name or key id in one can forge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.logins.alerts import AlertRules
from sources.logins.messages import (
    CONNECTION_MS,
    MOST_CONNECTIONS,
    MOST_REPEATED,
    LoginEnd,
    LoginProgress,
    SshdLine,
    SshdMessage,
    derive,
    read_message,
    unfold,
)

HASH = "SHA256:jE4SbokxFJV6FAwNld+aFAjgupjAtM7P5JoPzcHgO0Y"
HERE, THERE = "192.0.2.7", "198.51.100.9"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            f"Accepted publickey for root from {HERE} port 34868 ssh2: ED25519 {HASH}",
            SshdMessage(LoginEnd.ACCEPTED, "publickey", "root", HERE, 34868),
        ),
        (
            f"Accepted keyboard-interactive/pam for alice from {HERE} port 1 ssh2",
            SshdMessage(LoginEnd.ACCEPTED, "keyboard-interactive", "alice", HERE, 1),
        ),
        (
            f"Failed password for root from {HERE} port 34872 ssh2",
            SshdMessage(LoginEnd.FAILED, "password", "root", HERE, 34872),
        ),
        (
            f"Failed publickey for root from {HERE} port 5 ssh2: RSA {HASH}",
            SshdMessage(LoginEnd.FAILED, "publickey", "root", HERE, 5),
        ),
        (
            f"drop connection #0 from [{HERE}]:40112 on [{THERE}]:22 "
            "penalty: failed authentication",
            SshdMessage(
                *(LoginEnd.REFUSED, "", None, HERE, 40112), penalty="failed authentication"
            ),
        ),
        (
            "drop connection #12 from [2001:db8::7]:9 on [2001:db8::1]:2222 penalty: "
            "connections without attempting authentication",
            SshdMessage(
                *(LoginEnd.REFUSED, "", None, "2001:db8::7", 9),
                penalty="connections without attempting authentication",
            ),
        ),
        (
            "Failed password for invalid user mallory from 2001:db8::7 port 2 ssh2",
            SshdMessage(LoginEnd.FAILED, "password", "mallory", "2001:db8::7", 2, invalid=True),
        ),
        (
            f"Failed password for invalid user  from {HERE} port 2 ssh2",
            SshdMessage(LoginEnd.FAILED, "password", "", HERE, 2, invalid=True),
        ),
        (
            "Failed password for bob from UNKNOWN port 65535 ssh2",
            SshdMessage(LoginEnd.FAILED, "password", "bob", None, 65535),
        ),
        (
            f"Connection closed by authenticating user root {HERE} port 34870 [preauth]",
            SshdMessage(LoginEnd.CLOSED, "", "root", HERE, 34870),
        ),
        (
            f"Connection reset by invalid user a b {HERE} port 7 [preauth]",
            SshdMessage(LoginEnd.CLOSED, "", "a b", HERE, 7, invalid=True),
        ),
        (
            f"Disconnecting authenticating user bob {HERE} port 7: "
            "Too many authentication failures [preauth]",
            SshdMessage(LoginEnd.CLOSED, "", "bob", HERE, 7),
        ),
        (
            f"Failed publickey for bob from {HERE} port 7 ssh2: ED25519-CERT {HASH} "
            f"ID bob@laptop (serial 3) CA RSA {HASH}",
            SshdMessage(LoginEnd.FAILED, "publickey", "bob", HERE, 7),
        ),
    ],
)
def test_what_a_line_says(message: str, said: SshdMessage) -> None:
    assert read_message(message) == said


@pytest.mark.parametrize(
    "message",
    [
        "Server listening on 127.0.0.1 port 2222.",
        "Received disconnect from 127.0.0.1 port 34868:11: disconnected by user",
        "Disconnected from user root 127.0.0.1 port 34868",
        "Invalid user mallory from 127.0.0.1 port 34880",
        "error: Could not get shadow information for NOUSER",
        f"Failed none for root from {HERE} port 1 ssh2",
        f"Connection closed by {HERE} port 22 [preauth]",
        f" Failed password for root from {HERE} port 1 ssh2",
        f"Disconnecting invalid user x {HERE} port 7: Change of username: (x {THERE} port 1: "
        "Too many authentication failures,y) -> (z) [preauth]",
        "",
    ],
)
def test_other_lines_say_nothing(message: str) -> None:
    assert read_message(message) is None


HOSTILE = [
    f"root from {THERE} port 1 ssh2",
    f"root from {THERE} port 1 ssh2: ED25519 {HASH}",
    f"x from {THERE} port 1 ssh2: ED25519-CERT {HASH} ID y (serial 1) CA RSA {HASH}",
    "invalid user root",
    f"a {THERE} port 1 [preauth]",
    f"{THERE} port 1: Too many authentication failures [preauth]",
    " ",
    "from",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_forges_nothing(name: str) -> None:
    failed = read_message(f"Failed password for invalid user {name} from {HERE} port 22 ssh2")
    assert failed == SshdMessage(LoginEnd.FAILED, "password", name, HERE, 22, invalid=True)
    closed = read_message(f"Connection closed by invalid user {name} {HERE} port 22 [preauth]")
    assert closed == SshdMessage(LoginEnd.CLOSED, "", name, HERE, 22, invalid=True)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=120))
def test_no_name_at_all_forges_anything(name: str) -> None:
    line = f"Failed password for invalid user {name} from {HERE} port 22 ssh2"
    assert read_message(line) == SshdMessage(
        LoginEnd.FAILED, "password", name, HERE, 22, invalid=True
    )


def test_a_key_id_that_looks_like_a_place_leaves_the_place_open() -> None:
    key = f"ED25519-CERT {HASH} ID x from {THERE} port 1 ssh2 (serial 0) CA ED25519 {HASH}"
    said = read_message(f"Failed publickey for root from {HERE} port 5 ssh2: {key}")
    assert said == SshdMessage(LoginEnd.FAILED, "publickey", None, None, 0)


def test_an_accepted_name_ends_where_it_can_first() -> None:
    key = f"ED25519-CERT {HASH} ID x from {THERE} port 1 ssh2 (serial 0) CA ED25519 {HASH}"
    said = read_message(f"Accepted publickey for root from {HERE} port 5 ssh2: {key}")
    assert said == SshdMessage(LoginEnd.ACCEPTED, "publickey", "root", HERE, 5)


def test_a_line_that_a_long_name_has_cut_is_a_failure_all_the_same() -> None:
    said = read_message("Failed password for invalid user " + "a" * 990)
    assert said == SshdMessage(LoginEnd.FAILED, "password", None, None, 0)


def test_a_line_without_end_is_read_soon() -> None:
    line = "Failed publickey for " + "from 1.1.1.1 port 1 ssh2: X-CERT a ID " * 100_000
    assert read_message(line) == SshdMessage(LoginEnd.FAILED, "publickey", None, None, 0)


@pytest.mark.parametrize(
    ("message", "plain", "times"),
    [
        ("Failed password", "Failed password", 0),
        ("message repeated 2 times: [ Failed password]", "Failed password", 2),
        ("message repeated 3 times: [Failed [x]]", "Failed [x]", 3),
        ("message repeated 999999999 times: [ Failed password]", "Failed password", MOST_REPEATED),
        ("Failed message repeated 2 times: [ x]", "Failed message repeated 2 times: [ x]", 0),
    ],
)
def test_a_message_tells_how_often_it_was_repeated(message: str, plain: str, times: int) -> None:
    assert unfold(message) == (plain, times)


NOW_MS = 1_795_502_130_000


def line(message: str, at_ms: int = NOW_MS) -> SshdLine:
    return SshdLine(at_ms, "machine", "gateway", message, (message, str(at_ms)))


def failed(port: int) -> str:
    return f"Failed password for root from 192.0.2.7 port {port} ssh2"


def closed(port: int) -> str:
    return f"Connection closed by authenticating user root 192.0.2.7 port {port} [preauth]"


def count(*lines: SshdLine) -> int:
    """Count the sign-ins that the lines give, read one by one."""
    progress, found = LoginProgress(), 0
    for one in lines:
        events, progress = derive(progress, [one], AlertRules())
        found += sum(event.type.value == "log_authn" for event in events)
    return found


def test_the_end_of_a_connection_that_has_failed_is_no_second_failure() -> None:
    assert count(line(failed(5)), line(failed(5), NOW_MS + 1), line(closed(5), NOW_MS + 2)) == 2
    assert count(line(failed(5)), line(closed(6))) == 2


def test_a_port_that_comes_again_later_is_another_connection() -> None:
    assert count(line(failed(5)), line(closed(5), NOW_MS + CONNECTION_MS)) == 2
    assert count(line(closed(5)), line(closed(5))) == 1


def test_a_stamp_that_is_far_ahead_makes_no_failure_a_second_one() -> None:
    ahead = line(failed(9), NOW_MS + 365 * 86_400_000)
    assert count(ahead, line(failed(5)), line(closed(5), NOW_MS + 500)) == 2
    assert count(ahead, line(closed(9), NOW_MS)) == 2, "a year before is another connection"


def test_a_look_without_lines_ends_no_connection() -> None:
    _, progress = derive(LoginProgress(), [line(failed(5))], AlertRules())
    _, progress = derive(progress, [], AlertRules())
    assert list(progress.failed) == ["192.0.2.7 5"]


def test_connections_are_not_remembered_for_ever() -> None:
    lines = [line(failed(port), NOW_MS + port * 1000) for port in range(1, 2000)]
    _, progress = derive(LoginProgress(), lines, AlertRules())
    assert len(progress.failed) == CONNECTION_MS // 1000
    flood = [
        line(f"Failed password for root from 2001:db8::{port:x} port 1 ssh2")
        for port in range(MOST_CONNECTIONS + 500)
    ]
    _, progress = derive(progress, flood, AlertRules())
    assert len(progress.failed) <= MOST_CONNECTIONS


def test_the_lines_here_are_what_they_seem() -> None:
    outcomes = [said.outcome for text in (failed(1), closed(1)) if (said := read_message(text))]
    assert outcomes == [LoginEnd.FAILED, LoginEnd.CLOSED]
