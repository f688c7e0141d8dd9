"""Encryption at rest for URLs, header values and signing secrets.

The key is in a file beside the database, never in it. It is made once, with the store, and a
second time only when all is encrypted anew (`store/maintenance/rekey.py`): a lost key leaves the
webhooks visible and sends nothing.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import WrongKey, failed_system_call
from store.files import closed_database, sync_folder, write_new
from store.models import FactRow

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

FINGERPRINT = "key_fingerprint"
MOST_OPENED, LONGEST_OPENED = 4_096, 4_096
"""Values that are kept decrypted in memory, and the longest of them in bytes."""


class Vault:
    """The key file of one store. Reading it waits until something must be de- or encrypted.

    It is read again when the store has another key. While that replaces the old one it is in
    `next_file`; the fingerprint in the store says which of the two is the store's.
    """

    def __init__(self, key_file: Path, store_path: Path) -> None:
        self.key_file = key_file
        self.next_file = key_file.with_name(f"{key_file.name}.new")
        self.store_path = store_path
        self._cipher: tuple[str | None, MultiFernet] | None = None
        self._opened: dict[bytes, str] = {}

    def write_key(self, key: bytes) -> None:
        """Make the key file, which must not be there yet. Raises StoreUnavailable."""
        draft = self.key_file.with_name(f".{self.key_file.name}.{os.urandom(8).hex()}")
        try:
            self.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                write_new(draft, key + b"\n", 0o400)
                os.link(draft, self.key_file)
                sync_folder(self.key_file)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            what = f"cannot make the key file {self.key_file}"
            raise failed_system_call(error, what) from error

    def key(self) -> bytes:
        """Return the key in the key file that encrypts. Raises WrongKey."""
        return keys_in(self.key_file)[0]

    def fingerprint(self) -> str:
        """Return a short name of the key that reveals nothing of it."""
        return fingerprint_of(self.key())

    def store_fingerprint(self) -> str | None:
        """Return the fingerprint of the key that the store is encrypted with."""
        known = FactRow.get_or_none(FactRow.name == FINGERPRINT)
        return None if known is None else str(known.value)

    def keys(self) -> list[bytes]:
        """Return the keys that open the store. Raises WrongKey."""
        return self._keys_of(self.store_fingerprint())

    def check(self) -> None:
        """Raise WrongKey unless there is the key that this store is encrypted with."""
        self.keys()

    def encrypt(self, text: str) -> bytes:
        """Encrypt text; raises WrongKey rather than write under a key that is not the store's.

        Called within the transaction that writes it, so that no other key comes in between.
        """
        return self.cipher(self.store_fingerprint()).encrypt(text.encode())

    def decrypt(self, token: bytes) -> str:
        """Decrypt what `encrypt` made; raises WrongKey.

        What an attempt needs is decrypted once, not at each attempt.
        """
        token = bytes(token)
        text = self._opened.get(token)
        if text is None:
            text = self._decrypted(token)
            if len(self._opened) >= MOST_OPENED:
                self._opened.clear()
            if len(token) <= LONGEST_OPENED:
                self._opened[token] = text
        return text

    def _decrypted(self, token: bytes) -> str:
        from cryptography.fernet import InvalidToken

        cipher = self._cipher[1] if self._cipher else self.cipher(self.store_fingerprint())
        for _ in range(2):
            try:
                return cipher.decrypt(token).decode()
            except InvalidToken:
                cipher = self.cipher(
                    self.store_fingerprint()
                )  # the store may have another key by now
        raise WrongKey(
            f"the key file {self.key_file} does not open a secret in {self.store_path}"
        ) from None

    def cipher(self, known: str | None) -> MultiFernet:
        """Return the cipher of the key with this fingerprint. Raises WrongKey."""
        from cryptography.fernet import Fernet, MultiFernet

        kept = self._cipher  # the other threads of the store may have another at any moment
        if kept is None or kept[0] != known:
            kept = known, MultiFernet([Fernet(key) for key in self._keys_of(known)])
            self._cipher = kept
        return kept[1]

    def _keys_of(self, known: str | None) -> list[bytes]:
        """Return the keys of the file with the known one: `next_file` first, for it may move."""
        beside = self._keys_beside()
        if known is not None and known in map(fingerprint_of, beside):
            return beside
        keys = keys_in(self.key_file)
        if known is not None and known not in map(fingerprint_of, keys):
            raise WrongKey(
                f"the key file {self.key_file} is not the key of {self.store_path}: "
                "put the right key file back, or name it with key_file"
            )
        return keys

    def _keys_beside(self) -> list[bytes]:
        if not self.next_file.exists():
            return []
        try:
            return keys_in(self.next_file)
        except WrongKey:
            return []


def keys_in(file: Path) -> list[bytes]:
    """Return the keys in a key file, first the one that encrypts. Raises WrongKey."""
    try:
        mode = file.stat().st_mode & 0o777
        keys = file.read_bytes().split()
    except FileNotFoundError:
        raise WrongKey(
            f"the key file {file} is missing: put it back (a store's key is never made a second "
            "time)"
        ) from None
    except OSError as error:
        raise WrongKey(f"the key file {file}: {error.strerror}") from error
    if mode & 0o077:
        raise WrongKey(
            f"the key file {file} can be read by others (mode {mode:04o}): run `chmod 0400 {file}`"
        )
    if not keys or any(len(key) != 44 for key in keys):
        raise WrongKey(f"the key file {file} holds no key")
    return keys


def new_key() -> bytes:
    """Make a key, which is not written anywhere yet."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key()


def fingerprint_in(path: Path) -> str | None:
    """Return the fingerprint that a store which nobody has open keeps of its key, if any."""
    try:
        with closed_database(path) as file:
            row = file.execute("SELECT value FROM fact WHERE name = ?", (FINGERPRINT,)).fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else str(row[0])


def fingerprint_of(key: bytes) -> str:
    """Return a short name of a key that reveals nothing of it."""
    return hashlib.sha256(b"tocsin key\0" + key).hexdigest()[:16]
