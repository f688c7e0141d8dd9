"""What installing and removing the service of a host consists of."""

from __future__ import annotations

from cli import service_files as files
from cli.config_file import read_toml
from cli.exit_codes import ExitCode, Failure
from cli.service_files import ADMIN_GROUP, USER
from cli.service_host import Host
from cli.service_steps import Adoption, Command, Folder, Removal, Step, StoreAndKey, TextFile

DATA_FOLDER = "/var/lib/tocsin"
STORE = f"{DATA_FOLDER}/tocsin.db"
CONFIG_FOLDER = "/etc/tocsin"
CONFIG = f"{CONFIG_FOLDER}/tocsin.toml"
KEY = f"{CONFIG_FOLDER}/key"
UNIT = "/etc/systemd/system/tocsin.service"
SUDOERS = "/etc/sudoers.d/tocsin"


def installation(
    host: Host, program: str, *, with_wireguard: bool, new_store: bool = False
) -> list[Step]:
    """The steps that make the service."""
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
    """The steps that remove the service; with `purge` also all that it has kept."""
    steps: list[Step] = []
    if host.has_systemd:
        stop = ("systemctl", "disable", "--now", "tocsin.service")
        steps.append(Command(stop, host.path(UNIT).exists))
    steps += [Removal(UNIT), Removal(SUDOERS), *_reload(host)]
    if purge:
        steps += [Removal(DATA_FOLDER), Removal(CONFIG_FOLDER)]
        steps.append(Command(_for(host, "userdel", USER), lambda: host.has_user(USER)))
        steps.append(
            Command(_for(host, "groupdel", ADMIN_GROUP), lambda: host.has_group(ADMIN_GROUP))
        )
    return steps


def _accounts(host: Host) -> list[Step]:
    options = ("--system", "--user-group", "--no-create-home", "--home-dir", DATA_FOLDER)
    user = _for(host, "useradd", *options, "--shell", "/usr/sbin/nologin", USER)
    group = _for(host, "groupadd", "--system", ADMIN_GROUP)
    return [
        Command(user, lambda: not host.has_user(USER)),
        Command(group, lambda: not host.has_group(ADMIN_GROUP)),
    ]


def _for(host: Host, program: str, *words: str) -> tuple[str, ...]:
    """A command of the shadow suite, on this host or on an image."""
    where = () if host.is_running else ("--prefix", str(host.root))
    return (program, *where, *words)


def _reload(host: Host) -> list[Step]:
    reload = Command(("systemctl", "daemon-reload"), lambda: True)
    return [reload] if host.has_systemd else []


def _keeps_key_in_etc(host: Host) -> bool:
    """Whether the key belongs in /etc/tocsin: a file of the admin's may place it elsewhere."""
    place = host.path(CONFIG)
    if not place.exists():
        return True
    content = read_toml(place)
    if content.get("db", STORE) != STORE:
        reason = f"{place}: db is {content['db']}, but the service keeps its store in {STORE}"
        raise Failure(f"{reason}; remove the line", ExitCode.CONFIG)
    return content.get("key_file") == KEY
