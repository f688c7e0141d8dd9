"""Entry point: runs the command that argv names, and returns its exit code."""

from __future__ import annotations

import gc
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cli.exit_codes import ExitCode, Failure
from cli.output import Output, standard_streams
from cli.parser import build, load
from domain.version import VERSION
from sources.capabilities import keep_from_children

if TYPE_CHECKING:
    from pathlib import Path

    from cli.config_file import Configuration
    from cli.context import Context

Command = Callable[[Namespace, "Context"], ExitCode | None]
"""A command returns its exit code; None means that it is done."""

REKEY = "cli.db.rekey:rekey"
"""The one command that needs root's rights for a moment: the key's folder may be root's."""

SCREEN = "cli.screen:open_screen"
NO_SCREEN = "there is no terminal here: see `tocsin status`, or `tocsin --help` for all commands"


def main() -> ExitCode:
    """Run the command line of this process, without a search for garbage while it loads and ends.

    Such searches would take a fifth of a short command.
    """
    gc.disable()
    try:
        return run(sys.argv[1:])
    finally:
        gc.freeze()


def run(words: Sequence[str]) -> ExitCode:
    """Run a command line; an error becomes a line on stderr and the exit code."""
    os.umask(0o077)
    keep_from_children()
    out = Output(*standard_streams())
    command_line = _Run(list(words), out)
    try:
        exit_code = command_line.run()
        out.flush()
    except (Exception, KeyboardInterrupt) as error:
        from cli.failures import report

        return report(error, out, command_line.crash_folder)
    return exit_code


class _Run:
    """One run of a command line. `crash_folder`, the store's folder, is None until it is known."""

    def __init__(self, words: list[str], out: Output) -> None:
        self.words = words
        self.out = out
        self.crash_folder: Path | None = None

    def run(self) -> ExitCode:
        parser = build(self.words)
        args = parser.parse_args(self.words)
        if args.version:
            self.out.data(f"tocsin {VERSION}")
            return ExitCode.OK
        if args.run is None:
            if not self.out.stdout_is_terminal or not self.out.interactive:
                raise Failure(NO_SCREEN, ExitCode.USAGE)
            args.run = SCREEN
        return self._command(args)

    def _command(self, args: Namespace) -> ExitCode:
        from cli.config_file import default_configuration
        from cli.context import Context
        from cli.identity import find_actor

        actor = find_actor(os.environ)
        configuration = default_configuration() if args.standalone else self._configure(args)
        command: Command = load(args.run)
        if not gc.isenabled() and args.run != SCREEN:  # which loads until its first paint
            gc.freeze()  # what is loaded now stays: no collection needs to look at it again
            gc.enable()
        new_store = bool(args.new_store)
        with Context(configuration, actor, self.out, new_store=new_store) as context:
            return command(args, context) or ExitCode.OK

    def _configure(self, args: Namespace) -> Configuration:
        from cli.config_file import ConfigPaths, read_configuration
        from cli.identity import run_as_owner

        uid = os.geteuid()
        configuration = read_configuration(args, os.environ, ConfigPaths(is_root=uid == 0))
        for name in configuration.unknown_variables:
            self.out.note(f"tocsin: {name} is no setting of tocsin and was ignored")
        run_as_owner(configuration, self.words, uid, for_good=args.run != REKEY)
        self.crash_folder = configuration.db.parent
        return configuration


if __name__ == "__main__":
    sys.exit(main())
