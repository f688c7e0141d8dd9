"""Actors, each in one phrase."""

from __future__ import annotations

import pytest

from domain.actors import Actor


@pytest.mark.parametrize(
    ("actor", "text"),
    [
        (Actor("root"), "root"),
        (Actor("alice", "alice"), "alice"),
        (Actor("tocsin", "alice"), "alice as tocsin"),
        (Actor("alice", None, "192.0.2.7"), "alice from 192.0.2.7"),
        (Actor("tocsin", "alice", "2001:db8::7"), "alice as tocsin from 2001:db8::7"),
    ],
)
def test_an_actor_reads_as_one_phrase(actor: Actor, text: str) -> None:
    assert actor.text == text
