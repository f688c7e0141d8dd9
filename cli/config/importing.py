"""Plan of an import: the changes by which a store becomes as a configuration document says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from msgspec import UnsetType
from msgspec.structs import replace

from cli.config.document import (
    Document,
    SourceEntry,
    WebhookEntry,
    given,
    in_force,
    nothing_to_keep,
    placed,
    texts,
    webhook_fields,
    webhook_secrets,
)
from cli.context import Context
from cli.webhook.lookup import refusal_of, require_readable
from domain import alert_kinds, source_kinds
from domain.errors import FieldError, raise_all
from domain.options import COMMAND, FILES, PATH, PROXY, Option
from domain.pairs import first_repeated
from domain.safe import is_masked
from domain.settings import storable_setting
from domain.source_options import LISTEN, URL
from domain.urls import is_masked_url, mask_url
from domain.webhooks import WebhookFields
from domain.wording import counted, detail_text
from store import alert_settings, settings, sources, webhooks
from store.configuration import StoredConfiguration
from store.database import Store
from store.records import Secrets, StoredSource, Webhook
from store.webhook_edits import RestoreSecrets, changed_fields, changed_options

_BROUGHT = {option.name for option in (COMMAND, PATH, FILES, LISTEN, URL, PROXY)}

Action = Callable[[], object]
Key = tuple[tuple[str, ...], int]


@dataclass(slots=True)
class ImportPlan:
    """Lines about the changes, the actions that make them, and notes about what is left out.

    `brought` has all that the document makes this host run, read, listen on or call: commands,
    files and addresses, whole.
    """

    lines: list[str] = field(default_factory=list)
    brought: list[str] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    def add(self, line: str, *actions: Action) -> None:
        """Add a change: its line, and the actions that make it."""
        self.lines.append(line)
        self.actions.extend(actions)

    def bring(self, named: str, option: Option, before: str, after: str) -> None:
        """Add a value to `brought`, if it is of such a kind and new here."""
        if option.kind.name in _BROUGHT and after not in ("", before):
            self.brought.append(f"{named}: {option.name} {after}")


def plan_of(
    document: Document, kept: StoredConfiguration, store: Store, context: Context
) -> ImportPlan:
    """Check all of the document and compare it with what is kept. Raises FieldErrors, WrongKey."""
    planner = _Planner(document, kept, store, context)
    raise_all(planner.checks())
    return planner.plan


class _Planner:
    """Maker of the plan of one import."""

    def __init__(
        self, document: Document, kept: StoredConfiguration, store: Store, context: Context
    ) -> None:
        self.plan = ImportPlan()
        self._document = document
        self._kept = kept
        self._store = store
        self._context = context
        self._now_ms = context.now_ms()
        self._by = (context.actor, self._now_ms)

    def checks(self) -> list[Action]:
        """Checks of the parts of the document; each raises its error or adds its change."""
        document = self._document
        own = _counterparts(document.webhooks, self._kept.webhooks)
        names = [webhook.name for webhook in document.webhooks if webhook.name is not None]
        return [
            *(partial(self._setting, *item) for item in document.settings.items()),
            partial(_refuse_repeated, "webhooks", names),
            *(
                partial(placed, f"webhooks[{i}]", partial(self._webhook, webhook, own[i]))
                for i, webhook in enumerate(document.webhooks)
            ),
            partial(_refuse_repeated, "sources", [source.name for source in document.sources]),
            *(
                partial(placed, f"sources[{i}]", partial(self._source, source))
                for i, source in enumerate(document.sources)
            ),
            *(partial(self._alert, *item) for item in document.alerts.items()),
            self._names,
        ]

    def _setting(self, name: str, value: object) -> None:
        setting = placed("settings", partial(storable_setting, name))
        text = setting.format(placed("settings", partial(setting.from_toml, value)))
        before = self._kept.settings.get(name)
        if text != before:
            self.plan.settings[name] = text
            self.plan.bring("setting", setting, before or "", text)
            self.plan.add(
                f"setting {name}: {'default' if before is None else before} -> {text or 'empty'}",
                partial(settings.save, name, text, *self._by),
            )

    def _webhook(self, entry: WebhookEntry, before: Webhook | None) -> None:
        if before is not None:
            require_readable(before, self._store)
            self._note_kept_url(entry, before)
        fields = webhook_fields(entry, before)
        secrets = webhook_secrets(entry, before, self._now_ms)
        self._bring_file(fields, before)
        if before is None or fields.url != before.fields.url:
            self._note_refused_address(fields.url)
        if before is None:
            name = f" {fields.name}" if fields.name else ""
            self.plan.add(
                f"new webhook{name}: {fields.type.title} to {mask_url(fields.url)}, from now on",
                partial(self._add_webhook, fields, secrets),
            )
        elif (fields, secrets) != (before.fields, in_force(before.secrets, self._now_ms)):
            self._edit_webhook(before, fields, secrets)

    def _bring_file(self, fields: WebhookFields, before: Webhook | None) -> None:
        if fields.ca_file and fields.ca_file != (before.fields.ca_file if before else None):
            named = before.named if before else f"webhook {fields.name or mask_url(fields.url)}"
            self.plan.brought.append(f"{named}: ca_file {fields.ca_file}")

    def _note_kept_url(self, entry: WebhookEntry, before: Webhook) -> None:
        kept = mask_url(before.fields.url)
        if is_masked_url(entry.url) and entry.url != kept:
            self.plan.notes.append(
                f"{before.named} keeps its URL, {kept}: that of the document is masked."
            )

    def _note_refused_address(self, url: str) -> None:
        refusal = refusal_of(url, self._context)
        if refusal is not None:
            self.plan.notes.append(f"{refusal}.")

    def _add_webhook(self, fields: WebhookFields, secrets: Secrets | None) -> None:
        current = secrets.current if secrets else None
        vault, (actor, now_ms) = self._store.vault, self._by
        made = webhooks.add(
            fields, current, start="now", vault=vault, actor=actor, now_ms=now_ms, carried=True
        )
        if secrets is not None and secrets.previous is not None:
            change = RestoreSecrets(secrets)
            webhooks.edit(
                made, fields, change, revision=None, vault=vault, actor=actor, now_ms=now_ms
            )

    def _edit_webhook(
        self, before: Webhook, fields: WebhookFields, secrets: Secrets | None
    ) -> None:
        dropping = 0
        if fields.type is not before.fields.type:
            dropping = self._store.call(webhooks.droppable, before.id)
        lost = f", {counted(dropping, 'queued event')} dropped" if dropping else ""
        self.plan.add(
            f"{before.named}: {detail_text(changed_fields(before, fields, secrets))}{lost}",
            partial(
                webhooks.edit,
                before.id,
                fields,
                RestoreSecrets(secrets),
                revision=before.revision,
                dropping=dropping,
                vault=self._store.vault,
                actor=self._context.actor,
                now_ms=self._now_ms,
            ),
        )

    def _source(self, entry: SourceEntry) -> None:
        entry = replace(entry, name=source_kinds.check_name(entry.name))
        kind = source_kinds.kind_named(entry.kind)
        before = next((source for source in self._kept.sources if source.name == entry.name), None)
        if before is not None and before.kind != entry.kind:
            raise FieldError(
                "kind",
                f"the source {entry.name} of this store is of kind {before.kind}",
                "give this one another name",
            )
        kept = {} if before is None else dict(before.options)
        options = placed(
            "options", lambda: kind.check(texts(given(entry.options, dict[str, object](kept))))
        )
        secret = self._secret_actions(entry)
        if before is not None or kind.is_addable:
            named = f"source {entry.name}"
            for default in kind.used(options):
                had = "" if before is None else kept.get(default.name, default.text)
                self.plan.bring(named, default, had, options.get(default.name, default.text))
        if before is not None:
            self._edit_source(entry, before, options, secret)
        elif kind.is_addable:
            pause = [partial(sources.pause, entry.name, *self._by)]
            self.plan.add(
                f"new source {entry.name} of kind {kind.name}",
                partial(sources.add, kind.name, entry.name, options, *self._by, carried=True),
                *(pause if entry.state == "inactive" else ()),
                *secret,
            )
        elif kind.built_in:
            raise FieldError(
                "kind", f"every store has its source of kind {kind.name}", "leave this one out"
            )
        else:
            self._note_left_out(entry.name, kind.made_by)

    def _edit_source(
        self,
        entry: SourceEntry,
        before: StoredSource,
        options: Mapping[str, str],
        secret: list[Action],
    ) -> None:
        named = f"source {entry.name}"
        if options != before.options:
            self.plan.add(
                f"{named}: {detail_text(changed_options(before.options, options))}",
                partial(sources.edit, entry.name, options, *self._by, revision=before.revision),
            )
        active = given(entry.state, "active" if before.active else "inactive") == "active"
        if active != before.active:
            switch = sources.unpause if active else sources.pause
            self.plan.add(
                f"{named}: {'active' if active else 'inactive'}",
                partial(switch, entry.name, *self._by),
            )
        if secret:
            self.plan.add(f"{named}: another secret", *secret)

    def _secret_actions(self, entry: SourceEntry) -> list[Action]:
        name, secret = entry.name, entry.secret
        there = name in self._kept.source_secrets
        if isinstance(secret, UnsetType) or (secret is None and not there):
            return []
        if secret is not None and is_masked(secret):
            if not there:
                raise nothing_to_keep("secret", "it is masked")
            return []
        if there and self._kept.source_secrets[name] == secret is not None:
            return []
        vault = self._store.vault
        return [partial(sources.set_secret, name, secret, vault, *self._by)]

    def _alert(self, name: str, options: dict[str, object]) -> None:
        try:
            kind = alert_kinds.kind_named(name)
        except FieldError as error:
            raise FieldError(f"alerts.{name}", error.reason, error.cure) from None
        after = placed(f"alerts.{name}", lambda: kind.check(texts(options)))
        before = self._kept.alerts.get(name, {})
        if after != before:
            self.plan.add(
                f"alert {name}: {detail_text(changed_options(before, after))}",
                partial(alert_settings.replace, name, after, *self._by, expected=before),
            )

    def _names(self) -> None:
        """Note the clients and tokens that have to be made here."""
        document, kept = self._document, self._kept
        agents = [source.name for source in document.sources if source.kind == source_kinds.AGENT]
        for noun, names, there in (
            ("token", document.tokens, kept.tokens),
            ("host", document.hosts, [*kept.hosts, *agents]),
            ("broker", document.brokers, kept.brokers),
        ):
            for name in names:
                if name not in there:
                    self._note_left_out(name, f"tocsin {noun} add")

    def _note_left_out(self, name: str, made_by: str) -> None:
        what = made_by.split()[1]
        self.plan.notes.append(
            f"The {what} {name} is not carried over, since its key cannot be: "
            f"`{made_by} {name}` makes it."
        )


def _counterparts(entries: list[WebhookEntry], there: list[Webhook]) -> list[Webhook | None]:
    """For each entry the webhook of this store that it describes, or None."""
    about = [
        (webhook.fields.name, webhook.fields.type.value, webhook.fields.url) for webhook in there
    ]
    own = dict(zip(_keys(about), there, strict=True))
    keys = _keys([(entry.name, entry.type.value, entry.url) for entry in entries])
    return [
        own.get(key) or _only_one_like(entry, entries, there)
        for entry, key in zip(entries, keys, strict=True)
    ]


def _only_one_like(
    entry: WebhookEntry, entries: list[WebhookEntry], there: list[Webhook]
) -> Webhook | None:
    """The webhook of a masked URL without a name, where it can be no other."""
    if entry.name is not None or not is_masked_url(entry.url):
        return None
    wanted = (None, entry.type, entry.url)
    same = [other for other in entries if (other.name, other.type, other.url) == wanted]
    alike = [
        webhook
        for webhook in there
        if (webhook.fields.name, webhook.fields.type, mask_url(webhook.fields.url)) == wanted
    ]
    return alike[0] if len(alike) == len(same) == 1 else None


def _keys(about: list[tuple[str | None, str, str]]) -> list[Key]:
    """Keys of webhooks: the name, or else type and URL, each with its number among equal ones."""
    seen: Counter[tuple[str, ...]] = Counter()
    keys: list[Key] = []
    for name, type_, url in about:
        key = (type_, url) if name is None else (name,)
        keys.append((key, seen[key]))
        seen[key] += 1
    return keys


def _refuse_repeated(place: str, names: list[str]) -> None:
    repeated = first_repeated(names)
    if repeated is not None:
        raise FieldError(place, f"{repeated} is there more than once", "keep one of them")
