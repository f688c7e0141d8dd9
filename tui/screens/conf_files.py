"""The files that an agent needs on its host, to be copied; the code in them is shown this once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from domain.clients import AGENT, NEXT_STEPS, ConfFile
from domain.safe import safe
from tui.clipboard import copy
from tui.keys import and_key, key_of
from tui.widgets.key_bar import KeyBar

LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Files:
    """What a host needs; one of the files holds its set-up code.

    warning: why another machine would not find us by these files, "" where it would
    """

    host: str
    files: Sequence[ConfFile]
    warning: str = ""


class ConfFilesScreen(ModalScreen[None]):
    """Each file with its place, and a key that copies it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "copy_file(0)", "copy the first", id="conf-files.first"),
        Binding("2", "copy_file(1)", "copy the second", id="conf-files.second"),
        Binding("q,escape", "dismiss(None)", "close", id="conf-files.close"),
    ]

    def __init__(self, files: Files) -> None:
        super().__init__()
        self._host = files.host
        self._files = files.files
        self._warning = files.warning

    def compose(self) -> ComposeResult:
        keys = [key_of(self, id_) for id_ in ("conf-files.first", "conf-files.second")]
        with VerticalScroll(classes="bare"):
            if self._warning:
                yield Static(Text(f"▲ {self._warning}\n", style="bold"))
            yield Static(
                Text(
                    f"Put these two files on {safe(self._host)} as root, the second 0600. "
                    f"{NEXT_STEPS[AGENT]}\n"
                    "The code in the second is shown only now and works once; c makes a new one.\n"
                )
            )
            for key, file in zip(keys, self._files, strict=False):
                yield Static(Text(and_key(safe(file.path), key, "copies it", "   "), style="bold"))
                yield Static(Text(safe(file.text, LONGEST, keep_newlines=True)))
        yield KeyBar()

    def action_copy_file(self, index: int) -> None:
        """Copy one of the files."""
        self.run_worker(copy(self, self._files[index].text), exit_on_error=False)
