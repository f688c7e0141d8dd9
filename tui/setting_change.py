"""Changing one setting of the store: checked first, and told in the words of the commands."""

from __future__ import annotations

from collections.abc import Mapping

from domain.settings import setting_named
from store import settings as stored_settings
from tui.desk import Desk, Refused
from tui.setting_rows import DEFAULT, STORE


def refusal(desk: Desk, stored: Mapping[str, str], name: str, text: str) -> str | None:
    """Why the store cannot keep this text for a setting; None if it can."""
    try:
        desk.check_stored({**stored, name: _canonical(name, text)})
    except ValueError as error:
        return str(error)
    return None


async def keep(desk: Desk, name: str, text: str) -> str:
    """Keep it, and say what it is now. Raises Refused."""
    canonical = _canonical(name, text)
    await desk.change(stored_settings.set_one, name, canonical)
    origin = desk.origin(name)
    overruled = "" if origin in (STORE, DEFAULT) else f" But here the value from {origin} wins."
    return f"{name} is now {canonical or 'empty'}.{overruled}"


async def forget(desk: Desk, stored: Mapping[str, str], name: str) -> str:
    """Take it out of the store, and say so. Raises Refused."""
    if name not in stored:
        raise Refused(f"{name}: the store has no value for it")
    try:
        desk.check_stored({key: text for key, text in stored.items() if key != name})
    except ValueError as error:
        raise Refused(str(error)) from error
    await desk.change(stored_settings.unset, name)
    return f"{name} is out of the store."


def _canonical(name: str, text: str) -> str:
    setting = setting_named(name)
    return setting.format(setting.parse(text))
