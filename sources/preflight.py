"""Preflight of a source: one poll before it is active, and problems that are known beforehand."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from domain import source_kinds
from domain.safe import safe
from domain.settings import SECOND_MS, Settings
from sources.base import HTTP_SERVER, SourceError, install_cure, is_installed
from store.records import StoredSource

if TYPE_CHECKING:
    from domain.options import SettingValue
    from sources.base import Batch
    from store.database import Store

LISTENING = ("listen", "certificate", "private_key")
JOURNALCTL = "journalctl"
JOURNALS = (Path("/var/log/journal"), Path("/run/log/journal"))

Values = Mapping[str, "SettingValue"]

NOT_POLLED = "it is handed its events, or takes them for good"
NOT_WITHOUT_KEEPING = "it is looked at when it is active, and what comes is kept"


def startup_problem(source: StoredSource, every: Iterable[StoredSource] = ()) -> str:
    """Return why the source cannot run here and now, with the cure; "" if nothing is known.

    `every` are all sources, since another may have its path. It is no refusal: missing files may
    come later, or be visible to another account alone.
    """
    problem_of = _PROBLEMS.get(source.kind)
    if problem_of is None:
        return ""
    values = source_kinds.kind_named(source.kind).values(source.options)
    return next(problem_of(values), "") or _rivalry(source, every)


def startup_warning(source: StoredSource) -> str:
    """Return what is missing although the source runs without it, with the cure; "" for nothing."""
    names_file = source.options.get("names_file")
    return next(_file(names_file, "names_file"), "") if names_file else ""


def next_try_ms(source: StoredSource) -> int | None:
    """Return when a worker tries a failing source again, at the latest; None where none does.

    A worker that was started since waits less: it counts failures from its start.
    """
    tried = source.active and source.kind in _PROBLEMS
    if not tried or not source.failures or source.error_ms is None:
        return None
    from sources.polling import backoff_s

    return source.error_ms + backoff_s(source.failures) * SECOND_MS


def listening_problem(options: Mapping[str, str]) -> str:
    """Return why a source of kind `http` with these options cannot listen, "" where it can."""
    return next(_http(source_kinds.kind_named(source_kinds.HTTP).values(options)), "")


def _http(values: Values) -> Iterator[str]:
    if not is_installed(HTTP_SERVER):
        yield f"the HTTP server is not installed; {install_cure('http')}"
    from sources.http.listening import check_listening

    yield from _refusal(check_listening, *(str(values[name] or "") for name in LISTENING))


def _wireguard(values: Values) -> Iterator[str]:
    yield from _command(values, "install it, or correct the source's command")


def _journal(values: Values) -> Iterator[str]:
    if values["file"]:
        yield from _file(str(values["file"]), "file")
        return
    cure = "where sshd logs to a file, set the source's option file to it, as /var/log/auth.log"
    yield from _command(values, cure)
    if values["command"] == JOURNALCTL and all(map(_is_no_folder, JOURNALS)):
        yield f"this host has no journal; {cure}"


def _socket(values: Values) -> Iterator[str]:
    path, group = str(values["path"] or ""), str(values["group"] or "")
    if path and _is_no_folder(Path(path).parent):
        yield f"there is no folder {safe(str(Path(path).parent))}; make it, or set another --path"
    if group:
        from sources.socket.path import group_number

        yield from _refusal(group_number, group)


def _procustodibus(values: Values) -> Iterator[str]:
    if not values["broker"]:
        yield "no broker is named; set the source's option broker to the id that their site shows"


def _command(values: Values, cure: str) -> Iterator[str]:
    import shutil  # loads four compressors

    program = shlex.split(str(values["command"]))[0]
    if shutil.which(program) is None:
        yield f"there is no program `{safe(program, 200)}`; {cure}"


def _file(path: str, option: str) -> Iterator[str]:
    shown, mode = safe(path, 200), _mode(Path(path))
    if mode == 0:
        yield f"there is no file {shown}; correct the source's option {option}"
    elif mode is not None and stat.S_ISDIR(mode):
        yield f"{shown} is a folder; set the source's option {option} to a file in it"


def _is_no_folder(path: Path) -> bool:
    mode = _mode(path)
    return mode is not None and not stat.S_ISDIR(mode)


def _mode(path: Path) -> int | None:
    """Return the mode of a file, 0 for no file; None where this account may not see it."""
    try:
        return os.stat(path).st_mode
    except PermissionError:
        return None
    except OSError:
        return 0


def _refusal(check: Callable[..., object], *given: str) -> Iterator[str]:
    """Yield the fault that a check of the source itself finds in the given values."""
    try:
        check(*given)
    except SourceError as error:
        yield str(error)


def _rivalry(source: StoredSource, every: Iterable[StoredSource]) -> str:
    """Return a sentence about another source with the same socket, "" if there is none."""
    if source.kind != source_kinds.SOCKET:
        return ""
    for other in every:
        is_another = other.kind == source.kind and other.name != source.name
        if is_another and other.options.get("path") == source.options.get("path"):
            return f"the source {other.name} has the same socket; set another --path"
    return ""


_PROBLEMS: Mapping[str, Callable[[Values], Iterator[str]]] = {
    source_kinds.WIREGUARD: _wireguard,
    source_kinds.SOCKET: _socket,
    source_kinds.HTTP: _http,
    source_kinds.JOURNAL: _journal,
    source_kinds.PROCUSTODIBUS: _procustodibus,
}


async def poll_unsaved(
    kind: str,
    name: str,
    options: Mapping[str, str],
    state: bytes | None,
    store: Store,
    settings: Settings,
    now_ms: int,
) -> Batch:
    """Return the result of one poll from `state`, which is not kept.

    Raises FieldErrors, SourceError (also for a kind that is not polled), StoreError.
    """
    from domain.alert_kinds import all_terms
    from sources.factory import SourceTerms, make_source
    from sources.polling import in_thread
    from store import alert_settings

    terms = SourceTerms(settings, all_terms(await store.run(alert_settings.load_all)))
    unsaved = StoredSource(
        name=name,
        kind=kind,
        active=True,
        options=options,
        revision=0,
        created_ms=now_ms,
        updated_ms=now_ms,
    )
    runnable = make_source(unsaved, terms, store)
    if runnable is not None and runnable.takes:
        raise SourceError(f"a look takes events from {kind} for good", NOT_WITHOUT_KEEPING)
    source = None if runnable is None or runnable.takes else runnable.source
    if source is None:
        raise SourceError(f"a source of kind {kind} cannot be tried", NOT_POLLED)
    return await in_thread(lambda: source.poll(now_ms, state))
