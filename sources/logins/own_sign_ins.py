"""Sign-ins to this Tocsin itself: the screen that is opened, agents, brokers and tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from domain.actors import Actor
from domain.events import Event
from domain.ids import resource_id
from domain.safe import safe
from domain.source_kinds import OWN_SIGN_INS
from sources.http.sign_in_watch import HttpSignIn, ReportSignIn
from sources.logins.alerts import AlertRules, Memory, raised
from sources.logins.events import NAME_LIMIT, SignIn, log_authn

if TYPE_CHECKING:
    from sources.inlet import Inlet
    from store.sources import Step

TERMINAL = "terminal"
TOKEN = "token"  # noqa: S105  # the name of a way to sign in
_TOKENS = "tokens"
_ADDRESS_LIMIT = 64
_memories = msgspec.json.Decoder(Memory)


def screen_opened(
    actor: Actor, *, machine: str, host: str, now_ms: int, random64: Callable[[], int]
) -> SignIn:
    """Someone opens the screen: who has logged in to this machine, from where as is claimed."""
    user = actor.login or actor.user
    return SignIn(
        at_ms=now_ms,
        kind=TERMINAL,
        ip=safe(actor.address, _ADDRESS_LIMIT) if actor.address else None,
        url=f"{TERMINAL}://{safe(host, NAME_LIMIT)}",
        user=user,
        user_id=resource_id("users", machine, user),
        facts=(TERMINAL, str(random64())),
        host=host,
        verifications=("user",),
    )


def signed_in_over_http(
    told: HttpSignIn, *, host: str, now_ms: int, random64: Callable[[], int]
) -> SignIn:
    """An agent, a broker or a program signs in, or fails to."""
    is_token = told.kind == TOKEN
    user_id = resource_id("users", _TOKENS, told.user) if is_token and told.user else told.user
    return SignIn(
        at_ms=now_ms,
        kind=told.kind,
        ip=told.ip or None,
        url=safe(told.url, 200),
        user=told.user,
        user_id=user_id if told.ok else "",
        facts=(told.kind, str(random64())),
        host=told.host or host,
        verifications=(("token",) if is_token else ("signature", "user")) if told.ok else (),
        errors=told.errors,
    )


def kept(sign_in: SignIn, rules: AlertRules) -> Step:
    """What `store.sources.advance` does with a sign-in: its event, its alerts, what we remember.

    Where it came from is looked up here, not while the store is being written.
    """
    location = rules.locate(sign_in.ip) if sign_in.ip else None
    rules = replace(rules, locate=lambda _: location)

    def step(state: bytes | None) -> tuple[Sequence[Event], bytes]:
        alerts, memory = raised(_memory(state), sign_in, rules)
        event = log_authn(sign_in, event_names=rules.event_names)
        return (event, *alerts), msgspec.json.encode(memory)

    return step


def reporter(
    inlet: Inlet, rules: AlertRules, *, host: str, random64: Callable[[], int]
) -> ReportSignIn:
    """Return what keeps a sign-in over HTTP; it is on disk before the client is answered."""

    async def report(told: HttpSignIn) -> None:
        now_ms = inlet.clock()
        sign_in = signed_in_over_http(told, host=host, now_ms=now_ms, random64=random64)
        step = await asyncio.to_thread(kept, sign_in, rules)
        await inlet.advance(OWN_SIGN_INS, step)

    return report


def _memory(state: bytes | None) -> Memory:
    """What is remembered; nothing where it cannot be used, since no sign-in may go untold."""
    try:
        return Memory() if state is None else _memories.decode(state)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Memory()
