"""The completion scripts work in the shells they are for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.program import Tocsin

ASK_BASH = """\
source "$1"
shift
COMP_WORDS=(tocsin "$@")
COMP_CWORD=$#
_shtab_tocsin
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script(tocsin: Tocsin, shell: str, folder: Path) -> Path:
    done = tocsin.run("completion", shell)
    assert done.returncode == 0, done.stderr
    file = folder / f"completion.{shell}"
    file.write_text(done.stdout)
    return file


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["webh"], {"webhook"}),
        (["webhook", "un"], {"unpause", "undelete"}),
        (["webhook", "add", "--type", "log_"], {"log_authn", "log_changes"}),
        (["delivery", "list", "--st"], {"--state"}),
        (["event", "show", "log_"], {"log_authn", "log_changes"}),
        (["completion", ""], {"bash", "zsh"}),
        (["config", "set", "max_"], {"max_events", "max_bytes"}),
        (["config", "import", "--d"], {"--db", "--dry-run"}),
    ],
)
@pytest.mark.skipif(not shutil.which("bash"), reason="bash is missing")
def test_bash_completes(
    tocsin: Tocsin, tmp_path: Path, words: list[str], expected: set[str]
) -> None:
    file = script(tocsin, "bash", tmp_path)
    done = subprocess.run(
        ["bash", "-c", ASK_BASH, "ask", str(file), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected <= set(done.stdout.split()), done.stderr


def test_zsh_script_names_every_group(tocsin: Tocsin, tmp_path: Path) -> None:
    text = script(tocsin, "zsh", tmp_path).read_text()
    assert text.startswith("#compdef tocsin")
    assert all(f"_shtab_tocsin_{group}" in text for group in ("webhook", "delivery", "db"))


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is missing")
def test_zsh_takes_the_script(tocsin: Tocsin, tmp_path: Path) -> None:
    file = script(tocsin, "zsh", tmp_path)
    subprocess.run(["zsh", "-n", str(file)], check=True)


def test_it_needs_no_settings(tocsin: Tocsin) -> None:
    assert tocsin.run("completion", "bash", TOCSIN_INTERVAL="broken").returncode == 0
