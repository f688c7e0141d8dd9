"""What a line of sshd says of a sign-in.

Whoever knocks chooses the user name in it, and the key id of a certificate, and may write into them
what looks like the rest of a line. So a name reaches as far to the right as the line allows, what
follows it must be exactly what sshd writes, and where two readings remain nothing is read from
either.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import Enum

from domain.addresses import address_text


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
