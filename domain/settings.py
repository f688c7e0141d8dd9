"""Every setting of Tocsin: its name, form, default and range, and what contradicts what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from domain import setting_kinds as kinds
from domain.field_errors import FieldError, raise_all
from domain.setting_kinds import Kind, SettingValue

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
DAY_MS = 24 * 60 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings in force. Durations are milliseconds, sizes are bytes.

    `db` and `key_file` are None where the usual place for this account applies; `proxy` is
    None where receivers are dialled directly. `wireguard_command` is yet to be split.
    """

    db: str | None = None
    key_file: str | None = None
    interval_ms: int = 3 * MINUTE_MS
    max_events: int = 1_000
    max_bytes: int = 1_000_000
    timeout_ms: int = 30 * SECOND_MS
    connect_timeout_ms: int = 5 * SECOND_MS
    linger_ms: int = SECOND_MS
    grace_ms: int = 10 * SECOND_MS
    concurrency: int = 64
    network_policy: str = "local"
    allow_networks: tuple[str, ...] = ()
    proxy: str | None = None
    keep_events_ms: int = 7 * DAY_MS
    keep_deliveries_ms: int = 400 * DAY_MS
    min_free_disk_bytes: int = 256_000_000
    warn_queue: int = 1_000_000
    check_age_ms: int = 15 * MINUTE_MS
    wireguard: bool = False
    wireguard_command: str = "wg show all dump"
    wireguard_every_ms: int = 30 * SECOND_MS
    theme: str = "dark"
    mouse: str = "clicks"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: how a setting is called, written, checked and explained.

    `name` is its key in the configuration file, `field` its attribute in `Settings`;
    `lowest` and `highest` are inclusive and in the unit of the value in code.
    """

    name: str
    field: str
    kind: Kind
    description: str
    lowest: int | None = None
    highest: int | None = None

    @property
    def environment(self) -> str:
        """The environment variable that sets it, such as TOCSIN_INTERVAL."""
        return f"TOCSIN_{self.name.upper()}"

    @property
    def default(self) -> SettingValue:
        """Its value where nobody set it."""
        return value_of(DEFAULTS, self)

    @property
    def range(self) -> str:
        """The allowed range in words, "1s to 1d", or "" where there is none."""
        if self.lowest is None or self.highest is None:
            return ""
        return f"{self.format(self.lowest)} to {self.format(self.highest)}"

    def parse(self, text: str) -> SettingValue:
        """Read it from a flag, the environment or the store. Raises FieldError."""
        try:
            value = self.kind.parse(text)
        except FieldError as error:
            raise FieldError(self.name, error.reason, error.cure) from None
        except ValueError as error:
            raise FieldError(self.name, str(error), f"write {self.kind.form}") from None
        self.check(value)
        return value

    def from_toml(self, value: object) -> SettingValue:
        """Read it from a value of the configuration file. Raises FieldError."""
        if isinstance(value, bool) and self.kind.switches:
            return value
        if isinstance(value, int) and not isinstance(value, bool) and self.kind.bare_numbers:
            return self.parse(str(value))
        if isinstance(value, str):
            return self.parse(value)
        if isinstance(value, list) and self.kind.lists and all(isinstance(v, str) for v in value):
            return self.parse(",".join(value))
        bare = self.kind.bare_numbers or self.kind.switches
        quotes = "" if bare else ", in quotes"
        reason = f"{value!r} is of the wrong kind"
        raise FieldError(self.name, reason, f"write {self.kind.form}{quotes}")

    def format(self, value: SettingValue) -> str:
        """Write it as text that `parse` reads back to the same value."""
        return self.kind.format(value)

    def check(self, value: SettingValue) -> None:
        """Raise FieldError where a number is out of its range."""
        if self.lowest is None or self.highest is None or not isinstance(value, int):
            return
        if not self.lowest <= value <= self.highest:
            reason = f"{self.format(value)} is out of range"
            raise FieldError(self.name, reason, f"write {self.kind.form} from {self.range}")


SETTINGS: tuple[Setting, ...] = (
    Setting("db", "db", kinds.PATH, "the file that holds the store"),
    Setting("key_file", "key_file", kinds.PATH, "the file that holds the key to the secrets"),
    Setting(
        "interval",
        "interval_ms",
        kinds.DURATION,
        "the time between two runs of a webhook, and between two attempts of a delivery",
        SECOND_MS,
        DAY_MS,
    ),
    Setting("max_events", "max_events", kinds.COUNT, "events in one request", 1, 100_000),
    Setting("max_bytes", "max_bytes", kinds.SIZE, "bytes in one request", 1_000, 50_000_000),
    Setting(
        "timeout",
        "timeout_ms",
        kinds.DURATION,
        "the deadline of a whole attempt, from the name look-up to the answer",
        100,
        DAY_MS,
    ),
    Setting(
        "connect_timeout",
        "connect_timeout_ms",
        kinds.DURATION,
        "the deadline for the connection; follows a timeout that is shorter",
        100,
        DAY_MS,
    ),
    Setting(
        "linger",
        "linger_ms",
        kinds.DURATION,
        "how long a due event waits for others to go with it",
        0,
        MINUTE_MS,
    ),
    Setting(
        "grace",
        "grace_ms",
        kinds.DURATION,
        "how long a stop waits for attempts in flight",
        0,
        10 * MINUTE_MS,
    ),
    Setting("concurrency", "concurrency", kinds.COUNT, "requests at once", 1, 1_000),
    Setting(
        "network_policy",
        "network_policy",
        kinds.POLICY,
        "where webhooks may point: local (all but link-local, metadata and reserved addresses), "
        "public (globally reachable addresses only) or open (anywhere)",
    ),
    Setting(
        "allow_networks",
        "allow_networks",
        kinds.NETWORKS,
        "networks that webhooks may point to whatever network_policy says",
    ),
    Setting("proxy", "proxy", kinds.PROXY, "the HTTP proxy that requests go through"),
    Setting(
        "keep_events",
        "keep_events_ms",
        kinds.DURATION,
        "how long events are kept after their delivery",
        0,
        36_500 * DAY_MS,
    ),
    Setting(
        "keep_deliveries",
        "keep_deliveries_ms",
        kinds.DURATION,
        "how long finished deliveries and their attempts are kept",
        0,
        36_500 * DAY_MS,
    ),
    Setting(
        "min_free_disk",
        "min_free_disk_bytes",
        kinds.SIZE,
        "free disk under which sources wait",
        0,
        100 * 10**12,
    ),
    Setting(
        "warn_queue",
        "warn_queue",
        kinds.COUNT,
        "undelivered events of a webhook from which on Tocsin warns",
        1,
        10**12,
    ),
    Setting(
        "check_age",
        "check_age_ms",
        kinds.DURATION,
        "status --check fails when an event has waited longer",
        SECOND_MS,
        365 * DAY_MS,
    ),
    Setting(
        "wireguard",
        "wireguard",
        kinds.SWITCH,
        "whether the worker that sends also watches this host's WireGuard",
    ),
    Setting(
        "wireguard_command",
        "wireguard_command",
        kinds.COMMAND,
        "the command that the WireGuard source runs",
    ),
    Setting(
        "wireguard_every",
        "wireguard_every_ms",
        kinds.DURATION,
        "the time between two looks of the WireGuard source",
        SECOND_MS,
        DAY_MS,
    ),
    Setting("theme", "theme", kinds.THEME, "the colours of the screen"),
    Setting(
        "mouse",
        "mouse",
        kinds.MOUSE,
        "what the screen hears of the mouse from its next start on: off (nothing, the terminal "
        "marks text), clicks (and the wheel) or all (moves too, which cost bytes)",
    ),
)
PLACES_OF_THE_STORE = ("db", "key_file")
"""Settings that the store cannot keep: it cannot say where it is itself."""

KEY_NAME = "tocsin.key"
"""The key file beside the store, where `key_file` names no other."""

DEFAULTS = Settings()
BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}


def setting_named(name: str) -> Setting:
    """The setting of that name. Raises FieldError that says which one may be meant."""
    if name in BY_NAME:
        return BY_NAME[name]
    import difflib  # only to help with a slip: every start would pay for it

    close = difflib.get_close_matches(name, BY_NAME, n=1)
    cure = f"did you mean {close[0]}?" if close else "`tocsin config show` lists all"
    raise FieldError(name, "there is no setting of this name", cure)


def value_of(settings: Settings, setting: Setting) -> SettingValue:
    """What `setting` is in `settings`."""
    value: SettingValue = getattr(settings, setting.field)
    return value


def settings_from(values: Mapping[str, SettingValue]) -> Settings:
    """Settings from parsed values by setting name; what is missing has its default.

    Raises FieldErrors where they are out of range or contradict each other. An unset
    connect_timeout follows a timeout that is shorter than its default.
    """
    settings = Settings(**{BY_NAME[name].field: value for name, value in values.items()})  # type: ignore[arg-type]  # each value comes from its own row's parser
    if "connect_timeout" not in values:
        settings = replace(
            settings, connect_timeout_ms=min(settings.connect_timeout_ms, settings.timeout_ms)
        )
    check_settings(settings)
    return settings


def check_settings(settings: Settings) -> None:
    """Raise FieldErrors naming every value out of range and every contradiction."""
    ranges = [partial(setting.check, value_of(settings, setting)) for setting in SETTINGS]
    raise_all([*ranges, partial(_check_connect, settings), partial(_check_linger, settings)])


def _check_connect(settings: Settings) -> None:
    _refuse_longer(settings, "connect_timeout", "timeout")


def _check_linger(settings: Settings) -> None:
    _refuse_longer(settings, "linger", "interval")


def _refuse_longer(settings: Settings, part: str, whole: str) -> None:
    part_ms = value_of(settings, BY_NAME[part])
    whole_ms = value_of(settings, BY_NAME[whole])
    if not isinstance(part_ms, int) or not isinstance(whole_ms, int) or part_ms <= whole_ms:
        return
    shown = BY_NAME[whole].format(whole_ms)
    reason = f"{BY_NAME[part].format(part_ms)} is longer than {whole}, which is {shown}"
    raise FieldError(part, reason, f"write {shown} or less, or lengthen {whole}")
