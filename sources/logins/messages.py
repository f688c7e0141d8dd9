"""Messages of sshd, and the sign-ins that they report.

A client chooses the user name in a message, and the key id of a certificate, and may write into
them text like the rest of a line. So a name reaches as far to the right as the line allows, the
text after it must be exactly what sshd writes, and a line with two readings gives nothing of
either.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

import msgspec
from msgspec.structs import replace

from domain.addresses import address_text
from domain.events import Event
from domain.ids import resource_id
from domain.safe import safe
from domain.settings import MINUTE_MS
from sources.logins.alerts import AlertRules, SignInMemory, raised
from sources.logins.events import NAME_LIMIT, SignIn, log_authn


class LoginEnd(Enum):
    """End of a sign-in. A connection that CLOSED failed, unless a line before says so already.

    One that was REFUSED failed too: sshd dropped it unread, for earlier failures from its address.
    """

    ACCEPTED = "accepted"
    FAILED = "failed"
    CLOSED = "closed"
    REFUSED = "refused"


class SshdMessage(msgspec.Struct, frozen=True):
    """Message of sshd about a sign-in.

    method:  "publickey", "password" and so on; "" where the line has none
    user:    the name that was given, None where its end in the line is not certain
    ip:      None where it is not known, or its place in the line is not certain
    invalid: whether there is no user of this name
    penalty: the reason for which the address is refused, in the words of sshd; "" for none
    """

    outcome: LoginEnd
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
# A name so long that sshd cuts its own line, or words of another version: read without a place.
_CUT = re.compile(rf"Failed {_METHOD} for (?P<user>.*)")
_FORMS = (
    (LoginEnd.ACCEPTED, _ACCEPTED),
    (LoginEnd.FAILED, _FAILED),
    (LoginEnd.FAILED, _CERTIFICATE),
    (LoginEnd.FAILED, _CUT),
    (LoginEnd.CLOSED, _CLOSED),
    (LoginEnd.CLOSED, _TOO_MANY),
    (LoginEnd.REFUSED, _REFUSED),
)
_FOLDED = re.compile(r"message repeated (?P<times>[0-9]{1,9}) times: \[ ?(?P<message>.*)\]")
MOST_REPEATED = 1_000
"""Sign-ins that one line stands for at most: anybody may write into a log file that it is many."""

_NO_METHOD = "none"
"""Method by which a client asks which methods there are."""

SSH = "ssh"
IDENTIFIERS = ("sshd", "sshd-session", "sshd-auth")
"""Names under which sshd logs; OpenSSH 9.8 split it into several programs."""

CONNECTION_MS = 10 * MINUTE_MS
"""Time for a connection to sign in; sshd closes it after two minutes by default."""

MOST_CONNECTIONS = 10_000


def unfold(message: str) -> tuple[str, int]:
    """Return the message, and how often it was repeated: 0 for one that stands for itself.

    rsyslog writes a line once and then how often the same came again, with the line in brackets.
    """
    match = _FOLDED.fullmatch(message)
    if match is None:
        return message, 0
    return match["message"], min(int(match["times"]), MOST_REPEATED)


def read_message(message: str) -> SshdMessage | None:
    """Read what a line says of a sign-in; None for all other lines."""
    message = message[:LONGEST]
    for outcome, form in _FORMS:
        match = form.fullmatch(message)
        if match is not None:
            has_many = form is _CERTIFICATE and len(_PLACE.findall(message)) > 1
            return _message(outcome, match, is_clear=form is not _CUT and not has_many)
    return None


def _message(outcome: LoginEnd, match: re.Match[str], *, is_clear: bool) -> SshdMessage | None:
    found = match.groupdict()
    method = (found.get("method") or "").partition("/")[0]
    if method == _NO_METHOD:
        return None
    if not is_clear:
        return SshdMessage(outcome, method, None, None, 0)
    return SshdMessage(
        outcome=outcome,
        method=method,
        user=found.get("user"),
        ip=_address(found["ip"]),
        port=int(found["port"]),
        invalid=bool(found.get("invalid")),
        penalty=found.get("penalty") or "",
    )


def _address(text: str) -> str | None:
    """Return the address as events have it; sshd writes UNKNOWN where it cannot know."""
    try:
        return address_text(ipaddress.ip_address(text))
    except ValueError:
        return None


class SshdLine(msgspec.Struct, frozen=True):
    """Line of sshd: its time, its host and its text.

    machine: stands for the host in ids; `host` is its name
    facts:   differ from those of every other line
    """

    at_ms: int
    machine: str
    host: str
    message: str
    facts: tuple[str, ...]


class LoginProgress(msgspec.Struct, frozen=True):
    """Memory from line to line.

    failed: times of the failures that are known, by connection: "ADDRESS PORT"
    """

    failed: Mapping[str, int] = {}
    memory: SignInMemory = SignInMemory()


def derive(
    progress: LoginProgress, lines: Iterable[SshdLine], rules: AlertRules
) -> tuple[list[Event], LoginProgress]:
    """Return the sign-ins that lines report, each followed by the alerts that it raises."""
    events: list[Event] = []
    now_ms: int | None = None
    failed, memory = dict(progress.failed), progress.memory
    for line in _each(lines):
        now_ms = line.at_ms
        said = read_message(line.message[:LONGEST])
        if said is None or _is_repeated_failure(said, line, failed):
            continue
        sign_in = _sign_in(said, line)
        alerts, memory = raised(memory, sign_in, rules)
        events += (log_authn(sign_in, event_names=rules.event_names), *alerts)
    return events, LoginProgress(failed if now_ms is None else _recent(failed, now_ms), memory)


def _each(lines: Iterable[SshdLine]) -> Iterator[SshdLine]:
    """Yield each line as often as it was written, also where it says how often it was repeated."""
    for line in lines:
        message, times = unfold(line.message)
        if not times:
            yield line
        for number in range(1, times + 1):
            yield replace(line, message=message, facts=(*line.facts, str(number)))


def _is_repeated_failure(said: SshdMessage, line: SshdLine, failed: dict[str, int]) -> bool:
    """Return whether the failure of a connection that ends is known; a failure is noted."""
    if said.outcome is LoginEnd.ACCEPTED or said.ip is None:
        return False
    connection = f"{said.ip} {said.port}"
    before = failed.pop(connection, None)
    failed[connection] = line.at_ms
    for old in list(failed)[: max(0, len(failed) - MOST_CONNECTIONS)]:
        del failed[old]
    is_recent = before is not None and abs(line.at_ms - before) < CONNECTION_MS
    return is_recent and said.outcome is LoginEnd.CLOSED


def _recent(failed: Mapping[str, int], now_ms: int) -> dict[str, int]:
    """Return the failures of connections that may be open; a stamp far ahead was a wrong one."""
    return {who: at_ms for who, at_ms in failed.items() if abs(now_ms - at_ms) < CONNECTION_MS}


def _sign_in(said: SshdMessage, line: SshdLine) -> SignIn:
    is_ok = said.outcome is LoginEnd.ACCEPTED
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


def _errors(said: SshdMessage) -> tuple[str, ...]:
    if said.penalty:
        return (f"penalty: {said.penalty}",)
    how = f"bad {said.method}" if said.outcome is LoginEnd.FAILED else "not authenticated"
    return ("unknown user", how) if said.invalid else (how,)
