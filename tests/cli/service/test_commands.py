"""The service of a host: what is made, with which rights, twice and away again."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode, Failure
from cli.service import files
from cli.service import host as service_program
from cli.service.host import Host, problems
from cli.service.steps import Adoption, StoreAndKey, TextFile, write
from store.database import open_store
from store.vault import new_key
from tests.support.killed_program import is_killed
from tests.support.program import Tocsin

needs_root = pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("useradd"), reason="needs root and useradd"
)
needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is missing"
)


class Image:
    """The file tree of a system on which tocsin and wg are installed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "etc").mkdir(parents=True)
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\n")
        for program in ("usr/local/bin/tocsin", "usr/bin/wg"):
            (root / program).parent.mkdir(parents=True)
            (root / program).touch(mode=0o755)

    def path(self, path: str) -> Path:
        return self.root / path

    def rights(self, path: str) -> tuple[int, int]:
        status = self.path(path).stat()
        return stat.S_IMODE(status.st_mode), status.st_uid

    def uid(self) -> int:
        ids = Host(self.root).ids("tocsin")
        assert ids is not None
        return ids[0]

    def content(self) -> dict[str, tuple[int, int, bytes]]:
        """Every file of Tocsin's: its rights and bytes."""
        kept = ("etc/tocsin", "var/lib/tocsin", "etc/systemd", "etc/sudoers.d")
        places = [path for folder in kept for path in self.path(folder).rglob("*")]
        return {
            str(path): (path.stat().st_mode, path.stat().st_uid, path.read_bytes())
            for path in places
            if path.is_file()
        }


class OurHost(Host):
    """An image whose files may stay with the account that runs the tests."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.given: list[tuple[str, str]] = []

    def give(self, path: Path, owner: str) -> None:
        self.given.append((path.name.split(".")[1] if "." in path.name else path.name, owner))


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path / "image")


def install(tocsin: Tocsin, image: Image, *options: str) -> str:
    done = tocsin.run("service", "install", "--root", str(image.root), *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_root
def test_install_makes_all_with_the_right_rights(tocsin: Tocsin, image: Image) -> None:
    said = install(tocsin, image)
    tocsin_uid = image.uid()
    assert image.rights("var/lib/tocsin") == (0o700, tocsin_uid)
    assert image.rights("etc/tocsin") == (0o755, 0)
    assert image.rights("etc/tocsin/tocsin.toml") == (0o644, 0)
    assert image.rights("etc/tocsin/key") == (0o400, tocsin_uid)
    assert image.rights("etc/systemd") == (0o755, 0)
    assert image.rights("etc/systemd/system/tocsin.service") == (0o644, 0)
    assert image.rights("etc/sudoers.d/tocsin") == (0o440, 0)
    assert Host(image.root).has_group("tocsin-admin")
    assert image.rights("var/lib/tocsin/tocsin.db") == (0o600, tocsin_uid)
    assert "made /var/lib/tocsin/tocsin.db and /etc/tocsin/key" in said
    assert "wrote /etc/sudoers.d/tocsin" in said


@needs_root
def test_install_twice_changes_nothing(tocsin: Tocsin, image: Image) -> None:
    install(tocsin, image)
    before = image.content()
    assert install(tocsin, image) == "nothing to do\n"
    assert image.content() == before


@needs_root
def test_install_mends_rights_and_keeps_the_admins_file(tocsin: Tocsin, image: Image) -> None:
    install(tocsin, image)
    image.path("var/lib/tocsin").chmod(0o755)
    config = image.path("etc/tocsin/tocsin.toml")
    config.write_text(config.read_text() + "interval = '5m'\n")
    os.chown(image.path("etc/tocsin/key"), 0, 0)
    install(tocsin, image)
    assert image.rights("var/lib/tocsin")[0] == 0o700
    assert image.rights("etc/tocsin/key")[1] == image.uid()
    assert "interval = '5m'" in config.read_text()


@needs_root
def test_wireguard_comes_and_goes_with_its_option(tocsin: Tocsin, image: Image) -> None:
    install(tocsin, image, "--with-wireguard")
    unit = image.path("etc/systemd/system/tocsin.service")
    rule = image.path("etc/sudoers.d/tocsin")
    assert "source add wireguard --if-absent" in unit.read_text()
    assert rule.read_text().endswith(
        "tocsin ALL=(root) NOPASSWD: /usr/local/bin/tocsin service dump\n"
    )
    install(tocsin, image)
    assert "wireguard" not in unit.read_text()
    assert "service dump" not in rule.read_text()


@needs_root
def test_a_store_that_root_made_before_is_taken_over_with_its_key(
    tocsin: Tocsin, image: Image
) -> None:
    folder = image.path("var/lib/tocsin")
    folder.mkdir(parents=True)
    made = tocsin.run("config", "set", "interval", "5m", "--db", str(folder / "tocsin.db"))
    assert made.returncode == 0, made.stderr
    key = (folder / "tocsin.key").read_bytes()
    install(tocsin, image)
    assert image.path("etc/tocsin/key").read_bytes() == key
    assert not (folder / "tocsin.key").exists()
    assert image.rights("var/lib/tocsin/tocsin.db") == (0o600, image.uid())


@needs_root
def test_a_store_whose_key_is_lost_gets_no_second_one(tocsin: Tocsin, image: Image) -> None:
    folder = image.path("var/lib/tocsin")
    folder.mkdir(parents=True)
    (folder / "tocsin.db").touch()
    done = tocsin.run("service", "install", "--root", str(image.root))
    assert done.returncode == ExitCode.UNAVAILABLE
    assert "/etc/tocsin/key: the key of /var/lib/tocsin/tocsin.db is missing" in done.stderr
    assert not image.path("etc/tocsin/key").exists()


@needs_root
@pytest.mark.parametrize("place", ["etc/tocsin/key", "var/lib/tocsin/tocsin.key"])
def test_where_a_key_is_a_store_is_made_only_if_it_is_said(
    tocsin: Tocsin, image: Image, place: str
) -> None:
    key = image.path(place)
    key.parent.mkdir(parents=True)
    key.write_bytes(new_key() + b"\n")
    key.chmod(0o400)
    done = tocsin.run("service", "install", "--root", str(image.root))
    assert done.returncode == ExitCode.UNAVAILABLE
    assert f"its key {key} is there" in done.stderr
    assert "--new-store" in done.stderr
    assert not image.path("var/lib/tocsin/tocsin.db").exists()
    install(tocsin, image, "--new-store")
    store = open_store(
        image.path("var/lib/tocsin/tocsin.db"), key_file=image.path("etc/tocsin/key"), create=False
    )
    store.call(store.vault.check)
    store.close()


@needs_root
def test_a_file_that_places_the_store_elsewhere_is_a_contradiction(
    tocsin: Tocsin, image: Image
) -> None:
    image.path("etc/tocsin").mkdir()
    image.path("etc/tocsin/tocsin.toml").write_text("db = '/srv/t.db'")
    done = tocsin.run("service", "install", "--root", str(image.root))
    assert done.returncode == ExitCode.CONFIG
    assert "db is /srv/t.db" in done.stderr


@needs_root
def test_uninstall_keeps_the_store_and_its_key(tocsin: Tocsin, image: Image) -> None:
    install(tocsin, image)
    done = tocsin.run("service", "uninstall", "--root", str(image.root))
    assert done.returncode == 0
    assert not image.path("etc/systemd/system/tocsin.service").exists()
    assert not image.path("etc/sudoers.d/tocsin").exists()
    assert image.path("etc/tocsin/key").exists()
    assert image.path("var/lib/tocsin").exists()
    again = tocsin.run("service", "uninstall", "--root", str(image.root))
    assert again.stdout == "nothing to do\n"


@needs_root
def test_purge_asks_and_then_leaves_nothing(tocsin: Tocsin, image: Image) -> None:
    install(tocsin, image)
    before = image.content()
    purge = ("service", "uninstall", "--purge", "--root", str(image.root))
    refused = tocsin.run(*purge)
    assert refused.returncode == ExitCode.USAGE
    assert "--yes" in refused.stderr
    assert image.content() == before
    assert tocsin.run(*purge, "--yes").returncode == 0
    assert image.content() == {}
    assert not Host(image.root).has_user("tocsin")
    assert not Host(image.root).has_group("tocsin-admin")


def test_a_dry_run_shows_all_and_touches_nothing(tocsin: Tocsin, image: Image) -> None:
    said = install(tocsin, image, "--dry-run", "--with-wireguard")
    assert "run     useradd --prefix" in said
    for place in ("/var/lib/tocsin  0700 tocsin", "/etc/tocsin/key  0400 tocsin"):
        assert place in said
    for text in (
        files.CONFIG,
        files.unit("/usr/local/bin/tocsin", with_wireguard=True),
        files.sudoers("/usr/local/bin/tocsin", with_wireguard=True),
    ):
        assert all(f"| {line}".rstrip() in said for line in text.splitlines())
    assert image.content() == {}
    assert not Host(image.root).has_user("tocsin")


def test_a_dry_run_of_the_removal_too(tocsin: Tocsin, image: Image) -> None:
    done = tocsin.run("service", "uninstall", "--purge", "--dry-run", "--root", str(image.root))
    assert done.returncode == 0
    assert "remove  /var/lib/tocsin" in done.stdout


def test_what_is_missing_is_named(tocsin: Tocsin, image: Image) -> None:
    image.path("usr/bin/wg").unlink()
    options = ("service", "install", "--dry-run", "--root", str(image.root))
    assert "install wireguard-tools" in tocsin.run(*options, "--with-wireguard").stderr
    image.path("usr/local/bin/tocsin").unlink()
    assert "there is no tocsin in" in tocsin.run(*options).stderr


@pytest.mark.skipif(os.getuid() == 0, reason="root may")
def test_only_root_may(tocsin: Tocsin, image: Image) -> None:
    done = tocsin.run("service", "install", "--root", str(image.root))
    assert done.returncode == ExitCode.PERMISSION


@needs_systemd
@pytest.mark.parametrize("with_wireguard", [False, True])
def test_systemd_takes_the_unit_and_finds_it_hardened(tmp_path: Path, with_wireguard: bool) -> None:
    unit = tmp_path / "tocsin.service"
    unit.write_text(files.unit("/bin/true", with_wireguard=with_wireguard))
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert not [line for line in verified.stderr.splitlines() if "tocsin.service" in line]
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr


@pytest.mark.skipif(not shutil.which("visudo"), reason="visudo is missing")
@pytest.mark.parametrize("with_wireguard", [False, True])
def test_sudo_takes_the_rule(tmp_path: Path, with_wireguard: bool) -> None:
    rule = tmp_path / "rule"
    rule.write_text(files.sudoers("/usr/local/bin/tocsin", with_wireguard=with_wireguard))
    subprocess.run(["visudo", "-c", "-f", str(rule)], check=True)


def test_the_rule_gives_exactly_one_program_and_five_variables() -> None:
    lines = files.sudoers("/usr/local/bin/tocsin", with_wireguard=False).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        'Defaults!/usr/local/bin/tocsin env_keep += "SSH_CONNECTION TMUX NO_COLOR COLORTERM TERM"',
        "%tocsin-admin ALL=(tocsin) NOPASSWD: /usr/local/bin/tocsin",
    ]


@pytest.mark.parametrize(
    "program", ["/usr/bin/toc sin", "/opt/x,y/tocsin", "tocsin", "/a\nALL ALL=(ALL) ALL", "/a=b"]
)
def test_a_path_that_sudo_would_misread_is_refused(image: Image, program: str) -> None:
    assert problems(Host(image.root), program)


def test_a_program_that_others_may_change_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "tocsin"
    program.touch(mode=0o777)
    program.chmod(0o777)
    found = problems(Host(Path("/")), str(program))
    assert any(f"{program}: others than root may change it" in problem for problem in found)


def test_a_program_that_the_unit_cannot_see_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tocsin"
    program.touch(mode=0o755)
    monkeypatch.setattr(service_program, "HIDDEN_FROM_THE_UNIT", (str(tmp_path.resolve()),))
    found = problems(Host(Path("/")), str(program))
    assert any("the service cannot see this folder" in problem for problem in found)


def test_a_file_that_is_not_accepted_leaves_the_old_one(tmp_path: Path) -> None:
    place = tmp_path / "rule"
    place.write_text("old")

    def refuse(host: Host, draft: Path) -> None:
        assert draft.read_text() == "new"
        raise Failure("no", ExitCode.UNAVAILABLE)

    with pytest.raises(Failure):
        write(OurHost(tmp_path), place, b"new", 0o440, "root", refuse)
    assert [path.name for path in tmp_path.iterdir()] == ["rule"]
    assert place.read_text() == "old"


def test_a_file_is_root_readable_before_it_is_anybodys(tmp_path: Path) -> None:
    host = OurHost(tmp_path)
    TextFile("/etc/a", "text", 0o644).apply(host)
    assert (tmp_path / "etc/a").read_text() == "text"
    assert host.given == [("a", "root")]
    assert stat.S_IMODE((tmp_path / "etc/a").stat().st_mode) == 0o644


def test_only_what_is_a_key_is_moved(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "tocsin.db").touch()
    (folder / "tocsin.key").write_text("root:$6$secret:1::::\n")
    with pytest.raises(Failure, match="holds no key"):
        StoreAndKey("/data/tocsin.db", "/key", "tocsin").apply(OurHost(tmp_path))
    assert not (tmp_path / "key").exists()


def test_a_key_behind_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "other").write_text("A" * 43 + "=\n")
    (folder / "tocsin.db").touch()
    (folder / "tocsin.key").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match=r"tocsin\.key"):
        StoreAndKey("/data/tocsin.db", "/key", "tocsin").apply(OurHost(tmp_path))


@needs_root
def test_links_and_files_of_others_are_not_adopted(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "plain").touch()
    (tmp_path / "elsewhere").touch()
    os.link(tmp_path / "elsewhere", folder / "hard")
    (folder / "theirs").touch()
    os.chown(folder / "theirs", 12345, 12345)
    said = Adoption("/data", "tocsin").apply(OurHost(tmp_path))
    assert said == "gave plain in /data to tocsin"


# Makes store and key as an installation does.
INSTALLATION = """
from cli.service import commands as service
from cli.service.host import Host
from cli.service.steps import StoreAndKey
import cryptography.fernet
Host.give = lambda self, path, owner: None
count("fsync", "replace", "rename", "link")
StoreAndKey(service.STORE, service.KEY, "tocsin").apply(Host(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("installs_again", [False, True])
def test_a_kill_at_any_step_leaves_what_the_next_start_or_installation_finishes(
    tmp_path: Path, installs_again: bool
) -> None:
    seen, step, killed = set(), 0, True
    while killed:
        step += 1
        image = Image(tmp_path / str(step))
        for folder in ("var/lib/tocsin", "etc/tocsin"):
            image.path(folder).mkdir(parents=True, mode=0o700)
        store, key = image.path("var/lib/tocsin/tocsin.db"), image.path("etc/tocsin/key")
        killed = is_killed(INSTALLATION, step, image.root)
        seen.add((key.exists(), store.exists()))
        if installs_again:
            assert not is_killed(INSTALLATION, 10_000, image.root)
        tocsin = Tocsin(tmp_path, store, environment={"TOCSIN_KEY_FILE": str(key)})
        done = tocsin.run("worker", "--once")
        assert done.returncode == 0, done.stderr
        assert tocsin.run("db", "check").returncode == 0
    assert seen == {(False, False), (True, False), (True, True)}


@needs_root
def test_a_store_that_is_gone_is_not_installed_anew(tocsin: Tocsin, image: Image) -> None:
    install(tocsin, image)
    image.path("var/lib/tocsin/tocsin.db").unlink()
    done = tocsin.run("service", "install", "--root", str(image.root))
    assert done.returncode == ExitCode.UNAVAILABLE
    assert "etc/tocsin/key is there" in done.stderr
    assert "--new-store" in done.stderr
    assert not image.path("var/lib/tocsin/tocsin.db").exists()
    key = image.path("etc/tocsin/key").read_bytes()
    install(tocsin, image, "--new-store")
    assert image.rights("var/lib/tocsin/tocsin.db") == (0o600, image.uid())
    assert image.path("etc/tocsin/key").read_bytes() == key


def test_systemd_starts_nothing_again_whose_store_is_gone() -> None:
    unit = files.unit("/bin/true", with_wireguard=False)
    [line] = [one for one in unit.splitlines() if one.startswith("RestartPreventExitStatus=")]
    assert str(int(ExitCode.UNAVAILABLE)) in line.partition("=")[2].split()
    assert str(int(ExitCode.TEMPORARY)) not in line.partition("=")[2].split()
