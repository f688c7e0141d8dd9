"""Actions on a signing secret in the form, and what comes of them."""

from __future__ import annotations

import pytest

from domain.errors import FieldError
from store.records import Secrets, Webhook
from store.webhook_edits import RetireSecret, RotateSecret, SetSecret, check_secret_change
from tests.support.stores import DAY, NOW, fields
from tui.webhook_form.secrets import SecretChoice, change_of, choices, label

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
        assert choices(secrets, NOW)[0] is SecretChoice.KEEP
    assert change_of(SecretChoice.KEEP, OWN, "whsec_generated") is None


def test_retiring_is_offered_only_while_two_sign() -> None:
    assert SecretChoice.RETIRE in choices(ROTATED, NOW)
    assert SecretChoice.RETIRE not in choices(ROTATED, NOW + DAY)
    assert SecretChoice.RETIRE not in choices(Secrets(OWN), NOW)


def test_rotating_is_not_offered_while_two_sign() -> None:
    assert SecretChoice.ROTATE not in choices(ROTATED, NOW)
    assert SecretChoice.ROTATE in choices(ROTATED, NOW + DAY)
    assert SecretChoice.ROTATE in choices(Secrets(OWN), NOW)


def test_each_choice_asks_the_store_for_its_own_change() -> None:
    assert change_of(SecretChoice.GENERATE, "", "whsec_g") == SetSecret("whsec_g")
    assert change_of(SecretChoice.ROTATE, "", "whsec_g") == RotateSecret("whsec_g")
    assert change_of(SecretChoice.RETIRE, "", "") == RetireSecret()
    assert change_of(SecretChoice.OWN, f" {OWN} ", "") == SetSecret(OWN)
    assert change_of(SecretChoice.NONE, "", "") == SetSecret(None)


def test_what_keeping_means_is_said() -> None:
    assert label(SecretChoice.KEEP, None) == "none: its requests are not signed"
    assert label(SecretChoice.KEEP, ROTATED) == "keep it"
    assert label(SecretChoice.KEEP, ROTATED, of_copy=True) == "the same as of the copied webhook"


def test_an_own_secret_is_checked() -> None:
    assert change_of(SecretChoice.KEEP, "nothing", "") is None
    with pytest.raises(FieldError, match="it does not start with whsec_"):
        change_of(SecretChoice.OWN, "nothing", "")
