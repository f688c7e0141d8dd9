"""What is told of each sign-in over HTTP, so that it can become an event of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignIn:
    """Someone signed in, or tried to.

    kind:   how, "token" or "X-Custos"
    ip:     the address that the connection came from
    url:    the path that was asked for
    user:   the name of the token or the id of the agent, "" where it is not known
    errors: why it failed, such as ("unknown token",)
    """

    kind: str
    ok: bool
    ip: str
    url: str
    user: str
    errors: tuple[str, ...] = ()


ReportSignIn = Callable[[SignIn], Awaitable[None]]


async def report_nothing(_: SignIn) -> None:
    """Where nobody wants to hear of sign-ins."""
