"""Fixtures for every test: a receiver, the program itself, a clean environment."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hypothesis import settings

from tests.support.certificates import Authority, make_authority
from tests.support.program import Tocsin
from tests.support.receiver_client import Receiver, running_receiver

# No deadline for one example: the machine may be busy. `make trials` looks further.
settings.register_profile("default", deadline=None, max_examples=100)
settings.register_profile("long", deadline=None, max_examples=5_000)
settings.load_profile("default")

_FOREIGN = ("TOCSIN_", "XDG_", "SSH_", "SUDO_", "SSL_CERT_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_STOPS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"}
# What takes long without another process, or waits long for one that a quick run does not start.
_NOT_QUICK = {
    Path(__file__).parent / name
    for name in (
        "sources/procustodibus/test_alert_edits.py",
        "sources/procustodibus/test_brokers_property.py",
        "sources/test_runner.py",
        "sources/test_stale.py",
        "sources/wireguard/alerts/test_configuration.py",
        "sources/wireguard/alerts/test_properties.py",
        "sources/wireguard/test_changes.py",
        "store/test_queue_property.py",
        "tui/admin",
        "tui/deliveries/test_actions.py",
        "tui/deliveries/test_delivery_screen.py",
        "tui/deliveries/test_screen.py",
        "tui/screens/test_store_gone.py",
        "tui/shell/test_palette.py",
        "tui/shell/test_themes.py",
        "tui/sources/test_screen.py",
        "tui/terminal/test_memory.py",
        "tui/test_harmless.py",
        "tui/test_snapshots.py",
        "tui/webhook_form",
        "tui/webhooks/test_rows.py",
        "tui/webhooks/test_undone_edits.py",
    )
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="no slow tests, no other process")


def pytest_configure() -> None:
    if missing := [path for path in _NOT_QUICK if not path.exists()]:
        raise pytest.UsageError(f"left out of a quick run, but not there: {missing}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if config.getoption("quick") and collection_path in _NOT_QUICK else None


@pytest.fixture(autouse=True, scope="session")
def only_this_process(pytestconfig: pytest.Config) -> None:
    """Skip each test of a quick run at the moment at which it starts another process."""
    if pytestconfig.getoption("quick"):
        sys.addaudithook(_skip_at_a_process)


_refused: list[str] = []
"""Starts of processes that were refused in this test."""


def _skip_at_a_process(event: str, _arguments: object) -> None:
    if event in _STARTS:
        _refused.append(event)
        raise pytest.skip.Exception("it starts another process")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip also what fails since a thread of the program could start no process."""
    report = yield
    if _refused and report.failed:
        report.outcome = "skipped"
        report.longrepr = (str(item.path), 0, "Skipped: it starts another process")
    if call.when == "teardown":
        _refused.clear()
    return report


@pytest.fixture(autouse=True, scope="session")
def clean_environment() -> Iterator[None]:
    """Take away what the surroundings say about Tocsin, its user and the network."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_FOREIGN) or name.lower() in _PROXIES:
                patch.delenv(name)
        yield


@pytest.fixture(autouse=True, scope="session")
def heeded_signals() -> Iterator[None]:
    """Heed what a shell's background job and nohup ignore: programs that are started inherit it."""
    ignored = [stop for stop in _STOPS if signal.getsignal(stop) is signal.SIG_IGN]
    for stop in ignored:
        signal.signal(stop, signal.SIG_DFL)
    yield
    for stop in ignored:
        signal.signal(stop, signal.SIG_IGN)


@pytest.fixture(scope="session")
def shared_receiver() -> Iterator[Receiver]:
    """One receiver process for all tests that use paths of their own."""
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver process of the test's own."""
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that no system trusts."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def tls_receiver(authority: Authority) -> Iterator[Receiver]:
    """A receiver that speaks TLS with a certificate of `authority`."""
    with running_receiver(tls=authority.issue(), ca_file=authority.file) as receiver:
        yield receiver


@pytest.fixture
def tocsin(tmp_path: Path) -> Iterator[Tocsin]:
    """The program with a home of its own; what it started is killed at the end."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    program = Tocsin(home, home / "tocsin.db")
    yield program
    program.kill_all()


@pytest.fixture
def run_tocsin(tocsin: Tocsin) -> Callable[..., CompletedProcess[str]]:
    """Runs one command of the program to its end."""
    return tocsin.run
