"""Alerts about sign-ins: many that fail, and users who come from new places.

Pure: what is remembered is handed in and given back, and times are those of the sign-ins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from domain.alert_kinds import DEFAULT_TERMS, LEARNING, AlertTerms
from domain.events import Event
from domain.safe import safe
from domain.settings import DAY_MS
from sources.events import alert
from sources.geo import Locate, nowhere, origin_of
from sources.logins.events import NAME_LIMIT, SignIn

FAILURES = "authn_failures"
FIRST_USE_IP = "authn_first_use_ip"
FIRST_USE_COUNTRY = "authn_first_use_country"

LEAST_DANGER = 1
MOST_ADDRESSES = 1_000
MOST_USERS = 1_000
MOST_PLACES = 50
MOST_SUPPRESSED = 5_000
MOST_USERS_NAMED = 10
_V = TypeVar("_V")


class FailedSignIn(msgspec.Struct, frozen=True, array_like=True):
    """Failed sign-in of an address."""

    at_ms: int
    user: str


class KnownUser(msgspec.Struct, frozen=True, array_like=True):
    """User with the times at which places and countries were last used, the latest last."""

    first_ms: int
    places: Mapping[str, int] = {}
    countries: Mapping[str, int] = {}


class SignInMemory(msgspec.Struct, frozen=True):
    """Memory from sign-in to sign-in; bounded whatever comes.

    failures: by place; users: by the user's id; suppressed: until when, by kind and subject
    """

    failures: Mapping[str, tuple[FailedSignIn, ...]] = {}
    users: Mapping[str, KnownUser] = {}
    suppressed: Mapping[str, int] = {}


class AlertRules(msgspec.Struct, frozen=True):
    """Rules for all alerts of one source."""

    terms: Mapping[str, AlertTerms] = msgspec.field(default_factory=lambda: DEFAULT_TERMS)
    locate: Locate = nowhere
    event_names: bool = True


class _Finding(msgspec.Struct, frozen=True):
    """Finding that an alert is made of, unless there was one about its subject lately."""

    kind: str
    subject: tuple[str, ...]
    params: Mapping[str, Any]
    is_learning: bool = False


def raised(
    memory: SignInMemory, sign_in: SignIn, rules: AlertRules
) -> tuple[list[Event], SignInMemory]:
    """Return the alerts that a sign-in raises, and what is remembered from now on."""
    if sign_in.ip is None:
        return [], memory
    if sign_in.ok:
        memory, found = _succeeded(memory, sign_in, sign_in.ip, rules)
    else:
        memory, found = _failed(memory, sign_in, sign_in.ip, rules)
    events: list[Event] = []
    for finding in found:
        event, memory = _alert_unless_suppressed(memory, finding, sign_in, rules)
        events += [event] if event is not None else []
    return events, memory


def _failed(
    memory: SignInMemory, sign_in: SignIn, ip: str, rules: AlertRules
) -> tuple[SignInMemory, list[_Finding]]:
    terms = rules.terms[FAILURES]
    enough = terms.number("failures")
    within_ms = terms.number("within")
    place = origin_of(ip)
    before = memory.failures.get(place, ())
    failures = [old for old in before if abs(sign_in.at_ms - old.at_ms) <= within_ms]
    failures = [*failures, FailedSignIn(sign_in.at_ms, safe(sign_in.user, NAME_LIMIT))][-enough:]
    kept = _put(memory.failures, place, tuple(failures), MOST_ADDRESSES)
    memory = msgspec.structs.replace(memory, failures=kept)
    if len(failures) < enough:
        return memory, []
    params: dict[str, Any] = {"count": len(failures), "ip": ip}
    if rules.event_names:
        users = dict.fromkeys(failure.user for failure in failures if failure.user)
        params["users"] = list(users)[:MOST_USERS_NAMED]
    return memory, [_Finding(FAILURES, (place,), params)]


def _succeeded(
    memory: SignInMemory, sign_in: SignIn, ip: str, rules: AlertRules
) -> tuple[SignInMemory, list[_Finding]]:
    if not sign_in.user_id:
        return memory, []
    now_ms = sign_in.at_ms
    location = rules.locate(ip)
    country = location.country if location is not None else ""
    known = memory.users.get(sign_in.user_id)
    found = [] if known is None else list(_first_uses(known, sign_in, ip, rules))
    before = KnownUser(now_ms) if known is None else _not_ahead(known, now_ms)
    after = KnownUser(
        before.first_ms,
        _put(before.places, origin_of(ip), now_ms, MOST_PLACES),
        _put(before.countries, country, now_ms, MOST_PLACES) if country else before.countries,
    )
    users = _put(memory.users, sign_in.user_id, after, MOST_USERS)
    return msgspec.structs.replace(memory, users=users), found


def _not_ahead(known: KnownUser, now_ms: int) -> KnownUser:
    """Return a user whose times are not ahead, as a clock that was set back leaves them."""
    return KnownUser(
        min(known.first_ms, now_ms),
        {place: min(at_ms, now_ms) for place, at_ms in known.places.items()},
        {country: min(at_ms, now_ms) for country, at_ms in known.countries.items()},
    )


def _first_uses(
    known: KnownUser, sign_in: SignIn, ip: str, rules: AlertRules
) -> Iterator[_Finding]:
    """Yield what is new about the place of a user who has signed in before."""
    known_ms = sign_in.at_ms - known.first_ms
    user: dict[str, Any] = {"ip": ip, "user_pub": sign_in.user_id}
    if rules.event_names:
        user["user"] = safe(sign_in.user, NAME_LIMIT)
    location = rules.locate(ip)
    uses: list[tuple[str, Mapping[str, int], str, dict[str, str]]] = [
        (FIRST_USE_IP, known.places, origin_of(ip), {})
    ]
    if location is not None and location.country and known.countries:
        where = {"country": location.country, "country_name": location.country_name}
        uses.append((FIRST_USE_COUNTRY, known.countries, location.country, where))
    for kind, used, place, where in uses:
        terms = rules.terms[kind]
        kept = terms.number("kept")
        if _is_new(used, place, sign_in.at_ms - kept):
            params = {**user, **where, "days": kept // DAY_MS}
            is_learning = known_ms < terms.number(LEARNING)
            yield _Finding(kind, (sign_in.user_id, place), params, is_learning)


def _is_new(used: Mapping[str, int], place: str, since_ms: int) -> bool:
    return used.get(place, since_ms - 1) < since_ms


def _alert_unless_suppressed(
    memory: SignInMemory, finding: _Finding, sign_in: SignIn, rules: AlertRules
) -> tuple[Event | None, SignInMemory]:
    """Return the alert, None if its kind is off or there was one about its subject lately."""
    terms = rules.terms[finding.kind]
    now_ms = sign_in.at_ms
    key = "\0".join((finding.kind, *finding.subject))
    still = {
        key: until
        for key, until in memory.suppressed.items()
        if rules.terms[key.partition("\0")[0]].suppresses(until, now_ms)
    }
    if not terms.active or key in still:
        return None, memory
    until_ms = now_ms + terms.suppress_ms
    suppressed = _put(still, key, until_ms, MOST_SUPPRESSED)
    names = rules.event_names and sign_in.host
    host = {"host": safe(sign_in.host, NAME_LIMIT)} if names else {}
    event = alert(
        finding.kind,
        terms,
        now_ms,
        (*finding.subject, *sign_in.facts),
        {**finding.params, **host, "type": sign_in.kind},
        danger=LEAST_DANGER if finding.is_learning else None,
        no_facts=("params",),
    )
    return event, msgspec.structs.replace(memory, suppressed=suppressed)


def _put(kept: Mapping[str, _V], key: str, value: _V, most: int) -> dict[str, _V]:
    """Return a copy with the value last; the first ones go where there are too many."""
    after = {name: old for name, old in kept.items() if name != key}
    after[key] = value
    for name in list(after)[: max(0, len(after) - most)]:
        del after[name]
    return after
