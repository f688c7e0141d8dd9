"""The stand-in for the API, and a source that asks it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BROKER = "Ahg1opVcGXw"
CODE = "code-1234"


@dataclass(frozen=True)
class Stub:
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


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A server of its own."""
    program = Path(__file__).with_name("stub.py")
    process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Stub(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.kill()
        process.communicate()
