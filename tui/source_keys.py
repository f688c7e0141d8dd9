"""The key that a source signs in elsewhere with: made with a set-up code, kept encrypted."""

from __future__ import annotations

from collections.abc import Mapping

from domain.field_errors import FieldErrors
from domain.options import Default, Option
from domain.source_kinds import PROCUSTODIBUS, SourceKind
from domain.source_option_kinds import TEXT
from sources.base import SourceError
from store import sources as stored_sources
from store.records import StoredSource
from tui.desk import Desk, Refused
from tui.widgets.option_fields import Asked

SETUP_CODE = "setup_code"


def code_asked(kind: SourceKind, help_: str) -> tuple[Asked, ...]:
    """The field for a set-up code, for a kind that signs in elsewhere."""
    if kind.name != PROCUSTODIBUS:
        return ()
    return (Asked(Default(Option(SETUP_CODE, TEXT, help_), ""), "", hidden=True),)


async def new_key(
    desk: Desk, kind: SourceKind, options: Mapping[str, str], code: str | None
) -> str | None:
    """The secret of a new key that the other side knows, if there is a code. Raises Refused."""
    if code is None:
        return None
    from sources.procustodibus.api import Exchange, set_up

    await desk.read(desk.store.vault.check)  # before the code is used up
    try:
        values = kind.values(options)
        return await set_up(Exchange(str(values["url"])), str(values["broker"]), code.strip())
    except (SourceError, FieldErrors) as error:
        raise Refused(str(error)) from error


async def keep_key(desk: Desk, source: StoredSource, secret: str | None) -> StoredSource:
    """Keep the secret, if there is one; the source as it is then. Raises Refused."""
    if secret is None:
        return source
    await desk.change(stored_sources.set_secret, source.name, secret, desk.store.vault)
    return await desk.read(stored_sources.find, source.name)
