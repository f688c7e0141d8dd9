"""Missing HTTP server: an admin is told how to get it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sources.preflight import listening_problem
from tests.support.program import ROOT

SCRIPT = """
import asyncio, sys
sys.modules["httptools"] = None
from sources.base import SourceError
from sources.http.app import ClientLimits
from sources.http.server import HttpService, HttpTerms
terms = HttpTerms("127.0.0.1:0", "", "", ClientLimits(1, 1, 1.0))
service = HttpService("http", terms, lambda inlet: ())
class Nothing:
    clock = None
try:
    asyncio.run(service.serve(Nothing(), asyncio.Event()))
except SourceError as error:
    print(error)
"""


def test_without_the_extra_the_cure_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert f"{sys.executable} -m pip install 'tocsin[http]'" in done.stdout


def test_without_the_extra_it_is_foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert listening_problem({}) == ""
    monkeypatch.setitem(sys.modules, "httptools", None)
    problem = listening_problem({})
    assert problem.startswith("the HTTP server is not installed; ")
    assert f"{sys.executable} -m pip install 'tocsin[http]'" in problem


def test_where_there_is_no_pip_uv_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httptools", None)
    monkeypatch.setitem(sys.modules, "pip", None)
    expected = f"run `uv pip install --python {sys.executable} 'tocsin[http]'`"
    assert listening_problem({}).endswith(expected)
