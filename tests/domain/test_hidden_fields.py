"""No repr shows the secrets of a value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from rich.pretty import pretty_repr

from domain.hidden_fields import WithHiddenFields
from tests.support.program import ROOT

PACKAGES = ("cli", "delivery", "domain", "sources", "store", "tui")
SECRET = {"secret", "secrets", "headers", "password", "token", "private_key", "preshared_key"}
"""Names of fields that hold secrets in clear where they are of plain types."""

PLAIN = {"str", "bytes", "None", "UnsetType", "tuple", "list", "dict", "Mapping", "Sequence"}
PLAIN |= {"Pairs", "Headers", "httpx.Headers"}
SHOWN = {
    "cli.demo.receiver.Answer.headers": "made up",
    "delivery.request.ShownRequest.headers": "masked",
    "sources.http.messages.JsonAnswer.headers": "our own, without secrets",
    "sources.http.server.HttpTerms.private_key": "the path of a file",
    "sources.procustodibus.hello._Credentials.secret": "the public half of it",
    "store.queue.hot_path._Webhook.secrets": "encrypted",
    "tui.webhook_form.texts.FormTexts.secret": "what is to be done with it",
}


class Login(WithHiddenFields, frozen=True):
    """A value with a secret."""

    HIDDEN = ("password",)

    user: str
    password: str


def product_files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def is_value(node: ast.ClassDef) -> bool:
    """True for a class that Python gives a repr of its fields."""
    made = " ".join(ast.unparse(base) for base in (*node.bases, *node.decorator_list))
    kinds = ("Struct", "WithHiddenFields", "NamedTuple", "dataclass")
    return any(kind in made for kind in kinds)


def shown_fields(node: ast.ClassDef) -> Iterator[str]:
    """The fields of a class that its repr shows as they are."""
    hidden: set[str] = set()
    fields = []
    for line in node.body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "HIDDEN":
            hidden = set(ast.literal_eval(line.value))
        if isinstance(line, ast.AnnAssign) and "repr=False" not in ast.unparse(line):
            words = ast.unparse(line.annotation).replace("...", "None")
            kinds = set(words.translate(str.maketrans("[]|,", "    ")).split())
            if kinds <= PLAIN:
                fields.append(ast.unparse(line.target))
    yield from (name for name in fields if name not in hidden)


def test_no_value_shows_its_secrets() -> None:
    shown = {
        ".".join((*path.relative_to(ROOT).with_suffix("").parts, node.name, field))
        for path in product_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and is_value(node)
        for field in shown_fields(node)
        if field in SECRET
    }
    assert sorted(shown) == sorted(SHOWN)


def test_a_hidden_field_is_in_no_repr() -> None:
    login = Login("alice", "hunter2")
    assert repr(login) == str(login) == pretty_repr(login) == "Login(user='alice')"
    assert repr([login]) == "[Login(user='alice')]"


def test_what_is_hidden_is_a_field() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in product_files()
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
