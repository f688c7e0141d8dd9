from __future__ import annotations

import os
from pathlib import Path

import pytest

from sources.wireguard.names import NAME_LIMIT, NameFiles
from tests.support.wireguard.dumps import key

CONF = f"""\
[Interface]
# Name = the hub
PrivateKey = {key("private")}
ListenPort = 51820

[Peer]
# Name = alice's laptop
PublicKey = {key("alice")}
AllowedIPs = 10.99.0.2/32

[Peer] # bob
PublicKey = {key("bob")} # moved in May
PresharedKey = {key("preshared")}

[peer]   ## carol
publickey={key("carol")}
# name = carol of accounting

[Peer]
PublicKey = {key("dave")}
# he has no name

[Peer] # nobody
AllowedIPs = 10.99.0.9/32
"""


def folder_with(folder: Path, **texts: str) -> NameFiles:
    """Conf files of these names, and what reads them."""
    for name, text in texts.items():
        (folder / f"{name}.conf").write_text(text)
    return NameFiles(None, str(folder))


def test_comments_of_conf_files_name_peers(tmp_path: Path) -> None:
    found = folder_with(tmp_path, wg0=CONF).read()
    assert found.peers == {
        key("alice"): "alice's laptop",
        key("bob"): "bob",
        key("carol"): "carol of accounting",
    }
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("# Alice's phone\n[Peer]", "Alice's phone"),
        ("[Peer]\n# alice phone", "alice phone"),
        ("### Client alice\n[Peer]", "alice"),
        ("### end bob ###\n### begin alice ###\n[Peer]", "alice"),
        ("# BEGIN_PEER alice\n[Peer]", "alice"),
        ("# Client: alice (7f)\n[Peer]", "alice (7f)"),
        ("# phones\n[Peer]\n# alice", "alice"),
        ("# phones\n[Peer] # alice\n# since May", "alice"),
        ("# phones\n[Peer]\n# since May\n# Name = alice", "alice"),
        ("# far above\n\n[Peer]", None),
        ("[Peer]\nAllowedIPs = 10.99.0.2/32\n# her old phone", None),
        ("# ------\n[Peer]", None),
        ("# [Peer]\n[Peer]", None),
        ("[Peer]\n# PresharedKey = " + key("preshared"), None),
        (f"[Peer]\n# was {key('preshared')}", None),
        (f"[Peer] # was {key('preshared')}", None),
        (f"[Peer] # PresharedKey = {key('preshared')}", None),
        (f"[Peer] # PresharedKey = {key('preshared')}\n# alice", "alice"),
        (f"# {key('preshared')}\n[Peer]", None),
        (f"[Peer]\n# Name = {key('preshared')}", None),
        (f"[Peer] # alice\n# Name = {key('preshared')}", "alice"),
        (f"[Peer]\n# Name = {key('preshared')[:-1]}", None),
        (f"[Peer]\n# Name = {'0123456789abcdef' * 4}", None),
        (f"[Peer]\n# Name = {'far ' * 20} {key('preshared')}", None),
    ],
)
def test_a_comment_beside_the_section_is_the_name(
    tmp_path: Path, section: str, name: str | None
) -> None:
    text = f"[Interface]\nListenPort = 51820\n\n{section}\nPublicKey = {key('alice')}\n"
    found = folder_with(tmp_path, wg0=text).read()
    assert found.peers.get(key("alice")) == name


def test_a_comment_above_a_section_names_no_peer_before_it(tmp_path: Path) -> None:
    text = f"[Peer]\nPublicKey = {key('bob')}\n# alice\n[Peer]\nPublicKey = {key('alice')}\n"
    assert folder_with(tmp_path, wg0=text).read().peers == {key("alice"): "alice"}


def test_all_conf_files_are_read_and_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(CONF.replace("bob", "mallory"))
    files = folder_with(tmp_path, wg0=CONF, wg1=f"[Peer] # erin\nPublicKey = {key('erin')}\n")
    assert {"bob", "erin"} <= set(files.read().peers.values())
    assert "mallory" not in files.read().peers.values()


def test_a_names_file_wins_over_the_comments(tmp_path: Path) -> None:
    (tmp_path / "wg0.conf").write_text(CONF)
    names = tmp_path / "names"
    names.write_text(f"# who is who\n\n{key('bob')}\tBob  of ops \n{key('erin')} Erin\n")
    peers = NameFiles(str(names), str(tmp_path)).read().peers
    assert peers[key("bob")] == "Bob  of ops"
    assert peers[key("erin")] == "Erin"
    assert peers[key("alice")] == "alice's laptop"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("alice " + key("alice"), "it is not a public key and a name"),
        (key("alice"), "it is not a public key and a name"),
        (key("alice")[:-2] + "B= alice", "it is not a public key and a name"),
        (f"{key('dave')} was {key('preshared')}", "there is a key in the name"),
        (key("bob") + " twice", "this peer is named before"),
    ],
)
def test_a_broken_line_is_told_with_its_place_and_the_rest_holds(
    tmp_path: Path, line: str, said: str
) -> None:
    names = tmp_path / "names"
    names.write_text(f"{key('bob')} bob\n{line}\n{key('carol')} carol\n")
    found = NameFiles(str(names)).read()
    assert found.peers == {key("bob"): "bob", key("carol"): "carol"}
    assert found.warnings == (f"{names}, line 2: {said}",)


@pytest.mark.parametrize(
    ("words", "name", "user"),
    [
        ("laptop", "laptop", None),
        ("laptop alice", "laptop", "alice"),
        ("laptop\t alice@example.com ", "laptop", "alice@example.com"),
        ('"old laptop" alice', "old laptop", "alice"),
        ('"old laptop"', "old laptop", None),
        ("the old laptop", "the old laptop", None),
        ('"old laptop" of alice', '"old laptop" of alice', None),
    ],
)
def test_the_third_word_is_the_user(
    tmp_path: Path, words: str, name: str, user: str | None
) -> None:
    names = tmp_path / "names"
    names.write_text(f"{key('bob')} {words}\n")
    found = NameFiles(str(names)).read()
    assert found.peers == {key("bob"): name}
    assert found.users.get(key("bob")) == user
    assert found.warnings == ()


def test_names_are_made_fit_to_be_shown(tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_bytes(f"{key('bob')} b\x1b[31m".encode() + b"\xff" + b"o o" * 200)
    name = NameFiles(str(names)).read().peers[key("bob")]
    assert name.startswith("b\\x1b[31m\\xffo oo")
    assert len(name) == NAME_LIMIT


def test_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text(f"{key('bob')} bob\n")
    files = NameFiles(str(names))
    first = files.read()
    assert files.read().peers is first.peers
    names.write_text(f"{key('bob')} rob\n")
    os.utime(names, ns=(1, 1))
    assert files.read().peers == {key("bob"): "rob"}


def test_a_conf_file_that_comes_later_is_seen(tmp_path: Path) -> None:
    files = folder_with(tmp_path)
    assert files.read().peers == {}
    assert key("bob") in folder_with(tmp_path, wg0=CONF).read().peers
    assert key("bob") in files.read().peers


def test_a_names_file_that_is_missing_is_told_until_it_is_there(tmp_path: Path) -> None:
    names = tmp_path / "names"
    files = NameFiles(str(names))
    told = (f"no names from {names}: No such file or directory",)
    assert (files.read().warnings, files.read().warnings) == (told, told)
    names.write_text(f"{key('bob')} bob\n")
    assert (files.read().warnings, files.read().peers) == ((), {key("bob"): "bob"})


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    names = tmp_path / "names"
    os.mkfifo(names)
    assert NameFiles(str(names)).read().warnings == (f"no names from {names}: it is no file",)


def test_a_folder_that_is_missing_is_told_but_for_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = str(tmp_path / "none")
    files = NameFiles(None, missing)
    assert files.read().warnings == (f"no names from {missing}: No such file or directory",)
    monkeypatch.setattr("sources.wireguard.names.USUAL_CONF_FOLDER", missing)
    assert files.read().warnings == ()


def test_a_conf_file_that_cannot_be_read_is_told_but_for_one_of_the_usual_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = folder_with(tmp_path, wg0=CONF)
    os.mkfifo(tmp_path / "wg1.conf")
    assert files.read().warnings == (f"no names from {tmp_path}/wg1.conf: it is no file",)
    monkeypatch.setattr("sources.wireguard.names.USUAL_CONF_FOLDER", str(tmp_path))
    assert folder_with(tmp_path).read().warnings == ()
    assert key("bob") in files.read().peers


def test_without_files_nobody_has_a_name() -> None:
    assert (NameFiles().read().peers, NameFiles().read().warnings) == ({}, ())
