"""Server under requests of every kind, whatever is behind its routes."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl

import pytest

from sources.http.app import Route
from sources.http.heads import MOST_BYTES, MOST_HEADERS
from sources.http.listening import open_listener, tls_context
from sources.http.messages import JsonAnswer, Request, RequestRefused
from tests.sources.http.serving import Connection, Served, head, limits, serving
from tests.support.certificates import Authority


async def _echo(request: Request) -> JsonAnswer:
    return JsonAnswer(
        {
            "size": len(request.body),
            "values": request.values,
            "path": request.path,
            "caller": request.caller,
            "peer": request.peer,
        }
    )


async def _fails(_: Request) -> JsonAnswer:
    raise KeyError("secret text of the inside")


async def _lets_in(request: Request) -> str:
    assert request.body == b""
    if request.header("Authorization") != "Bearer good":
        raise RequestRefused(401, "not known")
    return "alice"


GOOD = {"authorization": "Bearer good"}
ROUTES = (
    Route("POST", "/echo", _echo),
    Route("GET", "/hosts/{host}/ping/{version}", _echo),
    Route("POST", "/small", _echo, max_body=10),
    Route("POST", "/closed", _echo, admit=_lets_in),
    Route("GET", "/fails", _fails),
)


def test_a_request_is_answered() -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            reply = await served.ask("POST", "/echo?a=1", b"12345")
            assert reply.status == 200
            assert reply.content["size"] == 5
            assert reply.content["path"] == "/echo"
            assert reply.content["peer"] == "127.0.0.1"
            assert reply.headers["content-type"] == "application/json"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/echo", 405), ("POST", "/echo/", 404), ("GET", "/", 404)],
)
def test_what_is_not_there(method: str, path: str, status: int) -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            reply = await served.ask(method, path)
            assert reply.status == status
            assert "error" in reply.content
            assert status != 405 or reply.headers["allow"] == "POST"

    asyncio.run(run())


def test_places_in_a_path_are_decoded_part_by_part() -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            reply = await served.ask("GET", "/hosts/a%2Fb/ping/1.2")
            assert reply.content["values"] == {"host": "a/b", "version": "1.2"}
            assert (await served.ask("GET", "/hosts//ping/1.2")).status == 404

    asyncio.run(run())


def test_a_bug_tells_nothing_of_the_inside() -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            reply = await served.ask("GET", "/fails")
            assert reply.status == 500
            assert "secret" not in str(reply.content)
            assert [type(bug) for bug in served.bugs] == [KeyError]
            assert (await served.ask("POST", "/echo")).status == 200

    asyncio.run(run())


def test_a_caller_is_let_in_before_the_body_is_read() -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            connection = await served.connect()
            await connection.send(head("POST", "/closed", b"x" * 100_000, {}))
            assert (await connection.reply()).status == 401
            connection.close()
            reply = await served.ask("POST", "/closed", b"x", Authorization="Bearer good")
            assert reply.content["caller"] == "alice"

    asyncio.run(run())


def test_connections_are_kept_for_further_requests() -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            connection = await served.connect()
            for size in (0, 7, 0):
                await connection.send(head("POST", "/closed", b"x" * size, GOOD) + b"x" * size)
                assert (await connection.reply()).content["size"] == size
            await connection.send(head("GET", "/nothing", b"", {}))
            assert (await connection.reply()).status == 404
            await connection.send(head("POST", "/echo", b"", {}))
            assert (await connection.reply()).status == 200
            connection.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "first", [b"POST /closed HTTP/1.0\r\n", b"POST /closed HTTP/1.1\r\nconnection: close\r\n"]
)
def test_who_keeps_no_connection_gets_its_end(first: bytes) -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            connection = await served.connect()
            await connection.send(first + b"host: a\r\nauthorization: Bearer good\r\n\r\n")
            reply = await connection.reply()
            assert (reply.status, reply.headers["connection"]) == (200, "close")
            assert await connection.is_closed()

    asyncio.run(run())


def test_who_has_sent_all_that_it_will_is_answered() -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            connection = await served.connect()
            await connection.send(head("POST", "/closed", b"x" * 5, GOOD) + b"x" * 5)
            connection.writer.write_eof()
            assert (await connection.reply()).content["size"] == 5
            assert await connection.is_closed()
            assert served.bugs == []

    asyncio.run(run())


def test_requests_that_come_together_are_answered_in_their_order() -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            connection = await served.connect()
            sizes = [*range(50), 100_000, 0]
            await connection.send(
                b"".join(head("POST", "/closed", b"x" * size, GOOD) + b"x" * size for size in sizes)
            )
            assert [(await connection.reply()).content["size"] for _ in sizes] == sizes

    asyncio.run(run())


def test_only_the_head_is_sent_to_who_asks_for_a_head() -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            connection = await served.connect()
            await connection.send(head("HEAD", "/nothing", b"", {}))
            _, _, rest = (await connection.reader.read()).partition(b"\r\n\r\n")
            assert rest == b""

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/echo", "/nothing", "/closed"])
def test_the_connection_of_who_was_not_let_in_ends_with_the_answer(path: str) -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            connection = await served.connect()
            await connection.send(head("POST", path, b"", {}))
            assert (await connection.reply()).headers["connection"] == "close"
            assert await connection.is_closed()

    asyncio.run(run())


def test_who_is_let_in_no_more_loses_the_connection() -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            connection = await _greeted(served)
            await connection.send(head("POST", "/closed", b"", {"authorization": "Bearer old"}))
            assert (await connection.reply()).status == 401
            assert await connection.is_closed()

    asyncio.run(run())


def test_what_follows_a_request_at_once_is_judged_like_any_other() -> None:
    upgrade = b"GET /closed HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\n\r\n"

    async def run() -> None:
        async with serving(ROUTES) as served:
            connection = await served.connect()
            await connection.send(head("POST", "/closed", b"x" * 5, GOOD) + b"x" * 5 + upgrade)
            assert b"101" not in await connection.reader.read(), "no switch of protocols"

    asyncio.run(run())


def test_what_follows_a_body_without_a_length_is_not_read() -> None:
    chunked = (
        b"POST /closed HTTP/1.1\r\nhost: a\r\nauthorization: Bearer good\r\n"
        b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    )

    async def run() -> None:
        async with serving(ROUTES) as served:
            connection = await served.connect()
            await connection.send(chunked + head("POST", "/closed", b"", GOOD))
            assert (await connection.reply()).content["size"] == 1
            assert await connection.is_closed()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (b"x: " + b"y" * MOST_BYTES + b"\r\n", 431),
        (b"x: y\r\n" * (MOST_HEADERS + 1), 431),
        (b"upgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n", 400),
        (b"upgrade: websocket\r\nconnection: upgrade\r\n", 400),
        (b"x: a\r\n content-length: 500\r\n", 400),
        (b"x: a\r\n\ttransfer-encoding: chunked\r\n", 400),
        (b"content-length: 1\r\ncontent-length: 2\r\n", 400),
        (b"content-length: -1\r\n", 400),
    ],
    ids=[
        "long",
        "many",
        "HTTP/2",
        "websocket",
        "folded length",
        "folded encoding",
        "two lengths",
        "no length",
    ],
)
def test_a_bad_head_is_refused_with_a_sentence(more: bytes, status: int) -> None:
    async def run() -> None:
        async with serving(ROUTES) as served:
            connection = await served.connect()
            await connection.send(b"GET /echo HTTP/1.1\r\nhost: a\r\n" + more + b"\r\n")
            reply = await connection.reply()
            assert (reply.status, reply.headers["connection"]) == (status, "close")
            assert reply.content["error"]

    asyncio.run(run())


def test_strangers_who_hold_all_connections_keep_nobody_out() -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(clients=3)) as served:
            friend = await _greeted(served)
            strangers = [await served.connect() for _ in range(5)]
            reply = await served.ask("POST", "/closed", b"x", authorization="Bearer good")
            assert reply.status == 200
            assert await strangers[0].is_closed(), "the longest idle goes"
            await friend.send(head("POST", "/closed", b"", GOOD))
            assert (await friend.reply()).status == 200, "who was let in stays"

    asyncio.run(run())


@pytest.mark.parametrize(
    "start",
    [
        head("POST", "/closed", b"x" * 9, {}),
        head("POST", "/echo", b"x" * 9, {"expect": "100-continue"}) + b"xx",
        head("GET", "/nothing", b"x" * 9, {}),
    ],
    ids=["refused", "open to all", "not there"],
)
def test_strangers_who_never_send_a_body_keep_nobody_out(start: bytes) -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(clients=4)) as served:
            for _ in range(4):
                stranger = await served.connect()
                await stranger.send(start)
                await stranger.reply()
            reply = await served.ask("POST", "/closed", b"", **GOOD)
            assert reply.status == 200

    asyncio.run(run())


def test_small_answers_go_out_at_once() -> None:
    async def run() -> None:
        with open_listener("127.0.0.1:0", encrypted=False, at_any_port=True) as listener:
            assert listener.proto == socket.IPPROTO_TCP, "else asyncio sets no TCP_NODELAY"

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/echo", "/small"])
def test_a_body_that_is_announced_too_large_is_refused_at_once(path: str) -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(max_body=1000)) as served:
            connection = await served.connect()
            await connection.send(head("POST", path, b"x" * 1001, {}))
            assert (await connection.reply()).status == 413
            connection.close()

    asyncio.run(run())


def expecting(size: int) -> bytes:
    """The head of a request whose client asks before it sends the body."""
    return (
        b"POST /closed HTTP/1.1\r\nhost: a\r\nauthorization: Bearer good\r\n"
        b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % size
    )


def test_who_asks_before_sending_is_answered_before_it_sends() -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(max_body=1000)) as served:
            connection = await served.connect()
            for _ in range(2):
                await connection.send(expecting(1000))
                assert (await connection.reply()).status == 100
                await connection.send(b"x" * 1000)
                assert (await connection.reply()).status == 200
            await connection.send(expecting(1001))
            assert (await connection.reply()).status == 413
            connection.close()

    asyncio.run(run())


def test_who_asks_before_sending_and_is_refused_is_asked_for_nothing() -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(client_timeout_s=2.0)) as served:
            connection = await served.connect()
            await connection.send(expecting(1000).replace(b"Bearer good", b"Bearer bad"))
            answers = await connection.reader.read()
            assert answers.startswith(b"HTTP/1.1 401 ")
            assert answers.count(b"HTTP/1.1") == 1

    asyncio.run(run())


def test_a_body_without_an_end_is_refused_at_the_limit() -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(max_body=100_000)) as served:
            connection = await served.connect()
            await connection.send(
                b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"

            async def pour() -> None:
                while True:
                    await connection.send(chunk)

            pouring = asyncio.create_task(pour())
            assert (await connection.reply()).status == 413
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(pouring, 20)

    asyncio.run(run())


def test_who_sends_all_before_reading_gets_the_refusal() -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(max_body=1_000_000)) as served:
            reply = await served.ask("POST", "/echo", b"x" * 3_000_000)
            assert reply.status == 413
            assert reply.headers["connection"] == "close"

    asyncio.run(run())


def test_packed_bodies() -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(max_body=200_000)) as served:
            packed = gzip.compress(b"x" * 150_000)

            async def ask(body: bytes, encoding: str = "gzip") -> tuple[int, str]:
                reply = await served.ask("POST", "/echo", body, Content_Encoding=encoding)
                return reply.status, str(reply.content.get("error", reply.content.get("size")))

            assert await ask(packed) == (200, "150000")
            assert await ask(packed + gzip.compress(b"y" * 10)) == (200, "150010")
            status, reason = await ask(packed[:-9])
            assert (status, reason) == (400, "the gzip data ends too early")
            assert (await ask(b"no gzip"))[0] == 400
            bomb = gzip.compress(bytes(100_000_000))
            assert (await ask(bomb))[0] == 413
            assert (await ask(packed, "br"))[0] == 415

    asyncio.run(run())


@pytest.mark.parametrize(
    "start",
    [
        b"POST /ec",
        b"POST /echo HTTP/1.1\r\nhost: a\r\n",
        b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345",
    ],
    ids=["first line", "head", "body"],
)
def test_a_slow_client_is_told_so(start: bytes) -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(client_timeout_s=1.0)) as served:
            connection = await served.connect()
            await connection.send(start)
            assert (await connection.reply()).status == 408
            assert await connection.is_closed()

    asyncio.run(run())


def test_bytes_that_drip_do_not_extend_the_time() -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(client_timeout_s=1.0)) as served:
            connection = await served.connect()
            await connection.send(b"POST /echo HTTP/1.1\r\nhost: a\r\n")

            async def drip() -> None:
                while True:
                    await connection.send(b"x: 1\r\n")
                    await asyncio.sleep(0.01)

            dripping = asyncio.create_task(drip())
            assert (await connection.reply()).status == 408
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(dripping, 20)

    asyncio.run(run())


def test_an_idle_connection_is_closed() -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(client_timeout_s=0.1)) as served:
            assert await (await served.connect()).is_closed()

    asyncio.run(run())


def test_more_clients_than_allowed_are_sent_away_and_come_back() -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(clients=3)) as served:
            inside = [await _greeted(served) for _ in range(3)]
            turned_away = await served.connect()
            reply = await turned_away.reply()
            assert (reply.status, reply.headers["retry-after"]) == (503, "2")
            inside[0].close()
            await inside[0].is_closed()
            async with asyncio.timeout(20):
                while (await served.ask("POST", "/echo")).status != 200:
                    pass
            for one in inside:
                one.close()

    asyncio.run(run())


async def _greeted(served: Served) -> Connection:
    connection = await served.connect()
    await connection.send(head("POST", "/closed", b"", GOOD))
    assert (await connection.reply()).status == 200
    return connection


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET /echo\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 70_000 + b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100),
        b"GET /echo HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n",
        b"GET /echo HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ],
    ids=["TLS", "HTTP/0.9", "bytes", "two lengths", "long head", "HTTP/2", "upgrade", "websocket"],
)
def test_what_is_no_request_harms_nobody(
    request_: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(client_timeout_s=1.0)) as served:
            connection = await served.connect()
            await connection.send(request_)
            assert await connection.is_closed()
            assert (await served.ask("POST", "/echo")).status == 200
            assert served.bugs == []

    asyncio.run(run())
    assert capfd.readouterr() == ("", "")


def test_a_client_that_vanishes_harms_nobody() -> None:
    async def run() -> None:
        async with serving(ROUTES, bounds=limits(clients=2)) as served:
            for _ in range(10):
                connection = await served.connect()
                await connection.send(head("POST", "/echo", b"x" * 1000, {}) + b"x" * 10)
                connection.writer.transport.abort()
            async with asyncio.timeout(20):
                while (await served.ask("POST", "/echo")).status != 200:
                    pass
            assert served.bugs == []

    asyncio.run(run())


def test_a_client_that_takes_no_answer_is_cut_off() -> None:
    async def run() -> None:
        async def much(_: Request) -> JsonAnswer:
            return JsonAnswer("x" * 50_000_000)

        bounds = limits(clients=1, client_timeout_s=1.0)
        async with serving([Route("GET", "/much", much), *ROUTES], bounds=bounds) as served:
            connection = await served.connect()
            await connection.send(head("GET", "/much", b"", {}))
            async with asyncio.timeout(20):
                while (await served.ask("POST", "/echo")).status != 200:
                    pass

    asyncio.run(run())


def test_a_stop_lets_a_running_request_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.http.connections.STOP_PATIENCE_S", 60.0)

    async def run() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow(_: Request) -> JsonAnswer:
            begun.set()
            await go_on.wait()
            return JsonAnswer({"done": True})

        async with serving([Route("GET", "/slow", slow)]) as served:
            asking = asyncio.create_task(served.ask("GET", "/slow"))
            await begun.wait()
            served.stop.set()
            go_on.set()
            assert (await asking).content == {"done": True}
            await asyncio.wait_for(served.task, 20)

    asyncio.run(run())


def test_a_stop_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.http.connections.STOP_PATIENCE_S", 0.05)

    async def run() -> None:
        async def never(_: Request) -> JsonAnswer:
            await asyncio.Event().wait()
            raise AssertionError

        async with serving([Route("GET", "/never", never)]) as served:
            connection = await served.connect()
            await connection.send(head("GET", "/never", b"", {}))
            idle = await served.connect()
            served.stop.set()
            await asyncio.wait_for(served.task, 20)
            assert await connection.is_closed()
            assert await idle.is_closed()

    asyncio.run(run())


def test_tls_and_the_limit_of_clients_before_any_handshake(authority: Authority) -> None:
    certificate, key = authority.issue()
    trusting = ssl.create_default_context(cafile=str(authority.file))

    async def run() -> None:
        tls = tls_context(str(certificate), str(key))
        async with serving(ROUTES, bounds=limits(clients=2), tls=tls) as served:
            for _ in range(2):
                connection = await served.connect(trusting)
                await connection.send(head("POST", "/closed", b"x", GOOD) + b"x")
                assert (await connection.reply()).content["size"] == 1
            with pytest.raises((ConnectionError, ssl.SSLError)):
                await served.connect(trusting)

    asyncio.run(run())


def test_over_tls_all_is_as_without(authority: Authority) -> None:
    certificate, key = authority.issue()
    trusting = ssl.create_default_context(cafile=str(authority.file))

    async def run() -> None:
        tls = tls_context(str(certificate), str(key))
        bounds = limits(client_timeout_s=3.0)
        async with serving(ROUTES, bounds=bounds, tls=tls) as served:
            connection = await served.connect(trusting)
            for size in (0, 500_000, 5):
                await connection.send(head("POST", "/closed", b"x" * size, GOOD) + b"x" * size)
                assert (await connection.reply()).content["size"] == size
            await connection.send(b"POST /closed HTTP/1.1\r\n")
            assert (await connection.reply()).status == 408
            assert await connection.is_closed()

    asyncio.run(run())


def test_who_closes_tls_before_the_answer_is_no_news(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = authority.issue()
    trusting = ssl.create_default_context(cafile=str(authority.file))

    async def run() -> None:
        begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def slow(_: Request) -> JsonAnswer:
            begun.set()
            await go_on.wait()
            ended.set()
            return JsonAnswer({})

        tls = tls_context(str(certificate), str(key))
        routes = [Route("GET", "/slow", slow), *ROUTES]
        async with serving(routes, bounds=limits(clients=1), tls=tls) as served:
            connection = await served.connect(trusting)
            await connection.send(head("GET", "/slow", b"", {}))
            await begun.wait()
            connection.close()
            assert await connection.is_closed()
            go_on.set()
            await asyncio.wait_for(ended.wait(), 20)
            other = await served.connect(trusting)
            await other.send(head("POST", "/closed", b"", GOOD))
            assert (await other.reply()).status == 200
            assert served.bugs == []

    asyncio.run(run())
    assert caplog.messages == []


def test_who_never_ends_a_handshake_keeps_nobody_out(authority: Authority) -> None:
    certificate, key = authority.issue()
    trusting = ssl.create_default_context(cafile=str(authority.file))

    async def run() -> None:
        tls = tls_context(str(certificate), str(key))
        async with serving(ROUTES, bounds=limits(clients=2), tls=tls) as served:
            strangers = [await served.connect() for _ in range(2)]
            connection = await served.connect(trusting)
            await connection.send(head("POST", "/closed", b"", GOOD))
            assert (await connection.reply()).status == 200
            assert await strangers[0].is_closed()

    asyncio.run(run())


def test_a_client_that_never_begins_with_tls_is_cut_off(authority: Authority) -> None:
    certificate, key = authority.issue()

    async def run() -> None:
        tls = tls_context(str(certificate), str(key))
        async with serving(ROUTES, bounds=limits(client_timeout_s=0.2), tls=tls) as served:
            assert await (await served.connect()).is_closed()

    asyncio.run(run())
