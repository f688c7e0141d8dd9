"""What is installed only where it is asked for, and how an admin gets it."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec

HTTP_SERVER = "hypercorn"
"""The package that the extra `http` brings."""


def is_installed(package: str) -> bool:
    """Whether a package is there, without importing it."""
    return find_spec(package) is not None


def install_cure(extra: str) -> str:
    """How to add an extra where this program runs: a bare `pip` may be another interpreter's.

    An environment that uv has made, such as that of `uv tool install`, has no pip.
    """
    return f"run `{_installer()} 'tocsin[{extra}]'`"


def upgrade_cure(package: str) -> str:
    """How to get a newer release of a package where this program runs."""
    return f"run `{_installer()} --upgrade {package}`"


def _installer() -> str:
    python = shlex.quote(sys.executable)
    own = f"{python} -m pip install"
    return own if is_installed("pip") else f"uv pip install --python {python}"
