"""The configuration file as TOML; each way in which it can be unreadable has its own sentence."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from cli.exit_codes import ExitCode, Failure

LIMIT = 1_000_000
"""Bytes. A larger file, or an endless one such as /dev/zero, is no configuration."""

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LONG_NUMBER = re.compile(r"[0-9_]{1000,}")
_PLACE = re.compile(r"\(at (line [0-9]+, column [0-9]+|end of document)\)")


def read_toml(file: Path) -> dict[str, object]:
    """The content of a configuration file. Raises Failure with exit code 78."""
    text = _text(file)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.search(str(error))
        place = f", {found[1]}" if found else ""
        cure = 'write lines such as interval = "3m", each name once'
        raise wrong(f"{file}{place}: it is no TOML; {cure}") from None
    except RecursionError:
        raise wrong(f"{file}: it is no TOML; too many brackets stand in each other") from None
    except ValueError:  # an integer of more digits than Python reads
        found = _LONG_NUMBER.search(text)
        line = f", line {text.count(chr(10), 0, found.start()) + 1}" if found else ""
        reason = "a number has more than 18 digits"
        raise wrong(f"{file}{line}: {reason}; write a shorter one") from None


def wrong(message: str) -> Failure:
    """The failure of a command for which the configuration is wrong."""
    return Failure(message, ExitCode.CONFIG)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(LIMIT + 1)
    except OSError as error:
        raise wrong(f"{file}: it cannot be read: {error.strerror}") from None
    if len(data) > LIMIT:
        raise wrong(f"{file}: it is longer than {LIMIT:,} bytes; is it the configuration file?")
    if data.startswith(_UTF8_MARK):
        raise wrong(
            f"{file}: it begins with a byte order mark, which TOML does not have; "
            f"`sed -i '1s/^\\xEF\\xBB\\xBF//' {file}` takes it out"
        )
    if data.startswith(_UTF16_MARKS):
        raise wrong(f"{file}: it is UTF-16 text; save it as UTF-8")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise wrong(f"{file}, line {line}: it is no TOML; save it as UTF-8 text") from None
