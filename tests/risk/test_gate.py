"""No order passes the gate that breaks a limit, whatever fills; every refusal has its reason."""

from __future__ import annotations

import random

import pytest

from polotui.risk.assess import assess
from polotui.risk.checks import all_checks
from tests.risk.cases import BREAKERS, ordinary
from tests.risk.gate import Outcome, run
from tests.risk.oracle import broken

ORDERS = 20_000


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return run(ORDERS, seed=20)


def test_no_order_passes_that_breaks_a_limit(outcome: Outcome) -> None:
    assert outcome.orders == ORDERS
    assert outcome.broken == []


def test_no_order_is_refused_that_breaks_none(outcome: Outcome) -> None:
    assert outcome.needless == []


def test_every_refusal_has_a_code_and_words(outcome: Outcome) -> None:
    assert outcome.nameless == []


def test_at_least_a_tenth_passes(outcome: Outcome) -> None:
    assert outcome.passed >= ORDERS / 10


def test_each_check_is_often_the_only_reason_to_refuse(outcome: Outcome) -> None:
    assert set(BREAKERS) == {check.code for check in all_checks()}
    seldom = {code: outcome.only[code] for code in BREAKERS if outcome.only[code] < ORDERS / 1000}
    assert not seldom


@pytest.mark.parametrize("code", sorted(BREAKERS))
def test_without_one_check_the_oracle_notices(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a check left out, an order would pass that the oracle calls broken: neither is blind to any rule."""
    left = tuple(check for check in all_checks() if check.code != code)
    monkeypatch.setattr("polotui.risk.assess.all_checks", lambda: left)
    rng = random.Random(code)
    for _ in range(400):
        scene = ordinary(rng)
        BREAKERS[code](scene)
        asked, view, market, limits = scene.build()
        if assess(asked, view, market, limits).approved and broken(asked, view, market, limits):
            return
    pytest.fail(f"nothing noticed that {code} was left out")


def test_the_decision_is_pure() -> None:
    rng = random.Random(5)
    for _ in range(50):
        asked, view, market, limits = ordinary(rng).build()
        assert assess(asked, view, market, limits) == assess(asked, view, market, limits)
