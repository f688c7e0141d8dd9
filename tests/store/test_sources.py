"""Sources as they are kept: who changed what meanwhile, and what they have to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import FieldError, FieldErrors
from domain.events import Event
from domain.source_kinds import OWN_SIGN_INS, SIGN_INS, SOCKET, WIREGUARD
from store import sources
from store.database import Store
from store.errors import Conflict, NotFound
from store.events import reading
from store.records import StoredSource
from tests.support.stores import ACTOR, ALERTS, NOW, Desk, event, new_store

LATER = NOW + 60_000


@pytest.fixture
def desk(store: Store) -> Desk:
    """A store with the source `local`."""
    made = Desk(store)
    made.add_source()
    return made


def local(desk: Desk) -> StoredSource:
    return desk.call(sources.find, "local")


def ids(desk: Desk) -> list[str]:
    return [one.id for one in desk.call(reading.after, ALERTS, 0, limit=100)]


def added_anew(desk: Desk) -> int:
    """Delete it and add another of its name; when the first one was added."""
    first_ms = local(desk).created_ms
    desk.call(sources.delete, "local", ACTOR, LATER)
    desk.call(sources.add, WIREGUARD, "local", {}, ACTOR, LATER)
    return first_ms


def test_a_name_is_given_once(desk: Desk) -> None:
    with pytest.raises(Conflict, match="choose another name"):
        desk.add_source("local", SOCKET)
    assert local(desk).kind == WIREGUARD


def test_what_every_store_has_is_neither_added_nor_deleted(desk: Desk) -> None:
    with pytest.raises(Conflict, match="already"):
        desk.add_source("second", SIGN_INS)
    with pytest.raises(Conflict, match="pause it instead"):
        desk.call(sources.delete, OWN_SIGN_INS, ACTOR, NOW)
    assert desk.call(sources.find, OWN_SIGN_INS).active


@pytest.mark.parametrize(("kind", "options"), [("wiregard", {}), (WIREGUARD, {"every": "often"})])
def test_what_is_wrong_is_not_kept(desk: Desk, kind: str, options: dict[str, str]) -> None:
    with pytest.raises((FieldError, FieldErrors)):
        desk.add_source("second", kind, **options)
    with pytest.raises(NotFound):
        desk.call(sources.find, "second")


def test_an_edit_of_what_somebody_else_changed_meanwhile_is_refused(desk: Desk) -> None:
    seen = local(desk).revision
    desk.call(sources.edit, "local", {"every": "7s"}, ACTOR, NOW, revision=seen)
    with pytest.raises(Conflict, match="changed meanwhile"):
        desk.call(sources.edit, "local", {"every": "9s"}, ACTOR, LATER, revision=seen)
    assert (local(desk).options, local(desk).updated_ms) == ({"every": "7s"}, NOW)


def test_an_edit_that_changes_nothing_leaves_the_revision(desk: Desk) -> None:
    before = local(desk)
    assert desk.call(sources.edit, "local", {}, ACTOR, LATER) == before


def test_each_change_of_what_it_runs_by_is_another_revision(desk: Desk) -> None:
    found = [local(desk).revision]
    for change in (sources.pause, sources.pause, sources.unpause, sources.unpause):
        desk.call(change, "local", ACTOR, LATER)
        found.append(local(desk).revision)
    assert found == [1, 2, 2, 3, 3]


def test_what_it_has_to_say_changes_no_revision(desk: Desk) -> None:
    desk.call(sources.save_batch, "local", [event(1)], b"one", NOW)
    desk.call(sources.save_failure, "local", "it is dark", NOW)
    desk.call(sources.save_warning, "local", "it is dim", NOW)
    desk.call(sources.save_success, "local", NOW)
    assert local(desk).revision == 1


def test_a_batch_clears_what_was_wrong_and_is_counted(desk: Desk) -> None:
    for _ in range(2):
        desk.call(sources.save_failure, "local", "it is dark", NOW)
    assert (local(desk).state, local(desk).failures) == ("failing", 2)
    desk.call(sources.save_batch, "local", [event(1), event(2)], b"two", LATER)
    found = local(desk)
    assert (found.state, found.error, found.accepted_events) == ("active", None, 2)
    assert (found.last_ok_ms, found.last_event_ms) == (LATER, LATER)
    assert desk.call(sources.load_state, "local") == b"two"


def test_a_pause_forgets_what_was_wrong_and_keeps_what_it_remembers(desk: Desk) -> None:
    desk.call(sources.save_batch, "local", [], b"state", NOW)
    desk.call(sources.save_failure, "local", "it is dark", NOW)
    assert desk.call(sources.pause, "local", ACTOR, LATER)
    assert (local(desk).state, local(desk).error, local(desk).failures) == ("inactive", None, 0)
    assert desk.call(sources.load_state, "local") == b"state"


def test_nothing_is_advanced_while_it_is_paused(desk: Desk) -> None:
    seen: list[bytes | None] = []

    def step(state: bytes | None) -> tuple[Sequence[Event], bytes]:
        seen.append(state)
        return [event(len(seen))], b"state %d" % len(seen)

    assert desk.call(sources.advance, "local", step, NOW).accepted == 1
    desk.call(sources.pause, "local", ACTOR, NOW)
    assert desk.call(sources.advance, "local", step, NOW).accepted == 0
    desk.call(sources.unpause, "local", ACTOR, NOW)
    assert desk.call(sources.advance, "local", step, NOW).accepted == 1
    assert seen == [None, b"state 1"]
    assert ids(desk) == ["e1", "e2"]


def test_a_step_that_fails_changes_nothing(desk: Desk) -> None:
    def step(_: bytes | None) -> tuple[Sequence[Event], bytes]:
        raise ValueError("no")

    before = local(desk)
    with pytest.raises(ValueError, match="no"):
        desk.call(sources.advance, "local", step, LATER)
    assert local(desk) == before


Say = Callable[[Desk, int], object]
SAYING: dict[str, Say] = {
    "batch": lambda desk, born_ms: desk.call(
        sources.save_batch, "local", [event(1)], b"old", LATER, created_ms=born_ms
    ),
    "lists": lambda desk, born_ms: desk.call(
        sources.save_each, "local", [[event(1)]], LATER, created_ms=born_ms
    ),
    "success": lambda desk, born_ms: desk.call(
        sources.save_success, "local", LATER, created_ms=born_ms
    ),
    "state": lambda desk, born_ms: desk.call(sources.load_state, "local", created_ms=born_ms),
}


@pytest.mark.parametrize("what", SAYING)
def test_a_deleted_source_says_nothing_as_a_new_one_of_its_name(desk: Desk, what: str) -> None:
    first_ms = added_anew(desk)
    before = local(desk)
    with pytest.raises(NotFound):
        SAYING[what](desk, first_ms)
    assert (local(desk), ids(desk)) == (before, [])
    SAYING[what](desk, before.created_ms)


COMMITS = st.lists(
    st.tuples(
        st.lists(st.lists(st.integers(1, 30).map(event), max_size=4), max_size=3),
        st.integers(NOW, LATER),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
)


@given(COMMITS)
def test_lists_are_counted_as_a_batch_is(
    tmp_path_factory: pytest.TempPathFactory,
    commits: list[tuple[list[list[Event]], int, bool, bool]],
) -> None:
    """The text that is kept of the query does with its values what the query does."""
    with closing(new_store(tmp_path_factory.mktemp("counts") / "tocsin.db")) as store:
        desk = Desk(store)
        for name in ("local", "other"):
            desk.add_source(name)
        for lists, now_ms, fails, knows in commits:
            if fails:
                for name in ("local", "other"):
                    desk.call(sources.save_failure, name, "dark", NOW)
            born_ms = local(desk).created_ms if knows else None
            added = desk.call(sources.save_each, "local", lists, now_ms, created_ms=born_ms)
            accepted = sum(each.accepted for each in added)
            desk.call(sources.count_batch, "other", accepted, None, now_ms, created_ms=born_ms)
            other = desk.call(sources.find, "other")
            assert local(desk) == msgspec.structs.replace(other, name="local")


def test_what_was_wrong_with_a_deleted_source_is_not_noted_of_a_new_one(desk: Desk) -> None:
    first_ms = added_anew(desk)
    before = local(desk)
    told = desk.call(sources.save_failure, "local", "dark", LATER, [event(1)], created_ms=first_ms)
    desk.call(sources.save_warning, "local", "dim", LATER, created_ms=first_ms)
    assert (told.accepted, local(desk), ids(desk)) == (0, before, [])
    desk.call(sources.save_warning, "local", "dim", LATER, created_ms=LATER)
    assert local(desk).error == "dim"
    desk.call(sources.save_failure, "local", "dark", LATER, [event(1)], created_ms=LATER)
    assert (local(desk).error, ids(desk)) == ("dark", ["e1"])


def test_of_one_that_was_changed_since_its_revision_nothing_is_noted(desk: Desk) -> None:
    desk.call(sources.pause, "local", ACTOR, LATER)
    before = local(desk)
    for save in (sources.save_failure, sources.save_warning):
        desk.call(save, "local", "dim", LATER, revision=before.revision - 1)
        assert local(desk) == before
        desk.call(save, "local", "dim", LATER, revision=before.revision)
        assert local(desk).error == "dim"
        desk.call(sources.save_success, "local", LATER)
        before = local(desk)


def test_a_new_source_of_an_old_name_remembers_nothing_and_the_events_stay(desk: Desk) -> None:
    desk.call(sources.save_batch, "local", [event(1)], b"old", NOW)
    added_anew(desk)
    assert desk.call(sources.load_state, "local") is None
    assert (local(desk).accepted_events, ids(desk)) == (0, ["e1"])


@pytest.mark.parametrize("change", [sources.pause, sources.unpause, sources.delete])
def test_what_is_not_there_is_not_changed(desk: Desk, change: Callable[..., object]) -> None:
    with pytest.raises(NotFound, match="no source nothing"):
        desk.call(change, "nothing", ACTOR, NOW)


def test_a_secret_is_kept_encrypted_and_is_another_revision(desk: Desk) -> None:
    vault = desk.store.vault
    assert desk.call(sources.secret_of, "local", vault) is None
    desk.call(sources.set_secret, "local", "hush", vault, ACTOR, LATER)
    assert desk.call(sources.secret_of, "local", vault) == "hush"
    assert local(desk).revision == 2
    desk.call(sources.set_secret, "local", None, vault, ACTOR, LATER)
    assert desk.call(sources.secret_of, "local", vault) is None


def test_a_start_adds_or_unpauses_with_what_a_look_has_seen(desk: Desk) -> None:
    for name in ("new", "local"):
        desk.call(sources.pause, "local", ACTOR, NOW)
        desk.call(sources.start, WIREGUARD, name, {}, [], b"seen", ACTOR, LATER)
        assert desk.call(sources.find, name).active
        assert desk.call(sources.load_state, name) == b"seen"
