"""Commands `tocsin config export` and `import`: a configuration from one store to another."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from cli.arguments import ValueReader, input_name
from cli.config.document import read_document, shape_of
from cli.config.importing import ImportPlan, plan_of
from cli.context import Context, open_for_reading, open_for_writing
from cli.event.emit import DOCUMENT_LIMIT
from cli.exit_codes import ExitCode, Failure
from cli.output import json_text
from cli.webhook.lookup import note_unreadable, reveal
from domain.errors import FieldError, FieldErrors
from domain.safe import safe
from domain.strict_json import StrictJsonError
from domain.wording import counted
from store import configuration, files, sources
from store.audit import note_alone
from store.configuration import StoredConfiguration
from store.database import Store

FILE_MODE = 0o600
_REVEAL = "Write URLs, header values, signing secrets and source secrets in clear, to {}?"


def export_all(args: Namespace, context: Context) -> None:
    """Write what is configured to a new file or stdout, secrets masked or, if asked, in clear."""
    file, reveal = args.file, args.reveal
    store = open_for_reading(context)
    if reveal:
        context.out.confirm(_REVEAL.format(file or "stdout"), args.yes)
    kept = store.call(configuration.read, store.vault)
    if reveal:
        _record_secrets_shown(kept, store, context)
    note_unreadable(kept.webhooks, store, context)
    shape = shape_of(kept, context.now_ms(), reveal=reveal)
    if file is None:
        context.out.json(shape)
    else:
        files.write_new(Path(file).absolute(), json_text(shape).encode(), FILE_MODE)
    context.out.note(_about(file, reveal))


def import_all(args: Namespace, context: Context) -> None:
    """Check the whole document, say what it would do, ask, and do it all or not at all."""
    data = ValueReader(context.out).data(args.file, DOCUMENT_LIMIT)
    store = open_for_writing(context)
    plan = _plan(data, input_name(args.file), store, context)
    for note in plan.notes:
        context.out.note(note)
    for line in plan.lines:
        context.out.data(_one_line(line))
    if plan.brought:
        # With the question, wherever stdout goes.
        write = context.out.data if args.dry_run else context.out.note
        context.out.flush()
        write("The document brings these commands, files and addresses:")
        for line in plan.brought:
            write(f"  {_one_line(line)}")
    context.out.flush()
    if not plan.actions:
        context.out.note("Nothing to change: all of it is so already.")
        return
    if args.dry_run:
        context.out.note("Nothing was done.")
        return
    changes = counted(len(plan.lines), "change")
    context.out.confirm(f"Make {changes} in {store.path}?", args.yes)
    store.call(configuration.change, plan.actions)
    context.out.note(f"Made {changes} in {store.path}.")


def _one_line(text: str) -> str:
    """The whole text on one line: a line break in a command must not look like a line of ours."""
    return safe(text, len(text) * 10)


def _plan(data: bytes, named: str, store: Store, context: Context) -> ImportPlan:
    try:
        document = read_document(data)
        kept = store.call(configuration.read, store.vault)
        plan = plan_of(document, kept, store, context)
    except StrictJsonError as error:
        raise _refused(named, [f"{error}; export it anew"]) from None
    except FieldError as error:
        raise _refused(named, [str(error)]) from None
    except FieldErrors as errors:
        raise _refused(named, [str(error) for error in errors.errors]) from None
    # Settings that are right alone may contradict each other, or what a file says.
    context.configuration.with_stored(kept.settings | plan.settings)
    return plan


def _refused(named: str, reasons: list[str]) -> Failure:
    return Failure("\n".join(f"{named}: {reason}" for reason in reasons), ExitCode.BAD_DATA)


def _record_secrets_shown(kept: StoredConfiguration, store: Store, context: Context) -> None:
    """Record in the audit trail that secrets are about to be shown. Raises Failure, WrongKey."""
    for name, secret in kept.source_secrets.items():
        if secret is None:
            store.call(sources.secret_of, name, store.vault)
    reveal(kept.webhooks, store, context)
    for name in kept.source_secrets:
        store.call(note_alone, context.actor, "source.reveal", context.now_ms(), source=name)


def _about(file: str | None, reveal: bool) -> str:
    written = f"{file} is made, for you alone to read. " if file else ""
    if reveal:
        return f"{written}URLs, header values and secrets are in it in clear: keep it safe."
    return f"{written}URLs, header values and secrets are masked in it: --reveal writes them."
