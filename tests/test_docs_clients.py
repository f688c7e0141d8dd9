"""docs/json.md names exactly what the commands about hosts and brokers print."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.program import Tocsin
from tests.test_docs_json import documented, leaves, one_of

FILES = "`tocsin host add NAME --json`, `tocsin broker add NAME --json`, and `renew`"


def answer(tocsin: Tocsin, *arguments: str) -> Any:
    done = tocsin.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("noun", ["host", "broker"])
def test_hosts_and_brokers(tocsin: Tocsin, noun: str) -> None:
    url = ("--url", "https://tocsin.example")
    files = documented(FILES)
    assert leaves(answer(tocsin, noun, "add", "one", *url)) == files
    assert leaves(answer(tocsin, noun, "renew", "one", *url)) == files
    listed = documented(f"`tocsin {noun} list --json`")
    assert leaves(answer(tocsin, noun, "list")) == listed
    assert leaves(answer(tocsin, noun, "show", "one", *url)) == one_of(listed) | files
