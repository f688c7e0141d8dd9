"""A source that signs up elsewhere: its code comes from a file, its key is shown to nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from store import sources
from tests.support.program import Tocsin
from tests.support.program_store import access_of
from tests.support.stub_api_client import BROKER, CODE, StubApi, running_api, sample


@pytest.fixture
def api() -> Iterator[StubApi]:
    with running_api() as running:
        yield running


def add(tocsin: Tocsin, api: StubApi, code: Path) -> int:
    done = tocsin.run(
        *("source", "add", "procustodibus", "pc", "--url", api.url, "--broker", BROKER),
        *("--setup-code", f"@{code}"),
    )
    return done.returncode


def test_signing_up_and_pulling(tocsin: Tocsin, api: StubApi, tmp_path: Path) -> None:
    code = tmp_path / "code.txt"
    code.write_text(f"{CODE}\n")
    api.tell(queues={"alerts": [sample("alerts", "one")]})
    assert add(tocsin, api, code) == 0
    [signed_up] = api.log("/users/")
    assert signed_up["path"] == f"/users/{BROKER}/credentials/signature"
    assert signed_up["body"]["keep_others"] is True
    done = tocsin.run("source", "run", "pc", "--once")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"accepted": 1, "repeated": 0})
    with access_of(tocsin) as desk:
        secret = desk.call(sources.secret_of, "pc", desk.store.vault)
    assert secret is not None
    for words in (("source", "show", "pc"), ("source", "list", "--json"), ("audit", "--json")):
        assert secret not in tocsin.run(*words).stdout


def test_a_new_code_makes_a_new_key(tocsin: Tocsin, api: StubApi, tmp_path: Path) -> None:
    code = tmp_path / "code.txt"
    code.write_text(CODE)
    add(tocsin, api, code)
    api.tell(keys={})
    done = tocsin.run("source", "run", "pc", "--once")
    assert done.returncode == ExitCode.IO_ERROR
    assert "make a new set-up code for the broker on their site" in done.stderr
    assert tocsin.run("source", "edit", "pc", "--setup-code", f"@{code}").returncode == 0
    assert tocsin.run("source", "run", "pc", "--once").returncode == 0


def test_a_code_that_is_refused_makes_no_source(
    tocsin: Tocsin, api: StubApi, tmp_path: Path
) -> None:
    code = tmp_path / "code.txt"
    code.write_text("another")
    assert add(tocsin, api, code) == ExitCode.IO_ERROR
    code.write_text("\n")
    assert add(tocsin, api, code) == ExitCode.USAGE
    assert tocsin.run("source", "show", "pc").returncode == ExitCode.NO_INPUT


def test_a_code_is_for_sources_that_sign_up(tocsin: Tocsin) -> None:
    done = tocsin.run("source", "add", "wireguard", "--setup-code", "x")
    assert done.returncode == ExitCode.USAGE
    assert "signs up nowhere" in done.stderr


def test_the_built_in_source_stays(tocsin: Tocsin) -> None:
    done = tocsin.run("source", "delete", "sign-ins", "--yes")
    assert "pause it instead" in done.stderr
    assert tocsin.run("source", "pause", "sign-ins").returncode == 0
    assert tocsin.run("source", "add", "sign_ins").returncode == ExitCode.USAGE
