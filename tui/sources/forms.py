"""Forms of sources: to add a source of each kind, and to edit the options of a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from domain import source_kinds
from domain.errors import FieldErrors
from domain.options import Default
from domain.settings import Settings
from domain.source_kinds import LOCAL, PROCUSTODIBUS, SourceKind, kind_named
from domain.source_options import TEXT
from domain.wording import counted
from sources.base import Batch, SourceError
from sources.preflight import listening_problem, poll_unsaved
from sources.wireguard.snapshot import snapshot_summary
from store import sources as stored_sources
from store.errors import StoreError
from store.records import StoredSource
from tui.screens.option_form import Form, FormField, Request, name_field
from tui.state.store_access import Refused, StoreAccess

SETUP_CODE = "setup_code"


def code_fields(kind: SourceKind, help_: str) -> tuple[FormField, ...]:
    """Return the field for a set-up code, for a kind that signs in elsewhere."""
    if kind.name != PROCUSTODIBUS:
        return ()
    return (FormField(Default(SETUP_CODE, TEXT, help_), "", hidden=True),)


async def new_key(
    access: StoreAccess, kind: SourceKind, options: Mapping[str, str], code: str | None
) -> str | None:
    """Set up a new key by a code, if there is one; return its secret. Raises Refused."""
    if code is None:
        return None
    from sources.procustodibus.api import Exchange, set_up

    await access.read(access.store.vault.check)  # before the code is used up
    try:
        values = kind.values(options)
        return await set_up(Exchange(str(values["url"])), str(values["broker"]), code.strip())
    except (SourceError, FieldErrors) as error:
        raise Refused(str(error)) from error


async def keep_key(access: StoreAccess, source: StoredSource, secret: str | None) -> StoredSource:
    """Keep the secret, if there is one; return the source as it is then. Raises Refused."""
    if secret is None:
        return source
    await access.change(stored_sources.set_secret, source.name, secret, access.store.vault)
    return await access.read(stored_sources.find, source.name)


TRIED = (source_kinds.WIREGUARD, source_kinds.JOURNAL)
"""Kinds that can be looked at before they are saved: one look takes nothing away there."""

LOOKED_AT = (*TRIED, source_kinds.PROCUSTODIBUS)
"""Kinds that look from time to time, and at once on a key."""

BROKER = "broker"
"""Name of the option that a new source of the Pro Custodibus API cannot do without."""

Edited = tuple[StoredSource, StoredSource]
"""A source before and after an edit."""


def form_to_add(
    access: StoreAccess, settings: Settings, kind: SourceKind, existing: Sequence[StoredSource]
) -> Form:
    """Return the form of a new source; it ends with that source."""

    async def save(given: Mapping[str, str]) -> StoredSource:
        options = _options(given)
        every = await access.read(stored_sources.load_all)
        if any(
            source.name == given["name"] for source in every
        ):  # a code would be used up for nothing
            raise Refused(f"there is a source {given['name']} already: choose another name")
        secret = await new_key(access, kind, options, given.get(SETUP_CODE))
        added = await access.change(stored_sources.add, kind.name, given["name"], options)
        return await keep_key(access, added, secret)

    name = _free_name(kind, {source.name for source in existing})
    return Form(
        crumb=f"Add {kind.title}",
        title=f"Add a source: {kind.title}",
        about=_sentence(kind),
        fields=(
            name_field(source_kinds.check_name, "its name", name),
            *(
                FormField(option, option.text, required=option.name == BROKER)
                for option in kind.defaults
            ),
            *code_fields(kind, "the broker's set-up code, for a new key"),
        ),
        save=save,
        dry_run=_first_look(access, settings, kind),
    )


def form_to_edit(access: StoreAccess, settings: Settings, source: StoredSource) -> Form:
    """Return the form of a source; it ends with the source before and after."""
    kind = kind_named(source.kind)

    async def save(given: Mapping[str, str]) -> Edited:
        options = _options(given)
        await access.read(stored_sources.check_revision, source.name, source.revision)
        secret = await new_key(access, kind, options, given.get(SETUP_CODE))
        edit = partial(stored_sources.edit, revision=source.revision)
        edited = await access.change(edit, source.name, options)
        return source, await keep_key(access, edited, secret)

    return Form(
        crumb=f"Edit {source.name}",
        title=f"Edit {source.name}: {kind.title}",
        about=_sentence(kind),
        fields=(
            *(
                FormField(option, source.options.get(option.name, option.text))
                for option in kind.defaults
            ),
            *code_fields(kind, "a set-up code, for a new key; without one it keeps its key"),
        ),
        save=save,
        dry_run=_first_look(access, settings, kind),
    )


def _first_look(access: StoreAccess, settings: Settings, kind: SourceKind) -> Request | None:
    """Return the request that looks once and keeps nothing, for a form; None if a kind has none."""
    if kind.name == source_kinds.HTTP:
        return _would_listen
    if kind.name not in TRIED:
        return None

    async def look(given: Mapping[str, str]) -> str:
        options = _options(given)
        name = given.get("name", LOCAL)
        try:
            batch = await poll_unsaved(
                kind.name, name, options, None, access.store, settings, access.now_ms()
            )
        except (SourceError, StoreError, FieldErrors) as error:
            raise Refused(str(error)) from error
        seen = f"{_seen(kind, batch)}; {counted(len(batch.events), 'event')} at once"
        return f"▲ {seen}; but {batch.warning}" if batch.warning else f"✓ {seen}"

    return look


async def _would_listen(given: Mapping[str, str]) -> str:
    options = _options(given)
    problem = listening_problem(options)
    if problem:
        raise Refused(problem)
    listen = kind_named(source_kinds.HTTP).values(options)["listen"]
    return f"✓ it can listen on {listen}, unless another program does"


def _options(given: Mapping[str, str]) -> dict[str, str]:
    """Return the texts that are options: neither the name nor the set-up code."""
    return {name: text for name, text in given.items() if name not in ("name", SETUP_CODE)}


def _seen(kind: SourceKind, batch: Batch) -> str:
    if kind.name == source_kinds.WIREGUARD:
        return snapshot_summary(batch.state)
    return "it can be read"


def _sentence(kind: SourceKind) -> str:
    return f"{kind.about[:1].upper()}{kind.about[1:]}."


def _free_name(kind: SourceKind, taken: set[str]) -> str:
    """Return the usual name of a kind, or "" if that is taken."""
    usual = LOCAL if kind.name == source_kinds.WIREGUARD else kind.name
    return "" if usual in taken else usual
