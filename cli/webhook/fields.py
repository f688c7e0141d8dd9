"""Fields and secrets of a webhook from the options of `webhook add`, `edit` and `test`."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from cli.arguments import ValueReader, input_name
from cli.context import Context, open_for_writing
from cli.exit_codes import ExitCode, Failure
from cli.json_shapes import Shape
from cli.webhook.lookup import (
    check_address,
    find_webhook,
    note_doubts,
    pending_of,
    require_readable,
)
from delivery.report import effect_on_pending, is_resealable
from domain.errors import FieldError
from domain.event_types import EventType
from domain.headers import parse_headers
from domain.pairs import Pair, Pairs, first_repeated
from domain.signing import format_secret, generate_secret, parse_secret
from domain.webhooks import WebhookFields, clean_fields
from domain.wording import counted, second_text
from store import webhooks
from store.records import Delivery, Webhook
from store.webhook_edits import (
    RetireSecret,
    RotateSecret,
    SecretChange,
    SetSecret,
    check_secret_change,
)
from store.webhooks import EditResult

_HEADERS = "headers"
_EXTRA_FIELDS = "extra_fields"
FIELD_OPTIONS = (
    *("type", "url", "name", "headers", "headers_file", "extra_fields", "state"),
    *("max_events", "max_bytes", "interval_ms", "retry_interval_ms", "ca_file"),
    *("unset_headers", "unset_extra_fields"),
)
GENERATED = ("generate", "rotate")
"""The words of --secret that make a new one."""


class FieldOptions:
    """Options about the fields of a webhook. Files and stdin are read once, here."""

    def __init__(self, args: Namespace, reader: ValueReader) -> None:
        self._args = args
        self._url: str | None = None if args.url is None else reader.value(args.url)
        file = args.headers_file
        self._all_headers = None if file is None else parse_headers(reader.file(file))
        self._headers = tuple(_header(text, reader) for text in args.headers or ())
        self._extra_fields = tuple(_extra_field(text) for text in args.extra_fields or ())

    @property
    def any_given(self) -> bool:
        """True if the options change any field."""
        return any(getattr(self._args, name, None) is not None for name in FIELD_OPTIONS)

    def new(self) -> WebhookFields:
        """The fields of a new webhook. Raises FieldErrors with all errors, Failure."""
        missing = [f"--{name}" for name in ("type", "url") if getattr(self._args, name) is None]
        if missing:
            other = "--like" if hasattr(self._args, "like") else "the ID of a webhook"
            raise Failure(f"{' and '.join(missing)} must be given, or {other}", ExitCode.USAGE)
        return self.applied_to(WebhookFields(EventType(self._args.type), ""))

    def applied_to(self, fields: WebhookFields) -> WebhookFields:
        """The fields as the options change them. Raises FieldError, FieldErrors."""
        args = self._args
        unset_headers = getattr(args, "unset_headers", None) or ()
        unset_extra_fields = getattr(args, "unset_extra_fields", None) or ()
        headers = fields.headers if self._all_headers is None else self._all_headers
        changed = replace(
            fields,
            type=fields.type if args.type is None else EventType(args.type),
            url=fields.url if self._url is None else self._url,
            name=_chosen(args.name, fields.name),
            active=fields.active if args.state is None else args.state == "active",
            headers=merged(_HEADERS, headers, self._headers, unset_headers, str.lower),
            extra_fields=merged(
                _EXTRA_FIELDS, fields.extra_fields, self._extra_fields, unset_extra_fields
            ),
            max_events=_chosen(args.max_events, fields.max_events),
            max_bytes=_chosen(args.max_bytes, fields.max_bytes),
            interval_ms=_chosen(args.interval_ms, fields.interval_ms),
            retry_interval_ms=_chosen(args.retry_interval_ms, fields.retry_interval_ms),
            ca_file=self._ca_file(fields.ca_file),
        )
        return clean_fields(changed, fields)

    def _ca_file(self, before: str | None) -> str | None:
        given: str | None = self._args.ca_file
        if not given:
            return before if given is None else None
        path = os.path.abspath(given)
        check_certificates(path)
        return path


class WebhookEdit(msgspec.Struct, frozen=True):
    """A checked edit of a webhook, which drops `dropping` unsealed events of the old type."""

    before: Webhook
    fields: WebhookFields
    secret: SecretChange | None
    dropping: int


class Editor:
    """The edits of one `webhook edit`: all are checked, then saved."""

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

    def check(self, reference: str) -> WebhookEdit:
        """Check the edit of a webhook. Raises FieldErrors, NotFound, WrongKey."""
        before = find_webhook(self.store, reference)
        require_readable(before, self.store)
        fields = self._options.applied_to(before.fields)
        if fields.url != before.fields.url and not self._args.force:
            check_address(fields.url, self._context)
        secret = self._secret() if self._secret else None
        check_secret_change(before, secret, self._context.now_ms())
        type_changes = fields.type is not before.fields.type
        dropping = self.store.call(webhooks.droppable, before.id) if type_changes else 0
        return WebhookEdit(before, fields, secret, dropping)

    def save(self, edit: WebhookEdit) -> tuple[int, Shape]:
        """Save an edit and note its effects; return the id, and what the JSON has besides."""
        edited = self.store.call(
            webhooks.edit,
            edit.before.id,
            edit.fields,
            edit.secret,
            revision=self._args.revision or edit.before.revision,
            dropping=None if self._args.yes else edit.dropping,
            vault=self.store.vault,
            actor=self._context.actor,
            now_ms=self._context.now_ms(),
        )
        generated = _generated(edit.secret) if self._args.secret in GENERATED else None
        self._note(edit.before, edited, generated)
        secret = {"generated_secret": generated} if generated else {}
        return edit.before.id, {"dropped_events": edited.dropped, **secret}

    def _note(self, before: Webhook, edited: EditResult, generated: str | None) -> None:
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
            note(_effect_text(before, after, pending))


def new_secret(text: str | None, reader: ValueReader, random: Callable[[int], bytes]) -> str | None:
    """The secret of a new webhook from --secret. Raises FieldError."""
    if text in (None, "none"):
        return None
    return generate_secret(random) if text == GENERATED[0] else _own_secret(text, reader)


def secret_change(
    text: str | None, reader: ValueReader, random: Callable[[int], bytes]
) -> Callable[[], SecretChange] | None:
    """The maker of the change of secret that --secret means, called for each edited webhook.

    So each gets a new secret of its own. Raises FieldError.
    """
    match text:
        case None:
            return None
        case "generate":
            return lambda: SetSecret(generate_secret(random))
        case "rotate":
            return lambda: RotateSecret(generate_secret(random))
        case "retire":
            return RetireSecret
        case "none":
            return lambda: SetSecret(None)
    own = SetSecret(_own_secret(text, reader))
    return lambda: own


def merged(
    field: str,
    before: Sequence[Pair],
    changes: Sequence[Pair],
    unset: Sequence[str],
    fold: Callable[[str], str] = str,
) -> Pairs:
    """`before` without `unset` and with `changes`, which replace pairs of their name or follow.

    `fold` makes two spellings of a name equal. Raises FieldError.
    """
    repeated = first_repeated([fold(name) for name, _ in changes])
    if repeated is not None:
        raise FieldError(field, f"{repeated} is given more than once", "give it once")
    pairs = {fold(name): (name, value) for name, value in before}
    for name in unset:
        if pairs.pop(fold(name), None) is None:
            raise FieldError(
                field, f"there is no {name} to remove", "look at `tocsin webhook show`"
            )
    return tuple((pairs | {fold(name): (name, value) for name, value in changes}).values())


def split_pair(field: str, text: str, example: str) -> Pair:
    """Split at the first colon; text without one is not shown, since it may be a secret."""
    name, colon, value = text.partition(":")
    if not colon:
        raise FieldError(field, "one has no colon", f"write it as '{example}'")
    return name.strip(" \t"), value.strip(" \t")


def check_certificates(path: str) -> None:
    """Raise FieldError unless TLS can use this file of authorities."""
    from delivery.network import CaFileError, ssl_context

    try:
        ssl_context(path)
    except CaFileError as error:
        raise FieldError("ca_file", str(error), "name a PEM file of certificates") from None


def _own_secret(text: str, reader: ValueReader) -> str:
    return format_secret(parse_secret(reader.value(text)))


def _header(text: str, reader: ValueReader) -> Pair:
    name, named = split_pair(_HEADERS, text, "X-Foo: bar")
    value = reader.value(named)
    if named and not value:
        raise FieldError(
            _HEADERS,
            f"the value of {name} is empty in {input_name(named[1:])}",
            "write the value there, or leave the header out",
        )
    return name, value


def _extra_field(text: str) -> Pair:
    return split_pair(_EXTRA_FIELDS, text, "source: tocsin")


def _chosen(given: Any, before: Any) -> Any:
    """The value of an option; '' takes the value away, and without the option it stays."""
    if given is None:
        return before
    return None if given == "" else given


def _effect_text(before: Webhook, after: Webhook, pending: Delivery) -> str:
    effect = effect_on_pending(before, after, pending)
    if is_resealable(before, after):
        return f"{effect} `tocsin delivery reseal {pending.id}` seals its events anew."
    return effect


def _generated(change: SecretChange | None) -> str | None:
    return change.secret if isinstance(change, SetSecret | RotateSecret) else None


def _refuse_shared(args: Namespace) -> None:
    """Refuse --name and --revision where several webhooks are edited."""
    if len(args.ids) > 1 and (args.name or args.revision is not None):
        option = "--name" if args.name else "--revision"
        raise Failure(f"{option} is for one webhook: give one ID", ExitCode.USAGE)
