"""`tocsin service`: make this host run Tocsin, or stop it from doing so."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from cli import service
from cli.context import Context
from cli.exit_codes import ExitCode, Failure
from cli.output import Output
from cli.service_files import ADMIN_GROUP
from cli.service_host import Host
from cli.service_program import find_program, problems
from cli.service_steps import Step
from sources.base import SourceError, install_cure
from sources.geo import Geo
from sources.wireguard.command import DumpCommand, unreadable_line
from sources.wireguard.dump import DumpError, without_keys
from sources.wireguard.rights import DUMP, system_wg

NEXT = f"""\
To start it now and at every boot:   systemctl enable --now tocsin
To let an account administer it:     usermod --append --groups {ADMIN_GROUP} ACCOUNT
It then runs:                        sudo -u tocsin {{program}} status"""

NO_WG = "wg is missing: install wireguard-tools first"


def install(args: Namespace, context: Context) -> ExitCode:
    """Make the user, the store, the unit and the sudo rule, as far as they are missing."""
    _need_root(args)
    host = Host(Path(args.root))
    program = find_program(host)
    _refuse_unsafe(problems(host, program), args.dry_run, context.out)
    if args.with_wireguard and host.find("wg") is None:
        raise Failure(NO_WG, ExitCode.UNAVAILABLE)
    steps = service.installation(
        host, program, with_wireguard=args.with_wireguard, new_store=args.new_store
    )
    _carry_out(steps, host, args.dry_run, context.out)
    if not args.dry_run:
        context.out.note(NEXT.format(program=_as_sudo_finds_it(host, program)))
        if host.is_running:
            context.out.note(f"Countries of addresses are told by: {_country_data(context)}")
    return ExitCode.OK


def uninstall(args: Namespace, context: Context) -> ExitCode:
    """Remove the unit and the sudo rule; with --purge all that the service has kept, too."""
    _need_root(args)
    host = Host(Path(args.root))
    if args.purge and not args.dry_run and not context.out.confirm(_loss(host), args.yes):
        return ExitCode.CHECK_FAILED
    steps = service.removal(host, purge=args.purge)
    _carry_out(steps, host, args.dry_run, context.out)
    if not args.purge and not args.dry_run:
        kept = f"{service.DATA_FOLDER} and {service.CONFIG_FOLDER}"
        context.out.note(f"{kept} are kept; `tocsin service uninstall --purge` removes them.")
    return ExitCode.OK


def dump(args: Namespace, context: Context) -> ExitCode:
    """Print the dump of this host's WireGuard without its keys, for a screen beside the service."""
    if os.geteuid() != 0:
        raise Failure("only root may do this", ExitCode.PERMISSION)
    wg = system_wg(DUMP)
    if wg is None:
        raise Failure(NO_WG, ExitCode.UNAVAILABLE)
    try:
        printed = DumpCommand(shlex.join((wg, *DUMP[1:]))).run()  # the search path may be another's
        context.out.raw(without_keys(printed.dump).encode())
    except (SourceError, DumpError) as error:
        raise Failure(str(error), ExitCode.UNAVAILABLE) from None
    for interface in sorted(printed.unreadable):
        context.out.note(unreadable_line(interface))
    return ExitCode.OK


def _need_root(args: Namespace) -> None:
    if os.geteuid() != 0 and not args.dry_run:
        raise Failure(
            "only root may do this: run it with sudo, or look with --dry-run", ExitCode.PERMISSION
        )


def _refuse_unsafe(reasons: Sequence[str], dry_run: bool, out: Output) -> None:
    if reasons and not dry_run:
        raise Failure("\n".join(reasons), ExitCode.PERMISSION)
    for reason in reasons:
        out.note(f"tocsin: {reason}")


def _carry_out(steps: Sequence[Step], host: Host, dry_run: bool, out: Output) -> None:
    if dry_run:
        out.data("\n".join(step.outline() for step in steps))
        return
    done = [what for step in steps if (what := _apply(step, host, out))]
    if not done:
        out.data("nothing to do")


def _apply(step: Step, host: Host, out: Output) -> str | None:
    what = step.apply(host)
    if what:
        out.data(what)
        out.flush()
    return what


def _country_data(context: Context) -> str:
    """Name what tells the service countries as long as no geo_db is set."""
    data = Geo([]).country_data
    return data.age(context.now_ms()) if data else f"nothing; {install_cure('geo')}"


def _as_sudo_finds_it(host: Host, program: str) -> str:
    return "tocsin" if host.find("tocsin") == program else program


def _loss(host: Host) -> str:
    folder = host.path(service.DATA_FOLDER)
    sizes = [path.stat().st_size for path in folder.glob("*")] if folder.is_dir() else []
    what = f"the store with all its events ({sum(sizes):,} bytes in {folder})"
    return f"Remove {what}, the key to its secrets and the settings for ever?"
