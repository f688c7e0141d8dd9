"""What can be done with a signing secret in the form, and what comes of it."""

from __future__ import annotations

import pytest

from domain.field_errors import FieldError
from store.records import Secrets, Webhook
from store.secret_changes import RetireSecret, RotateSecret, SetSecret, check_secret_change
from tests.store.helpers import DAY, NOW, fields
from tui.webhook_form.secrets import Choice, change_of, check_own_secret, choices, label

OWN = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ROTATED = Secrets("whsec_new", "whsec_old", NOW + DAY)


@pytest.mark.parametrize("of_copy", [False, True])
@pytest.mark.parametrize("secrets", [None, Secrets(OWN), ROTATED])
def test_every_choice_that_is_offered_can_be_carried_out(
    secrets: Secrets | None, of_copy: bool
) -> None:
    webhook = Webhook(1, 1, fields(), secrets, True, NOW, NOW, None)
    for choice in choices(secrets, NOW, of_copy=of_copy):
        check_secret_change(webhook, change_of(choice, OWN, "whsec_generated"), NOW)


def test_keeping_comes_first_and_changes_nothing() -> None:
    for secrets in (None, ROTATED):
        assert choices(secrets, NOW)[0] is Choice.KEEP
    assert change_of(Choice.KEEP, OWN, "whsec_generated") is None


def test_retiring_is_offered_only_while_two_sign() -> None:
    assert Choice.RETIRE in choices(ROTATED, NOW)
    assert Choice.RETIRE not in choices(ROTATED, NOW + DAY)
    assert Choice.RETIRE not in choices(Secrets(OWN), NOW)


def test_rotating_is_not_offered_while_two_sign() -> None:
    assert Choice.ROTATE not in choices(ROTATED, NOW)
    assert Choice.ROTATE in choices(ROTATED, NOW + DAY)
    assert Choice.ROTATE in choices(Secrets(OWN), NOW)


def test_each_choice_asks_the_store_for_its_own_change() -> None:
    assert change_of(Choice.GENERATE, "", "whsec_g") == SetSecret("whsec_g")
    assert change_of(Choice.ROTATE, "", "whsec_g") == RotateSecret("whsec_g")
    assert change_of(Choice.RETIRE, "", "") == RetireSecret()
    assert change_of(Choice.OWN, f" {OWN} ", "") == SetSecret(OWN)
    assert change_of(Choice.NONE, "", "") == SetSecret(None)


def test_what_keeping_means_is_said() -> None:
    assert label(Choice.KEEP, None) == "none: its requests are not signed"
    assert label(Choice.KEEP, ROTATED) == "keep it"
    assert label(Choice.KEEP, ROTATED, of_copy=True) == "the same as of the copied webhook"


def test_an_own_secret_is_checked() -> None:
    check_own_secret(Choice.OWN, OWN)
    check_own_secret(Choice.KEEP, "nothing")
    with pytest.raises(FieldError, match="it does not start with whsec_"):
        check_own_secret(Choice.OWN, "nothing")
