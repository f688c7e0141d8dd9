"""Arguments: values from files, filters, and following what comes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cli.context import Context
from cli.exit_codes import ExitCode, Failure
from domain.filters import FilterReader, Terms
from domain.urls import receiver
from store import audit, webhooks
from store.database import Store

if TYPE_CHECKING:
    from cli.output import Output


STDIN = "-"
LIMIT = 1_000_000


class ValueReader:
    """Reads what @FILE, @- and --headers-file name; stdin only once in a run."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._stdin_taken = False

    def value(self, text: str) -> str:
        """`text` itself, or what the file or stdin holds that it names, without its last newline.

        Raises Failure, or OSError that names the file.
        """
        if not text.startswith("@"):
            return text
        return self.file(text[1:]).removesuffix("\n").removesuffix("\r")

    def file(self, name: str) -> str:
        """The text of a file, or of stdin for "-"."""
        try:
            return self.data(name).decode()
        except UnicodeDecodeError:
            raise Failure(f"{input_name(name)}: it is no UTF-8 text", ExitCode.BAD_DATA) from None

    def data(self, name: str, limit: int = LIMIT) -> bytes:
        """The bytes of a file, or of stdin for "-"."""
        data = self._read_stdin(limit) if name == STDIN else _read_file(name, limit)
        if len(data) > limit:
            raise Failure(
                f"{input_name(name)}: it is longer than {limit:,} bytes", ExitCode.BAD_DATA
            )
        return data

    def _read_stdin(self, limit: int) -> bytes:
        if self._stdin_taken:
            raise Failure("stdin can be read for one value only: use @FILE", ExitCode.USAGE)
        self._stdin_taken = True
        return self._out.stdin.read(limit + 1)


def input_name(name: str) -> str:
    """The name of an input in a sentence."""
    return "stdin" if name == STDIN else name


def _read_file(name: str, limit: int) -> bytes:
    with open(name, "rb") as file:
        return file.read(limit + 1)


def read_filter(text: str | None, offered: Sequence[str], store: Store, context: Context) -> Terms:
    """The terms of `--filter`. Raises Failure with what to write instead."""
    if text is None:
        return ()
    reader = FilterReader(_names(store), context.now_ms(), offered)
    try:
        return reader.read(text)
    except ValueError as error:
        raise Failure(f"--filter: {error}", ExitCode.USAGE) from None


def _names(store: Store) -> dict[int, str]:
    """What webhooks are called, deleted ones too; one without a name by its receiver."""
    every = store.call(webhooks.load_all, None)
    here = {webhook.id: webhook.fields.name or _receiver(webhook.fields.url) for webhook in every}
    return store.call(audit.webhook_names) | here


def _receiver(url: str) -> str:
    return receiver(url).removeprefix("http://")


EVERY_S = 0.25


def looks(context: Context) -> Iterator[None]:
    """One look after the other, until Ctrl+C; what was shown before is handed over first."""
    while True:
        context.out.flush()
        time.sleep(EVERY_S)
        yield
