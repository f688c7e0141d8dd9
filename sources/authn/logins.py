"""SSH logins: from what the lines of sshd say to events, whoever wrote the lines down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from domain.events import Event
from domain.ids import resource_id
from domain.safe import safe
from domain.settings import MINUTE_MS
from sources.authn.alerts import AlertRules, Memory, raised
from sources.authn.events import NAME_LIMIT, SignIn, log_authn
from sources.authn.messages import LONGEST, Outcome, Said, read_message, unfolded

SSH = "ssh"
IDENTIFIERS = ("sshd", "sshd-session", "sshd-auth")
"""By what name sshd logs; OpenSSH 9.8 split it into several programs."""

CONNECTION_MS = 10 * MINUTE_MS
"""How long a connection may take to sign in; sshd closes it after two minutes by default."""

MOST_CONNECTIONS = 10_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line of sshd: when and on which host it was written, and what tells it from others.

    machine tells the host from others in ids, host is its name.
    """

    at_ms: int
    machine: str
    host: str
    message: str
    facts: tuple[str, ...]


class Progress(msgspec.Struct, frozen=True):
    """What is remembered from line to line.

    failed: the connections that a failure was told of, "ADDRESS PORT", and when
    """

    failed: Mapping[str, int] = {}
    memory: Memory = Memory()


def derive(
    progress: Progress, lines: Iterable[Line], rules: AlertRules
) -> tuple[list[Event], Progress]:
    """The sign-ins that lines tell of, each followed by the alerts that it raises."""
    events: list[Event] = []
    now_ms: int | None = None
    failed, memory = dict(progress.failed), progress.memory
    for line in _each(lines):
        now_ms = line.at_ms
        said = read_message(line.message[:LONGEST])
        if said is None or _is_told(said, line, failed):
            continue
        sign_in = _sign_in(said, line)
        alerts, memory = raised(memory, sign_in, rules)
        events += (log_authn(sign_in, event_names=rules.event_names), *alerts)
    return events, Progress(failed if now_ms is None else _recent(failed, now_ms), memory)


def _each(lines: Iterable[Line]) -> Iterator[Line]:
    """Each line as often as it was written, where one says how often another was repeated."""
    for line in lines:
        message, times = unfolded(line.message)
        if not times:
            yield line
        for number in range(1, times + 1):
            yield replace(line, message=message, facts=(*line.facts, str(number)))


def _is_told(said: Said, line: Line, failed: dict[str, int]) -> bool:
    """Whether this is the end of a connection whose failure was told before; failures are noted."""
    if said.outcome is Outcome.ACCEPTED or said.ip is None:
        return False
    connection = f"{said.ip} {said.port}"
    before = failed.pop(connection, None)
    failed[connection] = line.at_ms
    for old in list(failed)[: max(0, len(failed) - MOST_CONNECTIONS)]:
        del failed[old]
    is_recent = before is not None and abs(line.at_ms - before) < CONNECTION_MS
    return is_recent and said.outcome is Outcome.CLOSED


def _recent(failed: Mapping[str, int], now_ms: int) -> dict[str, int]:
    """Those whose connections may still be open; a stamp that is far ahead was a wrong one."""
    return {one: at_ms for one, at_ms in failed.items() if abs(now_ms - at_ms) < CONNECTION_MS}


def _sign_in(said: Said, line: Line) -> SignIn:
    is_ok = said.outcome is Outcome.ACCEPTED
    user = said.user or ""
    return SignIn(
        at_ms=line.at_ms,
        kind=SSH,
        ip=said.ip,
        url=f"ssh://{safe(line.host, NAME_LIMIT)}",
        user=safe(user, NAME_LIMIT),
        user_id=resource_id("users", line.machine, user) if user and not said.invalid else "",
        facts=(SSH, line.machine, *line.facts),
        host=line.host,
        verifications=(said.method, "user") if is_ok else (),
        errors=() if is_ok else _errors(said),
    )


def _errors(said: Said) -> tuple[str, ...]:
    if said.penalty:
        return (f"penalty: {said.penalty}",)
    how = f"bad {said.method}" if said.outcome is Outcome.FAILED else "not authenticated"
    return ("unknown user", how) if said.invalid else (how,)
