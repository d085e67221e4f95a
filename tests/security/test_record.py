"""A record is believed only when this home's engine said it, word for word."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from polotui.core.ids import Chance
from polotui.core.paths import Home
from polotui.security.record import SignedRecord, key_file, load, make_key, read_key, record_file, save, sign, verify
from polotui.security.score import CHECKS, Outcome, judge

KEY = b"k" * 50


def record(*bad: str) -> SignedRecord:
    outcomes = [Outcome(rule.name, "bad" if rule.name in bad else "ok", "t") for rule in CHECKS]
    return SignedRecord(home="h", pid=7, score=judge(outcomes, "paper", 1_780_000_000_000))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path).make()


def test_what_was_signed_is_verified_also_after_a_journey_as_json() -> None:
    signed = sign(record("clock"), KEY)
    assert verify(signed, KEY)
    assert verify(msgspec.json.decode(msgspec.json.encode(signed), type=SignedRecord), KEY)


def test_every_changed_field_is_noticed() -> None:
    signed = sign(record("clock"), KEY)
    score = signed.score
    last = "0" if signed.signature[-1] != "0" else "1"
    changed = [
        msgspec.structs.replace(signed, pid=8),
        msgspec.structs.replace(signed, home="other"),
        msgspec.structs.replace(signed, signature=signed.signature[:-1] + last),
        msgspec.structs.replace(signed, signature=""),
        msgspec.structs.replace(signed, signature="ä"),
    ]
    for more in (
        {"score": 100},
        {"at_ms": score.at_ms + 1},
        {"may_live": True},
        {"mode": "live"},
        {"outcomes": record().score.outcomes},
        {"vetoes": ("x",)},
    ):
        changed.append(msgspec.structs.replace(signed, score=msgspec.structs.replace(score, **more)))
    assert [one for one in changed if verify(one, KEY)] == []
    assert not verify(signed, b"j" * 50)


@pytest.mark.parametrize("more", [{"score": 100}, {"may_paper": True}, {"outcomes": ()}, {"vetoes": ()}])
def test_a_signed_verdict_that_does_not_follow_from_its_outcomes_is_not_believed(more: dict[str, object]) -> None:
    honest = record("latches")
    claimed = msgspec.structs.replace(honest, score=msgspec.structs.replace(honest.score, **more))
    assert not verify(sign(claimed, KEY), KEY)


def test_a_key_is_drawn_once_and_private(home: Home) -> None:
    assert read_key(home) is None
    key = make_key(home, Chance())
    assert make_key(home, Chance()) == key == read_key(home)
    assert key_file(home).stat().st_mode & 0o777 == 0o600
    assert make_key(Home.at(home.data / "other").make(), Chance()) != key


def test_a_damaged_key_is_replaced_and_proves_nothing_any_more(home: Home) -> None:
    save(home, sign(record(), make_key(home, Chance())))
    assert load(home) is not None
    key_file(home).write_bytes(b"short")
    assert load(home) is None
    make_key(home, Chance())
    assert load(home) is None


def test_a_kept_record_comes_back_and_an_edited_one_does_not(home: Home) -> None:
    assert load(home) is None
    kept = sign(record("clock"), make_key(home, Chance()))
    save(home, kept)
    assert load(home) == kept
    assert record_file(home).stat().st_mode & 0o777 == 0o600
    record_file(home).write_bytes(record_file(home).read_bytes().replace(b'"score":95', b'"score":96'))
    assert load(home) is None
    record_file(home).write_bytes(b"not json")
    assert load(home) is None
