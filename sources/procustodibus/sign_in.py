"""Sign-in of agents and brokers: a set-up code once, then a signature for each session.

Sessions live in memory and die with the process; agents and brokers then sign in again by
themselves. A client that was deleted, or got a new set-up code, is out at once.

They say who they are in one header:

    X-Custos user=^Ahg1opVcGXw, session=^cGqm5m91ObZIqkmY9ScYEKEcTrEvDn9A

A value after `^` stands as it is, one without is base64url. The broker leaves a comma out.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domain import clients as kinds
from domain.safe import safe
from sources.http.messages import Request, RequestRefused
from sources.http.sign_in_watch import FailedAddresses, HttpSignIn, ReportSignIn
from store import clients
from store.records import Client

if TYPE_CHECKING:
    from store.database import Store

SCHEME = "X-Custos"
HEADER_LIMIT = 2_048
"""Characters of a header that are read; a real one has some 200."""

CHALLENGE_S = 60
SESSION_S = 3600
"""Seconds that a session lasts; clients take up to ten minutes off it."""

SESSIONS_OF_ONE = 8
"""Sessions of one client; the oldest ends for a new one."""

AT_ONCE = 4
"""Requests that are checked together; the failures of those before count for those after."""

KEY_BYTES = 32
_USER_LIMIT = 64
_PART = re.compile(r"\b(\w{1,32})=(\^?)([^\s,]*)")
_NONCE_BYTES = 16
_TIME_BYTES = 8


def read_header(header: str) -> Mapping[str, bytes]:
    """Return the values of a header by name; none where it is of another scheme."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != SCHEME.lower():
        return {}
    parts = _PART.findall(rest[:HEADER_LIMIT])
    return {name: _value(text, raw == "^") for name, raw, text in parts}


def _value(text: str, is_raw: bool) -> bytes:
    return text.encode() if is_raw else decode(text)


def encode(value: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return the bytes of base64url, b"" for what is none."""
    try:
        return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""


class Challenges:
    """Challenges to sign: each is known again though none is kept, so nobody can fill a table.

    A challenge is an id with the time it ends at, and a value that only this process can derive
    from it. So a signature over the value shows that its maker got it from here, lately. Only
    those that a signature was accepted for are remembered, until they end.
    """

    def __init__(
        self, monotonic: Callable[[], float], random_bytes: Callable[[int], bytes]
    ) -> None:
        self._monotonic = monotonic
        self._random_bytes = random_bytes
        self._key = random_bytes(32)
        self._used: dict[bytes, float] = {}

    def new(self) -> tuple[str, str]:
        """Return the id and the value of a new challenge."""
        until_ms = int((self._monotonic() + CHALLENGE_S) * 1000)
        facts = until_ms.to_bytes(_TIME_BYTES, "big") + self._random_bytes(_NONCE_BYTES)
        return encode(facts), self._value(facts)

    def value_of(self, id_: str) -> str | None:
        """Return the value to be signed, None for an id that ended, was used or is none."""
        facts = decode(id_)
        if len(facts) != _TIME_BYTES + _NONCE_BYTES or facts in self._used:
            return None
        is_over = _until(facts) <= self._monotonic()
        return None if is_over else self._value(facts)

    def use(self, id_: str) -> None:
        """Note that it was used, so that it is not used again."""
        now = self._monotonic()
        self._used = {facts: until for facts, until in self._used.items() if until > now}
        facts = decode(id_)
        self._used[facts] = _until(facts)

    def _value(self, facts: bytes) -> str:
        return encode(hmac.digest(self._key, facts, hashlib.sha256))


def _until(facts: bytes) -> float:
    return int.from_bytes(facts[:_TIME_BYTES], "big") / 1000


NoteRefused = Callable[[Client, str], Awaitable[None]]
"""Takes a client whose signature was refused, and the address that it came from."""


class _Session(msgspec.Struct, frozen=True):
    user_id: str
    public_key: str
    until_s: float


class Sessions:
    """Sessions of all who sign in to one server. Used inside one event loop."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        report: ReportSignIn,
        *,
        note_refused: NoteRefused,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._random_bytes = random_bytes
        self._report = report
        self._note_refused = note_refused
        self._monotonic = monotonic
        self._challenges = Challenges(monotonic, random_bytes)
        self._failures = FailedAddresses(monotonic)
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._sessions: dict[bytes, _Session] = {}
        self._lost: set[str] = set()
        """Users who came with a session that has ended, as all do after a restart of ours."""

    def challenge(self) -> tuple[str, str]:
        """Return the id and the value of a new challenge."""
        return self._challenges.new()

    async def set_up(self, request: Request, user_id: str, public_key: str) -> None:
        """Keep the key of a client that has a set-up code. Raises RequestRefused."""
        async with self._at_once:
            # Codes are guessed at, keys are not: here who is right has to wait as well.
            self._check_pace(request)
            await self._set_up(request, user_id, public_key)

    async def _set_up(self, request: Request, user_id: str, public_key: str) -> None:
        values = read_header(request.header("authorization"))
        for kind in kinds.PARTS:
            code = values.get(f"{kind}_setup")
            if code is None or values.get("user") != user_id.encode():
                continue
            name = await self._store.run(
                clients.set_up,
                kind,
                user_id,
                code.decode("ascii", "replace"),
                public_key,
                request.peer,
                self._clock(),
            )
            if name is not None:
                return
        raise await self._refusal(request, "set-up code", user_id)

    async def sign_in(self, request: Request) -> str:
        """Return the token of a new session for a signed challenge. Raises RequestRefused."""
        async with self._at_once:
            return await self._sign_in(request)

    async def _sign_in(self, request: Request) -> str:
        values = read_header(request.header("authorization"))
        user_id = _text(values.get("user"))
        challenge = _text(values.get("challenge"))
        client = await self._store.run(clients.with_user_id, user_id)
        if client is None:
            raise await self._refusal(request, "user", user_id)
        # From here on to its use nobody else gets a turn: a challenge is good once.
        value = self._challenges.value_of(challenge)
        if value is None:
            raise await self._refusal(request, "challenge", user_id, client.name)
        if not _is_signed(client.public_key, values.get("signature", b""), value):
            refusal = await self._refusal(request, "signature", user_id, client.name)
            await self._note_refused(client, request.peer)
            raise refusal
        self._challenges.use(challenge)
        self._lost.discard(user_id)
        token = encode(self._random_bytes(32))
        self._keep(_digest(token), client)
        await self._report(_sign_in_report(request, user_id, (), client.name))
        return token

    async def admit(self, request: Request, kind: str) -> Client:
        """Return the client of the session of a request. Raises RequestRefused."""
        values = read_header(request.header("authorization"))
        user_id = _text(values.get("user"))
        session = self._sessions.get(_digest(_text(values.get("session"))))
        client = await self._store.run(clients.with_user_id, user_id)
        if client is None:
            raise await self._refusal(request, "user", user_id)
        if session is None or session.until_s <= self._monotonic():
            raise await self._lost_session(request, client)
        if session.user_id != user_id or session.public_key != client.public_key:
            raise await self._refusal(request, "session", user_id, client.name)
        if client.kind != kind:
            raise await self.forbidden(request, client, kind)
        return client

    async def forbidden(self, request: Request, client: Client, what: str) -> RequestRefused:
        """Return the refusal of a signed-in client that wants what is another's; report it."""
        self._failures.add(request.peer)
        await self._report(_sign_in_report(request, client.user_id, (what,), client.name))
        return RequestRefused(
            HTTPStatus.FORBIDDEN, f"{clients.NOUNS[client.kind]} {client.name} may not"
        )

    async def _lost_session(self, request: Request, client: Client) -> RequestRefused:
        """Return a refusal; a failure only where the client has not signed in since an earlier one.

        After a restart of ours each client loses its session once.
        """
        if client.user_id not in self._lost:
            self._lost.add(client.user_id)
            return _unauthorized("session")
        return await self._refusal(request, "session", client.user_id, client.name)

    async def _refusal(
        self, request: Request, what: str, user_id: str, name: str = ""
    ) -> RequestRefused:
        """Return the refusal of what is not good; report and count it, up to a bound."""
        self._check_pace(request)
        self._failures.add(request.peer)
        await self._report(_sign_in_report(request, user_id, (what,), name))
        return _unauthorized(what)

    def _check_pace(self, request: Request) -> None:
        """Raise RequestRefused where too many failures came from this address before."""
        wait_s = self._failures.wait_s(request.peer)
        if wait_s:
            raise RequestRefused(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many failures to sign in came from this address",
                headers=(("retry-after", str(ceil(wait_s))),),
            )

    def _keep(self, digest: bytes, client: Client) -> None:
        now = self._monotonic()
        self._sessions = {key: old for key, old in self._sessions.items() if old.until_s > now}
        own = [key for key, old in self._sessions.items() if old.user_id == client.user_id]
        for key in own[: max(0, len(own) + 1 - SESSIONS_OF_ONE)]:
            del self._sessions[key]
        self._sessions[digest] = _Session(client.user_id, client.public_key or "", now + SESSION_S)


def is_key(text: str) -> bool:
    """Return whether a text is the base64 of a public ed25519 key."""
    try:
        return len(b64decode(text, validate=True)) == KEY_BYTES
    except ValueError:
        return False


def _is_signed(public_key: str | None, signature: bytes, value: str) -> bool:
    if public_key is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(b64decode(public_key)).verify(signature, value.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _digest(token: str) -> bytes:
    """Return the key of a session: a hash, so that no time of a look-up betrays a token."""
    return hashlib.sha256(token.encode()).digest()


def _text(value: bytes | None) -> str:
    return (value or b"").decode("ascii", "replace")


def _sign_in_report(
    request: Request, user_id: str, errors: tuple[str, ...], name: str
) -> HttpSignIn:
    return HttpSignIn(
        kind=SCHEME,
        ok=not errors,
        ip=request.peer,
        url=safe(request.path, 200),
        user=safe(user_id, _USER_LIMIT),
        errors=tuple(f"bad {error}" for error in errors),
        host=name,
    )


def _unauthorized(what: str) -> RequestRefused:
    return RequestRefused(
        HTTPStatus.UNAUTHORIZED,
        f"sign in first: the {what} is not known here, or is no longer good",
        headers=(("www-authenticate", SCHEME),),
    )
