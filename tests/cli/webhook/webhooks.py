"""Webhooks of a program under test: added, shown and read from its store."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cli.exit_codes import ExitCode
from store import audit, webhooks
from store.records import Webhook
from tests.support.program import ROOT, Tocsin
from tests.support.program_store import access_of
from tests.support.stores import Desk, events, fields
from tests.support.waiting import PATIENCE_S

TOKEN = "Bearer s3cret-token-3f9a"


SECRET = "whsec_" + "QUJD" * 10


ADD = ("webhook", "add", "--type", "alerts", "--url", "https://example.com/hook")


def add(tocsin: Tocsin, *options: str, stdin: str = "") -> int:
    """Add a webhook that must be taken; its id."""
    done = tocsin.run(*ADD, *options, stdin=stdin)
    assert done.returncode == ExitCode.OK, done.stderr
    return int(done.stdout)


def listed(tocsin: Tocsin) -> list[int]:
    """The ids of all webhooks."""
    return [one["id"] for one in json.loads(tocsin.run("webhook", "list", "--json").stdout)]


def refused(tocsin: Tocsin, *command: str, stdin: str = "") -> str:
    """Return the errors of values that are refused."""
    done = tocsin.run(*command, stdin=stdin)
    assert done.returncode == ExitCode.BAD_DATA, done.stderr
    assert done.stdout == ""
    return done.stderr


def shown(tocsin: Tocsin, webhook: int | str, *options: str) -> Any:
    """Return the output of `webhook show --json`."""
    done = tocsin.run("webhook", "show", str(webhook), "--json", *options)
    assert done.returncode == ExitCode.OK, done.stderr
    return json.loads(done.stdout)


def record(tocsin: Tocsin, webhook_id: int) -> Webhook:
    """The webhook as the store has it."""
    with access_of(tocsin) as desk:
        return desk.call(webhooks.find, webhook_id, desk.store.vault)


def actions(tocsin: Tocsin) -> list[str]:
    """The audit trail's actions, oldest first."""
    with access_of(tocsin) as desk:
        return [change.action for change in desk.call(audit.changes)][::-1]


def with_backlog(desk: Desk, name: str = "siem") -> int:
    """A webhook with a failing delivery of two events and three more queued."""
    webhook = desk.add(fields(name=name))
    desk.append(*events(1, 2))
    desk.end(desk.started(webhook), 503)
    desk.append(*events(3, 5))
    return webhook


def answered(
    tocsin: Tocsin, *command: str, reply: str, meanwhile: Callable[[], object] = lambda: None
) -> tuple[int, str]:
    """Run a command on a terminal and answer its question; its exit status and what it said."""
    terminal, programs_end = pty.openpty()
    with subprocess.Popen(
        [*tocsin.command, "--db", str(tocsin.db), *command],
        stdin=programs_end,
        stdout=subprocess.DEVNULL,
        stderr=programs_end,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tocsin.home), "PATH": os.environ["PATH"]},
    ) as process:
        os.close(programs_end)
        said = b""
        while not said.endswith(b"[y/N] "):
            said += os.read(terminal, 1024)
        meanwhile()
        os.write(terminal, reply.encode() + b"\n")
        status = process.wait(timeout=PATIENCE_S)
    with suppress(OSError):  # EIO is the end of a terminal
        while more := os.read(terminal, 65_536):
            said += more
    os.close(terminal)
    return status, said.decode()
