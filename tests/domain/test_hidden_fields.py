"""No repr shows the secrets of a value."""

from __future__ import annotations

from importlib import import_module

from rich.pretty import pretty_repr

from domain.hidden_fields import WithHiddenFields
from tests.support.program import ROOT


class Login(WithHiddenFields, frozen=True):
    """A value with a secret."""

    HIDDEN = ("password",)

    user: str
    password: str


def test_a_hidden_field_is_in_no_repr() -> None:
    login = Login("alice", "hunter2")
    assert repr(login) == str(login) == pretty_repr(login) == "Login(user='alice')"
    assert repr([login]) == "[Login(user='alice')]"


def test_what_is_hidden_is_a_field() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in ("cli", "delivery", "domain", "sources", "store", "tui")
        for path in (ROOT / package).rglob("*.py")
        if "(WithHiddenFields, " in path.read_text()
    ]
    holders = [
        value
        for module in modules
        for value in vars(import_module(module)).values()
        if isinstance(value, type) and value.__module__ == module
        if issubclass(value, WithHiddenFields)
    ]
    assert len(holders) >= len(modules) > 5
    for holder in holders:
        assert holder.HIDDEN
        assert set(holder.HIDDEN) <= set(holder.__struct_fields__)
