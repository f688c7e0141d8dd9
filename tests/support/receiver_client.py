"""Start the receiver in a process of its own, and ask what came in."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support.waiting import PATIENCE_S

_PROGRAM = Path(__file__).with_name("receiver.py")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the receiver saw it; times are its monotonic nanoseconds."""

    connection: int
    method: str
    path: str
    number: int
    headers: tuple[tuple[str, str], ...]
    started_ns: int
    ended_ns: int | None
    status: int | None
    sha256: str | None
    size: int
    ids: tuple[str, ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def events(self) -> list[Any]:
        """The body's events."""
        events: list[Any] = json.loads(self.body)
        return events


class Receiver:
    """A running receiver: `url("/ok/a")` is what a webhook posts to."""

    def __init__(self, base_url: str, ca_file: Path | None = None) -> None:
        self.base_url = base_url
        self._address = urlsplit(base_url)
        self._context = ssl.create_default_context(cafile=ca_file) if ca_file else None

    def url(self, path: str) -> str:
        """The URL of a path."""
        return self.base_url + path

    def requests(self, path: str | None = None) -> list[Request]:
        """Everything that came in so far (to one path), in order of arrival."""
        query = {"bodies": "1"} | ({"path": path} if path else {})
        return [_request(record) for record in self._get("/_requests", query)]

    def wait(
        self,
        path: str | None = None,
        *,
        count: int = 0,
        acked: int = 0,
        events: int = 0,
        timeout: float = PATIENCE_S,
    ) -> list[Request]:
        """Wait for so many requests, 2XX answers or different acknowledged events.

        Returns the requests so far; fails the test after `timeout` seconds.
        """
        query = {"count": count, "acked": acked, "events": events, "timeout": timeout}
        answer = self._get("/_wait", query | ({"path": path} if path else {}), timeout + 10)
        assert answer["met"], f"not within {timeout} s: {query}, only {answer}"
        return self.requests(path)

    def release(self, path: str) -> None:
        """Let the requests to a `/held` path be answered."""
        self._get("/_release", {"path": path})

    def _get(self, path: str, query: dict[str, Any], timeout: float = PATIENCE_S) -> Any:
        host, port = self._address.hostname or "", self._address.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=timeout, context=self._context)
            if self._context
            else http.client.HTTPConnection(host, port, timeout=timeout)
        )
        with contextlib.closing(connection):
            connection.request("GET", f"{path}?{urlencode(query)}")
            return json.load(connection.getresponse())


@contextlib.contextmanager
def running_receiver(
    *options: str, tls: tuple[Path, Path] | None = None, ca_file: Path | None = None
) -> Iterator[Receiver]:
    """Run a receiver; it ends with the block, and with this process at the latest."""
    command = [sys.executable, str(_PROGRAM), "--follow-stdin", *options]
    if tls is not None:
        command += ["--tls", *map(str, tls)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield Receiver(process.stdout.readline().decode().strip(), ca_file)
        finally:
            process.kill()


def _request(record: dict[str, Any]) -> Request:
    return Request(
        **{
            **record,
            "headers": tuple((name, value) for name, value in record["headers"]),
            "ids": tuple(record["ids"]),
            "body": base64.b64decode(record["body"]),
        }
    )
