"""What is remembered from line to line: a failure is told once, and not for ever."""

from __future__ import annotations

from sources.authn import logins
from sources.authn.alerts import AlertRules
from sources.authn.logins import CONNECTION_MS, Line, Progress, derive
from sources.authn.messages import Outcome, read_message

NOW_MS = 1_795_502_130_000


def line(message: str, at_ms: int = NOW_MS) -> Line:
    return Line(at_ms, "machine", "gateway", message, (message, str(at_ms)))


def failed(port: int) -> str:
    return f"Failed password for root from 192.0.2.7 port {port} ssh2"


def closed(port: int) -> str:
    return f"Connection closed by authenticating user root 192.0.2.7 port {port} [preauth]"


def count(*lines: Line) -> int:
    """How many sign-ins the lines give, read one by one."""
    progress, found = Progress(), 0
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
    _, progress = derive(Progress(), [line(failed(5))], AlertRules())
    _, progress = derive(progress, [], AlertRules())
    assert list(progress.failed) == ["192.0.2.7 5"]


def test_connections_are_not_remembered_for_ever() -> None:
    lines = [line(failed(port), NOW_MS + port * 1000) for port in range(1, 2000)]
    _, progress = derive(Progress(), lines, AlertRules())
    assert len(progress.failed) == CONNECTION_MS // 1000
    flood = [
        line(f"Failed password for root from 2001:db8::{port:x} port 1 ssh2")
        for port in range(logins.MOST_CONNECTIONS + 500)
    ]
    _, progress = derive(progress, flood, AlertRules())
    assert len(progress.failed) <= logins.MOST_CONNECTIONS


def test_the_lines_here_are_what_they_seem() -> None:
    outcomes = [said.outcome for text in (failed(1), closed(1)) if (said := read_message(text))]
    assert outcomes == [Outcome.FAILED, Outcome.CLOSED]
