"""Arguments of commands: values from files and stdin, filters, and the pace of --follow."""

from __future__ import annotations

import time
from argparse import Namespace
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
INPUT_LIMIT = 1_000_000
"""Bytes that are read of a file or stdin where a command names no other limit."""

POLL_S = 0.25


class ValueReader:
    """Reader of the values that @FILE, @- and --headers-file name; stdin only once in a run."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._stdin_taken = False

    def value(self, text: str) -> str:
        """`text` itself, or the text of the file or stdin that it names, without its last newline.

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

    def data(self, name: str, limit: int = INPUT_LIMIT) -> bytes:
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
    """The terms of `--filter`. Raises Failure that says how to write it."""
    if text is None:
        return ()
    reader = FilterReader(_names(store), context.now_ms(), offered)
    try:
        return reader.read(text)
    except ValueError as error:
        raise Failure(f"--filter: {error}", ExitCode.USAGE) from None


def _names(store: Store) -> dict[int, str]:
    """The names of webhooks, deleted ones too; without a name the receiver."""
    here = {
        webhook.id: webhook.fields.name or receiver(webhook.fields.url).removeprefix("http://")
        for webhook in store.call(webhooks.load_all, None)
    }
    return store.call(audit.webhook_names) | here


def given_options(args: Namespace) -> dict[str, str]:
    """The options of a source or kind of alert that are given, by name."""
    prefix = "option_"
    return {
        name.removeprefix(prefix): text
        for name, text in vars(args).items()
        if name.startswith(prefix) and text is not None
    }


def polls(context: Context) -> Iterator[None]:
    """Yield every POLL_S until Ctrl+C; the output is flushed before each wait."""
    while True:
        context.out.flush()
        time.sleep(POLL_S)
        yield
