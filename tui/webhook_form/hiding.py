"""What the form of a webhook hides until it is asked for: URL, header values and secrets."""

from __future__ import annotations

from tui.clipboard import copy
from tui.desk import Refused
from tui.keys import key_of, keys_do
from tui.webhook_form.drafted_form import DraftedForm
from tui.webhook_form.session import Session

NOTHING_HIDDEN = "nothing is hidden in this form"
NOTHING_SHOWN = "no secret is shown: {}"
MAKING_ONE = ("generate and rotate under Advanced", "make one")


class HidingForm(DraftedForm):
    """Shows what is hidden, hides it again, and copies the secret that is shown."""

    _session: Session | None = None

    async def action_reveal(self) -> None:
        """Show or hide the URL, header values and secrets."""
        session = self._session
        if session is None or not session.has_hidden:
            self.tell(NOTHING_HIDDEN)
            return
        try:
            await session.reveal()
        except Refused as refused:
            self.tell(str(refused), bad=True)

    def action_copy_secret(self) -> None:
        """Copy the secret that is shown."""
        secret = self._session.shown_secret if self._session else ""
        if secret:
            self.in_background(copy(self, secret), group="copy")
        else:
            reveal = key_of(self, "form.reveal"), "reveals it"
            self.tell(NOTHING_SHOWN.format(keys_do(reveal, MAKING_ONE)))
