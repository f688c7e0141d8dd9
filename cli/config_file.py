"""Configuration: flags before environment, before the file, before the store, before defaults."""

from __future__ import annotations

import os
import re
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from cli.exit_codes import ExitCode, Failure
from domain.errors import FieldError, FieldErrors
from domain.options import SettingValue, parse_file_path
from domain.settings import (
    BY_NAME,
    DEFAULTS,
    KEY_NAME,
    STORE_PATHS,
    Settings,
    setting_named,
    settings_from,
)

FILE_LIMIT = 1_000_000
"""Bytes. A larger file, or an endless one such as /dev/zero, is no configuration."""

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LONG_NUMBER = re.compile(r"[0-9_]{1000,}")
_POSITION = re.compile(r"\(at (line [0-9]+, column [0-9]+|end of document)\)")
VARIABLE_PREFIX = "TOCSIN_"
CONFIG_VARIABLE = "TOCSIN_CONFIG"
FLAG_PREFIX = "setting_"
FLAG = "flag"
DEFAULT = "default"
KEYS = "keys"
STORE = "store"


class ConfigPaths(msgspec.Struct, frozen=True):
    """Default paths of configuration files and store; `root` is "/" but in tests."""

    root: Path = Path("/")
    is_root: bool = False

    @property
    def host_config(self) -> Path:
        """The file whose store is everyone's, if it exists."""
        return self.root / "etc/tocsin/tocsin.toml"

    def user_config(self) -> Path:
        """The path of this account's own file, which need not exist."""
        from platformdirs import user_config_path

        return user_config_path("tocsin") / "tocsin.toml"

    def default_db(self, file: Path | None) -> Path:
        """The path of the store where neither `file` nor anything else names one."""
        if self.is_root or file == self.host_config:
            return self.root / "var/lib/tocsin/tocsin.db"
        from platformdirs import user_data_path

        return user_data_path("tocsin") / "tocsin.db"


class Given(msgspec.Struct, frozen=True):
    """A value that was set, and its origin, such as "flag" or "file /etc/tocsin/tocsin.toml"."""

    value: SettingValue
    origin: str


class Configuration(msgspec.Struct, frozen=True):
    """The settings in force, and the origin of each.

    `db` is the path of the store; `is_hosts` is true where it is the store of the whole host, as
    /etc/tocsin/tocsin.toml says. `file` is the file that was read.
    """

    given: Mapping[str, Given]
    settings: Settings
    db: Path
    file: Path | None = None
    is_hosts: bool = False
    unknown_variables: tuple[str, ...] = ()
    keymap: Mapping[str, str] = msgspec.field(default_factory=dict)

    def origin(self, name: str) -> str:
        """The origin of a setting's value."""
        return self.given[name].origin if name in self.given else DEFAULT

    @property
    def key_file(self) -> Path | None:
        """The key file that was set; None means the one beside the store."""
        return Path(self.settings.key_file) if self.settings.key_file else None

    @property
    def key_path(self) -> Path:
        """The path of the key: the one that was set, or beside the store's own file."""
        return self.key_file or Path(os.path.realpath(self.db)).with_name(KEY_NAME)

    def with_stored(self, stored: Mapping[str, str]) -> Configuration:
        """Return this with the store's settings, which all other origins override.

        Names of other versions are left out. Raises Failure with exit code 78.
        """
        known = {name: text for name, text in stored.items() if name in BY_NAME}
        nearer = {name: item for name, item in self.given.items() if item.origin != STORE}
        given = {**dict(_parsed(known, lambda _: STORE)), **nearer}
        return replace(self, given=given, settings=_settings(given))

    def with_stored_in_thread(self, stored: Mapping[str, str]) -> Configuration:
        """Return `with_stored`, but raise ValueError: in a thread a Failure ends nothing."""
        try:
            return self.with_stored(stored)
        except Failure as failure:
            raise ValueError(failure.message) from failure


def read_configuration(
    args: Namespace, environment: Mapping[str, str], paths: ConfigPaths
) -> Configuration:
    """Read flags, environment and file; the first overrides. Raises Failure with exit code 78."""
    file = _choose_file(getattr(args, "config", None), environment, paths)
    content = read_toml(file) if file else {}
    keymap = _keymap(content.pop(KEYS, {}), file)
    from_file = _from_file(content, file) if file else {}
    nearer = {**_from_environment(environment), **given_by_flags(args)}
    if "db" in nearer:
        # The key file that a file names is that of the file's own store.
        from_file.pop("key_file", None)
    given = {**from_file, **nearer}
    settings = _settings(given)
    return Configuration(
        given=given,
        settings=settings,
        db=Path(settings.db).absolute() if settings.db else paths.default_db(file),
        file=file,
        is_hosts=file == paths.host_config and "db" not in nearer,
        unknown_variables=_unknown_variables(environment),
        keymap=keymap,
    )


def default_configuration() -> Configuration:
    """The configuration of commands that need neither settings nor store."""
    return Configuration({}, DEFAULTS, Path(os.devnull))


def parse_setting(name: str, text: str) -> SettingValue:
    """Read one setting as `config set` and `--set` take it. Raises FieldError."""
    return setting_named(name).parse(text)


def given_by_flags(args: Namespace) -> dict[str, Given]:
    """Settings that the command line gives. Raises Failure with exit code 78."""
    texts = dict(map(_split_pair, getattr(args, "set", [])))
    texts |= {
        dest.removeprefix(FLAG_PREFIX): text
        for dest, text in vars(args).items()
        if dest.startswith(FLAG_PREFIX) and text is not None
    }
    return dict(_parsed(texts, lambda _: FLAG))


def usable_keys(configuration: Configuration) -> dict[str, str]:
    """The keys of the file that the screen can use."""
    if not configuration.keymap:
        return {}
    from tui.shell.keymap import usable

    return usable(configuration.keymap)


def wrong_keys(configuration: Configuration) -> list[str]:
    """Complaints about the keys of the file, each with its name and the id.

    The screen's modules are loaded only where the file has keys.
    """
    if not configuration.keymap:
        return []
    from tui.shell.keymap import complaints

    return [
        f"{configuration.file}: [{KEYS}]: {complaint}"
        for complaint in complaints(configuration.keymap)
    ]


def read_toml(file: Path) -> dict[str, object]:
    """The content of a configuration file. Raises Failure with exit code 78."""
    import tomllib  # only where there is a file

    text = _text(file)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.search(str(error))
        position = f", {found[1]}" if found else ""
        cure = 'write lines such as interval = "3m", each name once'
        raise wrong(f"{file}{position}: it is no TOML; {cure}") from None
    except RecursionError:
        raise wrong(f"{file}: it is no TOML; too many brackets stand in each other") from None
    except ValueError:  # an integer of more digits than Python reads
        found = _LONG_NUMBER.search(text)
        line = f", line {text.count(chr(10), 0, found.start()) + 1}" if found else ""
        reason = "a number has more than 18 digits"
        raise wrong(f"{file}{line}: {reason}; write a shorter one") from None


def wrong(message: str) -> Failure:
    """A Failure with the exit code of a wrong configuration."""
    return Failure(message, ExitCode.CONFIG)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(FILE_LIMIT + 1)
    except OSError as error:
        raise wrong(f"{file}: it cannot be read: {error.strerror}") from None
    if len(data) > FILE_LIMIT:
        raise wrong(
            f"{file}: it is longer than {FILE_LIMIT:,} bytes; is it the configuration file?"
        )
    if data.startswith(_UTF8_MARK):
        raise wrong(
            f"{file}: it begins with a byte order mark, which TOML does not have; "
            f"`sed -i '1s/^\\xEF\\xBB\\xBF//' {file}` takes it out"
        )
    if data.startswith(_UTF16_MARKS):
        raise wrong(f"{file}: it is UTF-16 text; save it as UTF-8")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise wrong(f"{file}, line {line}: it is no TOML; save it as UTF-8 text") from None


def _choose_file(
    flag: str | None, environment: Mapping[str, str], paths: ConfigPaths
) -> Path | None:
    if flag is not None:
        return _named_file(flag, "flag --config")
    if CONFIG_VARIABLE in environment:
        return _named_file(environment[CONFIG_VARIABLE], f"environment {CONFIG_VARIABLE}")
    if paths.host_config.exists():
        return paths.host_config
    if paths.is_root:
        return None
    return own if (own := paths.user_config()).exists() else None


def _named_file(text: str, origin: str) -> Path:
    try:
        return Path(_with_home(parse_file_path(text))).absolute()
    except ValueError as error:
        raise wrong(f"{origin}: {error}; name a file, or leave it out") from None


def _with_home(path: str) -> str:
    """The path with ~ and ~NAME replaced by the home folder. Raises ValueError."""
    expanded = os.path.expanduser(path)
    if path.startswith("~") and expanded == path:
        raise ValueError(f"{path!r} names no home folder")
    return expanded


def _keymap(table: object, file: Path | None) -> dict[str, str]:
    """The keys of the screen by action: `[keys]` with lines such as `quit = "ctrl+x"`."""
    if not isinstance(table, dict) or not all(isinstance(key, str) for key in table.values()):
        raise wrong(f'{file}: {KEYS}: write lines such as "webhooks.add" = "n" under [{KEYS}]')
    return dict(table)


def _from_file(content: Mapping[str, object], file: Path) -> dict[str, Given]:
    found: dict[str, Given] = {}
    errors: list[str] = []
    for name, value in content.items():
        try:
            # A path in a file starts at the folder of that file.
            path = _whole_path(name, setting_named(name).from_toml(value), file.parent)
            found[name] = Given(path, f"file {file}")
        except FieldError as error:
            errors.append(f"{file}: {error}")
    _refuse(errors)
    return found


def _whole_path(name: str, value: SettingValue, folder: Path) -> SettingValue:
    """The value; if it is a path of the store, from `folder`. Raises FieldError."""
    if name not in STORE_PATHS or not isinstance(value, str):
        return value
    try:
        return str(folder / _with_home(value))
    except ValueError as error:
        raise FieldError(name, str(error), "write the whole path") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, Given]:
    texts = {
        name: environment[setting.environment]
        for name, setting in BY_NAME.items()
        if environment.get(setting.environment)
        or (name in STORE_PATHS and setting.environment in environment)
    }
    return dict(_parsed(texts, lambda name: f"environment {BY_NAME[name].environment}"))


def _split_pair(pair: str) -> tuple[str, str]:
    name, equals, text = pair.partition("=")
    if not equals:
        raise Failure(f"--set {pair}: write it as NAME=VALUE", ExitCode.USAGE)
    return name, text


def _parsed(texts: Mapping[str, str], origin: Callable[[str], str]) -> Iterator[tuple[str, Given]]:
    errors: list[str] = []
    for name, text in texts.items():
        try:
            yield name, Given(_whole_path(name, parse_setting(name, text), Path()), origin(name))
        except FieldError as error:
            errors.append(f"{origin(name)}: {error}")
    _refuse(errors)


def _settings(given: Mapping[str, Given]) -> Settings:
    try:
        return settings_from({name: item.value for name, item in given.items()})
    except FieldErrors as errors:
        raise wrong("\n".join(_with_origin(error, given) for error in errors.errors)) from None


def _with_origin(error: FieldError, given: Mapping[str, Given]) -> str:
    origin = given[error.field].origin if error.field in given else DEFAULT
    return f"{origin}: {error}"


def _unknown_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    known = {CONFIG_VARIABLE, *(setting.environment for setting in BY_NAME.values())}
    return tuple(
        name for name in environment if name.startswith(VARIABLE_PREFIX) and name not in known
    )


def _refuse(errors: list[str]) -> None:
    if errors:
        raise wrong("\n".join(errors))
