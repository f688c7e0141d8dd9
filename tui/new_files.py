"""Files that an admin lets the screen write: never over one that is there, and told either way."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from textual.screen import Screen

from domain.words import size_text
from tui.notices import tell


async def write_new(screen: Screen[Any], path: str, data: bytes) -> None:
    """Write a new file that only its owner can read, and tell where it is, or why there is none."""
    try:
        written = await asyncio.to_thread(_write, path, data)
    except FileExistsError:
        tell(screen, f"{path} is there already: choose another name", bad=True)
    except RuntimeError:
        tell(screen, f"cannot write {path}: there is no such user", bad=True)
    except OSError as error:
        tell(screen, f"cannot write {path}: {error.strerror}", bad=True)
    else:
        tell(screen, f"wrote {size_text(len(data))} to {written}")


def _write(path: str, data: bytes) -> Path:
    """Where it was written to, folder and all."""
    file_path = Path(path).expanduser().absolute()
    descriptor = os.open(file_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return file_path
