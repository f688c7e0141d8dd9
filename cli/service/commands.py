"""Commands of `tocsin service`: install, uninstall, and dump for a screen beside the service."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from cli.config_file import read_toml
from cli.context import Context
from cli.exit_codes import ExitCode, Failure
from cli.output import Output
from cli.service import files
from cli.service.files import ADMIN_GROUP, USER
from cli.service.host import Host, find_program, problems
from cli.service.steps import Adoption, Command, Folder, Removal, Step, StoreAndKey, TextFile
from sources.base import SourceError, install_cure
from sources.geo import Geo
from sources.wireguard.command import DumpCommand, unreadable_line
from sources.wireguard.dump import DumpError, without_keys
from sources.wireguard.rights import DUMP, system_wg

DATA_FOLDER = "/var/lib/tocsin"
STORE = f"{DATA_FOLDER}/tocsin.db"
CONFIG_FOLDER = "/etc/tocsin"
CONFIG = f"{CONFIG_FOLDER}/tocsin.toml"
KEY = f"{CONFIG_FOLDER}/key"
UNIT = "/etc/systemd/system/tocsin.service"
SUDOERS = "/etc/sudoers.d/tocsin"

NEXT = f"""\
To start it now and at every boot:   systemctl enable --now tocsin
To let an account administer it:     usermod --append --groups {ADMIN_GROUP} ACCOUNT
It then runs:                        sudo -u tocsin {{program}} status"""

NO_WG = "wg is missing: install wireguard-tools first"


def install(args: Namespace, context: Context) -> None:
    """Make the user, the store, the unit and the sudo rule, as far as they are missing."""
    _need_root(args)
    host = Host(Path(args.root))
    program = find_program(host)
    _refuse_unsafe(problems(host, program), args.dry_run, context.out)
    if args.with_wireguard and host.find("wg") is None:
        raise Failure(NO_WG, ExitCode.UNAVAILABLE)
    steps = installation(
        host, program, with_wireguard=args.with_wireguard, new_store=args.new_store
    )
    _carry_out(steps, host, args.dry_run, context.out)
    if not args.dry_run:
        context.out.note(NEXT.format(program=_as_sudo_finds_it(host, program)))
        if host.is_running:
            context.out.note(f"Countries of addresses are told by: {_country_data(context)}")


def uninstall(args: Namespace, context: Context) -> None:
    """Remove the unit and the sudo rule, and with --purge the store, key, settings and accounts."""
    _need_root(args)
    host = Host(Path(args.root))
    if args.purge and not args.dry_run:
        context.out.confirm(_loss(host), args.yes)
    steps = removal(host, purge=args.purge)
    _carry_out(steps, host, args.dry_run, context.out)
    if not args.purge and not args.dry_run:
        kept = f"{DATA_FOLDER} and {CONFIG_FOLDER}"
        context.out.note(f"{kept} are kept; `tocsin service uninstall --purge` removes them.")


def dump(args: Namespace, context: Context) -> None:
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


def installation(
    host: Host, program: str, *, with_wireguard: bool, new_store: bool = False
) -> list[Step]:
    """The steps that install the service."""
    unit = files.unit(program, with_wireguard=with_wireguard)
    steps: list[Step] = [
        *_accounts(host),
        Folder(DATA_FOLDER, 0o700, USER),
        Adoption(DATA_FOLDER, USER),
        Folder(CONFIG_FOLDER, 0o755, "root"),
        TextFile(CONFIG, files.CONFIG, 0o644, keep=True),
    ]
    if _keeps_key_in_etc(host):
        steps.append(StoreAndKey(STORE, KEY, USER, new_store))
    if host.is_running:
        steps.append(Command((program, "db", "upgrade", "--config", CONFIG), lambda: True))
    steps.append(TextFile(UNIT, unit, 0o644))
    rule = files.sudoers(program, with_wireguard=with_wireguard)
    steps.append(TextFile(SUDOERS, rule, 0o440, check=("visudo", "-c", "-q", "-f")))
    return steps + _reload(host)


def removal(host: Host, *, purge: bool) -> list[Step]:
    """The steps that remove the service; with `purge` also its data and accounts."""
    steps: list[Step] = []
    if host.has_systemd:
        stop = ("systemctl", "disable", "--now", "tocsin.service")
        steps.append(Command(stop, host.path(UNIT).exists))
    steps += [Removal(UNIT), Removal(SUDOERS), *_reload(host)]
    if purge:
        steps += [Removal(DATA_FOLDER), Removal(CONFIG_FOLDER)]
        steps.append(Command(_accounts_command(host, "userdel", USER), lambda: host.has_user(USER)))
        steps.append(
            Command(
                _accounts_command(host, "groupdel", ADMIN_GROUP),
                lambda: host.has_group(ADMIN_GROUP),
            )
        )
    return steps


def _accounts(host: Host) -> list[Step]:
    options = ("--system", "--user-group", "--no-create-home", "--home-dir", DATA_FOLDER)
    user = _accounts_command(host, "useradd", *options, "--shell", "/usr/sbin/nologin", USER)
    group = _accounts_command(host, "groupadd", "--system", ADMIN_GROUP)
    return [
        Command(user, lambda: not host.has_user(USER)),
        Command(group, lambda: not host.has_group(ADMIN_GROUP)),
    ]


def _accounts_command(host: Host, program: str, *words: str) -> tuple[str, ...]:
    """A command about accounts, such as useradd, on this host or on an image of one."""
    where = () if host.is_running else ("--prefix", str(host.root))
    return (program, *where, *words)


def _reload(host: Host) -> list[Step]:
    reload = Command(("systemctl", "daemon-reload"), lambda: True)
    return [reload] if host.has_systemd else []


def _keeps_key_in_etc(host: Host) -> bool:
    """True if the key belongs in /etc/tocsin: the admin's file may name another path."""
    path = host.path(CONFIG)
    if not path.exists():
        return True
    content = read_toml(path)
    if content.get("db", STORE) != STORE:
        reason = f"{path}: db is {content['db']}, but the service keeps its store in {STORE}"
        raise Failure(f"{reason}; remove the line", ExitCode.CONFIG)
    return content.get("key_file") == KEY


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
    changes = 0
    for step in steps:
        if change := step.apply(host):
            changes += 1
            out.data(change)
            out.flush()
    if not changes:
        out.data("nothing to do")


def _country_data(context: Context) -> str:
    """The country data that the service uses while no geo_db is set."""
    data = Geo([]).country_data
    return data.age(context.now_ms()) if data else f"nothing; {install_cure('geo')}"


def _as_sudo_finds_it(host: Host, program: str) -> str:
    return "tocsin" if host.find("tocsin") == program else program


def _loss(host: Host) -> str:
    folder = host.path(DATA_FOLDER)
    sizes = [path.stat().st_size for path in folder.glob("*")] if folder.is_dir() else []
    what = f"the store with all its events ({sum(sizes):,} bytes in {folder})"
    return f"Remove {what}, the key to its secrets and the settings for ever?"
