"""Filters of lists: the words that the screen takes as well, in one text."""

from __future__ import annotations

from collections.abc import Sequence

from cli.context import Context
from cli.exit_codes import ExitCode, Failure
from domain.filters import FilterReader, Terms
from domain.urls import receiver
from store import audit, webhooks
from store.database import Store


def read_filter(text: str | None, offered: Sequence[str], store: Store, context: Context) -> Terms:
    """The terms of `--filter`. Raises Failure with what to write instead."""
    if text is None:
        return ()
    reader = FilterReader(_names(store), context.now_ms(), offered)
    try:
        return reader.read(text)
    except ValueError as error:
        raise Failure(f"--filter: {error}", ExitCode.USAGE) from None


def _names(store: Store) -> dict[int, str]:
    """What webhooks are called, deleted ones too; one without a name by its receiver."""
    every = store.call(webhooks.load_all, None)
    here = {one.id: one.fields.name or _receiver(one.fields.url) for one in every}
    return store.call(audit.webhook_names) | here


def _receiver(url: str) -> str:
    return receiver(url).removeprefix("http://")
