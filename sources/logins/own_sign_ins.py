"""Sign-ins to this Tocsin itself: the screen that is opened, agents, brokers and tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from domain.actors import Actor
from domain.events import Event
from domain.ids import resource_id
from domain.safe import safe
from domain.source_kinds import OWN_SIGN_INS
from sources.http.sign_in_watch import HttpSignIn, ReportSignIn
from sources.logins.alerts import AlertRules, SignInMemory, raised
from sources.logins.events import NAME_LIMIT, SignIn, log_authn

if TYPE_CHECKING:
    from sources.intake import Inlet
    from store.sources import Step

TERMINAL = "terminal"
TOKEN = "token"  # noqa: S105  # the name of a way to sign in
_TOKENS = "tokens"
_ADDRESS_LIMIT = 64
_memories = msgspec.json.Decoder(SignInMemory)


def screen_opened(
    actor: Actor, *, machine: str, host: str, now_ms: int, random64: Callable[[], int]
) -> SignIn:
    """Return the sign-in of who opens the screen: the login here, and the address as is claimed."""
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
    reported: HttpSignIn, *, host: str, now_ms: int, random64: Callable[[], int]
) -> SignIn:
    """Return the sign-in of an agent, a broker or a program, or its failure to."""
    is_token = reported.kind == TOKEN
    user_id = (
        resource_id("users", _TOKENS, reported.user)
        if is_token and reported.user
        else reported.user
    )
    return SignIn(
        at_ms=now_ms,
        kind=reported.kind,
        ip=reported.ip or None,
        url=safe(reported.url, 200),
        user=reported.user,
        user_id=user_id if reported.ok else "",
        facts=(reported.kind, str(random64())),
        host=reported.host or host,
        verifications=(("token",) if is_token else ("signature", "user")) if reported.ok else (),
        errors=reported.errors,
    )


def sign_in_step(sign_in: SignIn, rules: AlertRules) -> Step:
    """Return the step of `store.sources.advance` for a sign-in: its event, its alerts, the memory.

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
    """Return the function that keeps a sign-in over HTTP, before the client is answered."""

    async def report(reported: HttpSignIn) -> None:
        now_ms = inlet.clock()
        sign_in = signed_in_over_http(reported, host=host, now_ms=now_ms, random64=random64)
        step = await asyncio.to_thread(sign_in_step, sign_in, rules)
        await inlet.advance(OWN_SIGN_INS, step)

    return report


def _memory(state: bytes | None) -> SignInMemory:
    """Return the memory; a new one where it cannot be used, since no sign-in may be lost."""
    try:
        return SignInMemory() if state is None else _memories.decode(state)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return SignInMemory()
