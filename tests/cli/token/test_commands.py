"""`tocsin token`: made, shown once, listed, deleted."""

from __future__ import annotations

import json
import re

from cli.exit_codes import ExitCode
from store import tokens
from tests.support.program import Tocsin
from tests.support.program_store import access_of


def test_a_token_is_shown_once(tocsin: Tocsin) -> None:
    made = tocsin.run("token", "add", "edge")
    token = made.stdout.strip()
    assert made.returncode == 0
    assert token.startswith("tocsin_")
    assert "this once" in made.stderr
    listed = tocsin.run("token", "list")
    assert "edge" in listed.stdout
    assert token not in listed.stdout + tocsin.run("audit", "--json").stdout
    assert token.encode() not in tocsin.db.read_bytes()


def test_every_token_is_another(tocsin: Tocsin) -> None:
    made = [json.loads(tocsin.run("token", "add", name, "--json").stdout) for name in "ab"]
    assert made[0]["token"] != made[1]["token"]
    assert tocsin.run("token", "add", "a").returncode == ExitCode.CHECK_FAILED


def test_delete_asks_and_knows_all_names_first(tocsin: Tocsin) -> None:
    tocsin.run("token", "add", "edge")
    assert tocsin.run("token", "delete", "edge").returncode == ExitCode.USAGE
    assert tocsin.run("token", "delete", "edge", "nobody", "--yes").returncode == ExitCode.NO_INPUT
    assert json.loads(tocsin.run("token", "list", "--json").stdout) != []
    assert tocsin.run("token", "delete", "edge", "--yes").returncode == 0
    assert json.loads(tocsin.run("token", "list", "--json").stdout) == []
    actions = [change["action"] for change in json.loads(tocsin.run("audit", "--json").stdout)]
    assert actions == ["token.delete", "token.add"]


def test_the_last_use_of_a_token_is_told_as_an_age(tocsin: Tocsin) -> None:
    token = tocsin.run("token", "add", "edge").stdout.strip()
    with access_of(tocsin) as desk:
        assert desk.call(tokens.name_of, token, desk.now_ms - 65_000) == "edge"
    line = tocsin.run("token", "list").stdout.splitlines()[1]
    assert re.fullmatch(r"edge  \S+T\d\d:\d\d:\d\dZ  1m\d+s ago", line)
