"""The stand-in for the API of Pro Custodibus, seen from a test."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BROKER = "Ahg1opVcGXw"
CODE = "code-1234"
SAMPLES = Path(__file__).parents[1] / "data" / "samples"


@dataclass(frozen=True)
class StubApi:
    """The server, seen from outside."""

    url: str

    def tell(self, **what: Any) -> None:
        """Let it answer otherwise from now on."""
        self._ask("/told", json.dumps(what).encode())

    def log(self, part: str = "") -> list[dict[str, Any]]:
        """The requests so far whose path has this in it."""
        found: list[dict[str, Any]] = json.loads(self._ask("/log"))
        return [one for one in found if part in one["path"]]

    def _ask(self, path: str, data: bytes | None = None) -> bytes:
        with urllib.request.urlopen(self.url + path, data, timeout=30) as response:  # noqa: S310  # our own server
            body: bytes = response.read()
        return body


def sample(type_: str, id_: str, **other: Any) -> dict[str, Any]:
    """One of the events of their documentation, under an id."""
    [event] = json.loads((SAMPLES / f"{type_}.json").read_text())
    return {**event, "id": id_, **other}


@contextmanager
def running_api() -> Iterator[StubApi]:
    """A server of its own, in a process of its own."""
    program = Path(__file__).with_name("stub_api.py")
    process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield StubApi(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.kill()
        process.communicate()
