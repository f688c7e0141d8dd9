from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing

import httpx
import pytest

from delivery.network import AddressRefused, Dialler, GuardedTransport, Resolver, ssl_context
from domain.addresses import NetworkPolicy
from tests.support.receiver_client import Receiver
from tests.support.waiting import PATIENCE_S

LOCAL = NetworkPolicy()
LookUp = Callable[[str], tuple[str, ...]]


def leading_to(*addresses: str) -> Resolver:
    return Resolver(lambda _: addresses)


second_loopback = pytest.mark.skipif(
    sys.platform != "linux",
    reason="only Linux answers on 127.0.0.2 and drops what a full queue gets",
)


def port_of(receiver: Receiver) -> int:
    port = httpx.URL(receiver.base_url).port
    assert port is not None
    return port


async def dial(
    resolver: Resolver, port: int, policy: NetworkPolicy | None = LOCAL, limit_s: float = 5
) -> str:
    stream = await Dialler(policy, resolver).connect("name.test", port, limit_s)
    address = stream.address
    stream.close()
    return address


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port of 127.0.0.2 that never takes a connection: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        callers = [socket.socket() for _ in range(3)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for caller in callers:
            caller.close()


class Gate:
    """A look-up that waits until it is opened."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, host: str) -> tuple[str, ...]:
        self.calls.append(host)
        self.entered.set()
        assert self.opened.wait(PATIENCE_S)
        return ("127.0.0.1",)


def test_the_vetted_address_is_the_one_dialled(shared_receiver: Receiver) -> None:
    resolver = leading_to("127.0.0.1")
    assert asyncio.run(dial(resolver, port_of(shared_receiver))) == "127.0.0.1"


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::",
     "fe80::1%lo", "0.0.0.0", "::", "224.0.0.1", "fd00:ec2::254"],
)  # fmt: skip
def test_one_refused_address_refuses_the_name(address: str, shared_receiver: Receiver) -> None:
    resolver = leading_to("127.0.0.1", address)
    with pytest.raises(AddressRefused, match=r"^name\.test leads to a refused address: "):
        asyncio.run(dial(resolver, port_of(shared_receiver)))


def test_the_policy_decides(shared_receiver: Receiver) -> None:
    resolver, port = leading_to("127.0.0.1"), port_of(shared_receiver)
    with pytest.raises(AddressRefused):
        asyncio.run(dial(resolver, port, NetworkPolicy("public")))
    assert asyncio.run(dial(resolver, port, NetworkPolicy("open"))) == "127.0.0.1"
    assert asyncio.run(dial(resolver, port, None)) == "127.0.0.1"


@second_loopback
def test_a_refusing_address_is_passed_over(shared_receiver: Receiver) -> None:
    resolver = leading_to("127.0.0.3", "127.0.0.1")
    assert asyncio.run(dial(resolver, port_of(shared_receiver))) == "127.0.0.1"


@second_loopback
def test_a_dead_first_address_leaves_time_for_the_second(deaf_port: int) -> None:
    async def trial() -> str:
        closed = asyncio.Event()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()
            await writer.wait_closed()
            closed.set()

        async with await asyncio.start_server(serve, "127.0.0.1", deaf_port):
            address = await dial(leading_to("127.0.0.2", "127.0.0.1"), deaf_port, limit_s=2)
            await closed.wait()
        return address

    assert asyncio.run(trial()) == "127.0.0.1"


@second_loopback
def test_dead_addresses_end_at_the_connect_timeout(deaf_port: int) -> None:
    started = time.monotonic()
    with pytest.raises(httpx.ConnectTimeout, match="no connection within 400ms"):
        asyncio.run(dial(leading_to("127.0.0.2", "127.0.0.2"), deaf_port, limit_s=0.4))
    assert 0.3 < time.monotonic() - started < 30


@second_loopback
def test_no_address_takes_the_connection(unused_port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(dial(leading_to("127.0.0.2", "127.0.0.1"), unused_port))


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port on which nobody listens, nor can while the test lasts."""
    with socket.socket() as holder:
        holder.bind(("", 0))
        yield int(holder.getsockname()[1])


def test_a_slow_look_up_is_cut_at_the_connect_timeout() -> None:
    gate = Gate()
    with pytest.raises(httpx.ConnectTimeout, match="name server within 50ms"):
        asyncio.run(dial(Resolver(gate), 1, limit_s=0.05))
    gate.opened.set()


def together(look_up: LookUp, trial: Callable[[Resolver], Awaitable[None]]) -> None:
    async def run() -> None:
        await trial(Resolver(look_up))

    asyncio.run(run())


def test_waiters_share_one_look_up() -> None:
    gate = Gate()

    async def trial(resolver: Resolver) -> None:
        waiters = [asyncio.create_task(resolver.addresses("name.test")) for _ in range(20)]
        await asyncio.to_thread(gate.entered.wait, PATIENCE_S)
        gate.opened.set()
        assert await asyncio.gather(*waiters) == [("127.0.0.1",)] * 20
        await resolver.addresses("name.test")

    together(gate, trial)
    assert gate.calls == ["name.test"] * 2


def test_a_waiter_that_leaves_takes_nobody_along() -> None:
    gate = Gate()

    async def trial(resolver: Resolver) -> None:
        leaver, stayer = (asyncio.create_task(resolver.addresses("name.test")) for _ in range(2))
        await asyncio.to_thread(gate.entered.wait, PATIENCE_S)
        leaver.cancel()
        gate.opened.set()
        assert await stayer == ("127.0.0.1",)
        assert leaver.cancelled()

    together(gate, trial)


def test_a_hanging_name_server_holds_nothing_up() -> None:
    gate = Gate()

    def look_up(host: str) -> tuple[str, ...]:
        return gate(host) if host.startswith("hanging") else ("127.0.0.1",)

    async def trial(resolver: Resolver) -> None:
        names = [f"hanging{number}.test" for number in range(40)]
        hanging = [asyncio.create_task(resolver.addresses(name)) for name in names]
        await asyncio.to_thread(gate.entered.wait, PATIENCE_S)
        async with asyncio.timeout(PATIENCE_S):
            assert await resolver.addresses("sound.test") == ("127.0.0.1",)
            assert await asyncio.to_thread(lambda: 1) == 1
        for task in hanging:
            task.cancel()

    together(look_up, trial)
    gate.opened.set()


def test_a_failed_look_up_is_raised_to_every_waiter() -> None:
    def fail(_: str) -> tuple[str, ...]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def trial(resolver: Resolver) -> None:
        waiters = (resolver.addresses("name.test") for _ in range(3))
        results = await asyncio.gather(*waiters, return_exceptions=True)
        assert [type(result) for result in results] == [socket.gaierror] * 3

    together(fail, trial)


def test_where_no_thread_is_left_a_look_up_fails_and_the_next_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolver = Resolver(lambda _: ("127.0.0.1",))

    async def trial() -> tuple[str, ...]:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(
                OSError, match=r"too many name lookups hang to begin one of a\.test"
            ):
                await resolver.addresses("a.test")
        return await resolver.addresses("a.test")

    assert asyncio.run(trial()) == ("127.0.0.1",)


def test_addresses_and_local_names_are_looked_up_for_real() -> None:
    async def trial() -> None:
        resolver = Resolver()
        assert await resolver.addresses("192.0.2.7") == ("192.0.2.7",)
        assert "127.0.0.1" in await resolver.addresses("localhost")

    asyncio.run(trial())


def test_the_transport_is_one_of_httpx(shared_receiver: Receiver) -> None:
    """Its client can use it, and nothing gets around the guard."""
    transport = GuardedTransport(LOCAL, leading_to("127.0.0.1"), ssl_context(), 5)

    async def trial() -> int:
        url = f"http://name.test:{port_of(shared_receiver)}/ok/seam"
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.post(url, content=b"[]")).status_code

    assert asyncio.run(trial()) == 200
    assert shared_receiver.requests("/ok/seam")[0].body == b"[]"


def test_a_refusal_passes_through_the_transport_as_it_is() -> None:
    transport = GuardedTransport(LOCAL, leading_to("169.254.169.254"), ssl_context(), 5)

    async def trial() -> None:
        async with aclosing(transport):
            await transport.handle_async_request(httpx.Request("POST", "http://name.test/"))

    with pytest.raises(AddressRefused):
        asyncio.run(trial())
