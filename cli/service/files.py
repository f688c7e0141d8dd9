"""Texts of the files that `tocsin service install` writes: unit, sudo rule, configuration."""

from __future__ import annotations

import shlex

from domain.actors import SERVICE_ACCOUNT
from sources.wireguard.rights import KEYLESS

USER = SERVICE_ACCOUNT
ADMIN_GROUP = "tocsin-admin"
CAPABILITY = "CAP_NET_ADMIN"

CONFIG = """\
# The store of this host, for every account on it. Made by `tocsin service install`.
# `tocsin config show` lists all settings. There are no secrets in this file.
db = "/var/lib/tocsin/tocsin.db"
key_file = "/etc/tocsin/key"
"""

UNIT = """\
# Made by `tocsin service install`, which writes it anew; own changes: `systemctl edit tocsin`.
[Unit]
Description=Tocsin: queues security events and sends them to webhooks
After=network.target
StartLimitIntervalSec=0

[Service]
Type=exec
User={user}
Group={user}
{before}ExecStart={executable} worker run
Restart=on-failure
RestartSec=2
# 69: the store is gone or cannot be used; to begin anew on what is left would lose events.
RestartPreventExitStatus=2 69 77 78
# A setting `grace` of more than 20s needs a longer time here.
TimeoutStopSec=45
KillMode=mixed
UMask=0077
StateDirectory={user}
StateDirectoryMode=0700
# For the socket of a source, which members of the group may write to.
RuntimeDirectory={user}
RuntimeDirectoryMode=0755
WorkingDirectory=/var/lib/tocsin
# Nothing that its account may write is run with what the service may do.
Environment=PYTHONNOUSERSITE=1
{network}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
ProcSubset=pid
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
LimitNOFILE=4096
LimitCORE=0
MemoryMax=512M
# A name server that hangs holds one thread for each name, of a thousand webhooks at the most.
TasksMax=1536

[Install]
WantedBy=multi-user.target
"""

WITHOUT_WIREGUARD = """\
CapabilityBoundingSet=
PrivateUsers=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX"""

# Capabilities count in the host's network only without a user namespace of the unit's own.
WITH_WIREGUARD = f"""\
AmbientCapabilities={CAPABILITY}
CapabilityBoundingSet={CAPABILITY}
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK"""

WATCH_WIREGUARD = """\
# A failure here stops nothing: the source is there already, or the store is yet to be upgraded.
ExecStartPre=-{executable} source add wireguard --if-absent
"""

SUDOERS = """\
# Made by `tocsin service install`, which writes it anew.
# Members of {group} run Tocsin as its own user, and with that act as that user.
Defaults!{executable} env_keep += "SSH_CONNECTION TMUX NO_COLOR COLORTERM TERM"
%{group} ALL=({user}) NOPASSWD: {executable}
"""

SUDOERS_WIREGUARD = """\
# What `wg show all dump` prints, without its keys, for a screen beside the service.
Defaults!{executable} env_reset, always_set_home
{user} ALL=(root) NOPASSWD: {executable} {dump}
"""


def unit(executable: str, *, with_wireguard: bool) -> str:
    """The systemd unit of the headless worker."""
    return UNIT.format(
        user=USER,
        executable=executable,
        before=WATCH_WIREGUARD.format(executable=executable) if with_wireguard else "",
        network=WITH_WIREGUARD if with_wireguard else WITHOUT_WIREGUARD,
    )


def sudoers(executable: str, *, with_wireguard: bool) -> str:
    """The sudo rule; with WireGuard the service's user may also read this host's, but for keys."""
    rule = SUDOERS.format(user=USER, group=ADMIN_GROUP, executable=executable)
    return rule + (
        SUDOERS_WIREGUARD.format(user=USER, executable=executable, dump=shlex.join(KEYLESS))
        if with_wireguard
        else ""
    )
