"""The two files that an agent or a broker needs: printed, or written into a folder."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from cli.client.text import files_shape, files_text
from cli.context import Context
from cli.exit_codes import ExitCode, Failure
from domain import clients as kinds
from domain.clients import AGENT, BROKER, ConfFile
from store.clients import NOUNS
from store.errors import Conflict, StoreUnavailable
from store.files import write_new
from store.records import Client

_PROGRAMS = {AGENT: "procustodibus-agent", BROKER: "procustodibus-broker"}


def files_of(client: Client, url: str, code: str) -> tuple[ConfFile, ConfFile]:
    """The file of settings, and the file with the set-up code."""
    until_ms = client.setup_until_ms or 0
    if client.kind == AGENT:
        return kinds.agent_files(url, client.host_id, client.user_id, code, until_ms)
    return kinds.broker_files(url, client.user_id, code, until_ms)


def check_target(folder: str | None, kind: str) -> None:
    """Make the folder of --into, before a code is made.

    Raises Failure where the files cannot be written into it.
    """
    if folder is None:
        return
    path = _absolute(folder)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(
            f"--into: {path} cannot be made a folder: {error.strerror}; name another folder",
            ExitCode.CHECK_FAILED,
        ) from None
    is_host = kind == AGENT
    files = kinds.agent_files("", "", "", "", 0) if is_host else kinds.broker_files("", "", "", 0)
    taken = [path / file.name for file in files if (path / file.name).exists()]
    if taken:
        raise Failure(
            f"--into: {taken[0]} is there already: move it away, or name another folder",
            ExitCode.CHECK_FAILED,
        )


def hand_over(client: Client, url: str, code: str, args: Namespace, context: Context) -> None:
    """Print the files, or write them into the folder of --into, and note the next step."""
    files = files_of(client, url, code)
    if args.into is None:
        _print(client, url, files, args, context)
    else:
        _write(client, url, files, args, context)
    if warning := kinds.reach_warning(url):
        context.out.warn(f"{warning}, or say it here with --url.")
    program = _PROGRAMS[client.kind]
    shown = "is shown only now and can be used once" if args.into is None else "can be used once"
    context.out.note(
        f"Put these two files on the machine where {program} runs, into "
        f"{Path(files[0].path).parent}. The code in the second {shown}; {program} deletes that "
        "file when it has made its key."
    )
    context.out.note(kinds.NEXT_STEPS[client.kind])


def _print(
    client: Client, url: str, files: tuple[ConfFile, ...], args: Namespace, context: Context
) -> None:
    if args.json:
        context.out.json({"name": client.name} | files_shape(url, files))
    else:
        context.out.data(files_text(files))


def _write(
    client: Client, url: str, files: tuple[ConfFile, ...], args: Namespace, context: Context
) -> None:
    folder = _absolute(args.into)
    try:
        for file in files:
            write_new(folder / file.name, file.text.encode(), 0o600 if file.secret else 0o644)
    except (Conflict, StoreUnavailable) as error:
        again = f"tocsin {NOUNS[client.kind]} renew {client.name} --into FOLDER"
        raise Failure(
            f"{error}; {client.name} is there all the same: `{again}` makes its files anew",
            ExitCode.CHECK_FAILED,
        ) from None
    written = [str(folder / file.name) for file in files]
    if args.json:
        context.out.json({"name": client.name, "url": url, "written": written})
    else:
        context.out.data("\n".join(written))


def _absolute(folder: str) -> Path:
    return Path(folder).expanduser().absolute()
