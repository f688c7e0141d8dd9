"""Connections: nothing left over on one is taken for the answer of the next request."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from delivery import connection
from delivery.connection import encrypted
from delivery.network import Dialler, GuardedTransport, Resolver, ssl_context
from delivery.outcome import Outcome
from delivery.post import Poster
from delivery.sender import Sender
from delivery.slots import Slots
from domain.addresses import NetworkPolicy
from store.queue import attempts as outbox
from store.queue import deliveries
from tests.delivery.kept_connection import has_come, wait_until_come
from tests.delivery.proxy import Proxy
from tests.support.certificates import Authority
from tests.support.receiver_client import Receiver
from tests.support.running_worker import QUICK, SkewedClock, hook
from tests.support.stores import Desk, carried, events
from tests.support.waiting import PATIENCE_S

SINGLY = replace(QUICK, max_events=1)
TWENTY = list(range(1, 21))


BODY = b'[{"type":"alerts","id":"a1","attributes":{}}]'
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
FAILED = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


class Scripted:
    """A receiver that answers each request with the same bytes, and more when the test says so.

    taken:   the number of the connection of each request that was read
    bodies:  what these requests brought
    writers: the connections
    poster:  the other end of the last one
    """

    def __init__(self, answer: bytes = TAKEN) -> None:
        self.answer = answer
        self.url = ""
        self.taken: list[int] = []
        self.bodies: list[bytes] = []
        self.poster: Poster | None = None
        self.writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests from one connection until the poster ends it."""
        self._tasks.append(asyncio.current_task())
        self.writers.append(writer)
        number = len(self.writers)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split()[0])
                self.bodies.append(await reader.readexactly(length))
                await self.take(number, reader, writer)
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def take(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer a request that came on connection `number`."""
        self.taken.append(number)
        writer.write(self.answer)

    async def has_reached_the_poster(self) -> None:
        """Wait until what was written last, or the end, is there."""
        assert self.poster is not None
        await has_come(self.poster)

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
        """Take connections, and wait for the end of all of them."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
        async with server:
            yield
        await asyncio.gather(*filter(None, self._tasks))


Post = Callable[[], Awaitable[Outcome]]


def told(
    story: Callable[[Scripted, Post], Awaitable[None]],
    receiver: Scripted | None = None,
    authority: Authority | None = None,
    proxied: str = "",
    timeout_ms: int = 60_000,
) -> None:
    """Tell a story of a poster and its receiver, over TLS where there is an authority.

    `proxied` is "" for no proxy, "http" or "https".
    """
    receiver = receiver or Scripted()
    proxy = Proxy()

    async def tell() -> None:
        tls, ca_file = None, None
        if authority is not None:
            tls, ca_file = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), str(authority.file)
            tls.load_cert_chain(*authority.issue("127.0.0.1", name="scripted"))
        proxy_tls = tls if proxied == "https" else None
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=proxy_tls)
        port = server.sockets[0].getsockname()[1]
        address = f"{proxied}://127.0.0.1:{port}" if proxied else None
        poster = Poster(NetworkPolicy(), 60_000, timeout_ms, ca_file, address, resolver=Resolver())
        receiver.poster = poster
        async with server, receiver.listening(tls):
            try:
                await story(receiver, lambda: poster.post(receiver.url, (), BODY))
            finally:
                await poster.close()
                await proxy.ended()

    asyncio.run(tell())


async def takes(count: int, receiver: Scripted, post: Post) -> None:
    """Requests, each of which must be read by the receiver and delivered."""
    before = len(receiver.taken)
    for number in range(1, count + 1):
        outcome = await post()
        assert (outcome.delivered, len(receiver.taken) - before) == (True, number), outcome


def drain(desk: Desk) -> list[str]:
    """Let webhook 1 send all it has; what was logged."""
    log: list[str] = []

    async def run() -> None:
        sender = Sender(
            desk.store, SINGLY, SkewedClock(), "worker-1", log.append, Slots(4, 4, 1_000_000)
        )
        await sender.drain(1, new_run=True, failing=False)

    asyncio.run(run())
    return log


class Twice(Scripted):
    """Answers the first request of each connection twice, and takes nothing of the second.

    arrived:  the sender has the first answer
    answered: the second answer is sent
    """

    def __init__(self, *, late: bool) -> None:
        super().__init__(TAKEN if late else TAKEN + TAKEN)
        self.late = late
        self.arrived, self.answered = asyncio.Event(), asyncio.Event()

    async def take(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await super().take(number, reader, writer)
        if self.late:
            await self.arrived.wait()
            writer.write(TAKEN)
        self.answered.set()
        while await reader.read(65_536):
            pass


@pytest.mark.parametrize("late", [False, True])
def test_a_second_answer_delivers_nothing_that_was_not_taken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """A late one comes when the first is there, and before the next request."""
    receiver = Twice(late=late)
    run = desk.store.run

    async def after_all_answers(*args: Any, **kwargs: Any) -> Any:
        if args[0] is outbox.record:
            receiver.arrived.set()
            async with asyncio.timeout(PATIENCE_S):
                await receiver.answered.wait()
            if late:
                await receiver.has_reached_the_poster()
            receiver.arrived.clear()
            receiver.answered.clear()
        return await run(*args, **kwargs)

    post = Poster.post

    async def seen(poster: Poster, *args: Any, **kwargs: Any) -> Outcome:
        receiver.poster = poster
        return await post(poster, *args, **kwargs)

    async def tell() -> None:
        sender = Sender(
            desk.store, SINGLY, SkewedClock(), "worker-1", print, Slots(4, 4, 1_000_000)
        )
        async with receiver.listening(None):
            desk.add(hook(receiver.url))
            desk.append(*events(1, 20))
            await sender.drain(1, new_run=True, failing=False)

    monkeypatch.setattr(desk.store, "run", after_all_answers)
    monkeypatch.setattr(Poster, "post", seen)
    asyncio.run(tell())
    taken = [carried(body)[0] for body in receiver.bodies]
    assert (taken, desk.status(1).delivered_events) == (TWENTY, 20)


@pytest.mark.parametrize("status", [204, 205])
@pytest.mark.parametrize("ms", [0, 1])
def test_a_body_where_there_is_none_makes_no_event_arrive_twice(
    desk: Desk, shared_receiver: Receiver, status: int, ms: int
) -> None:
    path = f"/bodied:{status},{ms}/drain"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 20))
    drain(desk)
    taken = [carried(request.body)[0] for request in shared_receiver.requests(path)]
    assert (taken, desk.status(1).delivered_events) == (TWENTY, 20)


def test_a_reset_of_a_kept_connection_is_tried_again_at_once(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/once/drain"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 20))
    log = drain(desk)
    taken = [carried(request.body)[0] for request in shared_receiver.requests(path)]
    assert (taken, desk.status(1).delivered_events) == (TWENTY, 20), log
    assert sum("in place of an answer; next at" in line for line in log) == 1
    assert "(attempt 2, at once on a new connection)" in log[0]
    second = shared_receiver.requests(path)[1].header("webhook-id") or ""
    attempts = sorted(desk.call(deliveries.attempts, second), key=lambda one: one.number)
    assert [(one.number, one.status, one.error) for one in attempts] == [
        (1, None, "ConnectionResetError"),
        (2, 200, None),
    ]


# What is left over


SURPLUS = {
    "another answer": TAKEN + TAKEN,
    "a failed one": TAKEN + FAILED,
    "one byte": TAKEN + b"\n",
    "a hint": TAKEN + b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "more than was announced": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay",
    "after chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n0",
    "more than one read": TAKEN + b"x" * 300_000,
    "a long head that fills a read": b"HTTP/1.1 200 OK\r\nX: ".ljust(65_513, b"x")
    + b"\r\nContent-Length: 0\r\n\r\n"
    + TAKEN,
    "a body of 204": b"HTTP/1.1 204 No Content\r\n\r\nbody",
}


@pytest.mark.parametrize("answer", SURPLUS.values(), ids=SURPLUS)
@pytest.mark.parametrize("secure", [False, True])
def test_a_connection_with_something_left_over_is_not_used_again(
    answer: bytes, secure: bool, authority: Authority
) -> None:
    async def story(receiver: Scripted, post: Post) -> None:
        await takes(3, receiver, post)
        assert receiver.taken == [1, 2, 3]

    told(story, Scripted(answer), authority if secure else None)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("more", [TAKEN, b"\n"])
def test_what_comes_up_to_the_next_use_is_noticed(
    more: bytes, secure: bool, authority: Authority
) -> None:
    """From then on no connection to this receiver is kept."""

    async def story(receiver: Scripted, post: Post) -> None:
        await takes(2, receiver, post)
        receiver.writers[0].write(more)
        await receiver.has_reached_the_poster()
        await takes(3, receiver, post)
        assert receiver.taken == [1, 1, 2, 3, 4]

    told(story, authority=authority if secure else None)


def test_what_comes_after_the_look_and_before_the_sending_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(receiver: Scripted, post: Post) -> None:
        await post()
        look = GuardedTransport.is_reusable

        def look_too_early(transport: GuardedTransport) -> bool:
            seen = look(transport)
            if len(receiver.taken) == 1:
                receiver.writers[0].write(TAKEN)
                wait_until_come(transport)
            return seen

        monkeypatch.setattr(GuardedTransport, "is_reusable", look_too_early)
        assert (await post()).delivered
        assert receiver.taken == [1, 2]

    told(story)


class HalfRecord(Scripted):
    """Sends over TLS the beginning of another record together with each answer."""

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*authority.issue("127.0.0.1", name="half-record"))
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        self._tasks.append(asyncio.current_task())
        self.writers.append(writer)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        await self._done(tls.do_handshake, reader, writer)
        request = b""
        while not request.endswith(BODY):
            request += await self._done(tls.read, reader, writer)
        self.taken.append(len(self.writers))
        tls.write(TAKEN)
        answer = self._outgoing.read()
        tls.write(FAILED)
        writer.write(answer + self._outgoing.read()[:-1])
        with contextlib.suppress(OSError):
            await reader.read()
            writer.close()
            await writer.wait_closed()

    async def _done(
        self,
        step: Callable[[], Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> Any:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                writer.write(self._outgoing.read())
                self._incoming.write(await reader.read(65_536))
            finally:
                writer.write(self._outgoing.read())


def test_the_beginning_of_a_tls_record_is_left_over(authority: Authority) -> None:
    receiver = HalfRecord(authority)

    async def tell() -> None:
        ca_file = str(authority.file)
        poster = Poster(NetworkPolicy(), 60_000, 60_000, ca_file, resolver=Resolver())
        async with receiver.listening(None):
            for _ in range(2):
                url = receiver.url.replace("http:", "https:")
                assert (await poster.post(url, (), BODY)).delivered
            await poster.close()

    asyncio.run(tell())
    assert receiver.taken == [1, 2]


KEPT = {
    "no body": TAKEN,
    "a body": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nokay",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "hints before it": b"HTTP/1.1 103 Early Hints\r\n\r\n" + TAKEN,
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "204 that says its length": b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    "205": b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("answer", KEPT.values(), ids=KEPT)
@pytest.mark.parametrize("secure", [False, True])
def test_a_connection_with_nothing_left_over_is_used_again(
    answer: bytes, secure: bool, authority: Authority
) -> None:
    async def story(receiver: Scripted, post: Post) -> None:
        await takes(3, receiver, post)
        assert receiver.taken == [1, 1, 1]

    told(story, Scripted(answer), authority if secure else None)


NOT_KEPT = {
    "Connection: close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "more than is read": b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000,
    "204 with a length": b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n",
    "204 with chunks": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    "205 with a body": b"HTTP/1.1 205 Reset Content\r\nContent-Length: 4\r\n\r\nbody",
}


@pytest.mark.parametrize("answer", NOT_KEPT.values(), ids=NOT_KEPT)
def test_a_connection_that_may_bring_more_is_not_used_again(answer: bytes) -> None:
    async def story(receiver: Scripted, post: Post) -> None:
        await takes(3, receiver, post)
        assert receiver.taken == [1, 2, 3]

    told(story, Scripted(answer))


# Through a proxy


@pytest.mark.parametrize(("secure", "proxy"), [(False, "http"), (True, "http"), (True, "https")])
def test_a_connection_through_a_proxy_is_used_again_if_nothing_is_left_over(
    secure: bool, proxy: str, authority: Authority
) -> None:
    """To a proxy of https:// there is TLS within TLS."""

    async def story(receiver: Scripted, post: Post) -> None:
        await takes(3, receiver, post)
        assert receiver.taken == [1, 1, 1]
        receiver.answer = SURPLUS["another answer"]
        await takes(3, receiver, post)
        assert receiver.taken == [1, 1, 1, 1, 2, 3]

    told(story, authority=authority if secure else None, proxied=proxy)


# What ends


@pytest.mark.parametrize("secure", [False, True])
def test_a_connection_that_is_closed_before_its_next_use_fails_nothing(
    secure: bool, authority: Authority
) -> None:
    async def story(receiver: Scripted, post: Post) -> None:
        await takes(1, receiver, post)
        receiver.writers[0].close()
        await receiver.has_reached_the_poster()
        await takes(1, receiver, post)
        assert receiver.taken == [1, 2]

    told(story, authority=authority if secure else None)


def test_a_connection_that_is_half_closed_before_its_next_use_fails_nothing() -> None:
    async def story(receiver: Scripted, post: Post) -> None:
        await takes(1, receiver, post)
        receiver.writers[0].write_eof()
        await receiver.has_reached_the_poster()
        await takes(1, receiver, post)
        assert receiver.taken == [1, 2]

    told(story)


def test_a_connection_that_rested_for_long_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(receiver: Scripted, post: Post) -> None:
        await takes(2, receiver, post)
        with monkeypatch.context() as patched:
            patched.setattr(connection, "KEEP_ALIVE_S", -1.0)
            await takes(1, receiver, post)
        await takes(2, receiver, post)
        assert receiver.taken == [1, 1, 2, 3, 3]

    told(story)


def _reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


class Breaking(Scripted):
    """Breaks each connection at its second request, after some bytes of an answer."""

    def __init__(self, last: bytes, *, first: bytes = TAKEN) -> None:
        super().__init__(first)
        self.last = last

    async def take(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if number not in self.taken:
            await super().take(number, reader, writer)
            return
        writer.write(self.last)
        await writer.drain()
        _reset(writer)


@pytest.mark.parametrize("secure", [False, True])
def test_a_kept_connection_that_breaks_before_an_answer_is_known_as_lost(
    secure: bool, authority: Authority
) -> None:
    async def story(receiver: Scripted, post: Post) -> None:
        await takes(1, receiver, post)
        lost = await post()
        assert (lost.delivered, lost.kept_was_lost) == (False, True)
        assert lost.detail == "the receiver ended the kept connection in place of an answer"
        await takes(3, receiver, post)
        assert receiver.taken == [1, 2, 3, 4]

    told(story, Breaking(b""), authority if secure else None)


def test_an_answer_that_breaks_off_is_a_failure_like_any_other() -> None:
    async def story(receiver: Scripted, post: Post) -> None:
        await takes(1, receiver, post)
        broken = await post()
        assert (broken.delivered, broken.kept_was_lost) == (False, False)

    told(story, Breaking(b"HTTP/1.1 2"))


def test_a_new_connection_that_breaks_is_a_failure_like_any_other() -> None:
    async def story(receiver: Scripted, post: Post) -> None:
        receiver.taken.append(1)
        broken = await post()
        assert (broken.delivered, broken.kept_was_lost) == (False, False)

    told(story, Breaking(b""))


def test_silence_on_a_kept_connection_is_a_failure_like_any_other() -> None:
    async def story(receiver: Scripted, post: Post) -> None:
        await takes(1, receiver, post)
        receiver.answer = b""
        silent = await post()
        assert (silent.error, silent.kept_was_lost) == ("TimeoutError", False)

    told(story, timeout_ms=2_000)


class Hasty(Scripted):
    """Answers before it has read the body, and breaks the connection."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the head of one request."""
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        _reset(writer)


@pytest.mark.parametrize(("answer", "status"), [(TAKEN, None), (b"", None), (FAILED, 503)])
@pytest.mark.parametrize("secure", [False, True])
def test_of_an_answer_to_a_part_of_a_request_only_a_refusal_counts(
    answer: bytes, status: int | None, secure: bool, authority: Authority
) -> None:
    """The body is more than the system keeps for both ends."""
    body = b"[" + b" " * 20_000_000 + b"]"

    async def tell() -> Outcome:
        tls, ca_file = None, None
        if secure:
            tls, ca_file = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), str(authority.file)
            tls.load_cert_chain(*authority.issue("127.0.0.1", name="hasty"))
        poster = Poster(NetworkPolicy(), 60_000, 60_000, ca_file, resolver=Resolver())
        receiver = Hasty(answer)
        async with receiver.listening(tls):
            return await poster.post(receiver.url, (), body)

    outcome = asyncio.run(tell())
    assert (outcome.delivered, outcome.status) == (False, status), outcome
    assert (outcome.error is None) is (status is not None), outcome


def test_hints_without_end_hold_nobody_up() -> None:
    """They come from another thread, so that there are always some to be read."""

    def send_hints(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            while True:
                connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5_000)

    async def tell(url: str) -> Outcome:
        poster = Poster(NetworkPolicy(), 5_000, 1_000, resolver=Resolver())
        async with asyncio.timeout(PATIENCE_S):
            return await poster.post(url, (), BODY)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=send_hints, args=(listener,), daemon=True)
        thread.start()
        outcome = asyncio.run(tell(f"http://127.0.0.1:{listener.getsockname()[1]}/"))
    thread.join(PATIENCE_S)
    assert (outcome.status, outcome.error, thread.is_alive()) == (None, "TimeoutError", False)


def test_between_two_hints_others_have_their_turn() -> None:
    """They come in one piece, of which each is read in a moment, but all of them in many."""
    hints = 2_000
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def story(_: Scripted, post: Post) -> None:
        other = asyncio.create_task(others())
        outcome = await post()
        other.cancel()
        assert (outcome.delivered, turns > hints) == (True, True)

    told(story, Scripted(b"HTTP/1.1 100 \r\n\r\n" * hints + TAKEN))


def test_what_is_decrypted_and_was_not_asked_for_is_left_over(authority: Authority) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*authority.issue("127.0.0.1", name="scripted"))

    async def tell() -> None:
        written = asyncio.Event()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"ab")
            await written.wait()
            writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        async with server:
            plain = await Dialler(None, Resolver()).connect("127.0.0.1", port, 5.0)
            stream = await encrypted(plain, ssl_context(str(authority.file)), "127.0.0.1", 5.0)
            assert await stream.read(1) == b"a"
            assert (plain.holds_more(), stream.holds_more()) == (False, True)
            written.set()
            stream.close()

    asyncio.run(tell())


@pytest.mark.parametrize("rest", [b"", b"\n", b"\r\n\r\n"])
def test_an_answer_in_no_text_asks_for_tls(rest: bytes) -> None:
    async def story(_: Scripted, post: Post) -> None:
        outcome = await post()
        assert outcome.detail == (
            "not an HTTP answer: it does not begin with text; is this port TLS?"
        )

    told(story, Scripted(b"\x15\x03\x01\x00\x02\x02\x46" + rest))
