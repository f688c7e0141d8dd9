"""The kinds of sources and of alerts: every default is allowed, and what is given is checked."""

from __future__ import annotations

import pytest

from domain import alert_kinds, source_kinds
from domain.alert_kinds import AlertKind
from domain.errors import FieldError, FieldErrors
from domain.options import Default
from domain.source_kinds import SourceKind

KINDS: tuple[SourceKind | AlertKind, ...] = (*source_kinds.KINDS, *alert_kinds.KINDS)
DEFAULTS = [(kind, default) for kind in KINDS for default in kind.defaults]


@pytest.mark.parametrize(
    ("kind", "default"), DEFAULTS, ids=[f"{kind.name}-{one.name}" for kind, one in DEFAULTS]
)
def test_a_default_reads_back_or_is_nothing(kind: SourceKind | AlertKind, default: Default) -> None:
    assert default.description
    if default.text:
        assert default.format(default.parse(default.text)) == default.text
    assert kind.check({}) == {}


def test_what_equals_its_default_is_not_kept() -> None:
    wireguard = source_kinds.kind_named("wireguard")
    assert wireguard.check({"every": "30s", "host": " hub "}) == {"host": "hub"}
    flapping = alert_kinds.kind_named("endpoint_ip_flapping")
    assert flapping.check({"active": "OFF", "danger": "8", "within": "600s"}) == {"active": "off"}


def test_all_that_is_wrong_is_told_at_once() -> None:
    wireguard = source_kinds.kind_named("wireguard")
    with pytest.raises(FieldErrors) as caught:
        wireguard.check({"every": "1s", "command": "wg 'show", "group": "adm"})
    text = str(caught.value)
    assert "every: 1s is out of range; write a duration from 2s" in text
    assert "has an open quotation mark; write a command and its arguments" in text
    assert "group: a source of kind wireguard has no option of this name" in text


@pytest.mark.parametrize(
    ("find", "name", "words"),
    [
        (source_kinds.kind_named, "wiregard", "did you mean wireguard?"),
        (source_kinds.kind_named, "x", "there are wireguard, agent, socket"),
        (alert_kinds.kind_named, "interface_dwon", "did you mean interface_down?"),
        (alert_kinds.kind_named, "x", "`tocsin alert list` shows all"),
    ],
)
def test_an_unknown_kind_is_told_with_what_may_be_meant(
    find: object, name: str, words: str
) -> None:
    assert callable(find)
    with pytest.raises(FieldError, match=words.replace("?", r"\?")):
        find(name)
