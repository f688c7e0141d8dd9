"""New stores, each a copy of one that was made first: making one takes longer than most tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.settings import KEY_NAME
from store.database import Store, open_store


def new_store(path: Path) -> Store:
    """Open a new store at `path`, with its key beside it."""
    database, key = _made()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(path, database, 0o600)
    _write(path.with_name(KEY_NAME), key, 0o400)
    return open_store(path)


@cache
def _made() -> tuple[bytes, bytes]:
    """The files of a new store that nobody has open."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "home", "tocsin.db")
        open_store(path).close()
        return path.read_bytes(), path.with_name(KEY_NAME).read_bytes()


def _write(path: Path, content: bytes, mode: int) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(content)
    path.chmod(mode)
