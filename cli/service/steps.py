"""Steps of an installation. Each can be described, and to take it twice changes no more."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import msgspec

from cli.exit_codes import ExitCode, Failure
from cli.service.host import Host
from domain.settings import KEY_NAME

KEYS = re.compile(rb"([A-Za-z0-9_-]{43}=\s+)+")


class Step(Protocol):
    """One change to the system."""

    def outline(self) -> str:
        """Describe the change, for --dry-run."""

    def apply(self, host: Host) -> str | None:
        """Make the change and describe it; None if there was nothing to do."""


class Command(msgspec.Struct, frozen=True):
    """Command that is run if `needed` returns true."""

    words: tuple[str, ...]
    needed: Callable[[], bool]

    def outline(self) -> str:
        return f"run     {shlex.join(self.words)}"

    def apply(self, host: Host) -> str | None:
        if not self.needed():
            return None
        host.run(self.words)
        return f"ran {shlex.join(self.words)}"


class Folder(msgspec.Struct, frozen=True):
    """Folder with its mode and owner."""

    path: str
    mode: int
    owner: str

    def outline(self) -> str:
        return f"folder  {self.path}  {self.mode:04o} {self.owner}"

    def apply(self, host: Host) -> str | None:
        target = host.path(self.path)
        if target.is_symlink():
            raise Failure(f"{target}: it is a link; make it a folder", ExitCode.UNAVAILABLE)
        new = not target.exists()
        _make_folders(target.parent)
        target.mkdir(exist_ok=True)
        target.chmod(self.mode)
        host.give(target, self.owner)
        return f"made {self.path}" if new else None


class TextFile(msgspec.Struct, frozen=True):
    """File of root. With `keep`, a file that is there already stays as it is.

    `check` is a command that must accept the draft of the file, if the host has the command.
    """

    path: str
    text: str
    mode: int
    keep: bool = False
    check: tuple[str, ...] = ()

    def outline(self) -> str:
        lines = "".join(f"        | {line}\n" for line in self.text.splitlines())
        stays = ", unless it is there" if self.keep else ""
        return f"file    {self.path}  {self.mode:04o} root{stays}\n{lines}".rstrip()

    def apply(self, host: Host) -> str | None:
        target = host.path(self.path)
        old = target.read_text() if target.exists() else None
        if old == self.text or (old is not None and self.keep):
            return None
        _make_folders(target.parent)
        write(host, target, self.text.encode(), self.mode, "root", self._accept)
        return f"wrote {self.path}"

    def _accept(self, host: Host, draft: Path) -> None:
        if self.check and host.find(self.check[0]):
            host.run([*self.check, str(draft)])


class Adoption(msgspec.Struct, frozen=True):
    """Change of owner of root's files in a folder, such as a store that root made before."""

    folder: str
    owner: str

    def outline(self) -> str:
        return f"owner   root's files in {self.folder} become {self.owner}'s"

    def apply(self, host: Host) -> str | None:
        adopted = [path for path in sorted(host.path(self.folder).iterdir()) if _is_of_root(path)]
        for path in adopted:
            host.give(path, self.owner)
        names = ", ".join(path.name for path in adopted)
        return f"gave {names} in {self.folder} to {self.owner}" if adopted else None


class StoreAndKey(msgspec.Struct, frozen=True):
    """Store and its key: made together, once, or the key moved from beside a store.

    A kill leaves neither, or an unused key with the draft of its store, which the next start or
    installation makes the store.
    """

    path: str
    key: str
    owner: str
    new_store: bool = False

    def outline(self) -> str:
        return (
            f"store   {self.path}  0600 {self.owner}, unless it is there\n"
            f"key     {self.key}  0400 {self.owner}, unless it is there"
        )

    def apply(self, host: Host) -> str | None:
        from store import creation

        store, key = host.path(self.path), host.path(self.key)
        if store.exists():
            return self._keep(host, store, key)
        if not creation.is_finished(creation.draft_of(store), key):
            if not self.new_store:
                creation.refuse_remains(store, key)
                creation.refuse_remains(store, store.with_name(KEY_NAME))
            self._build(host, creation.draft_of(store), key)
        creation.put_in_place(creation.draft_of(store), store)
        return f"made {self.path} and {self.key}"

    def _keep(self, host: Host, store: Path, key: Path) -> str | None:
        if key.exists():
            host.give(key, self.owner)
            return None
        beside = store.with_name(KEY_NAME)
        if beside.exists():
            write(host, key, _read_key(beside), 0o400, self.owner)
            beside.unlink()
            return f"moved the store's key to {self.key}"
        reason = f"{self.key}: the key of {self.path} is missing"
        raise Failure(f"{reason}: put it back, it cannot be made anew", ExitCode.UNAVAILABLE)

    def _build(self, host: Host, draft: Path, key_file: Path) -> None:
        """Build the store where only root may write, since its folder is another account's."""
        from store.creation import build
        from store.vault import fingerprint_of, new_key

        key = _read_key(key_file).split()[0] if key_file.exists() else new_key()
        with TemporaryDirectory() as folder:
            build(Path(folder, "store"), fingerprint_of(key))
            write(host, draft, Path(folder, "store").read_bytes(), 0o600, self.owner)
        write(host, key_file, key + b"\n", 0o400, self.owner)


class Removal(msgspec.Struct, frozen=True):
    """Removal of a file, or of a folder with its contents."""

    path: str

    def outline(self) -> str:
        return f"remove  {self.path}"

    def apply(self, host: Host) -> str | None:
        target = host.path(self.path)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        elif target.exists() or target.is_symlink():
            target.unlink()
        else:
            return None
        return f"removed {self.path}"


def write(
    host: Host,
    target: Path,
    content: bytes,
    mode: int,
    owner: str,
    accept: Callable[[Host, Path], None] = lambda host, draft: None,
) -> None:
    """Write a file whole or not at all; `accept` may refuse the draft before it is renamed."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        host.give(draft, owner)
        accept(host, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _make_folders(folder: Path) -> None:
    """Make folders of the system, which others must be able to enter whatever the umask is."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        path.chmod(0o755)


def _is_of_root(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_uid == 0 and status.st_nlink == 1


def _read_key(path: Path) -> bytes:
    """The content of a key file; links and other content are refused, since root reads it."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        content = file.read()
    if not KEYS.fullmatch(content):
        raise Failure(f"{path}: it holds no key", ExitCode.UNAVAILABLE)
    return content
