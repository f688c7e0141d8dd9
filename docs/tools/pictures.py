"""Make the pictures of the manual from a store with made-up data."""

from __future__ import annotations

import tempfile
from pathlib import Path

from docs.tools.parts import DOCS
from store.database import open_store
from tests.support.apps import Bench
from tests.support.scenes import furnish

FOLDER = DOCS / "pictures"
SIZE = (96, 24)
PICTURES = {"webhooks": (), "form": ("e",), "delivery": ("2", "enter")}


async def take(bench: Bench, name: str, keys: tuple[str, ...]) -> None:
    """Drive a new app to a screen and write what it shows."""
    app = bench.app()
    async with app.run_test(size=SIZE) as pilot:
        for key in keys:
            await pilot.press(key)
            await app.workers.wait_for_complete()
            await pilot.pause()
        await pilot.pause()
        picture = app.export_screenshot(title="Tocsin", simplify=True)
        (FOLDER / f"{name}.svg").write_text(picture, encoding="utf-8")


async def take_all() -> None:
    """Make every picture anew."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(open_store(Path(folder) / "tocsin.db"))
        lock = furnish(bench)
        for name, keys in PICTURES.items():
            await take(bench, name, keys)
        lock.release()
        bench.opened.close()
