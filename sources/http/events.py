"""`POST /events`: programs, and other Tocsins, hand events in, each with a token of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus

from domain.clients import bearer_token, token_hash
from sources.http.app import Route
from sources.http.messages import JsonAnswer, Request, RequestRefused, not_now
from sources.http.sign_in_watch import HttpSignIn, ReportSignIn
from sources.intake import Inlet, Intake, NotNow, Refusal, TooLarge
from sources.limits import MOST_REMEMBERED, HourlyLimit
from store import tokens

KIND = "token"
KNOWN_S = 1.0
"""Seconds for which a token that was good is taken for good, even if it is deleted meanwhile."""

_REASON = "show a token that `tocsin token add` made: Authorization: Bearer TOKEN"
PATH = "/events"
KEY_HEADERS = ("idempotency-key", "webhook-id")
"""Headers that name a request which may come again; a Tocsin sends the second."""


def routes(inlet: Inlet, random64: Callable[[], int], report: ReportSignIn) -> list[Route]:
    """Return the routes by which events are handed in."""
    intake = Intake(inlet, random64)
    check = TokenCheck(inlet, report)

    async def take(request: Request) -> JsonAnswer:
        try:
            receipt = await intake.take(request.body, request.caller, _key(request))
        except Refusal as refusal:
            too_large = isinstance(refusal, TooLarge)
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_large else HTTPStatus.BAD_REQUEST
            raise RequestRefused(status, refusal.reason, place=refusal.place) from None
        except NotNow as error:
            raise not_now(str(error), error.retry_after_s) from None
        status = HTTPStatus.CONFLICT if receipt.refused else HTTPStatus.OK
        return JsonAnswer(receipt.answer(), status)

    return [Route("POST", PATH, take, admit=check.admit)]


def _key(request: Request) -> str:
    """Return what stays the same when the caller sends a request again, "" for nothing."""
    given = next((key for name in KEY_HEADERS if (key := request.header(name))), "")
    return f"{request.caller}\0{given}" if given else ""


class TokenCheck:
    """Check of tokens: the `admit` of the routes that programs use.

    A token that was good is so for KNOWN_S more; requests that come with it meanwhile, or while the
    store is asked for it, ask for nothing. One that is not known is asked for each time, so that a
    new one is good at once.
    """

    def __init__(
        self,
        inlet: Inlet,
        report: ReportSignIn,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inlet = inlet
        self._report = report
        self._monotonic = monotonic
        self._reported = HourlyLimit(self._inlet.clock)
        self._known: dict[str, tuple[str, float]] = {}
        self._asked: dict[str, asyncio.Task[str | None]] = {}

    async def admit(self, request: Request) -> str:
        """Return the name of the token that is shown. Raises RequestRefused."""
        token = bearer_token(request.header("authorization"))
        name = await self._name(token) if token else None
        if name is None:
            error = "unknown token" if token else "no token"
            await self._report(HttpSignIn(KIND, False, request.peer, request.path, "", (error,)))
            raise RequestRefused(
                HTTPStatus.UNAUTHORIZED, _REASON, headers=(("www-authenticate", "Bearer"),)
            )
        # Every request signs in; only one an hour is reported from each address.
        if self._reported.is_due((name, request.peer)):
            await self._report_success(name, request)
        return name

    async def _report_success(self, name: str, request: Request) -> None:
        try:
            await self._report(HttpSignIn(KIND, True, request.peer, request.path, name))
        except BaseException:
            self._reported.forget((name, request.peer))
            raise

    async def _name(self, token: str) -> str | None:
        shown = token_hash(token)
        name, until_s = self._known.get(shown, ("", 0.0))
        if self._monotonic() < until_s:
            return name
        if shown not in self._asked:
            self._asked[shown] = asyncio.create_task(self._ask(token, shown))
        # One who goes away ends the question for nobody else.
        return await asyncio.shield(self._asked[shown])

    async def _ask(self, token: str, shown: str) -> str | None:
        asked_s = self._monotonic()
        try:
            name = await self._inlet.store.run(tokens.name_of, token, self._inlet.clock())
        finally:
            del self._asked[shown]
        self._known.pop(shown, None)
        if name is not None:
            if len(self._known) >= MOST_REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[shown] = name, asked_s + KNOWN_S
        return name
