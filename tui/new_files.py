"""Files that an admin lets the screen write: never over one that is there, and told either way."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from domain.words import size_text


class NotWritten(Exception):
    """Why there is no file, for people."""


async def write_new(path: str, data: bytes) -> str:
    """Write a new file that only its owner can read; what to tell of it. Raises NotWritten."""
    try:
        written = await asyncio.to_thread(_write, path, data)
    except FileExistsError:
        raise NotWritten(f"{path} is there already: choose another name") from None
    except RuntimeError:
        raise NotWritten(f"cannot write {path}: there is no such user") from None
    except OSError as error:
        raise NotWritten(f"cannot write {path}: {error.strerror}") from None
    return f"wrote {size_text(len(data))} to {written}"


def _write(path: str, data: bytes) -> Path:
    """Where it was written to, folder and all."""
    file_path = Path(path).expanduser().absolute()
    descriptor = os.open(file_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return file_path
