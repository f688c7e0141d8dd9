"""Lets in who shows a token, and tells of those who do not have one."""

from __future__ import annotations

from http import HTTPStatus

from domain.tokens import bearer_token
from sources.hourly import Hourly
from sources.http.messages import Refused, Request
from sources.http.sign_ins import ReportSignIn, SignIn
from sources.inlet import Inlet
from store import tokens

KIND = "token"
_REASON = "show a token that `tocsin token add` made: Authorization: Bearer TOKEN"


class TokenDoor:
    """The `admit` of routes that programs use."""

    def __init__(self, inlet: Inlet, report: ReportSignIn) -> None:
        self._inlet = inlet
        self._report = report
        self._told = Hourly(self._inlet.clock)

    async def admit(self, request: Request) -> str:
        """The name of the token that is shown. Raises Refused."""
        token = bearer_token(request.header("authorization"))
        name = await self._name(token) if token else None
        if name is None:
            error = "unknown token" if token else "no token"
            await self._report(SignIn(KIND, False, request.peer, request.path, "", (error,)))
            raise Refused(
                HTTPStatus.UNAUTHORIZED, _REASON, headers=(("www-authenticate", "Bearer"),)
            )
        # Every request signs in; only one an hour is told of from each address.
        if self._told.is_due((name, request.peer)):
            await self._tell(name, request)
        return name

    async def _tell(self, name: str, request: Request) -> None:
        try:
            await self._report(SignIn(KIND, True, request.peer, request.path, name))
        except BaseException:
            self._told.forget((name, request.peer))
            raise

    async def _name(self, token: str) -> str | None:
        return await self._inlet.store.run(tokens.name_of, token, self._inlet.clock())
