from __future__ import annotations

import socket
from pathlib import Path

from sources.wireguard.source import host_key, host_name, machine_key


def test_the_machine_is_its_id_or_its_name(tmp_path: Path) -> None:
    machine_id = tmp_path / "machine-id"
    assert machine_key(machine_id) == socket.gethostname()
    machine_id.write_text("")
    assert machine_key(machine_id) == socket.gethostname()
    machine_id.write_text("8f3c8f0d9a5b4c6e8d7f6a5b4c3d2e1f\n")
    assert machine_key(machine_id) == "8f3c8f0d9a5b4c6e8d7f6a5b4c3d2e1f"


def test_no_two_sources_have_one_key_not_even_with_one_host_name(tmp_path: Path) -> None:
    machine_id = tmp_path / "machine-id"
    machine_id.write_text("8f3c\n")
    pairs = [(name, host) for name in ("local", "netns-a", "netns-b") for host in ("", "gateway")]
    keys = [host_key(name, host, machine_id) for name, host in pairs]
    assert len(set(keys)) == len(keys)
    assert keys[:2] == ["8f3c", "gateway"]


def test_a_host_is_called_as_the_admin_says_or_as_it_is_known() -> None:
    assert host_name("far", "gateway", is_local=False) == "gateway"
    assert host_name("far", "", is_local=False) == "far"
    assert host_name("local", "", is_local=True) == socket.gethostname()
