"""One attempt against real receivers, sound and otherwise."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import itertools
import os
import socket
import time
from collections.abc import Awaitable, Callable

import pytest

from delivery import post
from delivery.failures import RequestFacts, describe
from delivery.network import Resolver
from delivery.outcome import MAX_ANSWER_BODY, Outcome
from delivery.post import Poster
from domain.addresses import NetworkPolicy
from domain.wording import error_word
from tests.delivery.kept_connection import has_come
from tests.delivery.proxy import Proxy
from tests.support.certificates import Authority
from tests.support.receiver_client import Receiver, running_receiver

BODY = b'[{"type":"alerts","id":"a1","attributes":{"name":"\xc3\xa9"}}]'
HEADERS = (("Content-Type", "application/json"), ("webhook-id", "msg_1"))
LOCAL = NetworkPolicy()


def poster(connect_ms: int = 5_000, timeout_ms: int = 20_000, ca_file: str | None = None) -> Poster:
    return Poster(LOCAL, connect_ms, timeout_ms, ca_file, resolver=Resolver())


def attempt(
    url: str,
    sender: Poster | None = None,
    headers: tuple[tuple[str, str], ...] = HEADERS,
    body: bytes = BODY,
) -> Outcome:
    async def run() -> Outcome:
        one = sender or poster()
        try:
            return await one.post(url, headers, body)
        finally:
            await one.close()

    return asyncio.run(run())


def attempts(trial: Callable[[Poster], Awaitable[None]], sender: Poster | None = None) -> None:
    async def run() -> None:
        one = sender or poster()
        try:
            await trial(one)
        finally:
            await one.close()

    asyncio.run(run())


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


# The request


def test_the_bytes_and_headers_arrive_as_given(shared_receiver: Receiver) -> None:
    outcome = attempt(shared_receiver.url("/ok/as-given?key=a%20b"))
    (request,) = shared_receiver.requests("/ok/as-given?key=a%20b")
    assert outcome.delivered
    assert (request.method, request.body) == ("POST", BODY)
    assert request.sha256 == hashlib.sha256(BODY).hexdigest()
    names = [name.lower() for name, _ in request.headers]
    assert sorted(names) == [
        "accept-encoding",
        "content-length",
        "content-type",
        "host",
        "webhook-id",
    ]
    assert request.header("accept-encoding") == "identity"
    assert request.header("content-length") == str(len(BODY))


def test_a_large_body_arrives_whole(shared_receiver: Receiver) -> None:
    body = b"[" + b" " * 5_000_000 + b"]"
    assert attempt(shared_receiver.url("/ok/large"), body=body).delivered
    assert shared_receiver.requests("/ok/large")[0].sha256 == hashlib.sha256(body).hexdigest()


def test_the_environment_names_no_proxy(
    shared_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert attempt(shared_receiver.url("/ok/environment")).delivered


# The answer


@pytest.mark.parametrize("status", [200, 201, 202, 204, 205, 206, 299])
def test_2xx_is_delivered(shared_receiver: Receiver, status: int) -> None:
    outcome = attempt(shared_receiver.url(f"/{status}"))
    assert (outcome.delivered, outcome.status, outcome.error) == (True, status, None)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 400, 401, 404, 410, 413,
                                    429, 500, 502, 503, 504, 600, 999])  # fmt: skip
def test_everything_else_is_not(shared_receiver: Receiver, status: int) -> None:
    outcome = attempt(shared_receiver.url(f"/{status}"))
    assert (outcome.delivered, outcome.status, outcome.error) == (False, status, None)
    assert outcome.detail.startswith(f"answered {status}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_shown_and_not_followed(receiver: Receiver, status: int) -> None:
    outcome = attempt(receiver.url(f"/redirect:{status}"))
    assert outcome.location == "/ok/redirected"
    assert outcome.detail.endswith("not followed (to /ok/redirected)")
    assert len(receiver.requests()) == 1


def test_a_body_that_is_too_large_has_its_cure(shared_receiver: Receiver) -> None:
    outcome = attempt(shared_receiver.url("/413"))
    assert outcome.detail.endswith(
        "; let it take more, or lower max_events or max_bytes and reseal"
    )


def test_an_answer_is_kept(shared_receiver: Receiver) -> None:
    outcome = attempt(shared_receiver.url("/503/kept"))
    assert outcome.answer_body == b'{"status":503}'
    assert ("Content-Length", "14") in outcome.answer_headers
    assert outcome.detail == "answered 503 Service Unavailable"


@pytest.mark.parametrize("status", [200, 500])
def test_of_a_large_answer_4_kib_are_kept(shared_receiver: Receiver, status: int) -> None:
    outcome = attempt(shared_receiver.url(f"/big:{status}"))
    assert (outcome.status, outcome.answer_body) == (status, b"b" * MAX_ANSWER_BODY)


@pytest.mark.parametrize("behaviour", ["half", "half-hang", "drip", "huge:200", "hints"])
def test_a_2xx_head_is_final_whatever_follows(shared_receiver: Receiver, behaviour: str) -> None:
    started = time.monotonic()
    outcome = attempt(shared_receiver.url(f"/{behaviour}"))
    assert (outcome.delivered, outcome.error) == (True, None)
    assert len(outcome.answer_body) <= MAX_ANSWER_BODY
    assert time.monotonic() - started < 20


def test_a_2xx_head_outlives_the_deadline(
    shared_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "_TAIL_S", 60.0)
    outcome = attempt(shared_receiver.url("/half-hang/deadline"), poster(timeout_ms=2_000))
    assert (outcome.delivered, outcome.answer_body) == (True, b"0123456789")
    assert outcome.duration_ms <= 2_000


def test_an_endless_failure_ends(shared_receiver: Receiver) -> None:
    outcome = attempt(shared_receiver.url("/huge:500"))
    assert (outcome.status, len(outcome.answer_body)) == (500, MAX_ANSWER_BODY)


def test_retry_after_is_read_from_failures_only(shared_receiver: Receiver) -> None:
    assert attempt(shared_receiver.url("/retry-after:120")).retry_after_ms == 120_000
    assert attempt(shared_receiver.url("/retry-after:-5")).retry_after_ms is None
    assert attempt(shared_receiver.url("/ok")).retry_after_ms is None


# No answer


@pytest.mark.parametrize("behaviour", ["hang", "drip-head", "slow:60"])
def test_the_deadline_covers_the_whole_exchange(shared_receiver: Receiver, behaviour: str) -> None:
    outcome = attempt(shared_receiver.url(f"/{behaviour}/deadline"), poster(timeout_ms=300))
    assert (outcome.status, outcome.error) == (None, "TimeoutError")
    assert outcome.detail == "deadline of 300ms passed"
    assert 300 <= outcome.duration_ms < 30_000


@pytest.mark.parametrize(
    ("behaviour", "error", "detail"),
    [
        ("reset", "ConnectionResetError", "connection reset by the receiver; is this port TLS?"),
        (
            "close",
            "ConnectionClosed",
            "the receiver closed the connection without an answer; is this port TLS?",
        ),
        (
            "garbage",
            "NoHttpAnswer",
            'not an HTTP answer: illegal status line: "SSH-2.0-OpenSSH_9.2"',
        ),
        ("101", "NoHttpAnswer", "not an HTTP answer"),
    ],
)
def test_a_broken_answer_is_told_in_plain_words(
    shared_receiver: Receiver, behaviour: str, error: str, detail: str
) -> None:
    outcome = attempt(shared_receiver.url(f"/{behaviour}/plain"))
    assert (outcome.delivered, outcome.status, outcome.error) == (False, None, error)
    assert outcome.detail.startswith(detail)


@pytest.mark.parametrize(
    ("path", "word"), [("/close/word", "closed"), ("/garbage/word", "not HTTP")]
)
def test_a_broken_answer_has_a_word_of_its_own(
    shared_receiver: Receiver, path: str, word: str
) -> None:
    assert error_word(attempt(shared_receiver.url(path)).error) == word


@pytest.mark.parametrize(
    ("code", "word"), [(errno.EHOSTUNREACH, "no route"), (errno.EMFILE, "network")]
)
def test_a_network_error_has_a_word_of_its_own(code: int, word: str) -> None:
    kind, words = describe(OSError(code, ""), RequestFacts(False, "siem", 5_000))
    assert error_word(kind) == word
    assert words == os.strerror(code).lower()


@pytest.mark.parametrize(
    ("url", "error", "detail"),
    [
        ("http://127.0.0.1:1/", "ConnectionRefusedError", "connection refused"),
        (
            "http://169.254.169.254/",
            "AddressRefused",
            "169.254.169.254 is a cloud metadata address",
        ),
        (
            "http://[::ffff:169.254.169.254]/",
            "AddressRefused",
            "::ffff:169.254.169.254 stands for 169.254",
        ),
        ("http://127.0.0.1:99999/", "InvalidURL", "the URL cannot be used: there is no port 99999"),
        ("http://127.0.0.1:x/", "InvalidURL", "the URL cannot be used: Invalid port"),
        ("http://127.0.0.1:-1/", "InvalidURL", "the URL cannot be used: there is no port -1"),
        ("http://127.0.0.1:0/", "InvalidURL", "the URL cannot be used: there is no port 0"),
        ("ftp://127.0.0.1/", "InvalidURL", "the URL cannot be used: it begins with neither"),
        ("http://xn--/", "IDNAError", "the URL or a header cannot be sent"),
        ("http:///path", "InvalidURL", "the URL cannot be used: it names no host"),
        ("", "InvalidURL", "the URL cannot be used"),
        ("http://a\nb/", "InvalidURL", "the URL cannot be used"),
        ("http://\ud800/", "InvalidCodepoint", "the URL or a header cannot be sent"),
        ("http://" + "a" * 70 + ".test/", None, ""),
        ("http://127.0.0.1/" + "a" * 70_000, "InvalidURL", "the URL cannot be used: URL too long"),
    ],
)
def test_every_odd_url_is_an_outcome(url: str, error: str | None, detail: str) -> None:
    outcome = attempt(url)
    assert (outcome.delivered, outcome.status) == (False, None)
    assert error is None or outcome.error == error
    assert outcome.detail.startswith(detail)
    assert outcome.detail


@pytest.mark.parametrize("value", ["a\r\nb", "a\0b", " a", "a ", "\u20ac", "\ud800"])
def test_a_header_that_cannot_be_sent_is_an_outcome_without_its_value(
    shared_receiver: Receiver, value: str
) -> None:
    headers = (("Authorization", f"{value}secret{value}"),)
    outcome = attempt(shared_receiver.url("/ok/odd-header"), headers=headers)
    assert (outcome.delivered, outcome.status) == (False, None)
    assert "header" in outcome.detail
    assert "secret" not in repr(outcome)


def test_a_name_that_is_unknown_is_named() -> None:
    def look_up(_: str) -> tuple[str, ...]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    sender = Poster(LOCAL, 5_000, 20_000, resolver=Resolver(look_up))
    outcome = attempt("http://siem.test/", sender)
    assert (outcome.error, outcome.detail) == ("gaierror", "name not found: siem.test")


# TLS


def test_a_ca_file_is_trusted_and_replaces_the_systems(
    tls_receiver: Receiver, authority: Authority
) -> None:
    assert attempt(tls_receiver.url("/ok"), poster(ca_file=str(authority.file))).delivered
    outcome = attempt(tls_receiver.url("/ok"))
    assert outcome.error == "SSLCertVerificationError"
    assert outcome.detail == (
        "TLS: unable to get local issuer certificate; "
        "if it is your own authority's, give the webhook its CA file"
    )


def test_the_environment_names_no_authority(
    tls_receiver: Receiver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    from delivery.network import _system_context

    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    _system_context.cache_clear()
    assert attempt(tls_receiver.url("/ok")).error == "SSLCertVerificationError"


def test_an_expired_certificate_is_named(authority: Authority) -> None:
    files = authority.issue(name="expired", expired=True)
    with running_receiver(tls=files) as receiver:
        outcome = attempt(receiver.url("/ok"), poster(ca_file=str(authority.file)))
    assert outcome.detail == "TLS: certificate has expired"


def test_another_hosts_certificate_is_refused(authority: Authority) -> None:
    files = authority.issue("other.test", name="other")
    with running_receiver(tls=files) as receiver:
        outcome = attempt(receiver.url("/ok"), poster(ca_file=str(authority.file)))
    assert outcome.error == "SSLCertVerificationError"
    assert "certificate is not valid for '127.0.0.1'" in outcome.detail


def test_https_to_a_plain_port_is_hinted_at(shared_receiver: Receiver) -> None:
    url = shared_receiver.url("/ok").replace("http:", "https:")
    outcome = attempt(url, poster(connect_ms=500))
    assert not outcome.delivered
    assert outcome.detail.startswith(("TLS: ", "no TLS handshake within 500ms"))


@pytest.mark.parametrize(
    ("behaviour", "error"), [("reset", "ConnectionResetError"), ("close", "ConnectionClosed")]
)
def test_a_broken_answer_over_tls_is_told_as_one(
    tls_receiver: Receiver, authority: Authority, behaviour: str, error: str
) -> None:
    outcome = attempt(tls_receiver.url(f"/{behaviour}"), poster(ca_file=str(authority.file)))
    assert (outcome.status, outcome.error) == (None, error)


def test_a_port_that_says_nothing_ends_the_handshake_at_the_connect_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        outcome = attempt(url, poster(connect_ms=1_000))
    assert outcome.error == "ConnectTimeout"
    assert outcome.detail == "no TLS handshake within 1s; is this port TLS?"


def test_http_to_a_tls_port_is_hinted_at(tls_receiver: Receiver) -> None:
    outcome = attempt(tls_receiver.url("/ok").replace("https:", "http:"))
    assert outcome.detail.endswith("is this port TLS?")


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_file_that_cannot_be_used_is_an_outcome(
    shared_receiver: Receiver, tmp_path: os.PathLike[str], content: bytes | None
) -> None:
    path = os.path.join(tmp_path, "authority.pem")
    if content is not None:
        with open(path, "wb") as file:
            file.write(content)
    outcome = attempt(shared_receiver.url("/ok"), poster(ca_file=path))
    assert (outcome.status, outcome.error) == (None, "CaFileError")
    assert path in outcome.detail


# The connection


def test_a_connection_is_kept_from_success_to_success(receiver: Receiver) -> None:
    async def trial(sender: Poster) -> None:
        for _ in range(3):
            assert (await sender.post(receiver.url("/ok"), HEADERS, BODY)).delivered

    attempts(trial)
    assert [request.connection for request in receiver.requests()] == [1, 1, 1]


@pytest.mark.parametrize("behaviour", ["500", "big:200", "half", "hang", "drip"])
def test_a_connection_is_dropped_when_anything_is_left(receiver: Receiver, behaviour: str) -> None:
    async def trial(sender: Poster) -> None:
        for path in ("/ok/before", f"/{behaviour}", "/ok/after"):
            await sender.post(receiver.url(path), HEADERS, BODY)

    attempts(trial, poster(timeout_ms=3_000))
    before, middle, after = (request.connection for request in receiver.requests())
    assert before == middle != after


def test_a_kept_connection_that_was_closed_is_made_anew(receiver: Receiver) -> None:
    """The receiver closes after each answer without saying so."""

    async def trial(sender: Poster) -> None:
        closed = asyncio.Event()

        async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(BODY)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            closed.set()

        server = await asyncio.start_server(answer_once, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with server:
            for _ in range(20):
                closed.clear()
                assert (await sender.post(url, HEADERS, BODY)).delivered
                await closed.wait()
                await has_come(sender)

    attempts(trial)


def test_no_attempt_leaves_a_file_open(receiver: Receiver) -> None:
    behaviours = ["ok", "500", "hang", "reset", "half", "drip", "huge:500", "close", "drip-head"]

    async def trial(_: Poster) -> None:
        before = open_files()
        for behaviour in itertools.chain(*itertools.repeat(behaviours, 3)):
            sender = poster(timeout_ms=100)
            await sender.post(receiver.url(f"/{behaviour}"), HEADERS, BODY)
            await sender.close()
        assert open_files() <= before + 1

    attempts(trial)


def test_cancelling_passes_and_drops_the_connection(receiver: Receiver) -> None:
    async def trial(sender: Poster) -> None:
        before = open_files()
        task = asyncio.create_task(sender.post(receiver.url("/hang"), HEADERS, BODY))
        await asyncio.to_thread(receiver.wait, "/hang", count=1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert open_files() <= before

    attempts(trial)


def test_cookies_are_not_sent_back() -> None:
    heads: list[bytes] = []

    async def trial(sender: Poster) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(2):
                heads.append(await reader.readuntil(BODY))
                writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            for _ in range(2):
                assert (await sender.post(url, HEADERS, BODY)).delivered

    attempts(trial)
    assert len(heads) == 2
    assert b"cookie" not in heads[1].lower()


# A proxy


def through_proxy(url: str, ca_file: str | None = None) -> tuple[Outcome, list[str]]:
    proxy = Proxy()

    async def trial() -> Outcome:
        async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
            address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            sender = Poster(LOCAL, 5_000, 20_000, ca_file, address)
            outcome = await sender.post(url, HEADERS, BODY)
            await sender.close()
            await proxy.ended()
            return outcome

    return asyncio.run(trial()), proxy.lines


def test_a_proxy_is_used_when_configured(shared_receiver: Receiver) -> None:
    outcome, lines = through_proxy(shared_receiver.url("/ok/proxy"))
    assert outcome.delivered
    assert lines == [f"POST {shared_receiver.url('/ok/proxy')} HTTP/1.1"]


def test_tls_goes_through_the_proxy_in_a_tunnel(
    tls_receiver: Receiver, authority: Authority
) -> None:
    outcome, lines = through_proxy(tls_receiver.url("/ok"), str(authority.file))
    assert outcome.delivered
    assert lines == [f"CONNECT {tls_receiver.base_url.removeprefix('https://')} HTTP/1.1"]


def test_a_proxy_that_refuses_the_tunnel_is_quoted() -> None:
    async def trial() -> Outcome:
        closed = asyncio.Event()

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 403 Not From Here\r\nContent-Length: 0\r\n\r\n")
            await reader.read()
            writer.close()
            await writer.wait_closed()
            closed.set()

        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            poster = Poster(LOCAL, 5_000, 20_000, proxy=address)
            outcome = await poster.post("https://siem.test/", HEADERS, BODY)
            await closed.wait()
            return outcome

    outcome = asyncio.run(trial())
    assert outcome.detail == "the proxy answered 403 Not From Here (through the proxy)"


def test_an_address_in_the_url_is_judged_before_the_proxy() -> None:
    outcome, lines = through_proxy("http://169.254.169.254/latest")
    assert (outcome.error, lines) == ("AddressRefused", [])


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "nonsense", "socks5://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_an_outcome(shared_receiver: Receiver, proxy: str) -> None:
    outcome = attempt(shared_receiver.url("/ok"), Poster(LOCAL, 5_000, 20_000, proxy=proxy))
    assert outcome.status is None
    assert outcome.detail.endswith("(through the proxy)")
