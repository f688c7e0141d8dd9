"""Taking the edit of a webhook back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from delivery.edited import drop_question
from domain.words import counted
from store import webhooks
from store.records import Webhook
from store.secret_changes import RestoreSecrets
from tui.desk import Desk
from tui.questions import Question

if TYPE_CHECKING:
    from tui.webhook_form.saving import Saved  # nothing that the first screen waits for


class EditBack:
    """An edit as long as nobody saved after it; what going back to the type drops is asked."""

    def __init__(self, desk: Desk, saved: Saved, before: Webhook) -> None:
        self._desk = desk
        self._saved = saved
        self._before = before
        self._dropping = 0

    async def question(self) -> Question | None:
        """What is to be asked before. Raises Refused."""
        now = await self._desk.read(webhooks.find, self._saved.webhook_id, self._desk.store.vault)
        type_ = self._before.fields.type
        if now.fields.type is type_:
            return None
        self._dropping = await self._desk.read(webhooks.droppable, now.id)
        if not self._dropping:
            return None
        lines = (f"{self._lost}.",) if self._lost else ()
        return Question(drop_question([(now, self._dropping)], type_), lines, yes="Drop and undo")

    async def carry_out(self) -> str:
        """Do it, dropping no more than was asked about; what is lost by it. Raises Refused."""
        secrets = RestoreSecrets(self._before.secrets)
        edited = await self._desk.change(
            webhooks.edit,
            self._saved.webhook_id,
            self._before.fields,
            secrets if self._saved.secret_changed else None,
            revision=self._saved.revision,
            dropping=self._dropping,
            vault=self._desk.store.vault,
        )
        dropped = f"{counted(edited.dropped, 'queued event')} of the other type given up"
        return "; ".join(filter(None, (dropped if edited.dropped else "", self._lost)))

    @property
    def _lost(self) -> str:
        """What the edit itself has dropped."""
        count = self._saved.dropped
        stay = "stays" if count == 1 else "stay"
        return f"{counted(count, 'event')} that the edit dropped {stay} dropped" if count else ""
