"""Order of flag, environment, file, store and default, and the words of errors."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.config_file import ConfigPaths, Configuration, default_configuration, read_configuration
from cli.exit_codes import ExitCode, Failure
from domain.settings import BY_NAME, SETTINGS, Setting
from tests.support.program import Tocsin

LAYERS = ("store", "file", "environment", "flag")


class Host:
    """A system in a folder, with a home for one user."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = folder
        self.home = folder / "home/alice"
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(self.home / ".config"))
        monkeypatch.setenv("XDG_DATA_HOME", str(self.home / ".local/share"))

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def read(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        is_root: bool = False,
        **flags: Any,
    ) -> Configuration:
        places = ConfigPaths(root=self.root, is_root=is_root)
        return read_configuration(Namespace(**flags), environment or {}, places)

    def refusal(self, environment: Mapping[str, str] | None = None, **flags: Any) -> str:
        with pytest.raises(Failure) as caught:
            self.read(environment, **flags)
        assert caught.value.exit_code == ExitCode.CONFIG
        return caught.value.message


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


@given(layers=st.sets(st.sampled_from(LAYERS)))
def test_the_nearest_layer_wins(tmp_path_factory: pytest.TempPathFactory, layers: set[str]) -> None:
    folder = tmp_path_factory.mktemp("host")
    file = folder / "own.toml"
    file.write_text("max_events = 2" if "file" in layers else "")
    configuration = read_configuration(
        Namespace(config=str(file), **({"set": ["max_events=4"]} if "flag" in layers else {})),
        {"TOCSIN_MAX_EVENTS": "3"} if "environment" in layers else {},
        ConfigPaths(root=folder),
    ).with_stored({"max_events": "1"} if "store" in layers else {})
    expected = max((LAYERS.index(layer) + 1 for layer in layers), default=1000)
    assert configuration.settings.max_events == expected
    origins = {
        1000: "default",
        1: "store",
        2: f"file {file}",
        3: "environment TOCSIN_MAX_EVENTS",
        4: "flag",
    }
    assert configuration.origin("max_events") == origins[expected]


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_setting_can_come_from_its_variable(host: Host, row: Setting) -> None:
    texts = {
        "db": "/x/y.db",
        "key_file": "/x/key",
        "allow_networks": "fd00::/8",
        "geo_db": "/x/g.mmdb",
    }
    text = texts.get(row.name) or row.format(row.default)
    configuration = host.read({row.environment: text})
    assert configuration.origin(row.name) == f"environment {row.environment}"
    assert getattr(configuration.settings, row.field) == row.parse(text)


def test_an_empty_variable_says_nothing(host: Host) -> None:
    assert host.read({"TOCSIN_INTERVAL": ""}).origin("interval") == "default"


def test_options_that_are_settings_count_as_flags(host: Host) -> None:
    configuration = host.read(setting_interval="5s", setting_timeout=None)
    assert configuration.settings.interval_ms == 5_000
    assert configuration.origin("interval") == "flag"
    assert configuration.origin("timeout") == "default"


def test_a_new_word_of_the_store_replaces_its_old_one(host: Host) -> None:
    configuration = host.read().with_stored({"interval": "5m"}).with_stored({"interval": "6m"})
    assert configuration.settings.interval_ms == 360_000
    assert configuration.with_stored({}).origin("interval") == "default"


def test_what_another_version_stored_is_left_alone(host: Host) -> None:
    assert host.read().with_stored({"of_the_future": "1"}).settings == host.read().settings


def test_the_places_of_an_account_are_its_own(host: Host) -> None:
    configuration = host.read()
    assert configuration.db.is_relative_to(host.home)
    assert configuration.db.name == "tocsin.db"
    assert (configuration.file, configuration.is_hosts) == (None, False)


def test_the_file_of_an_account_is_read(host: Host) -> None:
    file = ConfigPaths(root=host.root).user_config()
    host.write(str(file), "interval = '7m'")
    configuration = host.read()
    assert (configuration.file, configuration.settings.interval_ms) == (file, 420_000)


def test_the_places_of_root_are_the_systems(host: Host) -> None:
    assert host.read(is_root=True).db == host.root / "var/lib/tocsin/tocsin.db"


@pytest.mark.parametrize("is_root", [False, True])
def test_the_hosts_file_places_everyones_store(host: Host, is_root: bool) -> None:
    host.write(str(ConfigPaths(root=host.root).user_config()), "interval = '7m'")
    file = host.write("etc/tocsin/tocsin.toml", "db = '/data/tocsin.db'")
    configuration = host.read(is_root=is_root)
    assert (configuration.file, configuration.is_hosts) == (file, True)
    assert configuration.db == Path("/data/tocsin.db")


def test_the_hosts_file_need_not_name_the_store(host: Host) -> None:
    host.write("etc/tocsin/tocsin.toml", "")
    configuration = host.read()
    assert configuration.is_hosts
    assert configuration.db == host.root / "var/lib/tocsin/tocsin.db"


def test_a_store_of_ones_own_beside_that_of_the_host(host: Host) -> None:
    host.write("etc/tocsin/tocsin.toml", "db = '/data/t.db'\nkey_file = '/etc/tocsin/key'")
    configuration = host.read(setting_db="own.db")
    assert not configuration.is_hosts
    assert configuration.db == Path.cwd() / "own.db"
    assert configuration.key_file is None


def test_a_named_file_wins_over_the_hosts(host: Host) -> None:
    host.write("etc/tocsin/tocsin.toml", "interval = '5m'")
    own = host.write("own.toml", "interval = '6m'\ndb = 'own.db'")
    for configuration in (host.read(config=str(own)), host.read({"TOCSIN_CONFIG": str(own)})):
        assert configuration.settings.interval_ms == 360_000
        assert not configuration.is_hosts
        assert configuration.db == host.root / "own.db"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("intervall = '3m'", "intervall: there is no setting of this name; did you mean interval?"),
        ("interval = 3", "interval: 3 is of the wrong kind; write a duration"),
        ("interval = '3m", ", end of document: it is no TOML; write lines"),
        ("interval = '1ms'", "interval: 1ms is out of range"),
        ("max_events = true", "max_events: True is of the wrong kind; write a whole number"),
        ("[webhook]\na = 1", "webhook: there is no setting of this name"),
        ("interval = '3m'\n\xff", ", line 2: it is no TOML; save it as UTF-8 text"),
        ("interval = '3m'\ninterval = '4m'", ", end of document: it is no TOML; write lines"),
        ("\xef\xbb\xbfinterval = '3m'", "it begins with a byte order mark"),
        ("\xff\xfei\x00", "it is UTF-16 text; save it as UTF-8"),
        ("a = 1\nmax_events = " + "9" * 5_000, ", line 2: a number has more than 18 digits"),
        ("max_events = 0x" + "f" * 5_000, "max_events: it has more than 18 digits; write a"),
        ("geo_db = [0x" + "f" * 5_000 + "]", "geo_db: it is of the wrong kind"),
        ("a = " + "[" * 5_000, "too many brackets stand in each other"),
        ("#" * 1_000_001, "it is longer than 1,000,000 bytes"),
        ("db = ''", "db: it is empty; write the path of a file"),
        (
            "db = '~nobody-here/x'",
            "db: '~nobody-here/x' names no home folder; write the whole path",
        ),
    ],
)
def test_errors_in_a_file_name_file_key_reason_and_cure(host: Host, text: str, said: str) -> None:
    file = host.root / "bad.toml"
    file.write_bytes(text.encode("latin-1"))
    message = host.refusal(config=str(file))
    assert message.startswith(str(file))
    assert said in message
    assert len(message) < 300


def test_all_errors_of_a_file_are_told_at_once(host: Host) -> None:
    file = host.write("bad.toml", "interval = 'x'\nlinger = 'y'")
    assert len(host.refusal(config=str(file)).splitlines()) == 2


def test_a_named_file_that_is_missing_is_an_error(host: Host) -> None:
    assert "cannot be read: No such file" in host.refusal(config="/nowhere/tocsin.toml")


def test_errors_in_the_environment_and_in_flags_say_so(host: Host) -> None:
    assert host.refusal({"TOCSIN_TIMEOUT": "x"}).startswith("environment TOCSIN_TIMEOUT: timeout")
    assert host.refusal(set=["timeout=x"]).startswith("flag: timeout: ")
    assert "did you mean timeout?" in host.refusal(set=["timeot=1s"])


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_an_empty_place_is_refused_and_opens_no_other_store(host: Host, text: str) -> None:
    assert "flag: db: it is empty" in host.refusal(setting_db=text)
    assert "flag: db: it is empty" in host.refusal(set=[f"db={text}"])
    assert "flag --config: it is empty" in host.refusal(config=text)
    for name in ("DB", "KEY_FILE", "CONFIG"):
        said = host.refusal({f"TOCSIN_{name}": text})
        assert said.startswith(f"environment TOCSIN_{name}: ")
        assert "it is empty" in said


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://alice:Hunter2@db.example/tocsin",
        "postgres:/alice:Hunter2@db/tocsin",
        "postgresql+psycopg:alice:Hunter2@db/tocsin",
        " mysql://alice:Hunter2@db/tocsin",
        "sqlite:///alice/Hunter2",
        "HTTPS://alice:Hunter2@db",
        "x/s3://alice:Hunter2@db",
    ],
)
def test_an_address_is_no_place_and_is_not_repeated(host: Host, text: str) -> None:
    for said in (
        host.refusal(setting_db=text),
        host.refusal(config=text),
        host.refusal({"TOCSIN_DB": text}),
        host.refusal(config=str(host.write("own.toml", f"key_file = '{text}'"))),
    ):
        assert "it is an address, not the path of a file" in said
        assert "Hunter2" not in said


def test_the_home_folder_is_where_the_tilde_says(host: Host) -> None:
    own = host.home / "own.db"
    assert host.read(setting_db="~/own.db").db == own
    assert host.read({"TOCSIN_DB": "~/own.db"}).db == own
    file = host.write("home/alice/own.toml", "db = '~/own.db'\nkey_file = '~/key'")
    assert str(file) == str(host.home / "own.toml")
    for read in (host.read(config="~/own.toml"), host.read({"TOCSIN_CONFIG": "~/own.toml"})):
        assert (read.db, read.key_file) == (own, host.home / "key")


def test_contradictions_say_where_the_value_is_from(host: Host) -> None:
    message = host.refusal({"TOCSIN_LINGER": "10s"}, set=["interval=5s"])
    assert message.startswith("environment TOCSIN_LINGER: linger: 10s is longer than interval")


def test_a_pair_needs_its_sign(host: Host) -> None:
    with pytest.raises(Failure, match="NAME=VALUE"):
        host.read(set=["interval"])


def test_unknown_variables_are_noticed(host: Host) -> None:
    assert host.read({"TOCSIN_FOO": "1", "HOME": "/", "TOCSIN_DB": "x"}).unknown_variables == (
        "TOCSIN_FOO",
    )


def test_commands_without_settings_have_the_defaults() -> None:
    configuration = default_configuration()
    assert {configuration.origin(name) for name in BY_NAME} == {"default"}


def test_what_is_no_place_makes_nothing_and_shows_no_password(tocsin: Tocsin) -> None:
    before = sorted(tocsin.home.rglob("*"))
    for place in ("", "postgresql://alice:Hunter2@db.example/tocsin"):
        done = tocsin.run("--db", place, "event", "emit", "-", stdin="")
        assert done.returncode == ExitCode.CONFIG
        assert "Hunter2" not in done.stdout + done.stderr
    assert sorted(tocsin.home.rglob("*")) == before


def shown(tocsin: Tocsin, *words: str, **environment: Any) -> dict[str, tuple[str | None, str]]:
    done = tocsin.run("config", "show", "--json", *words, **environment)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["settings"]
    assert all(row["description"] for row in rows)
    return {row["name"]: (row["value"], row["origin"]) for row in rows}


def test_show_tells_value_and_origin_of_every_setting(tocsin: Tocsin) -> None:
    rows = shown(tocsin, "--set", "linger=2s", TOCSIN_TIMEOUT="20s")
    assert list(rows) == [setting.name for setting in SETTINGS]
    assert rows["db"] == (str(tocsin.db), "flag")
    assert rows["key_file"] == (str(tocsin.db.with_name("tocsin.key")), "default")
    assert rows["timeout"] == ("20s", "environment TOCSIN_TIMEOUT")
    assert rows["linger"] == ("2s", "flag")
    assert rows["interval"] == ("3m", "default")
    assert not tocsin.db.exists()


def test_show_tells_where_the_key_of_a_linked_store_is(tocsin: Tocsin) -> None:
    assert tocsin.run("db", "upgrade").returncode == 0
    own, tocsin.db = tocsin.db, tocsin.home / "links" / "alias.db"
    tocsin.db.parent.mkdir()
    tocsin.db.symlink_to(own)
    rows = shown(tocsin)
    assert rows["db"] == (str(tocsin.db), "flag")
    assert rows["key_file"] == (str(own.with_name("tocsin.key")), "default")
    assert shown(tocsin, TOCSIN_KEY_FILE="/x/key")["key_file"][0] == "/x/key"


def test_set_and_unset_change_what_the_store_says(tocsin: Tocsin) -> None:
    assert tocsin.run("config", "set", "interval", "300s").returncode == 0
    assert shown(tocsin)["interval"] == ("5m", "store")
    nearer = tocsin.run("config", "set", "interval", "6m", TOCSIN_INTERVAL="1m")
    assert "environment TOCSIN_INTERVAL wins" in nearer.stderr
    assert tocsin.run("config", "unset", "interval").returncode == 0
    assert shown(tocsin)["interval"] == ("3m", "default")
    assert tocsin.run("config", "unset", "interval").returncode == ExitCode.CHECK_FAILED


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (("db", "/x"), ExitCode.USAGE, "configuration file"),
        (("intervall", "3m"), ExitCode.CONFIG, "did you mean interval?"),
        (("interval", "3x"), ExitCode.CONFIG, "interval: '3x' is not a duration"),
        (("connect_timeout", "1m"), ExitCode.CONFIG, "connect_timeout: 1m is longer than timeout"),
    ],
)
def test_set_refuses_what_would_not_hold(
    tocsin: Tocsin, words: tuple[str, str], exit_code: ExitCode, said: str
) -> None:
    done = tocsin.run("config", "set", *words)
    assert done.returncode == exit_code
    assert said in done.stderr
    assert shown(tocsin)["connect_timeout"] == ("5s", "default")


def test_a_contradicting_setting_of_the_store_can_be_taken_out(tocsin: Tocsin) -> None:
    tocsin.run("config", "set", "linger", "1m")
    assert tocsin.run("config", "show", TOCSIN_INTERVAL="5s").returncode == ExitCode.CONFIG
    assert tocsin.run("config", "unset", "linger", TOCSIN_INTERVAL="5s").returncode == 0
    assert tocsin.run("config", "show", TOCSIN_INTERVAL="5s").returncode == 0


def test_show_works_without_a_usable_store(tocsin: Tocsin) -> None:
    tocsin.db.write_text("this is no database, whatever its name says")
    done = tocsin.run("config", "show")
    assert done.returncode == 0
    assert "without the settings of the store" in done.stderr
