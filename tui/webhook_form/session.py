"""One form while it is open: what it was opened on, what stands in it, and what that means."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import fields, replace

from delivery.edited import fate_of_pending, is_resealable
from delivery.report import Report
from domain.addresses import NetworkPolicy
from domain.extra_fields import doubt_about
from domain.secrets import generate_secret
from domain.settings import DEFAULTS
from domain.words import second_text
from store import audit
from store.records import Secrets, Webhook
from tui.desk import Desk
from tui.keys import key_of, keys_do
from tui.webhook_form.conflicts import Latest, Overtaken, overtaken
from tui.webhook_form.drafts import Draft
from tui.webhook_form.fields import (
    LABELS,
    NOW,
    Contents,
    FormTexts,
    Reading,
    hidden,
    labels_of,
    read_contents,
)
from tui.webhook_form.hidden_url import hide_url, reveal_url
from tui.webhook_form.hidden_values import Known, hide, reveal
from tui.webhook_form.opening import Opened, Typed, webhook_of
from tui.webhook_form.panel import WebhookFieldsPanel
from tui.webhook_form.secrets import MAKING_NEW, choices, label

TESTED = frozenset({"url", "headers", "extra_fields", "ca_file", "own_secret"})
"""The fields that a test needs right; the others don't change what is sent, or are chosen."""


class Session:
    """`contents` is what stood in the form when it was read last; it outlives the panel."""

    def __init__(self, desk: Desk, opened: Opened, report: Report | None) -> None:
        self.opened = opened
        self.settings = report.settings if report else DEFAULTS
        self.contents = opened.base
        self.panel = self._make_panel(desk)
        self.typed = Typed(opened.base.texts, self._reading(opened.base, desk))
        self._overtaken = Overtaken(opened, opened.base)
        self._looked_for: tuple[int, int | None] | None = None
        self._desk = desk
        self._known = opened.base.known
        self._revealed = False
        self._tried = False

    @property
    def changed(self) -> set[str]:
        """The fields that were typed into."""
        return self.contents.changed_from(self.opened.base)

    @property
    def webhook(self) -> Webhook:
        """What the form would make, as far as it is right."""
        return webhook_of(self.opened, self.typed)

    @property
    def revision(self) -> int | None:
        """The revision of the webhook that is edited, as it was read."""
        return self.opened.editing.revision if self.opened.editing else None

    def first_wrong(self, among: Container[str] = LABELS) -> str | None:
        """The uppermost of these fields that is wrong."""
        errors = self.typed.reading.errors
        names = (one.name for one in fields(FormTexts) if one.name in among)
        return next((name for name in names if name in errors), None)

    @property
    def problem(self) -> str:
        """What keeps the form from being saved, or that something is not saved yet."""
        wrong = labels_of(self.typed.reading.errors)
        if wrong:
            return f"to do: {wrong}"
        return "not saved yet" if self.changed else ""

    @property
    def save_word(self) -> str:
        """What the button that saves is called."""
        if self.opened.editing is None:
            return "Add"
        if self.opened.editing.deleted_ms is not None:
            return "Add as new"
        return "Save over it" if self._overtaken.disputed else "Save"

    def read_again(self) -> bool:
        """Read and check the form; say at each field what is wrong. Whether anything changed."""
        texts = self.panel.texts
        masked = hidden(texts, self._known)
        before, self.contents = self.contents, Contents(masked, self._known)
        if texts.secret in MAKING_NEW and not self.typed.generated:
            self.typed = replace(self.typed, generated=generate_secret(self._desk.random_bytes))
        reading = self._reading(self.contents, self._desk)
        self.typed = replace(self.typed, texts=masked, reading=reading)
        shown = reading.errors.keys() if self._tried else self.changed & reading.errors.keys()
        self._complain({name: reading.errors[name] for name in shown})
        self.panel.show_secret(self._secret_text())
        self.panel.say_what_is_folded(self._in_the_fold())
        return self.contents != before

    def is_right(self, among: Container[str] = LABELS) -> bool:
        """Whether nothing is wrong in these fields; else show every error and go to their first."""
        self.read_again()
        wrong = self.first_wrong(among)
        if wrong is None:
            return True
        self._tried = True
        self.read_again()
        self.panel.focus_field(wrong)
        return False

    def complain_about(self, name: str, error: str) -> None:
        """Say at a field what was found wrong with it on the way, until something is typed."""
        self._complain({name: error})
        self.panel.focus_field(name)

    def _complain(self, errors: Mapping[str, str]) -> None:
        doubt = doubt_about(self.typed.reading.best.extra_fields)
        self.panel.complain(errors, {"url": self._refused_address, "extra_fields": doubt})

    @property
    def newly_refused(self) -> str:
        """That nothing will be sent to the address in a URL that was typed; "" otherwise."""
        return self._refused_address if "url" in self.changed else ""

    @property
    def _refused_address(self) -> str:
        policy = NetworkPolicy(self.settings.network_policy, self.settings.allow_networks)
        return policy.refused_target(self.typed.reading.best.url) or ""

    @property
    def new_secret(self) -> str:
        """The secret that was generated here and will sign; "" without one."""
        return self.typed.generated if self.typed.texts.secret in MAKING_NEW else ""

    @property
    def shown_secret(self) -> str:
        """The secret that stands readable in the form and will sign or signs; "" without one."""
        secrets = self.opened.secrets if self._revealed else None
        return self.new_secret or (secrets.current if secrets is not None else "")

    def draft(self) -> Draft | None:
        """What was typed and not saved."""
        if not self.changed:
            return None
        return Draft(self.contents, self.opened.base, self.revision, self.typed.generated)

    def take(self, draft: Draft) -> None:
        """Go on with a draft."""
        self.opened = replace(self.opened, base=draft.base)
        self.typed = replace(self.typed, generated=draft.generated)
        self._put(draft.typed)

    def go_on(self, latest: Latest) -> None:
        """Go on from what somebody else saved."""
        self.read_again()
        before = replace(self._overtaken, opened=self.opened)
        self._overtaken = found = overtaken(before, self.contents, latest)
        self.opened = found.opened
        self._put(found.contents)

    def _put(self, contents: Contents) -> None:
        if self._revealed:
            self._rewrite(hide, hide_url)
        self._known = contents.known
        self._revealed = False
        self.panel.put(contents.texts)
        self.read_again()

    @property
    def has_hidden(self) -> bool:
        """Whether there is anything to reveal."""
        return bool(self._known) or self.opened.secrets is not None

    async def reveal(self) -> None:
        """Show what is hidden, which is recorded first, or hide it again. Raises Refused."""
        if not self._revealed:
            source = self.opened.source
            await self._desk.change(
                audit.note_alone, action="webhook.reveal", webhook_id=source.id if source else None
            )
        self._revealed = not self._revealed
        if self._revealed:
            self._rewrite(reveal, reveal_url)
        else:
            self._rewrite(hide, hide_url)
        self.read_again()
        if self._revealed and self.opened.secrets is not None:
            self.panel.bring_into_view("secret")

    def _rewrite(
        self, headers: Callable[[str, Known], str], url: Callable[[str, Known], str]
    ) -> None:
        self.panel.rewrite("headers", lambda text: headers(text, self._known))
        self.panel.rewrite("url", lambda text: url(text, self._known))

    def _reading(self, contents: Contents, desk: Desk) -> Reading:
        editing = self.opened.editing
        return read_contents(contents, desk.now_ms(), editing.fields.headers if editing else ())

    def _secret_text(self) -> str:
        if self.new_secret:
            copy, show = (key_of(self.panel.screen, f"form.{one}") for one in ("copy", "reveal"))
            keys = keys_do((copy, "copies it"), (show, "shows it later"))
            return f"{self.new_secret}\nThe receiver needs it{f': {keys}' if keys else ''}."
        secrets = self.opened.secrets
        return _all_of(secrets) if secrets is not None and self._revealed else ""

    def _in_the_fold(self) -> list[str]:
        texts = self.typed.texts
        limits = ("max_bytes", "interval", "ca_file")
        names = [name for name in limits if getattr(texts, name).strip()]
        names += ["secret"] if self.webhook.secrets is not None else []
        return names + (["start"] if texts.start != NOW else [])

    def _make_panel(self, desk: Desk) -> WebhookFieldsPanel:
        secrets, of_copy = self.opened.secrets, self.opened.of_copy
        options = [
            (label(one, secrets, of_copy=of_copy), one.value)
            for one in choices(secrets, desk.now_ms(), of_copy=of_copy)
        ]
        adding = self.opened.editing is None
        return WebhookFieldsPanel(self.opened.base.texts, self.settings, options, adding=adding)

    @property
    def news(self) -> str:
        """What somebody else did meanwhile; "" if nobody did anything."""
        return self._overtaken.news(self._desk.now_ms())

    def is_overtaken(self, report: Report | None) -> bool:
        """Whether the report knows a later revision, or none: true once for each of them."""
        before = self.opened.editing
        if before is None or report is None:
            return False
        found = (one.webhook for one in report.overview.webhooks if one.webhook.id == before.id)
        saved = next((one.revision for one in found), None)
        is_known = before.deleted_ms is not None if saved is None else saved <= before.revision
        looked_for = (before.revision, saved)
        if is_known or looked_for == self._looked_for:
            return False
        self._looked_for = looked_for
        return True

    def fate(self, report: Report | None) -> str:
        """What saving would mean for the delivery that is pending; "" without one."""
        before = self.opened.editing
        if before is None or report is None or not self.changed:
            return ""
        pending = next(
            (one.pending for one in report.overview.webhooks if one.webhook.id == before.id), None
        )
        if pending is None:
            return ""
        text = _once_saved(fate_of_pending(before, self.webhook, pending))
        more = " Resealing it, in Deliveries, makes a new one."
        return text + (more if is_resealable(before, self.webhook) else "")


def _once_saved(sentence: str) -> str:
    return f"Once saved: {sentence[:1].lower()}{sentence[1:]}"


def _all_of(secrets: Secrets) -> str:
    if not secrets.previous:
        return secrets.current
    until = second_text(secrets.previous_until_ms)
    return f"{secrets.current}\n{secrets.previous} (the one before, until {until})"
