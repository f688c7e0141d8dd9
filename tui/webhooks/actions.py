"""Actions on webhooks from their list: pause, send, test, delete, undo, copy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from delivery.report import drop_question, undelivered
from domain.urls import mask_url
from domain.wording import counted, span_text
from store import audit, webhooks
from store.queue import backlog
from store.records import Webhook, WebhookStatus
from store.webhook_edits import RestoreSecrets
from tui.key_names import and_key, key_of
from tui.questions import Question
from tui.screens.lists import ListScreen
from tui.shell.clipboard import copy
from tui.state.store_access import Refused, StoreAccess
from tui.webhooks.results import StartedRuns
from tui.webhooks.rows import names_of, sending_notice

if TYPE_CHECKING:
    from tui.webhook_form.saving import Saved  # nothing that the first screen waits for


class EditUndo:
    """Undo of an edit, as long as nobody saved after it; asks before it drops events."""

    def __init__(self, access: StoreAccess, saved: Saved, before: Webhook) -> None:
        self._access = access
        self._saved = saved
        self._before = before
        self._dropping = 0

    async def question(self) -> Question | None:
        """Return the question that comes first, if there is one. Raises Refused."""
        now = await self._access.read(
            webhooks.find, self._saved.webhook_id, self._access.store.vault
        )
        type_ = self._before.fields.type
        if now.fields.type is type_:
            return None
        self._dropping = await self._access.read(webhooks.droppable, now.id)
        if not self._dropping:
            return None
        lines = (f"{self._lost}.",) if self._lost else ()
        return Question(drop_question([(now, self._dropping)], type_), lines, yes="Drop and undo")

    async def carry_out(self) -> str:
        """Undo, dropping no more than the question said; return what is lost. Raises Refused."""
        secrets = RestoreSecrets(self._before.secrets)
        edited = await self._access.change(
            webhooks.edit,
            self._saved.webhook_id,
            self._before.fields,
            secrets if self._saved.secret_changed else None,
            revision=self._saved.revision,
            dropping=self._dropping,
            vault=self._access.store.vault,
        )
        dropped = f"{counted(edited.dropped, 'queued event')} of the other type given up"
        return "; ".join(filter(None, (dropped if edited.dropped else "", self._lost)))

    @property
    def _lost(self) -> str:
        """The events that the edit itself has dropped, in words."""
        count = self._saved.dropped
        stay = "stays" if count == 1 else "stay"
        return f"{counted(count, 'event')} that the edit dropped {stay} dropped" if count else ""


COPIED_WHOLE = "; it is the whole URL, unmasked, and that is recorded"


class WebhookActions:
    """Actions of the screen with the table of webhooks; several rows can be marked."""

    def __init__(self, screen: ListScreen) -> None:
        self._screen = screen
        self._access = screen.access
        self._live = screen.live
        self._undos = screen.live.undos.webhooks
        self._runs = StartedRuns()

    @property
    def _undo_key(self) -> str:
        return key_of(self._screen, "webhooks.undo")

    def selected(self) -> WebhookStatus | None:
        """Return the webhook under the cursor."""
        return next(iter(self._statuses([self._screen.table.cursor])), None)

    def chosen(self, *, asks: bool = False) -> list[WebhookStatus]:
        """Return the marked webhooks or that under the cursor; `asks` if a question names them."""
        return self._statuses(self._screen.table.chosen_keys(asks_first=asks))

    def _statuses(self, ids: list[Any]) -> list[WebhookStatus]:
        return [status for status in self._live.webhooks if status.webhook.id in ids]

    def pause(self) -> None:
        """Pause the chosen ones; if all of them are paused, unpause them."""
        ids = [status.webhook.id for status in self.chosen()]
        if ids:
            self._screen.queue_change(self._pause, ids)

    async def _pause(self, ids: list[int]) -> None:
        chosen = self._statuses(ids)
        active = not any(status.webhook.fields.active for status in chosen)
        changing = [
            status.webhook.id for status in chosen if status.webhook.fields.active != active
        ]
        request = self._access.change(webhooks.set_active, changing, active)
        changed = await self._screen.carry_out(request)
        if changed is not None:
            self._show_paused(changed, active)

    def _show_paused(self, changed: list[int], active: bool) -> None:
        """Show a notice and allow the undo, but not for those that another admin paused."""
        word = "unpaused" if active else "paused"
        if not changed:
            self._screen.show_notice(f"nothing changed: somebody else {word} before")
            return
        some = self._named(changed)
        said = f"{some} {word}: {'active' if active else 'inactive'}"
        self._screen.show_notice(and_key(said, self._undo_key, "undoes it"))
        back = partial(self._set_back, changed, not active)
        self._undos.push(f"{word} {some}", back)

    def _named(self, ids: list[int]) -> str:
        return _names(self._statuses(ids)) or counted(len(ids), "webhook")

    async def _set_back(self, ids: list[int], active: bool) -> str:
        changed = await self._access.change(webhooks.set_active, ids, active)
        return _left_alone(len(ids) - len(changed))

    def send(self) -> None:
        """Start a run of the chosen webhook now; for several, ask first, with their numbers."""
        chosen = self.chosen()
        ids = [status.webhook.id for status in chosen]
        if len(chosen) == 1:
            self._screen.queue_change(self._send, ids)
        elif chosen:
            events = counted(sum(map(undelivered, chosen)), "event")
            question = Question(
                f"Send to {_names(chosen)} now?",
                (
                    f"{names_of(chosen)}: {events} in all, at once.",
                    "Deliveries that fail are tried again at once, too.",
                ),
                yes="Send",
            )
            self._screen.confirm(question, self._send, ids)

    async def _send(self, ids: list[int]) -> None:
        chosen = self._statuses(ids)
        runs = await self._screen.carry_out(self._access.change(backlog.send_now, ids))
        report = self._live.report
        if runs and report is not None:
            self._screen.show_notice(sending_notice(runs, report))
            self._runs.watch(status for status in chosen if runs[status.webhook.id].events)
            self.show_run_results()

    def show_run_results(self) -> None:
        """Show the result of what was sent from here, once it is over."""
        news = self._runs.news(self._live.report) if self._live.report is not None else None
        if news is not None:
            self._screen.show_notice(news[0], bad=news[1])

    def test(self) -> None:
        """Send a test event in the background and show its result."""
        status = self.selected()
        if status is not None and self._screen.table.is_meant():
            self._screen.show_notice(f"testing {status.webhook.named} ...")
            self._screen.run_in_app(self._test(status.webhook.id))

    async def _test(self, webhook_id: int) -> None:
        from tui.webhook_form.opening import read_webhook
        from tui.webhook_form.testing import send_test

        webhook = await read_webhook(self._access, webhook_id)
        report = self._live.report
        if report is None:
            return
        outcome = await send_test(self._access, webhook, report.settings)
        self._screen.show_notice(
            f"test of {webhook.named}: {outcome.detail}, after {span_text(outcome.duration_ms)}",
            bad=not outcome.delivered,
        )

    def delete(self) -> None:
        """Ask with the numbers, then delete the chosen ones."""
        chosen = self.chosen(asks=True)
        if not chosen:
            return
        events = sum(map(undelivered, chosen))
        undo = self._undo_key
        it, its = ("it", "its queue") if len(chosen) == 1 else ("them", "their queues")
        question = Question(
            f"Delete {_names(chosen)}?",
            (
                f"{names_of(chosen)}: {counted(events, 'event')} will not be sent.",
                *([f"{undo} brings {it} back for ten minutes, with {its}."] if undo else []),
            ),
            yes="Delete",
        )
        ids = [status.webhook.id for status in chosen]
        self._screen.confirm(question, self._delete, ids, _names(chosen))

    async def _delete(self, ids: list[int], names: str) -> None:
        done = and_key(f"deleted {names}", self._undo_key, "undoes it")
        request = self._access.change(webhooks.delete, ids, uptime_ms=self._access.uptime_ms())
        if await self._screen.carry_out(request, done):
            self._undos.push(f"deleted {names}", lambda: self._bring_back(ids))

    async def _bring_back(self, ids: list[int]) -> str:
        uptime_ms = self._access.uptime_ms()
        back = await self._access.change(webhooks.undelete_all, ids, uptime_ms=uptime_ms)
        return _left_alone(len(ids) - back)

    def remember_edit(self, saved: Saved) -> None:
        """Allow the undo of an edit, as long as nobody saves after it."""
        before = saved.before
        if before is not None and saved.revision != before.revision:
            undo = EditUndo(self._access, saved, before)
            self._undos.push(f"edited {before.named}", undo.carry_out, undo.question)

    def copy(self) -> None:
        """Copy the whole URL of the selected webhook, which is recorded if any of it is hidden."""
        status = self.selected()
        if status is not None and self._screen.table.is_meant():
            self._screen.in_background(self._copy(status.webhook.id))

    async def _copy(self, webhook_id: int) -> None:
        from tui.webhook_form.opening import read_webhook

        try:
            url = (await read_webhook(self._access, webhook_id)).fields.url
            is_masked = mask_url(url) != url
            if is_masked:
                await self._access.change(
                    audit.note_alone, action="webhook.reveal", webhook_id=webhook_id, copied="URL"
                )
        except Refused as refused:
            self._screen.show_notice(str(refused), bad=True)
            return
        await copy(self._screen, url, COPIED_WHOLE if is_masked else "")


def _left_alone(count: int) -> str:
    """Return the part of the notice about those that somebody else had set back before."""
    were = "was" if count == 1 else "were"
    return f"{counted(count, 'webhook')} {were} so already" if count else ""


def _names(chosen: list[WebhookStatus]) -> str:
    if len(chosen) == 1:
        return chosen[0].webhook.named
    return counted(len(chosen), "webhook")
