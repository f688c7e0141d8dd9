"""Events, webhooks and a receiver with moods, as `tocsin demo` makes them up."""

from __future__ import annotations

import random
import subprocess
from argparse import Namespace
from pathlib import Path

import httpx
import pytest

from cli.config_file import ConfigPaths, read_configuration
from cli.demo.commands import HURRIED, RECEIVER, configured, demo_webhooks
from cli.demo.events import made_up
from cli.demo.receiver import Behaviour
from domain.event_types import EventType
from domain.events import read_event
from domain.settings import settings_from
from domain.webhooks import check_fields
from tests.support.stores import NOW
from tests.support.waiting import PATIENCE_S


@pytest.mark.parametrize("type_", EventType)
def test_every_made_up_event_is_accepted_as_it_is(type_: EventType) -> None:
    dice = random.Random(1)
    ids = set()
    for _ in range(200):
        line = made_up(dice, NOW, type_)
        event = read_event(line, now_ms=NOW, random64=lambda: dice.getrandbits(64))
        assert (event.type, event.body) == (type_, line)
        ids.add(event.id)
    assert len(ids) == 200


def test_all_types_happen() -> None:
    dice = random.Random(1)
    lines = b"".join(made_up(dice, NOW) for _ in range(200))
    assert all(f'"type":"{type_}"'.encode() in lines for type_ in EventType)


def test_webhooks_and_settings_pass_and_every_type_has_a_receiver() -> None:
    webhooks = demo_webhooks("http://127.0.0.1:8080")
    for fields in webhooks:
        check_fields(fields)
    assert {fields.type for fields in webhooks if fields.active} == set(EventType)
    assert [fields.name for fields in webhooks if not fields.active] == ["archive"]
    settings_from({name: one.value for name, one in HURRIED.items()})


def test_what_the_screen_looks_like_holds_and_nothing_else_of_the_admins(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.toml"
    file.write_text(
        'db = "real.db"\nkey_file = "real.key"\nproxy = "http://proxy.example:3128"\n'
        'network_policy = "public"\ninterval = "1h"\ntheme = "light"\n[keys]\nquit = "f10"\n'
    )
    environment = {
        "TOCSIN_CONFIG": str(file),
        "TOCSIN_DB": str(tmp_path / "other.db"),
        "TOCSIN_MOUSE": "all",
        "TOCSIN_TIMEOUT": "1h",
    }
    flags = Namespace(set=["max_events=7", "key_file=/real.key"], setting_db="/real.db")
    read = read_configuration(flags, environment, ConfigPaths(root=tmp_path))
    demo = configured(read, tmp_path / "demo")
    assert demo.keymap == {"quit": "f10"}
    assert (demo.db, demo.key_file) == (tmp_path / "demo" / "tocsin.db", None)
    hurried = {name: one.value for name, one in HURRIED.items()}
    assert demo.settings == settings_from(
        {**hurried, "theme": "light", "mouse": "all", "max_events": 7}
    )
    assert demo.origin("theme") == f"file {file}"


def test_every_webhook_is_answered_in_the_end_and_some_are_refused_first() -> None:
    behaviour = Behaviour()
    refused = set()
    for fields in demo_webhooks(""):
        for delivery in range(6):
            for _ in range(8):
                answer = behaviour.answer(fields.url, f"{fields.name}-{delivery}")
                if answer.status == 200 and answer.after_s < 5:
                    break
                refused.add(fields.name)
            else:
                pytest.fail(f"{fields.name} never answers")
    assert refused == {"pager", "collector", "changes", "sign-ins"}
    assert behaviour.answer("/else", "").status == 404


def test_the_receiver_goes_with_its_parent_and_takes_the_folder_along() -> None:
    with subprocess.Popen(
        RECEIVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port, folder = process.stdout.readline().split()
        (Path(folder) / "tocsin.db").write_text("x")
        url = f"http://127.0.0.1:{port}/siem"
        answer = httpx.post(url, content=b"[]", trust_env=False, timeout=PATIENCE_S)
        assert answer.json() == {"ok": True}
        process.communicate("", timeout=PATIENCE_S)
    assert not Path(folder).exists()
