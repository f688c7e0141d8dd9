"""The wheel holds our packages and nothing else, and what it installs runs."""

from __future__ import annotations

import re
import site
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from domain.version import VERSION
from tests.support.program import ROOT

PACKAGES = {"cli", "delivery", "domain", "sources", "store", "tui"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_top_level_holds_only_our_packages(wheel: Path) -> None:
    top = {name.split("/")[0] for name in names(wheel)}
    assert top == PACKAGES | {f"tocsin-{VERSION}.dist-info"}


def test_no_module_is_left_out(wheel: Path) -> None:
    ours = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    assert ours <= names(wheel)


def test_the_installed_program_runs(wheel: Path, tmp_path: Path) -> None:
    """Without an index: the dependencies are those of the interpreter that runs the tests."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    packages = Path(output(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))

    assert output(environment / "bin" / "tocsin", "--version") == f"tocsin {VERSION}"
    where = output(python, "-c", "import cli.main, delivery.post; print(delivery.post.__file__)")
    assert Path(where) == packages / "delivery" / "post.py"


def output(*command: str | Path) -> str:
    """Return what a program prints, run away from the source tree."""
    result = subprocess.run(command, cwd="/", check=True, capture_output=True, text=True)
    return result.stdout.strip()


def test_the_constraints_pin_everything_needed() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)
    pinned = {normal(line.split("==")[0]) for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert needed([Requirement(line) for line in wanted]) <= pinned


@pytest.mark.parametrize("name", ["build", "dev", "run"])
def test_the_requirements_are_the_constraints_with_hashes(name: str) -> None:
    pins = set((ROOT / "constraints.txt").read_text().splitlines())
    requirements = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "//" not in requirements, "no address of an index"
    for entry in re.split(r"\n(?=\S)", requirements.strip()):
        pin, *hashes = [part.strip(" \\") for part in entry.split("\n")]
        assert pin.split(" ;")[0] in {normal_pin(line) for line in pins}
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes)


def test_the_requirements_leave_nothing_out() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    run = [*project["dependencies"], *extras["http"], *extras["geo"]]
    assert needed([Requirement(line) for line in run]) <= required("run")
    dev = [*project["dependencies"], *extras["dev"]]
    assert needed([Requirement(line) for line in dev]) <= required("dev")


def test_the_build_backend_is_the_pinned_one() -> None:
    system = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    assert set(system["requires"]) <= set((ROOT / "constraints.txt").read_text().splitlines())
    assert {line.split("==")[0] for line in system["requires"]} <= required("build")


def required(name: str) -> set[str]:
    """The names in one of the files with hashes."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return {normal(one) for one in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


def normal_pin(line: str) -> str:
    """A pin with the distribution's name as indexes compare it."""
    name, version = line.split("==")
    return f"{normal(name)}=={version}"


def needed(requirements: list[Requirement]) -> set[str]:
    """The names of all distributions that these lead to on this machine."""
    found: set[str] = set()
    while requirements:
        requirement = requirements.pop()
        name = normal(requirement.name)
        if name in found:
            continue
        found.add(name)
        children = [Requirement(line) for line in requires(requirement.name) or ()]
        extras = requirement.extras or {""}
        requirements += [child for child in children if applies(child, extras)]
    return found


def applies(requirement: Requirement, extras: set[str]) -> bool:
    """Return True if a requirement holds here, with these extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def normal(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
