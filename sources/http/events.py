"""`POST /events`: programs, and other Tocsins, hand events in, each with a token of its own."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from domain.clients import bearer_token
from sources.http.app import Route
from sources.http.messages import JsonAnswer, Request, RequestRefused, not_now
from sources.http.sign_in_watch import HttpSignIn, ReportSignIn
from sources.intake import Inlet, Intake, NotNow, Refusal, TooLarge
from sources.limits import HourlyLimit
from store import tokens

KIND = "token"
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
    """Check of tokens: the `admit` of the routes that programs use."""

    def __init__(self, inlet: Inlet, report: ReportSignIn) -> None:
        self._inlet = inlet
        self._report = report
        self._reported = HourlyLimit(self._inlet.clock)

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
        return await self._inlet.store.run(tokens.name_of, token, self._inlet.clock())
