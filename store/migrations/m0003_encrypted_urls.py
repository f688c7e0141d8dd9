"""The URLs of webhooks are encrypted; what is shown of them is all that stands in clear.

A webhook's URL, where any of it is hidden, and its headers go into one encrypted value in the
column of the headers. The URLs of its attempts and those in the audit trail are masked, and so are
the long parts of them where an answer repeated them. No table changes, so that an older store can
still be read.
"""

from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING, Any

from peewee import DatabaseProxy

from store.errors import WrongKey
from store.vault import FINGERPRINT, Vault

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

MASKED_TO = "urls_masked_to"
"""The fact that names the last attempt and the last change that the upgrade masked."""

_DOTS = "\u2022" * 4
_LONG = 16
_SHOWN = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]*://)?)([^/?#]*)(/[^/?#]*)?(.*)", re.DOTALL)
_BETWEEN = re.compile(r"[/?#]")


def up(database: DatabaseProxy, vault: Vault | None) -> None:
    """Encrypt and mask. Raises WrongKey before anything is changed."""
    if vault is None:
        return  # a new store
    connection = database.connection()
    changes = connection.total_changes
    _encrypt_and_mask(database, vault, (0, 0))
    if connection.total_changes > changes:
        connection.execute(
            "INSERT INTO fact (name, value) SELECT ?, json_array("
            " (SELECT coalesce(max(id), 0) FROM attempt),"
            " (SELECT coalesce(max(id), 0) FROM change))",
            (MASKED_TO,),
        )


def mask_late(database: DatabaseProxy, vault: Vault) -> None:
    """Encrypt and mask what a Tocsin of before wrote that was still running at the upgrade.

    Its attempt in flight was recorded after it. Called with the sending lock held, which it has
    given back by then. Raises WrongKey.
    """
    connection = database.connection()
    found = connection.execute("SELECT value FROM fact WHERE name = ?", (MASKED_TO,)).fetchone()
    if found is None:
        return
    ((overwrites,),) = connection.execute("PRAGMA secure_delete").fetchall()
    connection.execute("PRAGMA secure_delete = 1").fetchall()
    with database.atomic():
        _encrypt_and_mask(database, vault, tuple(json.loads(found[0])))
        connection.execute("DELETE FROM fact WHERE name = ?", (MASKED_TO,))
    connection.execute(f"PRAGMA secure_delete = {overwrites:d}").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _encrypt_and_mask(database: DatabaseProxy, vault: Vault, after: tuple[int, ...]) -> None:
    """Do so with the webhooks, and the attempts and changes after these ids."""
    attempt, change = after
    connection = database.connection()
    if has_urls(database):
        _encrypt(connection, vault.cipher(fingerprint_in(database)))
    connection.create_function("masked_url", 1, _masked, deterministic=True)
    connection.create_function("masked_answer", 2, _masked_answer, deterministic=True)
    connection.create_function("masked_detail", 1, _masked_detail, deterministic=True)
    connection.execute(
        "UPDATE attempt SET url = masked_url(url), detail = masked_answer(detail, url),"
        " answer_headers = masked_answer(answer_headers, url),"
        " answer_body = masked_answer(answer_body, url) WHERE id > ? AND url <> masked_url(url)",
        (attempt,),
    )
    connection.execute("UPDATE webhook SET url = masked_url(url) WHERE url <> masked_url(url)")
    connection.execute(
        "UPDATE change SET detail = masked_detail(detail)"
        " WHERE id > ? AND (webhook_id IS NOT NULL OR action LIKE 'webhook.%')"
        " AND detail <> masked_detail(detail)",
        (change,),
    )


def has_urls(database: DatabaseProxy) -> bool:
    """True if there is anything to encrypt, for which the key is needed."""
    return bool(_to_encrypt(database.connection()))


def _to_encrypt(connection: sqlite3.Connection) -> list[tuple[int, str, bytes | None]]:
    rows = connection.execute("SELECT id, url, headers FROM webhook WHERE erased_ms IS NULL")
    return [row for row in rows.fetchall() if _masked(row[1]) != row[1]]


def fingerprint_in(database: DatabaseProxy) -> str | None:
    """The fingerprint of the key that the file is encrypted with."""
    found = database.execute_sql("SELECT value FROM fact WHERE name = ?", (FINGERPRINT,)).fetchone()
    return None if found is None else str(found[0])


def _encrypt(connection: sqlite3.Connection, cipher: MultiFernet) -> None:
    for webhook_id, url, encrypted in _to_encrypt(connection):
        headers = [] if encrypted is None else _decrypted(encrypted, cipher, webhook_id)
        target = cipher.encrypt(json.dumps({"url": url, "headers": headers}).encode())
        connection.execute("UPDATE webhook SET headers = ? WHERE id = ?", (target, webhook_id))


def _decrypted(encrypted: bytes, cipher: MultiFernet, webhook_id: int) -> Any:
    from cryptography.fernet import InvalidToken

    try:
        return json.loads(cipher.decrypt(encrypted))
    except InvalidToken:
        raise WrongKey(
            f"the key does not open the headers of webhook {webhook_id}, and nothing was changed: "
            "delete it with the Tocsin of before, then upgrade"
        ) from None


def _masked(url: str) -> str:
    match = _SHOWN.fullmatch(url)
    if match is None:
        return _DOTS
    scheme, host, first, rest = match.groups(default="")
    if len(first) > _LONG:
        return f"{scheme}{host}/{_DOTS}"
    if rest in ("", "/", "?"):
        return scheme + host + first + rest
    return f"{scheme}{host}{first}{rest[0]}{_DOTS}"


def _masked_answer(answer: str | bytes, url: str) -> str | bytes:
    for part in _BETWEEN.split(url.partition("://")[2])[1:]:
        if len(part) >= _LONG:
            if isinstance(answer, bytes):
                answer = answer.replace(part.encode(), _DOTS.encode())
            else:
                answer = answer.replace(part, _DOTS)
    return answer


def _masked_detail(detail: str) -> str:
    return json.dumps(_with_masked_urls(json.loads(detail)), ensure_ascii=False)


def _with_masked_urls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: _masked(member)
        if name == "url" and isinstance(member, str)
        else _with_masked_urls(member)
        for name, member in value.items()
    }
