"""Commands of `tocsin db` but for `rekey`: upgrade, check, backup, restore, prune."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from cli.context import Context, open_for_reading, open_for_writing
from cli.exit_codes import ExitCode, Failure
from domain.wording import counted, size_text
from store.audit import note_alone
from store.creation import is_there, make_filled
from store.database import Store, open_store, own_path
from store.errors import CHECK_SAYS_MORE, Conflict, StoreError, StoreUnavailable
from store.files import store_bytes
from store.maintenance import backup as backups
from store.maintenance import health
from store.maintenance import prune as pruning
from store.migrations import LATEST, remnants
from store.migrations.progress import Copy, copies
from store.workers import SendingLock

BREATH_S = 0.001
"""SQLite is unfair to who waits: without this pause pruning would starve other writers."""

SMALLEST_PAGE = 512

_KEY_QUESTION = (
    "There is a key file already, and it is not the key of the backup: it will be replaced, and "
    "what else it opens cannot be read any more. Go on?"
)


def upgrade(args: Namespace, context: Context) -> None:
    """Make the store, or bring it up to date after a backup beside it."""
    there = context.db.exists()
    older = context.open_store(join_settings=False)
    if not older.outdated:
        _remove_remnants(older, context)
        done = "is up to date" if there else "is made"
        context.out.note(f"{older.path} {done} (schema {LATEST}).")
        return
    own = older.upgrade and older.upgrade.copy  # of one that goes on
    others = {copy.path for copy in copies(older.path, LATEST)} - {own}
    path = _upgraded(context).path
    copies_made = [copy for copy in copies(path, LATEST) if copy.path not in others]
    context.out.note(f"{path} is now of schema {LATEST}.{_copy_words(copies_made)}")


def _upgraded(context: Context) -> Store:
    """Bring the store up to date. Raises Failure if Ctrl+C leaves it upgraded in part."""
    try:
        return context.open_store(migrate=True)
    except KeyboardInterrupt:
        left = context.open_store(create=False, join_settings=False)
        if left.upgrade is None:
            raise
        raise Failure(left.upgrade.sentence(left.path), ExitCode.INTERRUPTED) from None


def _copy_words(made: Sequence[Copy]) -> str:
    return "".join(
        f" What it was before, schema {copy.schema}, lies in {copy.path} "
        f"({size_text(copy.bytes)}): delete it when you need it no more."
        for copy in made
    )


def _remove_remnants(store: Store, context: Context) -> None:
    """Remove what an earlier upgrade had no room to remove."""
    if not store.call(remnants.are_there):
        return
    if not context.open_store(migrate=True).call(remnants.are_there):
        context.out.note("They are removed now.")


def check(args: Namespace, context: Context) -> ExitCode:
    """Check the store for damage and print each fault."""
    store = _open_to_check(context)
    found = _problems(store)
    if args.json:
        context.out.json({"ok": not found, "problems": found})
    else:
        for problem in found:
            context.out.data(problem)
    if found:
        return ExitCode.CHECK_FAILED
    context.out.note(f"{store.path} is sound.")
    return ExitCode.OK


def _open_to_check(context: Context) -> Store:
    """Open the store; a failure does not send to the command that is running."""
    try:
        return open_for_reading(context, join_settings=False)
    except StoreUnavailable as error:
        text = str(error)
        if not text.endswith(CHECK_SAYS_MORE):
            raise
        raise type(error)(text.removesuffix(CHECK_SAYS_MORE)) from error


def backup(args: Namespace, context: Context) -> None:
    """Write a whole copy of the store to a new file."""
    target = Path(args.file).absolute()
    store = open_for_reading(context)
    _refuse_upgrading(store)
    keys = store.call(store.vault.keys) if args.with_key else []
    backups.backup_to(store.path, target)
    if keys:
        beside = _backup_key(store, keys, target)
    _note_backup(store, target, context)
    context.out.note(f"{store.path} is copied to {target} ({size_text(store_bytes(target))}).")
    if args.with_key:
        context.out.note(f"Its key is in {beside}: who has both files can read the secrets.")
    else:
        context.out.note(
            f"The key is not in it: keep {store.vault.key_file} too, in another place. Without it "
            "what is masked of URLs, header values and secrets cannot be read, and nothing is sent."
        )


def restore(args: Namespace, context: Context) -> None:
    """Fill an empty store from a backup; sending starts paused."""
    source = Path(args.file).absolute()
    backups.check_backup(source)  # before anything is made for it
    if _replaces_key(source, context):
        context.out.confirm(_KEY_QUESTION, args.yes)
    path = own_path(context.db)
    with _nobody_sending(path):
        if is_there(path):
            restored = _fill(open_for_writing(context), source, context)
        else:
            restored = make_filled(path, partial(_fill_draft, source, context))
    store = open_for_writing(context)
    out = context.out
    webhooks = counted(restored.webhooks, "webhook")
    out.note(f"{store.path} now holds {webhooks} and {counted(restored.events, 'event')}.")
    if not restored.key_restored:
        _note_key(store, context)
    out.note(
        "Sending is paused. What was delivered after the backup will be sent once more: look at "
        "`tocsin status`, skip what must not go, then run `tocsin worker unpause`."
    )


def prune(args: Namespace, context: Context) -> None:
    """Drop events and deliveries that are older than the settings keep, nothing undelivered."""
    store = open_for_writing(context)
    settings = context.settings
    retention = pruning.Retention(settings.keep_events_ms, settings.keep_deliveries_ms)
    gone = _prune_all(store, retention, context)
    _give_back(store)
    context.out.json_line(
        {"events": gone.events, "deliveries": gone.deliveries, "webhooks": gone.webhooks}
    )


def _refuse_upgrading(store: Store) -> None:
    """Refuse a backup of a store that is upgraded in part: there is a copy of what it was."""
    if store.upgrade is not None:
        raise Failure(
            f"{store.upgrade.sentence(store.path)}; back it up when that is done. What it was "
            f"before lies in {store.upgrade.copy} once that is written",
            ExitCode.TEMPORARY,
        )


def _note_backup(store: Store, target: Path, context: Context) -> None:
    """Record the path of a backup, for `db rekey` to name it."""
    if store.outdated:
        return
    file = str(target)
    try:
        store.call(note_alone, context.actor, backups.BACKED_UP, context.now_ms(), file=file)
    except StoreError as error:
        context.out.note(f"It is not in the audit trail: {error}")


def _backup_key(store: Store, keys: Sequence[bytes], target: Path) -> Path:
    """Write the key beside its backup; if that fails, remove the backup."""
    try:
        if store.call(store.vault.keys) != keys:
            raise Conflict(f"{store.path} was given another key meanwhile: back it up again")
        return backups.backup_key(keys, target)
    except StoreError:
        target.unlink(missing_ok=True)
        raise


def _problems(store: Store) -> list[str]:
    """The faults of a store; damage at which the check itself fails is a fault too."""
    try:
        return store.call(health.problems, store.vault)
    except StoreUnavailable as error:
        return [str(error).removesuffix(CHECK_SAYS_MORE)]


def _replaces_key(source: Path, context: Context) -> bool:
    """True if the restore would replace a key file that was there before the store."""
    if is_there(context.db):
        return False
    key_file = context.configuration.key_path
    beside = backups.key_beside(source)
    if not key_file.exists() or not beside.exists():
        return False
    return key_file.read_bytes() != beside.read_bytes()


def _fill(store: Store, source: Path, context: Context) -> backups.RestoreResult:
    return store.call(
        backups.restore_from,
        source,
        store.path,
        store.vault.key_file,
        context.actor,
        context.now_ms(),
    )


def _fill_draft(source: Path, context: Context, draft: Path) -> backups.RestoreResult:
    """Fill the draft of a store, which nobody else sees yet."""
    store = open_store(draft, key_file=context.configuration.key_path)
    try:
        return _fill(store, source, context)
    finally:
        store.close()


@contextmanager
def _nobody_sending(path: Path) -> Iterator[None]:
    """Hold the sending lock, so that no worker sends before the restored store is paused."""
    with _folder_of(path):
        lock = SendingLock(path)
        if not lock.acquire():
            raise Conflict(f"a worker is running for {path}: stop it, then restore")
        try:
            yield
        finally:
            lock.leave()


@contextmanager
def _folder_of(path: Path) -> Iterator[None]:
    """Make the folder of the store; what was made and is empty goes again if a restore fails."""
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # it is not empty
            for folder in made:
                folder.rmdir()
        raise


def _note_key(store: Store, context: Context) -> None:
    file = store.vault.key_file
    try:
        store.call(store.vault.check)
    except StoreError as error:
        if not file.exists():
            context.out.note(
                f"The key was not beside the backup: put the key of the store that was backed up "
                f"at {file} (mode 0400). Until then nothing is sent."
            )
            return
        context.out.note(
            f"The key in {file} does not open this backup: {error}. Keep that file in another "
            "place and put the key there that the store had when it was backed up (mode 0400), or "
            "restore a backup that was made after `tocsin db rekey`. Until then nothing is sent."
        )


def _prune_all(store: Store, retention: pruning.Retention, context: Context) -> pruning.PruneResult:
    total = pruning.PruneResult()
    steps = pruning.Pruning(retention, context.now_ms(), context.uptime_ms())
    while some := store.call(steps.step):
        total += some
        time.sleep(BREATH_S)
    return total


def _give_back(store: Store) -> None:
    """Give freed pages back, at most as often as the file can have pages."""
    for _ in range(store_bytes(store.path) // (pruning.PAGES * SMALLEST_PAGE) + 1):
        if not store.call(pruning.give_back):
            return
        time.sleep(BREATH_S)
