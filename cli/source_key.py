"""The key that a source signs in elsewhere with: made here, kept encrypted, shown to nobody."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cli.exit_codes import ExitCode, Failure
from cli.reading import ValueReader
from domain import source_kinds
from store import sources

if TYPE_CHECKING:
    from cli.context import Context
    from store.database import Store


def new_key(
    args: Namespace, kind: str, options: Mapping[str, str], store: Store, context: Context
) -> str | None:
    """The secret of a new key that the other side knows, if there is a set-up code for it.

    Raises Failure; WrongKey before the code is used, where the secret could not be kept.
    """
    if args.setup_code is None:
        return None
    if kind != source_kinds.PROCUSTODIBUS:
        raise Failure(f"--setup-code: a source of kind {kind} signs up nowhere", ExitCode.USAGE)
    from sources.base import SourceError
    from sources.procustodibus.api import Exchange, set_up

    code = ValueReader(context.out).value(args.setup_code).strip()
    if not code:
        raise Failure("--setup-code: there is no code in it", ExitCode.USAGE)
    store.call(store.vault.check)
    values = source_kinds.kind_named(kind).values(options)
    try:
        return asyncio.run(set_up(Exchange(str(values["url"])), str(values["broker"]), code))
    except SourceError as error:
        raise Failure(str(error), ExitCode.IO_ERROR) from error


def keep_key(store: Store, name: str, secret: str | None, context: Context) -> None:
    """Keep the secret, if there is one."""
    if secret is not None:
        store.call(sources.set_secret, name, secret, store.vault, context.actor, context.now_ms())
