"""Session of the form: its first texts, its texts now, their reading, and what saving would do."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping

from msgspec.structs import replace

from delivery.report import Report, effect_on_pending, is_resealable
from domain.addresses import NetworkPolicy
from domain.extra_fields import doubt_about
from domain.settings import DEFAULTS
from domain.signing import generate_secret
from domain.wording import second_text
from store import audit
from store.records import AuditEntry, Secrets, Webhook, WebhookStatus
from tui.key_names import key_of, keys_do
from tui.state.store_access import Refused, StoreAccess
from tui.webhook_form.conflicts import OtherEdits, advice, merge
from tui.webhook_form.drafts import FormDraft
from tui.webhook_form.hidden_values import (
    KnownValues,
    has_changed_dots,
    hide_headers,
    hide_url,
    reveal_headers,
    reveal_url,
)
from tui.webhook_form.panel import LIMITS_AND_CA_FILE, WebhookFieldsPanel
from tui.webhook_form.reading import FormReading, read_texts
from tui.webhook_form.secrets import MAKING_NEW, choices, label
from tui.webhook_form.texts import LABELS, NOW, FormTexts, labels_of, texts_of
from tui.webhook_form.waiting_drafts import COPY_OF, NEW, form_title

TYPED_INTO_DOTS = "you typed into the dots of the URL: take that back with ctrl+z first"
TESTED = frozenset({"url", "headers", "extra_fields", "ca_file", "own_secret"})
"""The fields that a test needs right; the others don't change what is sent, or are chosen."""


class FormSession:
    """One open form; `texts` are those that were read last, and outlive the panel.

    `base` are the texts that it showed first, `source` is the webhook that is edited or copied.
    """

    def __init__(
        self,
        access: StoreAccess,
        report: Report | None,
        base: FormTexts,
        source: Webhook | None,
        *,
        of_copy: bool = False,
    ) -> None:
        self.settings = report.settings if report else DEFAULTS
        self.base = base
        self.source = source
        self.of_copy = of_copy
        self.texts = base
        self.edits = OtherEdits()
        self.is_saved = False
        self._access = access
        self._looked_for: tuple[int, int | None] | None = None
        self._revealed = False
        self._tried = False
        self.reading = self._read()
        self.panel = self._make_panel()

    @property
    def editing(self) -> Webhook | None:
        """The webhook that is edited; None if one is added."""
        return None if self.of_copy else self.source

    @property
    def revision(self) -> int | None:
        """The revision of the webhook that is edited, as it was read."""
        return self.editing.revision if self.editing else None

    @property
    def secrets(self) -> Secrets | None:
        """The signing secrets that stay if nothing is done with them."""
        return None if self.source is None else self.source.secrets

    @property
    def subject(self) -> str:
        """The name under which the draft of this form is kept."""
        if self.source is None:
            return NEW
        return f"{COPY_OF}{self.source.id}" if self.of_copy else str(self.source.id)

    @property
    def title(self) -> str:
        """The title of the form."""
        return form_title(self.source.named if self.source else None, of_copy=self.of_copy)

    @property
    def changed(self) -> set[str]:
        """The fields that were typed into."""
        return self.texts.changed_from(self.base)

    @property
    def webhook(self) -> Webhook:
        """The webhook that the form would make, as far as it is right."""
        before, now_ms = self.editing, self.reading.now_ms
        return Webhook(
            id=before.id if before else 0,
            revision=before.revision if before else 0,
            fields=self.reading.fields,
            secrets=self.reading.secrets_after(self.secrets),
            readable=True,
            created_ms=before.created_ms if before else now_ms,
            updated_ms=now_ms,
            deleted_ms=None,
        )

    def first_wrong(self, among: Container[str] = LABELS) -> str | None:
        """Return the uppermost of these fields that is wrong."""
        errors = self.reading.errors
        return next((name for name in LABELS if name in among and name in errors), None)

    @property
    def problem(self) -> str:
        """The line beside the buttons: fields that are wrong, or that something is not saved."""
        wrong = labels_of(self.reading.errors)
        if wrong:
            return f"to do: {wrong}"
        return "not saved yet" if self.changed else ""

    @property
    def save_word(self) -> str:
        """The label of the button that saves."""
        if self.editing is None:
            return "Add"
        if self.editing.deleted_ms is not None:
            return "Add as new"
        return "Save over it" if self.edits.disputed else "Save"

    def read_again(self) -> bool:
        """Read and check the form, and say at each field what is wrong; True if it changed."""
        before = self.texts
        self.texts = replace(before, **self.panel.values).masked
        if self.texts.secret in MAKING_NEW and not self.texts.generated:
            generated = generate_secret(self._access.random_bytes)
            self.texts = replace(self.texts, generated=generated)
        self.reading = self._read()
        errors = self.reading.errors
        shown = errors.keys() if self._tried else self.changed & errors.keys()
        self._complain({name: errors[name] for name in shown})
        self.panel.show_secret(self._secret_text())
        self.panel.say_what_is_folded(self._folded())
        return self.texts != before

    def is_right(self, among: Container[str] = LABELS) -> bool:
        """Return True if these fields are right; else show every error and go to their first."""
        self.read_again()
        wrong = self.first_wrong(among)
        if wrong is None:
            return True
        self._tried = True
        self.read_again()
        self.panel.focus_field(wrong)
        return False

    def complain_about(self, name: str, error: str) -> None:
        """Show an error at a field that was found while saving, until something is typed."""
        self._complain({name: error})
        self.panel.focus_field(name)

    def _complain(self, errors: Mapping[str, str]) -> None:
        doubt = doubt_about(self.reading.fields.extra_fields)
        self.panel.complain(errors, {"url": self._refused_address, "extra_fields": doubt})

    @property
    def newly_refused(self) -> str:
        """The reason why nothing will be sent to a URL that was typed; "" if it will."""
        return self._refused_address if "url" in self.changed else ""

    @property
    def _refused_address(self) -> str:
        policy = NetworkPolicy(self.settings.network_policy, self.settings.allow_networks)
        return policy.refused_target(self.reading.fields.url) or ""

    @property
    def new_secret(self) -> str:
        """The secret that was generated here and will sign; "" without one."""
        return self.texts.generated if self.texts.secret in MAKING_NEW else ""

    @property
    def shown_secret(self) -> str:
        """The secret that stands readable in the form and will sign or signs; "" without one."""
        secrets = self.secrets if self._revealed else None
        return self.new_secret or (secrets.current if secrets is not None else "")

    def draft(self) -> FormDraft | None:
        """Return what was typed and not saved."""
        if self.is_saved or not self.changed:
            return None
        return FormDraft(self.texts, self.base, self.revision)

    def go_on_with(self, draft: FormDraft) -> None:
        """Show a draft and go on from it."""
        self.base = draft.base
        self._put(draft.typed)

    def go_on_after(self, webhook: Webhook, changes: tuple[AuditEntry, ...]) -> None:
        """Merge into the form what somebody else saved by these changes, newest first."""
        self.read_again()
        theirs = texts_of(webhook.fields)
        mine, disputed = merge(self.texts, self.base, theirs)
        disputed = (disputed | self.edits.disputed) & mine.changed_from(theirs)
        text = advice(webhook, mine, theirs, disputed)
        self.edits = OtherEdits(changes + self.edits.changes, disputed, text)
        self.base, self.source = theirs, webhook
        self._put(mine)

    def _put(self, texts: FormTexts) -> None:
        if self._revealed:
            self._rewrite(hide_headers, hide_url)
        self._revealed = False
        self.texts = texts
        self.panel.put(texts)
        self.read_again()

    @property
    def has_hidden(self) -> bool:
        """True if there is anything to reveal."""
        return bool(self.texts.known) or self.secrets is not None

    async def reveal(self) -> None:
        """Show what is hidden, which is recorded first, or hide it again. Raises Refused.

        Dots that were typed into stand for nothing that could be shown.
        """
        self.read_again()
        if not self._revealed:
            if has_changed_dots(self.texts.url, self.texts.known):
                raise Refused(TYPED_INTO_DOTS)
            source = self.source
            await self._access.change(
                audit.note_alone, action="webhook.reveal", webhook_id=source.id if source else None
            )
        self._revealed = not self._revealed
        if self._revealed:
            self._rewrite(reveal_headers, reveal_url)
        else:
            self._rewrite(hide_headers, hide_url)
        self.read_again()
        if self._revealed and self.secrets is not None:
            self.panel.bring_into_view("secret")

    def _rewrite(
        self, headers: Callable[[str, KnownValues], str], url: Callable[[str, KnownValues], str]
    ) -> None:
        known = self.texts.known
        self.panel.rewrite("headers", lambda text: headers(text, known))
        self.panel.rewrite("url", lambda text: url(text, known))

    def _read(self) -> FormReading:
        kept = self.editing.fields.headers if self.editing else ()
        return read_texts(self.texts, self._access.now_ms(), kept)

    def _secret_text(self) -> str:
        if self.new_secret:
            copy, show = (key_of(self.panel.screen, f"form.{id_}") for id_ in ("copy", "reveal"))
            keys = keys_do((copy, "copies it"), (show, "shows it later"))
            return f"{self.new_secret}\nThe receiver needs it{f': {keys}' if keys else ''}."
        secrets = self.secrets
        if secrets is None or not self._revealed:
            return ""
        if not secrets.previous:
            return secrets.current
        until = second_text(secrets.previous_until_ms)
        return f"{secrets.current}\n{secrets.previous} (the one before, until {until})"

    def _folded(self) -> list[str]:
        """The fields behind the fold in which something stands."""
        names = [name for name in LIMITS_AND_CA_FILE if getattr(self.texts, name).strip()]
        names += ["secret"] if self.webhook.secrets is not None else []
        return names + (["start"] if self.texts.start != NOW else [])

    def _make_panel(self) -> WebhookFieldsPanel:
        offered = choices(self.secrets, self._access.now_ms(), of_copy=self.of_copy)
        options = [
            (label(choice, self.secrets, of_copy=self.of_copy), choice.value) for choice in offered
        ]
        adding = self.editing is None
        return WebhookFieldsPanel(self.base, self.settings, options, self._folded(), adding=adding)

    @property
    def news(self) -> str:
        """The edits of others in words; "" if nobody did anything."""
        return self.edits.text(self._access.now_ms())

    def is_overtaken(self, report: Report | None) -> bool:
        """Return True if the report knows a later revision, or none; once for each of them."""
        before = self.editing
        if before is None or report is None:
            return False
        status = self._status(report)
        saved = status.webhook.revision if status else None
        is_known = before.deleted_ms is not None if saved is None else saved <= before.revision
        looked_for = (before.revision, saved)
        if is_known or looked_for == self._looked_for:
            return False
        self._looked_for = looked_for
        return True

    def fate(self, report: Report | None) -> str:
        """Return what saving would mean for the delivery that is pending; "" without one."""
        before, status = self.editing, self._status(report)
        if before is None or status is None or status.pending is None or not self.changed:
            return ""
        after = self.webhook
        fate = effect_on_pending(before, after, status.pending)
        text = f"Once saved: {fate[:1].lower()}{fate[1:]}"
        more = " Resealing it, in Deliveries, makes a new one."
        return text + (more if is_resealable(before, after) else "")

    def _status(self, report: Report | None) -> WebhookStatus | None:
        """The edited webhook as the report has it."""
        if self.editing is None or report is None:
            return None
        statuses = report.overview.webhooks
        return next((status for status in statuses if status.webhook.id == self.editing.id), None)
