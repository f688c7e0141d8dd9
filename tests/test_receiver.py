"""The tests' receiver does what its paths say: otherwise no test of delivery means anything."""

from __future__ import annotations

import hashlib
import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.support.certificates import Authority
from tests.support.receiver_client import Receiver, running_receiver
from tests.support.waiting import PATIENCE_S

BODY = b'[{"type":"alerts","id":"a1","attributes":{}}]'


def post(receiver: Receiver, path: str, body: bytes = BODY) -> http.client.HTTPResponse:
    """A POST as the standard library makes it; the answer is read to its end."""
    connection = http.client.HTTPConnection(urlsplit(receiver.base_url).netloc, timeout=PATIENCE_S)
    try:
        connection.request("POST", path, body, {"X-Foo": "bar"})
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def test_a_request_is_recorded_with_all_that_was_sent(shared_receiver: Receiver) -> None:
    assert post(shared_receiver, "/ok/recorded").status == 200
    (request,) = shared_receiver.requests("/ok/recorded")
    assert (request.method, request.body, request.ids) == ("POST", BODY, ("a1",))
    assert request.sha256 == hashlib.sha256(BODY).hexdigest()
    assert request.header("x-foo") == "bar"
    assert request.status == 200
    assert request.ended_ns is not None
    assert request.started_ns <= request.ended_ns


@pytest.mark.parametrize("status", [200, 201, 204, 400, 410, 500, 503])
def test_a_number_is_the_status(shared_receiver: Receiver, status: int) -> None:
    assert post(shared_receiver, f"/{status}/number").status == status


def test_a_redirect_names_another_path(shared_receiver: Receiver) -> None:
    response = post(shared_receiver, "/redirect:307")
    assert (response.status, response.headers["Location"]) == (307, "/ok/redirected")


def test_a_script_is_followed_and_its_last_step_stays(shared_receiver: Receiver) -> None:
    path = "/script:500,503,200,204/scripted"
    assert [post(shared_receiver, path).status for _ in range(5)] == [500, 503, 200, 204, 204]


def test_an_echo_has_the_headers_in_three_places(shared_receiver: Receiver) -> None:
    response = post(shared_receiver, "/echo:302,10/echo")
    assert response.status == 302
    assert "X-Foo: bar" in response.headers["X-Echo"]
    assert "X-Foo%3A+bar" in response.headers["Location"]


def test_flaky_fails_so_often_on_each_path(shared_receiver: Receiver) -> None:
    for path in ("/flaky:2/a", "/flaky:2/b"):
        assert [post(shared_receiver, path).status for _ in range(4)] == [500, 500, 200, 200]


def test_retry_after_is_sent_as_given(shared_receiver: Receiver) -> None:
    response = post(shared_receiver, "/retry-after:120")
    assert (response.status, response.headers["Retry-After"]) == (503, "120")


@pytest.mark.parametrize("behaviour", ["reset", "close"])
def test_a_cut_is_no_answer(shared_receiver: Receiver, behaviour: str) -> None:
    with pytest.raises(ConnectionError):
        post(shared_receiver, f"/{behaviour}/cut")
    (request,) = shared_receiver.wait(f"/{behaviour}/cut", count=1)
    assert request.status is None


def test_half_a_body_follows_a_whole_head(shared_receiver: Receiver) -> None:
    with pytest.raises(http.client.IncompleteRead):
        post(shared_receiver, "/half/body")
    assert shared_receiver.requests("/half/body")[0].status == 200


def test_garbage_is_no_http(shared_receiver: Receiver) -> None:
    with pytest.raises(http.client.BadStatusLine):
        post(shared_receiver, "/garbage")


def test_what_is_held_is_answered_once_it_is_released(shared_receiver: Receiver) -> None:
    path = "/script:held:503,held/released"
    with ThreadPoolExecutor(1) as sender:
        answered = sender.submit(post, shared_receiver, path)
        (request,) = shared_receiver.wait(path, count=1)
        assert request.ended_ns is None
        shared_receiver.release(path)
        assert answered.result(PATIENCE_S).status == 503
    assert post(shared_receiver, path).status == 200


def test_a_hanging_request_ends_when_the_sender_gives_up(shared_receiver: Receiver) -> None:
    address = urlsplit(shared_receiver.base_url)
    with socket.create_connection((address.hostname, address.port)) as sender:
        sender.sendall(b"POST /hang/left HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]")
        (request,) = shared_receiver.wait("/hang/left", count=1)
        assert (request.ended_ns, request.body) == (None, b"[]")


def test_waiting_ends_when_the_condition_is_met(shared_receiver: Receiver) -> None:
    waited: list[int] = []

    def wait() -> None:
        waited.append(len(shared_receiver.wait("/flaky:1/waited", acked=2, events=2)))

    waiter = threading.Thread(target=wait)
    waiter.start()
    for event in (b"1", b"1", b"1", b"2"):
        post(shared_receiver, "/flaky:1/waited", b'[{"id":"%s"}]' % event)
    waiter.join(PATIENCE_S)
    assert waited == [4]


def test_waiting_in_vain_fails(shared_receiver: Receiver) -> None:
    with pytest.raises(AssertionError, match="not within"):
        shared_receiver.wait("/ok/never", count=1, timeout=0.01)


def test_a_lean_receiver_keeps_hashes_and_ids_only() -> None:
    with running_receiver("--lean") as receiver:
        post(receiver, "/ok")
        (request,) = receiver.requests()
    assert (request.body, request.ids, request.size) == (b"", ("a1",), len(BODY))


def test_it_speaks_tls(tls_receiver: Receiver, authority: Authority) -> None:
    assert tls_receiver.base_url.startswith("https://")
    assert tls_receiver.requests() == []
    assert authority.file.exists()
