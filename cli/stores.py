"""Opening the store for a command that changes something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.exit_codes import ExitCode, Failure

if TYPE_CHECKING:
    from pathlib import Path

    from cli.context import Context
    from store.database import Store


def open_for_writing(context: Context) -> Store:
    """Open the store, make it if there is none, and refuse one that must be upgraded first."""
    store = context.open_store()
    if store.outdated:
        raise Failure(
            f"{store.path} was made by an older Tocsin and can only be read: "
            "run `tocsin db upgrade`",
            ExitCode.UNAVAILABLE,
        )
    return store


def open_for_reading(context: Context, *, join_settings: bool = True) -> Store:
    """Open the store that is there; say so if it is an older one."""
    from store.errors import StoreGone, StoreUnavailable

    try:
        store = context.open_store(create=False, join_settings=join_settings)
    except StoreGone:
        raise
    except StoreUnavailable as error:
        if not _is_missing(context.db):
            raise
        cure = "`tocsin`, or a command that adds something, makes one; --db names another"
        raise Failure(f"{error}; {cure}", ExitCode.UNAVAILABLE) from error
    if store.outdated:
        context.out.note(
            f"{store.path} was made by an older Tocsin: it is only read until `tocsin db upgrade`."
        )
    return store


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False
