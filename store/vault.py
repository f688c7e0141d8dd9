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
from store.files import sync_folder
from store.models import Fact

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

FINGERPRINT = "key_fingerprint"


class Vault:
    """The key file of one store. Reading it waits until something must be de- or encrypted."""

    def __init__(self, key_file: Path, store_path: Path) -> None:
        self.key_file = key_file
        self.store_path = store_path

    def make_key(self) -> None:
        """Make the key file unless it is there already; of several processes one wins."""
        from cryptography.fernet import Fernet

        if self.key_file.exists():
            return
        draft = self.key_file.with_name(f".{self.key_file.name}.{secrets.token_hex(8)}")
        try:
            self.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(Fernet.generate_key() + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                os.link(draft, self.key_file)
                sync_folder(self.key_file)
            except FileExistsError:
                return
            finally:
                draft.unlink()
        except OSError as error:
            raise WrongKey(f"cannot make the key file {self.key_file}: {error.strerror}") from error

    def fingerprint(self) -> str:
        """A short name of the key that reveals nothing of it."""
        return _fingerprint(self._keys()[0])

    def check(self) -> None:
        """Raise WrongKey unless the key file is the one that this store was made with."""
        known = Fact.get_or_none(Fact.name == FINGERPRINT)
        if known is not None and known.value not in map(_fingerprint, self._keys()):
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


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(b"tocsin key\0" + key).hexdigest()[:16]
