"""Agents and brokers as they sign in, made by hand, and a server that they sign in to."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, ParamSpec, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.alert_kinds import all_terms
from domain.clients import AGENT, BROKER
from domain.settings import Settings
from sources.http.sign_in_watch import HttpSignIn
from sources.intake import Inlet
from sources.procustodibus import agents, brokers, hello
from sources.procustodibus.agents import note_refused_host
from sources.procustodibus.sign_in import Sessions, encode
from store import clients
from store.database import Store
from store.records import Client
from tests.sources.http.serving import Reply, Served, limits, serving
from tests.support.stores import ACTOR

NOW = 1_795_502_420_000
"""When the pings were recorded."""

CODE = "a-set-up-code"
P = ParamSpec("P")
T = TypeVar("T")


class Clock:
    """A clock that stands still, and the monotonic one beside it."""

    def __init__(self) -> None:
        self.now_ms = NOW

    def __call__(self) -> int:
        return self.now_ms

    def monotonic(self) -> float:
        return self.now_ms / 1000


@dataclass(slots=True)
class Custodian:
    """An agent or a broker with a key of its own."""

    served: Served
    user: str
    host: str = ""
    kind: str = AGENT
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    session: str = ""

    @property
    def public_key(self) -> str:
        """As it is sent."""
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return b64encode(raw).decode()

    async def set_up(self, code: str = CODE, comma: str = ",") -> Reply:
        """Bring the key; the real broker leaves the comma out."""
        header = f"X-Custos user=^{self.user}{comma} {self.kind}_setup=^{code}"
        body = {"secret": self.public_key, "description": "on vm", "keep_others": False}
        path = f"/users/{self.user}/credentials/signature"
        return await self.served.ask("POST", path, json.dumps(body).encode(), authorization=header)

    async def challenge(self) -> tuple[str, str]:
        reply = await self.served.ask("GET", "/sessions/challenge")
        [challenge] = reply.content["data"]
        return challenge["id"], challenge["attributes"]["value"]

    async def answer(self, challenge: tuple[str, str]) -> Reply:
        """Sign a challenge and ask for a session."""
        id_, value = challenge
        signature = encode(self.key.sign(value.encode()))
        header = f"X-Custos user=^{self.user}, challenge=^{id_}, signature={signature}"
        return await self.served.ask("POST", "/sessions", authorization=header)

    async def sign_in(self) -> Reply:
        """As the real ones do."""
        reply = await self.answer(await self.challenge())
        if reply.status == 200:
            self.session = reply.content["data"][0]["attributes"]["token"]
        return reply

    async def ask(self, method: str, path: str, body: bytes = b"") -> Reply:
        """A request within the session."""
        header = f"X-Custos user=^{self.user}, session=^{self.session}"
        return await self.served.ask(method, path, body, authorization=header)

    async def ping(self, body: object, host: str | None = None) -> Reply:
        """Report."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.ask("POST", f"/hosts/{host or self.host}/ping/1.10.4", text)

    async def next(self, type_: str, most: int = 100) -> list[Any]:
        """The next events of a type."""
        body = json.dumps({"max": most}).encode()
        reply = await self.ask("POST", f"/queues/{type_}/next", body)
        assert reply.status == 200, reply
        found: list[Any] = reply.content["data"]
        return found

    async def hello(self) -> Reply:
        return await self.ask("GET", "/queues/1.1.1/hello")


@dataclass(slots=True)
class Centre:
    """A server for agents and brokers, its store, and what it told of sign-ins."""

    store: Store
    served: Served
    clock: Clock
    told: list[HttpSignIn]
    inlet: Inlet

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.store.call(function, *args, **kwargs)

    def add(self, kind: str, name: str, code: str = CODE) -> Custodian:
        """One that may set itself up."""
        client = add_client(self.store, kind, name, code)
        return Custodian(self.served, client.user_id, client.host_id, kind)

    async def signed_in(self, kind: str, name: str) -> Custodian:
        """One that is set up and has a session."""
        custodian = self.add(kind, name)
        assert (await custodian.set_up()).status == 200
        assert (await custodian.sign_in()).status == 200
        return custodian

    async def agent(self, name: str = "hub") -> Custodian:
        return await self.signed_in(AGENT, name)

    async def broker(self, name: str = "siem") -> Custodian:
        return await self.signed_in(BROKER, name)


_ids = count(1)


def add_client(store: Store, kind: str, name: str, code: str = CODE) -> Client:
    return store.call(clients.add, kind, name, f"user{next(_ids)}", code, ACTOR, NOW)


@asynccontextmanager
async def centre(store: Store, *, max_body: int = 20_000_000) -> AsyncIterator[Centre]:
    """A server with both parts."""
    clock, told = Clock(), list[HttpSignIn]()

    async def report(sign_in: HttpSignIn) -> None:
        told.append(sign_in)

    inlet = Inlet("http", store, clock, on_appended=lambda: None)
    refused = partial(note_refused_host, inlet)
    sessions = Sessions(store, clock, report, note_refused=refused, monotonic=clock.monotonic)
    routes = (
        *hello.routes(inlet, sessions),
        *agents.routes(inlet, sessions, Settings(), all_terms({})),
        *brokers.routes(inlet, sessions),
    )
    async with serving(routes, bounds=limits(max_body, clients=100)) as served:
        yield Centre(store, served, clock, told, inlet)
        assert served.bugs == []
