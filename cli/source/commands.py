"""Commands of `tocsin source`."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from cli.arguments import ValueReader, given_options
from cli.context import Context, open_for_reading, open_for_writing
from cli.exit_codes import ExitCode, Failure
from cli.output import LogLines
from cli.refused.commands import HEADERS as REFUSED_HEADERS
from cli.refused.commands import rows_of
from cli.signals import source_end_s, stop_on_signals
from cli.source.text import full_text, geo_notes_of_sources, list_rows, socket_path, source_shape
from domain import source_kinds
from domain.clients import AGENT
from sources.preflight import startup_problem, startup_warning
from store import clients, refusals, sources, workers
from store.errors import Conflict, NotFound

if TYPE_CHECKING:
    from store.database import Store
    from store.records import AppendResult, StoredSource

HEADERS = ("NAME", "KIND", "STATE", "EVENTS", "LAST EVENT", "LAST LOOK", "PROBLEM")
SHOWN_REFUSED = 10
"""Number of refused events, the newest, that are shown with their source."""

SHARES = "what one has told, the other does not tell again"
WAITS = "one serves at a time, and this one waits while the worker does"


def list_all(args: Namespace, context: Context) -> None:
    """Print the sources and their state."""
    store = open_for_reading(context)
    found = store.call(sources.load_all)
    if args.json:
        refused = store.call(refusals.waiting_by_source)
        context.out.json([source_shape(source, refused.get(source.name, 0)) for source in found])
        return
    agents = store.call(clients.load_all, AGENT)
    keyless = {agent.name for agent in agents if agent.public_key is None}
    now_ms = context.now_ms()
    rows = list_rows(found, keyless, now_ms, worker_alive=_is_worker_alive(store, now_ms))
    context.out.table(rows, HEADERS)
    for line in geo_notes_of_sources(context, store):
        context.out.note(f"Alerts: {line}.")
    if all(source_kinds.kind_named(source.kind).built_in for source in found):
        context.out.note(
            "None of your own yet: `tocsin source add wireguard` watches this host's WireGuard."
        )


def show(args: Namespace, context: Context) -> None:
    """Print a source with its options."""
    store = open_for_reading(context)
    found = store.call(sources.find, args.name)
    refused = _refused_events(store, found.name)
    if args.json:
        context.out.json(source_shape(found, refused))
        return
    now_ms = context.now_ms()
    worker_alive = _is_worker_alive(store, now_ms)
    seen, socket = _seen(found, store), socket_path(found, store.path)
    context.out.data(
        full_text(found, seen, refused, now_ms, worker_alive=worker_alive, socket=socket)
    )
    if refused:
        newest = store.call(refusals.load_all, found.name, most=SHOWN_REFUSED)
        context.out.data("")
        context.out.table(rows_of(newest, now_ms), REFUSED_HEADERS)


def add(args: Namespace, context: Context) -> ExitCode:
    """Add a source."""
    name = args.name or _default_name(args.kind)
    store = open_for_writing(context)
    if _is_there(store, name):
        if args.if_absent:
            return ExitCode.OK
        return _serve_more(name, args, store, context)
    options = source_kinds.kind_named(args.kind).check(given_options(args))
    secret = _new_key(args, args.kind, options, store, context)
    made = store.call(sources.add, args.kind, name, options, context.actor, context.now_ms())
    _keep_key(store, name, secret, context)
    if args.json:
        context.out.json(source_shape(made, _refused_events(store, made.name)))
    else:
        context.out.data(made.name)
    if _note_preflight(made, "is active, but cannot run as it is set", store, context):
        return ExitCode.CHECK_FAILED
    socket = socket_path(made, store.path)
    at = f", at {socket}" if socket else ""
    context.out.note(f"Source {made.name} is active: the worker that sends runs it{at}.")
    return ExitCode.OK


def edit(args: Namespace, context: Context) -> ExitCode:
    """Change the options of a source."""
    return _edit(args, open_for_writing(context), context)


def pause(args: Namespace, context: Context) -> None:
    """Stop sources."""
    store = open_for_writing(context)
    for name in _names_of(store, args.names):
        changed = store.call(sources.pause, name, context.actor, context.now_ms())
        paused = f"Paused source {name}: it" if changed else f"Paused already: source {name}"
        context.out.note(f"{paused} is inactive until `tocsin source unpause {name}`.")


def unpause(args: Namespace, context: Context) -> None:
    """Let sources go on."""
    store = open_for_writing(context)
    for name in _names_of(store, args.names):
        if store.call(sources.unpause, name, context.actor, context.now_ms()):
            context.out.note(f"Unpaused source {name}: it is active.")
        else:
            context.out.note(f"Not paused: source {name} is active.")


def delete(args: Namespace, context: Context) -> None:
    """Delete sources after asking."""
    store = open_for_writing(context)
    names = _names_of(store, args.names)
    refused = sum(_refused_events(store, name) for name in names)
    question = (
        f"Delete {', '.join(names)}, with what is remembered from look to look? Events that came "
        f"from there stay{f', also the {refused} that were refused' if refused else ''}."
    )
    context.out.confirm(question, args.yes)
    for name in names:
        store.call(sources.delete, name, context.actor, context.now_ms())


def run(args: Namespace, context: Context) -> None:
    """Run a source and queue its events, until stopped; with --once poll it once."""
    from sources.base import SourceError

    store = open_for_writing(context)
    source = store.call(sources.find, args.name)
    try:
        with LogLines(context.out.note_directly) as lines:
            for line in _before_run(source, store, context.now_ms(), once=args.once):
                lines.note(line)
            ran = asyncio.run(_run(args.name, context, store, lines.note, once=args.once))
    except SourceError as error:
        raise Failure(f"source {args.name}: {error}", _failure_code(context, store)) from error
    context.out.json_line({"accepted": ran.accepted, "repeated": ran.repeated})


def _refused_events(store: Store, name: str) -> int:
    return store.call(refusals.waiting_by_source).get(name, 0)


def _is_worker_alive(store: Store, now_ms: int) -> bool:
    """True if a worker runs the active sources."""
    found = store.call(workers.load_all)
    return any(worker.active and not workers.is_gone(worker, now_ms) for worker in found)


def _seen(source: StoredSource, store: Store) -> str:
    """Summary of the last snapshot of a WireGuard source or agent."""
    from sources.wireguard.snapshot import snapshot_summary

    state = store.call(sources.load_state, source.name)
    has_snapshot = source.kind in (source_kinds.WIREGUARD, source_kinds.AGENT)
    return snapshot_summary(state) if has_snapshot and state is not None else ""


def _serve_more(name: str, args: Namespace, store: Store, context: Context) -> ExitCode:
    """Let an HTTP source that is there serve more, after asking. Raises Conflict, Failure."""
    before, given = store.call(sources.find, name), given_options(args)
    parts = _parts_in_all(before, args.kind, given)
    context.out.confirm(_serve_question(before, given, parts), args.yes)
    args.name, args.option_serves, args.unset = name, parts, None
    return _edit(args, store, context)


def _parts_in_all(source: StoredSource, kind: str, given: Mapping[str, str]) -> str:
    """The old and new parts that a source is to serve. Raises Conflict if none is new."""
    if source.kind != kind or "serves" not in given or not _new_parts(source, given):
        raise Conflict(
            f"there is a source {source.name} already: choose another name, or change that one "
            f"with `tocsin source edit {source.name}`"
        )
    known = source_kinds.kind_named(kind).check({"serves": f"{_served(source)},{given['serves']}"})
    return known["serves"].replace(", ", ",")


def _serve_question(source: StoredSource, given: Mapping[str, str], parts: str) -> str:
    """The question before an HTTP source serves more parts."""
    others = ", ".join(f"--{name.replace('_', '-')}" for name in given if name != "serves")
    parts_text = ", ".join(_new_parts(source, given))
    set_too = f", and set {others}" if others else ""
    return (
        f"There is a source {source.name} already, which serves {_served(source)}. Let it serve "
        f"{parts_text} too{set_too}, as `tocsin source edit {source.name} "
        f"--serves {parts}` does?"
    )


def _served(source: StoredSource) -> str:
    defaults = source_kinds.kind_named(source.kind).defaults
    default = next(default.text for default in defaults if default.name == "serves")
    return source.options.get("serves", default)


def _new_parts(source: StoredSource, given: Mapping[str, str]) -> list[str]:
    served = [part.strip() for part in _served(source).split(",")]
    return [part.strip() for part in given["serves"].split(",") if part.strip() not in served]


def _note_preflight(source: StoredSource, words: str, store: Store, context: Context) -> bool:
    """Note problems that can be seen before a source runs; return True if it cannot run."""
    problem = startup_problem(source, store.call(sources.load_all))
    warning = startup_warning(source)
    if problem:
        context.out.note(f"Source {source.name} {words}: {problem}")
    if warning:
        context.out.warn(f"Source {source.name}: {warning}")
    return bool(problem)


def _edit(args: Namespace, store: Store, context: Context) -> ExitCode:
    before = store.call(sources.find, args.name)
    options = _edited_options(args, before)
    secret = _new_key(args, before.kind, options, store, context)
    after = store.call(
        sources.edit, args.name, options, context.actor, context.now_ms(), revision=before.revision
    )
    _keep_key(store, args.name, secret, context)
    if args.json:
        context.out.json(source_shape(after, _refused_events(store, after.name)))
    problem = _note_preflight(after, "is saved, but cannot run as it is set", store, context)
    return ExitCode.CHECK_FAILED if problem else ExitCode.OK


def _edited_options(args: Namespace, before: StoredSource) -> dict[str, str]:
    """The options with what is given and unset. Raises Failure, FieldErrors."""
    given = given_options(args)
    unset = [name.replace("-", "_") for name in args.unset or ()]
    if not given and not unset and args.setup_code is None:
        raise Failure(_nothing_to_change(before), ExitCode.USAGE)
    unknown = [name for name in unset if name not in _option_names(before)]
    if unknown:
        known = ", ".join(_option_names(before))
        raise Failure(
            f"{unknown[0]}: {before.kind} has no such option; it has {known}", ExitCode.USAGE
        )
    kept = {name: text for name, text in before.options.items() if name not in unset}
    return source_kinds.kind_named(before.kind).check(kept | given)


def _nothing_to_change(source: StoredSource) -> str:
    options = ", ".join(f"--{name.replace('_', '-')}" for name in _option_names(source))
    return f"nothing to change: {source.name} has {options or 'no options'}"


def _new_key(
    args: Namespace, kind: str, options: Mapping[str, str], store: Store, context: Context
) -> str | None:
    """Sign up with the set-up code, if one is given; return the secret of the new key.

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


def _keep_key(store: Store, name: str, secret: str | None, context: Context) -> None:
    """Store the secret, if there is one."""
    if secret is not None:
        store.call(sources.set_secret, name, secret, store.vault, context.actor, context.now_ms())


def _before_run(source: StoredSource, store: Store, now_ms: int, *, once: bool) -> Iterator[str]:
    """Lines before a run: the ways it ends, and the worker that runs the source too."""
    from sources.factory import is_run

    if not is_run(source.kind):  # nothing begins: it is refused
        return
    if not source.active:
        yield f"source {source.name} is paused: it is run here all the same"
    if once:
        return
    serves = source.kind in source_kinds.SERVING
    or_once = "" if serves else "; --once looks once"
    socket = socket_path(source, store.path)
    at = f" at {socket}" if socket else ""
    yield f"running source {source.name}{at} for {store.path}: Ctrl+C ends it{or_once}"
    others = [worker for worker in store.call(workers.load_all) if worker.active]
    if source.active and _is_worker_alive(store, now_ms):
        beside = WAITS if serves else SHARES
        yield f"the worker {others[0].id} (pid {others[0].pid}) runs it too: {beside}"


async def _run(
    name: str, context: Context, store: Store, log: Callable[[str], None], *, once: bool
) -> AppendResult:
    from sources.runner import run_one

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    with stop_on_signals(lambda: loop.call_soon_threadsafe(stop.set), source_end_s):
        return await run_one(
            name,
            store,
            context.settings,
            context.now_ms,
            stop,
            on_failure=lambda sentence: log(f"source {name}: {sentence}"),
            once=once,
        )


def _failure_code(context: Context, store: Store) -> ExitCode:
    """The exit code of a run that failed: the disk is full, or the source cannot be read."""
    from store.files import free_bytes

    full = free_bytes(store.path) < context.settings.min_free_disk_bytes
    return ExitCode.TEMPORARY if full else ExitCode.IO_ERROR


def _default_name(kind: str) -> str:
    return source_kinds.LOCAL if kind == source_kinds.WIREGUARD else kind


def _option_names(source: StoredSource) -> list[str]:
    return [default.name for default in source_kinds.kind_named(source.kind).defaults]


def _names_of(store: Store, names: list[str]) -> list[str]:
    """The names, each once. Raises NotFound before anything is done to one of them."""
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        store.call(sources.find, name)
    return wanted


def _is_there(store: Store, name: str) -> bool:
    try:
        store.call(sources.find, name)
    except NotFound:
        return False
    return True
