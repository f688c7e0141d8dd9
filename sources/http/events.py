"""`POST /events`: programs, and other Tocsins, hand events in."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from sources.http.messages import Answer, Refused, Request, not_now
from sources.http.routes import Route
from sources.http.sign_ins import ReportSignIn
from sources.http.token_door import TokenDoor
from sources.inlet import Inlet
from sources.intake import Intake, NotNow, Refusal, TooLarge

PATH = "/events"
KEY_HEADERS = ("idempotency-key", "webhook-id")
"""What names a request that may come again; a Tocsin sends the second."""


def routes(inlet: Inlet, random64: Callable[[], int], report: ReportSignIn) -> list[Route]:
    """Return the routes by which events are handed in."""
    intake = Intake(inlet, random64)
    door = TokenDoor(inlet, report)

    async def take(request: Request) -> Answer:
        try:
            receipt = await intake.take(request.body, request.caller, _key(request))
        except Refusal as refusal:
            too_large = isinstance(refusal, TooLarge)
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_large else HTTPStatus.BAD_REQUEST
            raise Refused(status, refusal.reason, place=refusal.place) from None
        except NotNow as error:
            raise not_now(str(error), error.retry_after_s) from None
        status = HTTPStatus.CONFLICT if receipt.refused else HTTPStatus.OK
        return Answer(receipt.answer(), status)

    return [Route("POST", PATH, take, admit=door.admit)]


def _key(request: Request) -> str:
    """What stays the same when the caller sends the same request again, "" for nothing."""
    given = next((key for name in KEY_HEADERS if (key := request.header(name))), "")
    return f"{request.caller}\0{given}" if given else ""
