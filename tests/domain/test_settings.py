"""Every setting reads back what it writes, and what contradicts itself is refused."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alert_kinds import KINDS as ALERT_KINDS
from domain.errors import FieldError, FieldErrors
from domain.options import Option, SettingValue, format_size, parse_size
from domain.settings import (
    BY_NAME,
    RETRY_WITHOUT_INTERVAL_MS,
    SETTINGS,
    STORE_PATHS,
    Setting,
    Settings,
    check_settings,
    setting_named,
    settings_from,
    value_of,
)
from domain.source_kinds import KINDS as SOURCE_KINDS
from domain.webhooks import LIMITS

NAMES = [setting.name for setting in SETTINGS]
NUMBERS = [setting for setting in SETTINGS if setting.highest is not None]
OPTIONS: list[Option] = [
    *SETTINGS,
    *LIMITS.values(),
    *(default for source_kind in SOURCE_KINDS for default in source_kind.defaults),
    *(default for alert_kind in ALERT_KINDS for default in alert_kind.defaults),
]
RANGED = [option for option in OPTIONS if option.highest is not None]


def test_the_table_and_the_dataclass_are_the_same_list() -> None:
    assert [setting.field for setting in SETTINGS] == list(Settings.__struct_fields__)
    assert len(set(NAMES)) == len(NAMES)


def test_the_defaults_are_the_ones_that_are_promised() -> None:
    shown = {setting.name: setting.format(setting.default) for setting in SETTINGS}
    assert shown == {
        "db": "",
        "key_file": "",
        "interval": "3m",
        "retry_interval": "interval",
        "max_events": "1000",
        "max_bytes": "1MB",
        "timeout": "30s",
        "connect_timeout": "5s",
        "linger": "1s",
        "grace": "10s",
        "concurrency": "64",
        "network_policy": "local",
        "allow_networks": "",
        "proxy": "none",
        "keep_events": "7d",
        "keep_deliveries": "400d",
        "min_free_disk": "256MB",
        "warn_queue": "1000000",
        "check_age": "15m",
        "event_names": "on",
        "geo_db": "",
        "theme": "dark",
        "mouse": "clicks",
    }


@pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
def test_every_default_is_allowed_and_reads_back(setting: Setting) -> None:
    assert setting.description
    assert setting.environment == f"TOCSIN_{setting.name.upper()}"
    if setting.name not in STORE_PATHS:  # their defaults follow from who runs it
        assert setting.parse(setting.format(setting.default)) == setting.default


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda setting: setting.name)
def test_every_range_is_kept_at_both_ends(setting: Setting) -> None:
    assert setting.lowest is not None
    assert setting.highest is not None
    for edge in (setting.lowest, setting.highest):
        assert setting.parse(setting.format(edge)) == edge
    for outside in (setting.lowest - 1, setting.highest + 1):
        if outside >= 0 and not (setting.or_zero and outside == 0):
            with pytest.raises(FieldError, match=f"{setting.name}: .* is out of range; write"):
                setting.parse(setting.format(outside))


@given(st.sampled_from(NUMBERS), st.data())
def test_every_number_in_range_reads_back(setting: Setting, data: st.DataObject) -> None:
    value = data.draw(st.integers(setting.lowest, setting.highest))
    assert setting.parse(setting.format(value)) == value


@pytest.mark.parametrize("option", RANGED, ids=lambda option: f"{option.name} {option.range}")
def test_the_examples_of_an_option_are_in_its_range(option: Option) -> None:
    _, _, examples = option.form.partition(" such as ")
    for example in examples.replace(" or ", ", ").split(", ") if examples else ():
        option.parse(example)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("interval", "a duration of 0s or from 1s to 1d, such as 90s, 3m, 1h or 1d"),
        ("grace", "a duration from 0s to 10m, such as 90s or 3m"),
        ("linger", "a duration from 0s to 1m"),
        ("max_bytes", "a size from 1kB to 50MB, such as 1000000 or 64KiB"),
        ("max_events", "a whole number from 1 to 100000"),
        ("proxy", "none, or an address such as http://proxy.example:3128"),
    ],
)
def test_an_option_says_how_it_is_written(name: str, form: str) -> None:
    assert BY_NAME[name].form == form


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1000000", 1_000_000), ("256MB", 256_000_000), ("64 kib", 65_536), ("7B", 7)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0"), (999, "999"), (65_536, "64KiB"), (1_048_576, "1MiB"), (5 * 10**12, "5TB")],
)
def test_sizes_are_written_exactly(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "interval",
            "500ms",
            "interval: 500ms is out of range; "
            "write a duration of 0s or from 1s to 1d, such as 90s, 3m, 1h or 1d",
        ),
        (
            "retry_interval",
            "0s",
            "retry_interval: 0s is out of range; "
            "write interval, or a duration from 1s to 1d, such as 90s, 3m, 1h or 1d",
        ),
        (
            "retry_interval",
            "never",
            "retry_interval: 'never' is not a duration; "
            "write interval, or a duration from 1s to 1d, such as 90s, 3m, 1h or 1d",
        ),
        (
            "interval",
            "3 minutes",
            "interval: '3 minutes' is not a duration; "
            "write a duration of 0s or from 1s to 1d, such as 90s, 3m, 1h or 1d",
        ),
        (
            "timeout",
            "25h",
            "timeout: 1d1h is out of range; "
            "write a duration from 100ms to 1d, such as 90s, 3m, 1h or 1d",
        ),
        (
            "concurrency",
            "-1",
            "concurrency: -1 is out of range; write a whole number from 1 to 1000",
        ),
        (
            "concurrency",
            "\uff11",
            "concurrency: '\uff11' is not a whole number; write a whole number from 1 to 1000",
        ),
        (
            "max_bytes",
            "1 mile",
            "max_bytes: '1 mile' is not a size; "
            "write a size from 1kB to 50MB, such as 1000000 or 64KiB",
        ),
        (
            "network_policy",
            "lan",
            "network_policy: 'lan' is unknown; write one of local, public, open",
        ),
        (
            "allow_networks",
            "fd00::/8, 10.0.0.1/8",
            "allow_networks: '10.0.0.1/8' is not a network; write 10.0.0.0/8",
        ),
        ("event_names", "maybe", "event_names: 'maybe' is neither on nor off; write on or off"),
        ("proxy", "socks5://p:1", "proxy: socks5 is not supported; write https:// or http://"),
        ("db", "a\0b", "db: 'a\\x00b' has a control character; write the path of a file"),
        (
            "db",
            ":memory:",
            "db: ':memory:' is an address in SQLite's own language; write the path of a file",
        ),
    ],
)
def test_a_bad_value_names_setting_reason_and_cure(name: str, text: str, message: str) -> None:
    with pytest.raises(FieldError) as caught:
        BY_NAME[name].parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('interval = "90s"', 90_000),
        ('interval = "0s"', 0),
        ('retry_interval = "20s"', 20_000),
        ('retry_interval = "Interval"', None),
        ("max_events = 500", 500),
        ("max_events = 100_000", 100_000),
        ('max_bytes = "64KiB"', 65_536),
        ("max_bytes = 65536", 65_536),
        ('allow_networks = ["10.0.0.0/8", "fd00::/8"]', ("10.0.0.0/8", "fd00::/8")),
        ('allow_networks = "10.0.0.0/8 fd00::/8"', ("10.0.0.0/8", "fd00::/8")),
        ("allow_networks = []", ()),
        ('proxy = "http://p:3128"', "http://p:3128"),
        ('proxy = "none"', None),
        ('db = "/var/lib/tocsin/tocsin.db"', "/var/lib/tocsin/tocsin.db"),
        ('network_policy = "Public"', "public"),
        ("event_names = true", True),
        ('event_names = "On"', True),
        ('event_names = "no"', False),
        ('theme = "Light"', "light"),
    ],
)
def test_values_of_a_file_are_read(line: str, value: SettingValue) -> None:
    [(name, given_value)] = tomllib.loads(line).items()
    assert setting_named(name).from_toml(given_value) == value


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "interval = 180",
            "interval: 180 is of the wrong kind; "
            "write a duration of 0s or from 1s to 1d, such as 90s, 3m, 1h or 1d, in quotes",
        ),
        (
            "max_events = true",
            "max_events: True is of the wrong kind; write a whole number from 1 to 100000",
        ),
        ("event_names = 1", "event_names: 1 is of the wrong kind; write on or off"),
        (
            "max_events = 1.5",
            "max_events: 1.5 is of the wrong kind; write a whole number from 1 to 100000",
        ),
        (
            "max_events = [1]",
            "max_events: [1] is of the wrong kind; write a whole number from 1 to 100000",
        ),
        (
            "allow_networks = [10]",
            "allow_networks: [10] is of the wrong kind; "
            "write networks such as 169.254.10.0/24, fd00::/8, in quotes",
        ),
        (
            "db = 1979-05-27",
            "db: 1979-05-27 is of the wrong kind; write the path of a file, in quotes",
        ),
    ],
)
def test_a_wrong_kind_in_a_file_is_refused(line: str, message: str) -> None:
    [(name, given_value)] = tomllib.loads(line).items()
    with pytest.raises(FieldError) as caught:
        setting_named(name).from_toml(given_value)
    assert str(caught.value).replace("datetime.date(1979, 5, 27)", "1979-05-27") == message


def test_a_slip_in_a_name_is_told_the_one_that_may_be_meant() -> None:
    with pytest.raises(
        FieldError, match=r"intervall: there is no setting of this name; did you mean interval\?"
    ):
        setting_named("intervall")
    with pytest.raises(FieldError, match="`tocsin config show` lists all"):
        setting_named("x")


def test_settings_are_made_from_what_was_given() -> None:
    settings = settings_from({"interval": 60_000, "allow_networks": ("10.0.0.0/8",)})
    assert settings == Settings(interval_ms=60_000, allow_networks=("10.0.0.0/8",))
    assert value_of(settings, BY_NAME["interval"]) == 60_000


def test_an_unset_connect_timeout_follows_a_short_timeout() -> None:
    assert settings_from({"timeout": 2_000}).connect_timeout_ms == 2_000
    assert settings_from({"timeout": 60_000}).connect_timeout_ms == 5_000


def test_every_contradiction_is_told_at_once() -> None:
    with pytest.raises(FieldErrors) as caught:
        settings_from(
            {
                "timeout": 2_000,
                "connect_timeout": 3_000,
                "interval": 2_000,
                "linger": 5_000,
                "concurrency": 0,
            }
        )
    assert str(caught.value).splitlines() == [
        "concurrency: 0 is out of range; write a whole number from 1 to 1000",
        "connect_timeout: 3s is longer than timeout, which is 2s; "
        "write 2s or less, or lengthen timeout",
        "linger: 5s is longer than interval, which is 2s; write 2s or less, or lengthen interval",
    ]


def test_settings_made_by_hand_are_checked_too() -> None:
    check_settings(Settings())
    with pytest.raises(FieldErrors, match="interval: 999ms is out of range"):
        check_settings(Settings(interval_ms=999, linger_ms=0))


def test_an_interval_is_0_or_at_least_a_second() -> None:
    check_settings(Settings(interval_ms=0))
    assert BY_NAME["interval"].range == "1s to 1d, or 0s"
    with pytest.raises(FieldErrors, match="interval: 1ms is out of range"):
        check_settings(Settings(interval_ms=1, linger_ms=0))


def test_a_linger_may_be_longer_than_an_interval_of_0_alone() -> None:
    check_settings(Settings(interval_ms=0, linger_ms=60_000))
    with pytest.raises(FieldErrors, match="linger: 2s is longer than interval, which is 1s"):
        check_settings(Settings(interval_ms=1_000, linger_ms=2_000))


WAITS = st.integers(1_000, 86_400_000)


@given(
    own=st.none() | WAITS,
    setting=st.none() | WAITS,
    own_interval=st.none() | st.just(0) | WAITS,
    interval=st.just(0) | WAITS,
)
def test_the_nearest_word_about_a_retry_counts_and_it_is_never_0(
    own: int | None, setting: int | None, own_interval: int | None, interval: int
) -> None:
    """Own retry interval, setting, own interval, setting of that; 3m in place of an interval 0."""
    settings = Settings(interval_ms=interval, retry_interval_ms=setting)
    in_force = own_interval if own_interval is not None else interval
    assert settings.interval_of(own_interval) == in_force
    found = settings.retry_interval_of(own, own_interval)
    assert found >= 1_000
    words = [wait for wait in (own, setting) if wait is not None]
    assert found == (words[0] if words else in_force if in_force > 0 else 180_000)
    assert RETRY_WITHOUT_INTERVAL_MS == 180_000
