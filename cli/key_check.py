"""Whether the keys that the configuration file gives to the screen can be as they are written."""

from __future__ import annotations

from cli.config import KEYS, Configuration


def usable_keys(configuration: Configuration) -> dict[str, str]:
    """Those of them that can be, for the screen."""
    if not configuration.keymap:
        return {}
    from tui.shell.keymap import usable

    return usable(configuration.keymap)


def wrong_keys(configuration: Configuration) -> list[str]:
    """What is wrong with them, a sentence each that names the file and the id.

    The screen's modules are loaded only where there are such keys.
    """
    if not configuration.keymap:
        return []
    from tui.shell.keymap import complaints

    return [f"{configuration.file}: [{KEYS}]: {one}" for one in complaints(configuration.keymap)]
