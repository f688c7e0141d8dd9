"""Names of peers: from a file of names, and from comments in WireGuard's own conf files.

The conf files hold private keys: of their lines only names and public keys are taken.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from domain.clients import KEY
from domain.safe import safe

USUAL_CONF_FOLDER = "/etc/wireguard"
"""Folder without a warning if it cannot be read: WireGuard makes it root's alone."""

NAME_LIMIT = 100
_NAME_LINE = re.compile(rf"({KEY.pattern})\s+(\S.*)")
_QUOTED = re.compile(r'"([^"]*\S[^"]*)"(?:\s+(\S+))?')
_SECTION = re.compile(r"\[(\w+)\]\s*(?:#+\s*(.*))?", re.IGNORECASE)
_NAME_COMMENT = re.compile(r"#+\s*name\s*=\s*(.*)", re.IGNORECASE)
_COMMENT = re.compile(r"#+\s*(?:BEGIN_PEER\s|begin\s|client:?\s)?\s*(.*\w.*?)[\s#]*", re.IGNORECASE)
"""A comment, also in the form of install scripts: `### Client alice`, `### begin alice ###`."""
_NO_NAME = re.compile(r"\[|\w+\s*=")
"""A section or a setting that was put out of use."""
_KEY_LIKE = re.compile(r"[A-Za-z0-9+/]{43}")
"""A key in base64 or hexadecimal, also without its end: it may be a secret one."""
_PUBLIC_KEY = re.compile(rf"publickey\s*=\s*({KEY.pattern})\s*(?:#.*)?", re.IGNORECASE)

_Named = tuple[str, str]
"""Name of a peer and its user, "" without one."""

_Fingerprints = tuple[tuple[str, int, int, int], ...]


class PeerNames(msgspec.Struct, frozen=True):
    """Names of peers and of their users by public key, and the faults of the files."""

    peers: Mapping[str, str] = msgspec.field(default_factory=dict)
    users: Mapping[str, str] = msgspec.field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class NameFiles:
    """Files that name peers, read again when one of them has changed.

    Names in `names_file` win over the comments in `conf_folder`.
    """

    def __init__(self, names_file: str | None = None, conf_folder: str | None = None) -> None:
        self._names_file = Path(names_file) if names_file else None
        self._conf_folder = Path(conf_folder) if conf_folder else None
        self._fingerprints: _Fingerprints | None = None
        self._found = PeerNames()

    def read(self) -> PeerNames:
        """Return the names as they are now; a file that cannot be read is a warning."""
        files, warnings = self._files()
        fingerprints = tuple(_fingerprint(file) for file in files)
        if fingerprints != self._fingerprints:
            self._fingerprints, self._found = fingerprints, self._read(files)
        return replace(self._found, warnings=(*warnings, *self._found.warnings))

    def _files(self) -> tuple[list[Path], tuple[str, ...]]:
        """Return the conf files and then the file of names."""
        files, warnings = _conf_files(self._conf_folder)
        if self._names_file is not None:
            files.append(self._names_file)
        return files, warnings

    def _read(self, files: list[Path]) -> PeerNames:
        peers: dict[str, str] = {}
        users: dict[str, str] = {}
        warnings: list[str] = []
        for file in files:
            try:
                lines = _lines(file)
            except OSError as error:
                warnings.extend(_warning(file, error))
                continue
            if file == self._names_file:
                named, broken = _from_names(file, lines)
                peers.update({key: name for key, (name, _) in named.items()})
                users.update({key: user for key, (_, user) in named.items() if user})
                warnings.extend(broken)
            else:
                peers |= {
                    key: safe(name, NAME_LIMIT) for key, name in _peers(lines) if key and name
                }
        return PeerNames(peers, users, tuple(warnings))


def _conf_files(folder: Path | None) -> tuple[list[Path], tuple[str, ...]]:
    if folder is None:
        return [], ()
    try:
        return sorted(file for file in folder.iterdir() if file.suffix == ".conf"), ()
    except OSError as error:
        return [], _warning(folder, error)


def _fingerprint(file: Path) -> tuple[str, int, int, int]:
    """Return values that change with the file, which may be missing."""
    try:
        status = file.stat()
    except OSError:
        return str(file), 0, 0, 0
    return str(file), status.st_mtime_ns, status.st_size, status.st_ino


def _lines(file: Path) -> list[str]:
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError("it is no file")
    return file.read_text(encoding="utf-8", errors="backslashreplace").splitlines()


def _warning(path: Path, error: OSError) -> tuple[str, ...]:
    if USUAL_CONF_FOLDER in (str(path), str(path.parent)):
        return ()
    reason = error.strerror or str(error)
    return (f"no names from {safe(str(path), 200)}: {reason}",)


def _from_names(file: Path, lines: list[str]) -> tuple[dict[str, _Named], list[str]]:
    """Read `PUBLIC-KEY NAME USER` lines; empty lines and those that begin with # are skipped."""
    named: dict[str, _Named] = {}
    broken: list[str] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _NAME_LINE.fullmatch(text)
        place = f"{safe(str(file), 200)}, line {number}"
        if match is None:
            broken.append(f"{place}: it is not a public key and a name")
        elif match[1] in named:
            broken.append(f"{place}: this peer is named before")
        elif _KEY_LIKE.search(match[2]):
            broken.append(f"{place}: there is a key in the name")
        else:
            named[match[1]] = _name_and_user(match[2])
    return named, broken


def _name_and_user(text: str) -> _Named:
    """Return a name of a word, or in quotes, and the word behind it; else the text as the name."""
    quoted, words = _QUOTED.fullmatch(text), text.split()
    if quoted is not None:
        name, user = quoted[1], quoted[2] or ""
    else:
        name, user = words if len(words) == 2 else (text, "")
    return safe(name, NAME_LIMIT), safe(user, NAME_LIMIT)


def _peers(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the public key and the name of each section of a conf file, "" for a missing one.

    `# Name = name` is taken before `[Peer] # name`, that before a comment on the line below, and
    that before one on the line above. A comment with a key in it is no name.
    """
    key = name = above = ""
    may_name_below = False
    for line in lines:
        text = line.strip()
        comment = _plain_comment(text)
        if section := _SECTION.fullmatch(text):
            yield key, name
            beside = _name(section[2] or "")
            key, name = "", beside or above
        elif public_key := _PUBLIC_KEY.fullmatch(text):
            key = public_key[1]
        elif named := _NAME_COMMENT.fullmatch(text):
            name = _name(named[1]) or name
        elif may_name_below and comment:
            name = comment
        may_name_below = section is not None and not beside
        above = comment
    yield key, name


def _plain_comment(text: str) -> str:
    """Return the text of a line that is only a comment; "" where it cannot be a name."""
    match = _COMMENT.fullmatch(text)
    return "" if match is None or _NO_NAME.match(match[1]) else _name(match[1])


def _name(text: str) -> str:
    return "" if _KEY_LIKE.search(text) else text.strip()
