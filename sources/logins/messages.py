"""What a line of sshd says of a sign-in.

Whoever knocks chooses the user name in it, and the key id of a certificate, and may write into them
what looks like the rest of a line. So a name reaches as far to the right as the line allows, what
follows it must be exactly what sshd writes, and where two readings remain nothing is read from
either.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

import msgspec

from domain.addresses import address_text
from domain.events import Event
from domain.ids import resource_id
from domain.safe import safe
from domain.settings import MINUTE_MS
from sources.logins.alerts import AlertRules, Memory, raised
from sources.logins.events import NAME_LIMIT, SignIn, log_authn


class Outcome(Enum):
    """The end of a sign-in. A connection that CLOSED failed, unless its failure was told before.

    One that was REFUSED failed too: sshd dropped it unread, for earlier failures from its address.
    """

    ACCEPTED = "accepted"
    FAILED = "failed"
    CLOSED = "closed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Said:
    """What one line says.

    method:  "publickey", "password" and so on; "" where the line does not tell
    user:    the name that was given, None where it cannot be told from the rest
    ip:      None where it is not known or cannot be told from the rest
    invalid: whether there is no user of this name
    penalty: what the address is refused for, in the words of sshd; "" where it is not
    """

    outcome: Outcome
    method: str
    user: str | None
    ip: str | None
    port: int
    invalid: bool = False
    penalty: str = ""


LONGEST = 4096
"""Characters of a line that are read; sshd cuts its own at 1,024."""

_KEY = r"(?:: [A-Z0-9@.a-z-]+ (?:SHA256:[A-Za-z0-9+/]{43}|MD5:[0-9a-f:]{47}))?"
_AT = r"(?P<ip>[0-9A-Za-z:.%_-]+) port (?P<port>[0-9]{1,5})"
_METHOD = r"(?P<method>[a-z][a-z0-9-]*(?:/[a-z0-9-]+)?)"
_WHO = r"(?P<invalid>invalid user )?(?P<user>.*)"
_ENDING = r"(?: \[preauth\])?"
_PLACE = re.compile(r" from \S+ port [0-9]+ ssh2")

# The name of an account that is there is its admin's word: it ends at the first place that it can.
_ACCEPTED = re.compile(rf"Accepted {_METHOD} for (?P<user>.+?) from {_AT} ssh2(?:: .*)?")
_FAILED = re.compile(rf"Failed {_METHOD} for {_WHO} from {_AT} ssh2{_KEY}")
_CERTIFICATE = re.compile(
    rf"Failed {_METHOD} for {_WHO} from {_AT} ssh2: "
    r"\S+-CERT\S* \S+ ID .* \(serial [0-9]+\) CA \S+ \S+"
)
_CLOSED = re.compile(
    r"(?:Connection closed by|Connection reset by|Disconnected from) "
    rf"(?:authenticating|(?P<invalid>invalid)) user (?P<user>.*) {_AT} \[preauth\]"
)
_TOO_MANY = re.compile(
    r"Disconnecting (?:authenticating|(?P<invalid>invalid)) user (?P<user>.*) "
    rf"{_AT}: Too many authentication failures{_ENDING}"
)
# From OpenSSH 9.8 on; what follows is "past MaxStartups" where no address is to blame.
_REFUSED = re.compile(
    r"drop connection #[0-9]+ from \[(?P<ip>[^\]]+)\]:(?P<port>[0-9]{1,5}) "
    r"on \[[^\]]+\]:[0-9]{1,5} penalty: (?P<penalty>[A-Za-z ]+)"
)
# A name so long that sshd cuts its own line, or words of another version: told without a place.
_CUT = re.compile(rf"Failed {_METHOD} for (?P<user>.*)")
_FORMS = (
    (Outcome.ACCEPTED, _ACCEPTED),
    (Outcome.FAILED, _FAILED),
    (Outcome.FAILED, _CERTIFICATE),
    (Outcome.FAILED, _CUT),
    (Outcome.CLOSED, _CLOSED),
    (Outcome.CLOSED, _TOO_MANY),
    (Outcome.REFUSED, _REFUSED),
)
_FOLDED = re.compile(r"message repeated (?P<times>[0-9]{1,9}) times: \[ ?(?P<message>.*)\]")
MOST_REPEATED = 1_000
"""How often a line counts at most that says it stands for many: a log file does not tell whose."""

_NO_METHOD = "none"
"""How a client asks which methods there are."""


def unfolded(message: str) -> tuple[str, int]:
    """The message, and how often it was repeated: 0 for one that stands for itself alone.

    rsyslog writes a line once and then how often the same came again, with the line in brackets.
    """
    match = _FOLDED.fullmatch(message)
    if match is None:
        return message, 0
    return match["message"], min(int(match["times"]), MOST_REPEATED)


def read_message(message: str) -> Said | None:
    """What the line says of a sign-in; None for all other lines."""
    message = message[:LONGEST]
    for outcome, form in _FORMS:
        match = form.fullmatch(message)
        if match is not None:
            has_many = form is _CERTIFICATE and len(_PLACE.findall(message)) > 1
            return _said(outcome, match, is_clear=form is not _CUT and not has_many)
    return None


def _said(outcome: Outcome, match: re.Match[str], *, is_clear: bool) -> Said | None:
    found = match.groupdict()
    method = (found.get("method") or "").partition("/")[0]
    if method == _NO_METHOD:
        return None
    if not is_clear:
        return Said(outcome, method, None, None, 0)
    return Said(
        outcome=outcome,
        method=method,
        user=found.get("user"),
        ip=_address(found["ip"]),
        port=int(found["port"]),
        invalid=bool(found.get("invalid")),
        penalty=found.get("penalty") or "",
    )


def _address(text: str) -> str | None:
    """The address as events tell it; sshd writes UNKNOWN where it cannot know."""
    try:
        return address_text(ipaddress.ip_address(text))
    except ValueError:
        return None


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
