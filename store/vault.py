"""Encryption at rest for header values and signing secrets.

The key lies in a file beside the database, never in it. It is made once, with the store, and
never a second time: a lost key leaves the webhooks visible and sends nothing.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import WrongKey
from store.failures import failed_system_call
from store.files import sync_folder, write_new
from store.models import Fact

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

FINGERPRINT = "key_fingerprint"


class Vault:
    """The key file of one store. Reading it waits until something must be de- or encrypted."""

    def __init__(self, key_file: Path, store_path: Path) -> None:
        self.key_file = key_file
        self.store_path = store_path

    def place(self, key: bytes) -> None:
        """Make the key file, which must not be there yet. Raises StoreUnavailable."""
        draft = self.key_file.with_name(f".{self.key_file.name}.{secrets.token_hex(8)}")
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
        """The key by which is encrypted. Raises WrongKey."""
        return self._keys()[0]

    def fingerprint(self) -> str:
        """A short name of the key that reveals nothing of it."""
        return fingerprint_of(self.key())

    def check(self) -> None:
        """Raise WrongKey unless the key file is the one that this store was made with."""
        known = Fact.get_or_none(Fact.name == FINGERPRINT)
        if known is not None and known.value not in map(fingerprint_of, self._keys()):
            raise WrongKey(
                f"the key file {self.key_file} is not the key of {self.store_path}: "
                "put the right key file back, or name it with key_file"
            )

    def encrypt(self, text: str) -> bytes:
        """Encrypt text; raises WrongKey rather than write under a key that is not the store's."""
        return self._checked.encrypt(text.encode())

    def decrypt(self, token: bytes) -> str:
        """Decrypt what `encrypt` made; raises WrongKey."""
        from cryptography.fernet import InvalidToken

        try:
            return self._checked.decrypt(bytes(token)).decode()
        except InvalidToken:
            raise WrongKey(
                f"the key file {self.key_file} does not open a secret in {self.store_path}"
            ) from None

    @cached_property
    def _checked(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        self.check()
        return MultiFernet([Fernet(key) for key in self._keys()])

    def _keys(self) -> list[bytes]:
        try:
            mode = self.key_file.stat().st_mode & 0o777
            keys = self.key_file.read_bytes().split()
        except FileNotFoundError:
            raise WrongKey(
                f"the key file {self.key_file} is missing: put it back (a store's key is never "
                "made a second time)"
            ) from None
        except OSError as error:
            raise WrongKey(f"the key file {self.key_file}: {error.strerror}") from error
        if mode & 0o077:
            raise WrongKey(
                f"the key file {self.key_file} can be read by others (mode {mode:04o}): "
                f"run `chmod 0400 {self.key_file}`"
            )
        if not keys or any(len(key) != 44 for key in keys):
            raise WrongKey(f"the key file {self.key_file} holds no key")
        return keys


def new_key() -> bytes:
    """Make a key, which is not written anywhere yet."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key()


def fingerprint_of(key: bytes) -> str:
    """A short name of a key that reveals nothing of it."""
    return hashlib.sha256(b"tocsin key\0" + key).hexdigest()[:16]
