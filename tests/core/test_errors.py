"""Errors: three parts, one record, one exit code; the tree is as its drawing says."""

from __future__ import annotations

import pytest

from polotui.core import errors


def every_error() -> list[type[errors.PolotuiError]]:
    found = [errors.PolotuiError]
    for kind in found:
        found += [child for child in kind.__subclasses__() if child.__module__ == "polotui.core.errors"]
    return found


#: Made from what happened, not from sentences.
OF_THEIR_OWN = (errors.RemoteError, errors.RealTradeBlocked)


@pytest.mark.parametrize("kind", [kind for kind in every_error() if kind not in OF_THEIR_OWN])
def test_every_error_becomes_a_record(kind: type[errors.PolotuiError]) -> None:
    error = kind("It broke.", safe="Nothing was sent.", next_step="Try again.", retry_after_ms=5)
    record = error.record("cli-1")
    assert (record.cause, record.safe, record.next_step) == ("It broke.", "Nothing was sent.", "Try again.")
    assert (record.code, record.exit_code, record.request_id) == (kind.code, kind.exit_code, "cli-1")
    assert str(error) == record.sentence() == "It broke. Nothing was sent. Try again."
    assert 1 <= record.exit_code <= 5


def test_an_order_to_another_host_says_which_and_what_to_do() -> None:
    record = errors.RealTradeBlocked("An order", "api.poloniex.com").record("cli-1")
    assert record.sentence().startswith("An order to api.poloniex.com is blocked")
    assert (record.safe, record.code, record.exit_code) == ("Nothing was sent.", "real-trade-blocked", 4)
    assert "polotui simulate" in record.next_step


@pytest.mark.parametrize("kind", every_error())
def test_every_error_is_in_the_drawing_or_explained(kind: type[errors.PolotuiError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "") or kind.__doc__


def test_exit_codes_are_those_of_the_contract() -> None:
    codes = {kind.__name__: kind.exit_code for kind in every_error()}
    assert codes["PolotuiError"] == codes["StorageError"] == 1
    assert codes["UsageError"] == codes["ConfigError"] == 2
    assert codes["Unreachable"] == codes["EngineGone"] == 3
    assert codes["Refused"] == 4
    assert codes["Locked"] == 5


def test_codes_are_told_apart() -> None:
    codes = [kind.code for kind in every_error() if kind is not errors.RemoteError]
    assert len(codes) == len(set(codes))


def test_an_instance_may_have_a_closer_code() -> None:
    assert errors.Locked("x", code="second-instance").record().code == "second-instance"


def test_a_remote_error_is_what_the_engine_said() -> None:
    said = errors.ErrorRecord(code="risk", cause="Too much.", exit_code=4, request_id="tui-9", retry_after_ms=None)
    assert errors.RemoteError(said).record("other") == said


def test_a_sentence_skips_what_is_not_said() -> None:
    assert errors.PolotuiError("It broke.").record().sentence() == "It broke."
