"""Identity of those who use the commands."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from cli.identity import LOGIN_UID_FILE, NOBODY_LOGGED_IN, find_actor, user_name

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def login_uid(tmp_path: Path) -> Path:
    return tmp_path / "loginuid"


def test_the_login_uid_comes_first(login_uid: Path) -> None:
    login_uid.write_text(f"{os.getuid()}")
    assert find_actor({"SUDO_USER": "somebody"}, login_uid).login == ME


def test_without_a_login_it_is_who_called_sudo(login_uid: Path) -> None:
    login_uid.write_text(f"{NOBODY_LOGGED_IN}\n")
    assert find_actor({"SUDO_USER": "somebody"}, login_uid).login == "somebody"


@pytest.mark.parametrize("text", [None, "", "garbage"])
def test_where_the_kernel_does_not_tell(login_uid: Path, text: str | None) -> None:
    if text is not None:
        login_uid.write_text(text)
    actor = find_actor({}, login_uid)
    assert (actor.user, actor.login, actor.address) == (ME, None, None)


def test_an_account_without_a_name_is_its_number(login_uid: Path) -> None:
    login_uid.write_text("3999999999")
    assert find_actor({}, login_uid).login == "3999999999"
    assert user_name(3999999999) == "3999999999"


@pytest.mark.parametrize(
    ("connection", "address"),
    [("192.0.2.7 50123 10.0.0.1 22", "192.0.2.7"), ("", None), ("  ", None)],
)
def test_the_ssh_address_is_recorded_as_claimed(
    login_uid: Path, connection: str, address: str | None
) -> None:
    assert find_actor({"SSH_CONNECTION": connection}, login_uid).address == address


def test_the_real_file_is_read_without_harm() -> None:
    assert find_actor({}, LOGIN_UID_FILE).user == ME
