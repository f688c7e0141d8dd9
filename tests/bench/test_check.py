"""The delivery check of the measurements finds what it is there to find."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from bench.check import faults
from bench.events import EventFile, event_file
from bench.program import receiver
from tests.support.waiting import PATIENCE_S

COUNT = 50
URL = "http://receiver/0"
Lists = list[list[bytes]]


@pytest.fixture
def data(tmp_path: Path) -> EventFile:
    return event_file(tmp_path, COUNT)


def lists_of(data: EventFile) -> Lists:
    """The events in lists of seven."""
    lines = data.path.read_bytes().splitlines()
    return [lines[at : at + 7] for at in range(0, COUNT, 7)]


def found(data: EventFile, lists: Lists) -> list[str]:
    """Return the verdict of the check on a receiver that got these lists."""
    return faults(data, {URL: [record(b"[" + b",".join(one) + b"]") for one in lists]}, [URL])


def record(body: bytes) -> tuple[int, str]:
    return len(body), hashlib.sha256(body).hexdigest()


def lose_one(lists: Lists) -> None:
    del lists[3][2]


def lose_the_last_list(lists: Lists) -> None:
    lists.pop()


def double_one(lists: Lists) -> None:
    lists[3].insert(2, lists[3][2])


def double_a_list(lists: Lists) -> None:
    lists.insert(3, lists[3])


def swap_two(lists: Lists) -> None:
    lists[3][2], lists[3][4] = lists[3][4], lists[3][2]


def swap_two_lists(lists: Lists) -> None:
    lists[3], lists[4] = lists[4], lists[3]


def change_a_byte(lists: Lists) -> None:
    lists[3][2] = lists[3][2].replace(b'"port":', b'"porT":')


def add_a_blank(lists: Lists) -> None:
    lists[3][2] += b" "


def begin_anew(lists: Lists) -> None:
    lists += lists[:1]


def test_what_came_whole_and_in_order_is_no_fault(data: EventFile) -> None:
    assert found(data, lists_of(data)) == []
    assert found(data, [[line] for one in lists_of(data) for line in one]) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lose_one, "body 4 of .* is not the list that begins at event 21"),
        (lose_the_last_list, "1 of 50 events are lost, from event 49 on"),
        (double_one, "body 4 of .* is not the list that begins at event 21"),
        (double_a_list, "body 5 of .* was sent twice"),
        (swap_two, "body 4 of .* is not the list that begins at event 21"),
        (swap_two_lists, "body 4 of .* is not the list that begins at event 21"),
        (change_a_byte, "body 4 of .* is not the list that begins at event 21"),
        (add_a_blank, "body 4 of .* is not the list that begins at event 21"),
        (begin_anew, "body 9 of .* was sent twice"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_change_is_a_fault(
    data: EventFile, change: Callable[[Lists], None], sentence: str
) -> None:
    lists = lists_of(data)
    change(lists)
    (fault,) = found(data, lists)
    assert re.fullmatch(f"{URL}: {sentence}", fault), fault


def test_a_url_that_got_nothing_or_should_have_got_nothing_is_a_fault(data: EventFile) -> None:
    stranger = faults(data, {"http://receiver/1": []}, [URL])
    assert stranger == [
        "http://receiver/1: nothing was to be sent there",
        f"{URL}: 50 of 50 events are lost, from event 0 on",
    ]


@pytest.mark.parametrize("broken", [b'{"id":', b'{"id":"twice"}\n{"id":"twice"}'])
def test_events_that_are_no_json_or_have_one_id_are_a_fault(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "events"
    path.write_bytes(broken + b"\n")
    data = EventFile(path, broken.count(b"\n") + 1)
    assert found(data, [broken.splitlines()]) == ["events: an event is no JSON, or two have one id"]


def test_the_receiver_records_what_came_in_pieces_and_on_several_connections(
    data: EventFile,
) -> None:
    lists = lists_of(data)
    with receiver() as receiving:
        (url, other) = receiving.urls(2)
        with client() as one, client() as two:
            for lines in lists:
                body = b"[" + b",".join(lines) + b"]"
                assert one.post(url, content=body).status_code == 200
                assert two.post(other, content=body).status_code == 200
        _post_in_pieces(receiving.url, b"[{}]")
        arrival = receiving.wait(2 * data.size + 3)
        bodies = receiving.bodies()
        receiving.reset()
        assert receiving.bodies() == {}
    assert bodies.pop(f"{receiving.url}/pieces") == [record(b"[{}]")]
    assert faults(data, bodies, [url, other]) == []
    assert arrival.first_s < arrival.last_s


def client() -> httpx.Client:
    return httpx.Client(trust_env=False, timeout=PATIENCE_S)


def _post_in_pieces(url: str, body: bytes) -> None:
    port = int(url.rpartition(":")[2])
    request = b"POST /pieces HTTP/1.1\r\nContent-Length: 4\r\n\r\n" + body
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for at in range(len(request)):
            connection.sendall(request[at : at + 1])
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
