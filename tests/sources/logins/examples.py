"""The sign-ins and the alerts that docs/events.md shows, made by the code that makes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from domain.actors import Actor
from domain.event_types import EventType
from domain.events import Event
from domain.settings import DAY_MS
from sources.geo import Location
from sources.http.sign_in_watch import HttpSignIn
from sources.logins.alerts import AlertRules
from sources.logins.events import SignIn, log_authn
from sources.logins.messages import LoginProgress, SshdLine, derive
from sources.logins.own_sign_ins import screen_opened, signed_in_over_http

NOW_MS = 1_795_774_707_000
MACHINE = "e08d2021fbdd6f894fde550c98aff54d"
HOST = "gateway"
HOME, AWAY = "198.51.100.7", "192.0.2.2"
PLACES: Mapping[str, Location] = {
    HOME: Location("NL", "Netherlands"),
    AWAY: Location("AU", "Australia"),
}
RULES = AlertRules(locate=PLACES.get)


def line(number: int, message: str, at_ms: int = NOW_MS) -> SshdLine:
    return SshdLine(
        at_ms, MACHINE, HOST, message, ("57c0cb8f66ae4bd6ada23ac6d05496a2", str(number))
    )


@cache
def sign_ins() -> list[dict[str, Any]]:
    """A good login, a bad one, the screen that is opened, an agent, and a guessed token."""
    key = "ED25519 SHA256:jE4SbokxFJV6FAwNld+aFAjgupjAtM7P5JoPzcHgO0Y"
    lines = [
        line(370, f"Accepted publickey for alice from {HOME} port 34868 ssh2: {key}"),
        line(383, f"Failed password for invalid user mallory from {AWAY} port 34880 ssh2"),
    ]
    events, _ = derive(LoginProgress(), lines, RULES)
    own = [
        screen_opened(
            Actor("tocsin", "alice", HOME),
            machine=MACHINE,
            host=HOST,
            now_ms=NOW_MS,
            random64=lambda: 1,
        ),
        told(
            HttpSignIn("X-Custos", True, HOME, "/sessions", "Ahg1opVcGXw", host="office-hub"),
            2,
        ),
        told(HttpSignIn("token", False, AWAY, "/events", "", ("unknown token",)), 3),
    ]
    events += [log_authn(one, event_names=True) for one in own]
    return bodies(events)


def told(sign_in: HttpSignIn, dice: int) -> SignIn:
    return signed_in_over_http(sign_in, host=HOST, now_ms=NOW_MS, random64=lambda: dice)


@cache
def alerts() -> dict[str, dict[str, Any]]:
    """One alert of each kind, by its kind."""
    lines = [line(1, f"Accepted password for alice from {HOME} port 1 ssh2", NOW_MS - 20 * DAY_MS)]
    lines += [
        line(number, f"Failed password for root from {AWAY} port {number} ssh2")
        for number in range(2, 7)
    ]
    lines += [line(7, f"Accepted password for alice from {AWAY} port 7 ssh2")]
    events, _ = derive(LoginProgress(), lines, RULES)
    found = bodies([event for event in events if event.type is EventType.ALERTS])
    return {body["attributes"]["type"]: body for body in found}


def bodies(events: list[Event]) -> list[dict[str, Any]]:
    return [json.loads(event.body) for event in events]


if __name__ == "__main__":
    print(json.dumps(sign_ins()[0], indent=2, sort_keys=True))
    for body in (*sign_ins()[1:], *alerts().values()):
        print(json.dumps(body, separators=(",", ":"), sort_keys=True))
