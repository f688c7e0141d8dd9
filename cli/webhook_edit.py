"""`tocsin webhook edit`: look at what would be lost, ask, and save one webhook after the other."""

from __future__ import annotations

from argparse import Namespace

import msgspec

from cli.context import Context
from cli.exit_codes import ExitCode, Failure
from cli.reading import ValueReader
from cli.shapes import Shape
from cli.stores import open_for_writing
from cli.webhook_fields import GENERATED, FieldOptions, secret_change
from cli.webhook_store import check_address, live, note_doubts, pending_of, require_readable
from delivery.report import effect_on_pending, is_resealable
from domain.webhooks import WebhookFields
from domain.wording import counted, second_text
from store import webhooks
from store.records import Delivery, Webhook
from store.webhook_edits import RotateSecret, SecretChange, SetSecret, check_secret_change
from store.webhooks import EditResult


class Plan(msgspec.Struct, frozen=True):
    """What is to become of one webhook; `dropping` unsealed events of the old type go with it."""

    before: Webhook
    fields: WebhookFields
    secret: SecretChange | None
    dropping: int


class Editor:
    """Plans and saves the edits of one command."""

    def __init__(self, args: Namespace, context: Context) -> None:
        _refuse_shared(args)
        reader = ValueReader(context.out)
        self._args = args
        self._context = context
        self._options = FieldOptions(args, reader)
        self._secret = secret_change(args.secret, reader, context.random_bytes)
        if not self._options.any_given and self._secret is None:
            raise Failure(
                "nothing to change was given; see `tocsin webhook edit --help`", ExitCode.USAGE
            )
        self.store = open_for_writing(context)

    def plan(self, reference: str) -> Plan:
        """Check what one webhook would become. Raises FieldErrors, NotFound, WrongKey."""
        before = live(self.store, reference)
        require_readable(before, self.store)
        fields = self._options.applied_to(before.fields)
        if fields.url != before.fields.url and not self._args.force:
            check_address(fields.url, self._context)
        secret = self._secret() if self._secret else None
        check_secret_change(before, secret, self._context.now_ms())
        typed_anew = fields.type is not before.fields.type
        dropping = self.store.call(webhooks.droppable, before.id) if typed_anew else 0
        return Plan(before, fields, secret, dropping)

    def save(self, plan: Plan) -> tuple[int, Shape]:
        """Save one webhook and say what that means; its id, and what its JSON has besides."""
        edited = self.store.call(
            webhooks.edit,
            plan.before.id,
            plan.fields,
            plan.secret,
            revision=self._args.revision or plan.before.revision,
            dropping=None if self._args.yes else plan.dropping,
            vault=self.store.vault,
            actor=self._context.actor,
            now_ms=self._context.now_ms(),
        )
        generated = _generated(plan.secret) if self._args.secret in GENERATED else None
        self._tell(plan.before, edited, generated)
        secret = {"generated_secret": generated} if generated else {}
        return plan.before.id, {"dropped_events": edited.dropped, **secret}

    def _tell(self, before: Webhook, edited: EditResult, generated: str | None) -> None:
        after = edited.webhook
        note = self._context.out.note
        dropped = f", {counted(edited.dropped, 'event')} dropped" if edited.dropped else ""
        if after.revision == before.revision:
            note(f"Nothing to change: {after.named} is so already (revision {after.revision}).")
            return
        note(f"Saved {after.named}, revision {after.revision}{dropped}.")
        if generated and not self._args.json:
            note(f"Its new signing secret, for the receiver: {generated}")
        if after.secrets != before.secrets and after.secrets and after.secrets.previous:
            until = second_text(after.secrets.previous_until_ms)
            note(f"The secret before it signs too until {until}.")
        note_doubts(after.fields, self._context)
        pending = pending_of(self.store, after.id)
        if pending is not None:
            note(_fate(before, after, pending))


def _fate(before: Webhook, after: Webhook, pending: Delivery) -> str:
    fate = effect_on_pending(before, after, pending)
    if is_resealable(before, after):
        return f"{fate} `tocsin delivery reseal {pending.id}` seals its events anew."
    return fate


def _generated(change: SecretChange | None) -> str | None:
    return change.secret if isinstance(change, SetSecret | RotateSecret) else None


def _refuse_shared(args: Namespace) -> None:
    """Refuse what makes sense for one webhook only where several are edited."""
    if len(args.ids) > 1 and (args.name or args.revision is not None):
        option = "--name" if args.name else "--revision"
        raise Failure(f"{option} is for one webhook: give one ID", ExitCode.USAGE)
