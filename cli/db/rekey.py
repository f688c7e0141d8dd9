"""Command `tocsin db rekey`: a new key for the store, and the backups of the old key."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from cli.context import Context, open_for_writing
from cli.identity import as_root
from domain.wording import counted
from store.database import Store
from store.maintenance import old_backups
from store.maintenance import rekey as rekeying
from store.maintenance.old_backups import OldBackup


def rekey(args: Namespace, context: Context) -> None:
    """Encrypt all secrets with a new key, after asking; list the backups of the old key."""
    store = open_for_writing(context)
    vault = store.vault
    store.call(vault.check)
    old = store.call(old_backups.find, vault)
    _print_backups(old, context)
    context.out.confirm(_question(store, old), args.yes)
    access = partial(_access_to, vault.key_file.parent)
    done = store.call(rekeying.rekey, vault, context.actor, context.now_ms(), access)
    what = "What was begun is finished" if done.finished else "Done"
    fields = counted(done.values, "field")
    of_what = f" ({fields}, such as the URL of a webhook with its headers)" if done.values else ""
    context.out.note(
        f"{what}: all that is encrypted in {store.path}{of_what} opens with the new key in "
        f"{vault.key_file}; programs that run read it by themselves."
    )
    _note_rest(done, store, context)
    if old:
        context.out.note(
            "The backups above open with the old key alone: make a new one with `tocsin db "
            "backup`, then delete them and every copy of the old key."
        )


def _print_backups(old: Sequence[OldBackup], context: Context) -> None:
    if old:
        context.out.note("Backups that were made with the key that goes, or with one before it:")
    for backup in old:
        context.out.data(f"{backup.path}{_remark(backup)}")
    context.out.flush()


def _remark(backup: OldBackup) -> str:
    if not backup.is_seen:
        return "  (it cannot be looked at now)"
    return "  (its key lies beside it)" if backup.has_key else ""


def _question(store: Store, old: Sequence[OldBackup]) -> str:
    lost = [backup for backup in old if not backup.has_key]
    keep = (
        f" The secrets in {counted(len(lost), 'backup')} are lost with it: to keep them, copy "
        "the old key first."
        if lost
        else ""
    )
    return (
        f"Encrypt all secrets of {store.path} with a new key, which takes the place of "
        f"{store.vault.key_file}?{keep}"
    )


def _note_rest(done: rekeying.RekeyResult, store: Store, context: Context) -> None:
    if done.unreadable:
        context.out.note(
            f"{counted(done.unreadable, 'value')} did not open with the old key and stayed as "
            "they were: give those secrets anew."
        )
    if done.leftover:
        context.out.note(
            f"{store.path}-wal keeps values of the old key until the programs that read it now "
            "end or are restarted."
        )


def _access_to(folder: Path) -> AbstractContextManager[object]:
    """The rights of root for the key's folder, if they were kept and its owner is another."""
    if os.access(folder, os.W_OK, effective_ids=True):
        return nullcontext()
    return as_root()
