"""Commands of `tocsin config` about settings; export and import are in `transfer.py`."""

from __future__ import annotations

from argparse import Namespace

from cli.config_file import STORE, Configuration, wrong, wrong_keys
from cli.context import Context, note_new
from cli.exit_codes import ExitCode, Failure
from domain.errors import FieldError
from domain.settings import SETTINGS, STORE_PATHS, Setting, storable_setting, value_of


def show(args: Namespace, context: Context) -> None:
    """Print the settings with value, origin and description."""
    _read_stored_settings(context)
    for sentence in wrong_keys(context.configuration):
        context.out.note(f"tocsin: {sentence}")
    rows = [_row(setting, context.configuration) for setting in SETTINGS]
    file = context.configuration.file
    if args.json:
        context.out.json({"file": str(file) if file else None, "settings": rows})
        return
    context.out.table(
        [(row["name"], row["value"], row["origin"], row["description"]) for row in rows],
        ("SETTING", "VALUE", "FROM", "WHAT IT IS"),
    )
    context.out.note(f"The file read is {file}." if file else "There is no configuration file.")


def set_value(args: Namespace, context: Context) -> None:
    """Keep the value of a setting in the store."""
    from store.settings import load_all, save

    setting = _storable(args.name)
    try:
        text = setting.format(setting.parse(args.value))
    except FieldError as error:
        raise wrong(str(error)) from None

    store = context.open_store(join_settings=False)
    note_new(store, context)
    stored = store.call(load_all) | {setting.name: text}
    configuration = context.configuration.with_stored(stored)
    store.call(save, setting.name, text, context.actor, context.now_ms())
    context.out.note(
        f"{setting.name} is now {text or 'empty'}.{_overruled(configuration, setting.name)}"
    )


def unset_value(args: Namespace, context: Context) -> None:
    """Take a setting out of the store, so that its default holds again."""
    from store.settings import unset

    setting = _storable(args.name)
    store = context.open_store(create=False, join_settings=False)
    if not store.call(unset, setting.name, context.actor, context.now_ms()):
        raise Failure(f"{setting.name}: the store has no value for it", ExitCode.CHECK_FAILED)
    context.out.note(f"{setting.name} is out of the store.")


def _read_stored_settings(context: Context) -> None:
    """Read the settings of the store; note it, and go on, if it cannot be opened."""
    from store.errors import StoreError

    if not context.db.exists():
        return
    try:
        context.open_store(create=False)
    except StoreError as error:
        context.out.note(f"tocsin: without the settings of the store: {error}")


def _row(setting: Setting, configuration: Configuration) -> dict[str, str | None]:
    return {
        "name": setting.name,
        "value": _value_text(setting, configuration) or None,
        "origin": configuration.origin(setting.name),
        "description": setting.description,
    }


def _value_text(setting: Setting, configuration: Configuration) -> str:
    match setting.name:
        case "db":
            return str(configuration.db)
        case "key_file":
            return str(configuration.key_path)
    return setting.format(value_of(configuration.settings, setting))


def _storable(name: str) -> Setting:
    try:
        return storable_setting(name)
    except FieldError as error:
        if name in STORE_PATHS:
            raise Failure(str(error), ExitCode.USAGE) from None
        raise wrong(str(error)) from None


def _overruled(configuration: Configuration, name: str) -> str:
    origin = configuration.origin(name)
    return "" if origin == STORE else f" But here the value from {origin} wins."
