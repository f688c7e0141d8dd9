"""Floor of a screen, a bare app with one DataTable: `python -m bench.screen.floor_app`."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import DataTable, Footer, Header

ROWS = 20
COLUMNS = ("State", "Type", "Receiver", "Queued", "Last", "Next")
LAST_ROW = "receiver-19"


class FloorApp(App[None]):
    """As much as 20 webhooks of Tocsin's list, and nothing behind it."""

    def compose(self) -> ComposeResult:
        yield Header()
        yield DataTable[str](cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns(*COLUMNS)
        for number in range(ROWS):
            table.add_row("active", "Alerts", f"receiver-{number}", "0", "200 2m", "idle")


if __name__ == "__main__":
    FloorApp().run()
