"""Hosts that report here: adding a host, its two files, and the WireGuard of this host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import ClassVar

import msgspec
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from domain import clients as kinds
from domain import source_kinds
from domain.clients import AGENT, NEXT_STEPS, ConfFile
from domain.errors import FieldErrors
from domain.ids import new_code, new_event_id
from domain.options import Default
from domain.safe import safe
from domain.settings import Settings
from domain.source_kinds import LOCAL, WIREGUARD, kind_named
from domain.source_options import URL
from domain.wording import counted
from sources.base import Batch, SourceError
from sources.preflight import poll_unsaved
from sources.process_lock import lock_file, process_lock
from sources.wireguard.snapshot import snapshot_summary
from store import clients
from store import sources as stored_sources
from store.errors import StoreError
from store.records import AppendResult, Client, StoredSource
from tui.key_names import and_key, key_of
from tui.questions import Question
from tui.screens.base import TocsinScreen
from tui.screens.dialogs import ConfirmScreen
from tui.screens.option_form import Form, FormField, name_field
from tui.shell.clipboard import copy
from tui.sources.summary import host_source
from tui.state.store_access import Refused, StoreAccess
from tui.widgets.key_bar import KeyBar

LONGEST = 2_000


class HostFiles(msgspec.Struct, frozen=True):
    """Files that a host needs; one of them holds its set-up code.

    warning: why another machine would not find us by these files, "" where it would
    """

    host: str
    files: Sequence[ConfFile]
    warning: str = ""


class ConfFilesScreen(ModalScreen[None]):
    """Screen of the files of a host, each with its path and a key that copies it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "copy_file(0)", "copy the first", id="conf-files.first"),
        Binding("2", "copy_file(1)", "copy the second", id="conf-files.second"),
        Binding("q,escape", "dismiss(None)", "close", id="conf-files.close"),
    ]

    def __init__(self, files: HostFiles) -> None:
        super().__init__()
        self._host = files.host
        self._files = files.files
        self._warning = files.warning

    def compose(self) -> ComposeResult:
        keys = [key_of(self, id_) for id_ in ("conf-files.first", "conf-files.second")]
        with VerticalScroll(classes="bare"):
            if self._warning:
                yield Static(Text(f"▲ {self._warning}\n", style="bold"))
            yield Static(
                Text(
                    f"Put these two files on {safe(self._host)} as root, the second 0600. "
                    f"{NEXT_STEPS[AGENT]}\n"
                    "The code in the second is shown only now and works once; c makes a new one.\n"
                )
            )
            for key, file in zip(keys, self._files, strict=False):
                yield Static(Text(and_key(safe(file.path), key, "copies it", "   "), style="bold"))
                yield Static(Text(safe(file.text, LONGEST, keep_newlines=True)))
        yield KeyBar()

    def action_copy_file(self, index: int) -> None:
        """Copy one of the files."""
        self.run_worker(copy(self, self._files[index].text), exit_on_error=False)


NOT_SERVED = (
    "No source serves agents yet: add one of kind HTTP that serves agents, with a certificate, "
    "on an address of WireGuard, or on 127.0.0.1 for a host that is this machine."
)


def form_to_add_host(access: StoreAccess, existing: Sequence[StoredSource]) -> Form:
    """Return the form of a new host; it ends with the files of that host."""

    async def save(given: Mapping[str, str]) -> HostFiles:
        code = new_code(access.random_bytes)
        user_id = new_event_id(lambda: int.from_bytes(access.random_bytes(8), "big"))
        client = await access.change(clients.add, AGENT, given["name"], user_id, code)
        return _files(client, given["url"], code)

    url = _served_url(existing)
    found = Default("url", URL, "where the host finds this Tocsin")
    what = "An unmodified Pro Custodibus agent reports the WireGuard of a host to this Tocsin."
    return Form(
        crumb="Add host",
        title="Add a host",
        about=f"{what} {_about_reach(url)}".rstrip(),
        fields=(
            name_field(source_kinds.check_name, "its name here", ""),
            FormField(found, url or "", required=True),
        ),
        save=save,
    )


async def renew_code(access: StoreAccess, name: str, existing: Sequence[StoredSource]) -> HostFiles:
    """Give a host a new set-up code; return its files. Raises Refused."""
    url = _served_url(existing)
    if url is None:
        raise Refused(NOT_SERVED)
    code = new_code(access.random_bytes)
    client = await access.change(clients.renew, AGENT, name, code)
    return _files(client, url, code)


def _files(client: Client, url: str, code: str) -> HostFiles:
    until_ms = client.setup_until_ms or 0
    files = kinds.agent_files(url, client.host_id, client.user_id, code, until_ms)
    return HostFiles(client.name, files, kinds.reach_warning(url))


def _about_reach(url: str | None) -> str:
    """Return a warning about the address of this Tocsin, "" if hosts can reach it."""
    if url is None:
        return NOT_SERVED
    warning = kinds.reach_warning(url)
    return f"▲ {warning}." if warning else ""


def _served_url(existing: Sequence[StoredSource]) -> str | None:
    return kinds.served_url(AGENT, ((source.kind, source.options) for source in existing))


LOOKED_AT = "this host's WireGuard is being looked at already: wait for it"
ALSO_RUN = "another process runs the source local: stop that first"


def wireguard_question(source: StoredSource | None) -> Question:
    """Return the question before this host's WireGuard is watched, or watched no more."""
    if source is not None and source.active:
        return Question(
            "Watch this host's WireGuard no more?",
            ("Handshakes from now on become no events; what was queued is sent.",),
            yes="Pause it",
        )
    return Question(
        "Watch this host's WireGuard?",
        (
            f"`{_command(source)}` is run now, for the baseline, and then by the worker that "
            "sends.",
            "The first event comes with the next handshake of a peer.",
        ),
        yes="Watch it",
    )


def ask_about_wireguard(
    screen: TocsinScreen,
    watch_result: Callable[[Awaitable[str]], Awaitable[str]] = lambda request: request,
) -> None:
    """Ask if this host's WireGuard is to be watched, or watched no more, and let it be so."""
    report = screen.live.report
    if report is None or screen.refuses_changes():
        return
    source = host_source(report.overview)

    def answered(yes: bool | None) -> None:
        if yes:
            request = switch_wireguard(screen.access, report.settings, source)
            screen.run_in_app(screen.carry_out(watch_result(request), done=str))

    screen.app.push_screen(ConfirmScreen(wireguard_question(source)), answered)


async def switch_wireguard(
    access: StoreAccess, settings: Settings, source: StoredSource | None
) -> str:
    """Watch this host's WireGuard, or watch it no more; return a notice. Raises Refused."""
    if source is None or not source.active:
        return await switch_wireguard_on(access, settings, source)
    await access.change(stored_sources.pause, LOCAL)
    return "this host's WireGuard is not watched any more"


async def switch_wireguard_on(
    access: StoreAccess, settings: Settings, source: StoredSource | None
) -> str:
    """Look once and, if that went well, let the worker watch; return what was found.

    Raises Refused, with the reason and the cure, and then nothing is changed.
    """
    if access.source_jobs.is_under_way(LOCAL):
        raise Refused(LOOKED_AT)
    return await access.source_jobs.run(LOCAL, lambda _stop: _begin(access, settings, source))


async def _begin(access: StoreAccess, settings: Settings, source: StoredSource | None) -> str:
    options = {} if source is None else source.options
    with process_lock(lock_file(access.store.path, LOCAL)) as we_are:
        if not we_are:
            raise Refused(ALSO_RUN)
        before = await access.read(stored_sources.load_state, LOCAL) if source else None
        batch = await _look(access, settings, dict(options), before)
        appended = await access.change(
            stored_sources.start, WIREGUARD, LOCAL, options, batch.events, batch.state
        )
    found = snapshot_summary(batch.state)
    return f"{found}{_what_follows(appended, watched_before=before is not None)}"


async def _look(
    access: StoreAccess, settings: Settings, options: dict[str, str], before: bytes | None
) -> Batch:
    try:
        return await poll_unsaved(
            WIREGUARD, LOCAL, options, before, access.store, settings, access.now_ms()
        )
    except (SourceError, StoreError, FieldErrors) as error:
        raise Refused(f"{error}; it stays off") from error


def _command(source: StoredSource | None) -> object:
    given = {} if source is None else source.options
    return kind_named(WIREGUARD).values(given)["command"]


def _what_follows(appended: AppendResult, *, watched_before: bool) -> str:
    if not watched_before and not appended.accepted:
        return "; the next handshake is the first event"
    since = " since it was last watched" if watched_before else " at once"
    return f"; {counted(appended.accepted, 'event')}{since}"
