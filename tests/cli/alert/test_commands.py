"""`tocsin alert`: kinds of alerts are switched, tuned and reset."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from domain.alert_kinds import KINDS
from domain.wording import detail_text
from store import alert_settings, audit
from tests.support.program import Tocsin
from tests.support.program_store import access_of


@pytest.fixture(autouse=True)
def _store(tocsin: Tocsin) -> None:
    with access_of(tocsin):
        pass


def run(tocsin: Tocsin, *arguments: str, code: int = 0) -> str:
    """Return what `tocsin alert` printed, or said where it failed."""
    done = tocsin.run("alert", *arguments)
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def shown(tocsin: Tocsin, kind: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run(tocsin, "show", kind, "--json"))
    return told


def test_every_kind_is_listed_with_what_holds(tocsin: Tocsin) -> None:
    run(tocsin, "edit", "interface_down", "--active", "off", "--danger", "9")
    listed = json.loads(run(tocsin, "list", "--json"))
    assert [one["kind"] for one in listed] == [kind.name for kind in KINDS]
    assert [one["options"]["active"] for one in listed if one["kind"] == "interface_down"] == [
        "off"
    ]
    assert "an interface is gone" in run(tocsin, "list")
    assert "no geo_db with networks: not raised are" in tocsin.run("alert", "list").stderr


def test_a_kind_that_is_on_and_not_raised_is_marked(tocsin: Tocsin) -> None:
    suspicious = "endpoint_ip_suspicious"
    listed = tocsin.run("alert", "list")
    assert re.search(rf"^{suspicious} +▲ on ", listed.stdout, re.MULTILINE)
    assert re.search(r"^endpoint_ip_flapping +on ", listed.stdout, re.MULTILINE)
    assert "▲ on: not raised; `tocsin alert show KIND` says why.\n" in listed.stderr
    assert "Raised    no: it needs `good`, which is not set\n" in run(tocsin, "show", suspicious)
    run(tocsin, "edit", suspicious, "--good", "192.0.2.0/24")
    assert re.search(rf"^{suspicious} +on ", run(tocsin, "list"), re.MULTILINE)
    assert "Raised" not in run(tocsin, "show", suspicious)


def test_what_a_kind_tells_of_begins_within_the_width_of_a_terminal(tocsin: Tocsin) -> None:
    header = run(tocsin, "list").splitlines()[0]
    assert header.split() == ["KIND", "STATE", "DANGER", "SUPPRESS", "TELLS", "OF"]
    assert header.index("TELLS OF") < 60


def test_one_is_shown_with_its_numbers_and_needs(tocsin: Tocsin) -> None:
    run(tocsin, "edit", "endpoint_ip_first_use_country", "--kept", "60d")
    text = run(tocsin, "show", "endpoint_ip_first_use_country")
    assert "kept      60d: how long" in text
    assert "danger    7 (default)" in text
    assert "Needs     geo_db with countries" in text


def test_a_kind_that_lacks_its_list_says_so(tocsin: Tocsin) -> None:
    text = run(tocsin, "show", "endpoint_ip_suspicious")
    assert "good      none (default): " in text
    assert "without any, never raised" in text


def test_an_edit_keeps_the_rest_and_reset_forgets_all(tocsin: Tocsin) -> None:
    run(tocsin, "edit", "endpoint_unseen", "--silent", "14d")
    run(tocsin, "edit", "endpoint_unseen", "endpoint_returned", "--danger", "5")
    assert shown(tocsin, "endpoint_unseen")["options"]["silent"] == "14d"
    assert shown(tocsin, "endpoint_returned")["options"]["danger"] == "5"
    run(tocsin, "reset", "endpoint_unseen")
    with access_of(tocsin) as desk:
        assert desk.call(alert_settings.load_all) == {"endpoint_returned": {"danger": "5"}}
        change = desk.call(audit.changes)[0]
    assert change.action == "alert.edit"
    assert detail_text(change.detail) == (
        "alert endpoint_unseen, silent 14d -> default, danger 5 -> default"
    )


def test_an_edit_prints_what_holds_now(tocsin: Tocsin) -> None:
    run(tocsin, "edit", "endpoint_unseen", "--silent", "14d")
    [unseen, down] = run(
        tocsin, "edit", "endpoint_unseen", "interface_down", "--danger", "9"
    ).splitlines()
    assert unseen.startswith("endpoint_unseen: active on (default), danger 9, ")
    assert ", silent 14d" in unseen
    assert down.startswith("interface_down: active on (default), danger 9, ")


def test_an_edit_of_nothing_says_what_there_is(tocsin: Tocsin) -> None:
    said = run(tocsin, "edit", "interface_down", code=ExitCode.USAGE)
    assert "nothing to change: interface_down has --active, --danger, " in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["interface_dwon", "--danger", "3"], "did you mean interface_down?"),
        (["interface_down", "--danger", "10"], "danger: 10 is out of range"),
        (["interface_up", "interface_down", "--kept", "3d"], "interface_up has no option of this"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_changed(
    tocsin: Tocsin, arguments: list[str], words: str
) -> None:
    assert words in run(tocsin, "edit", *arguments, code=ExitCode.BAD_DATA)
    with access_of(tocsin) as desk:
        assert desk.call(alert_settings.load_all) == {}
