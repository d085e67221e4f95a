"""Alerts: near once, breach until cured, unusual against the account's own norm."""

from __future__ import annotations

from decimal import Decimal

import pytest

from polotui.risk.alerts import (
    Alert,
    changes,
    foreign_fill,
    of_limits,
    of_safety,
    robust_deviations,
    unusual_rate,
    unusual_size,
    unusual_streak,
)
from polotui.risk.limits import Limits
from polotui.risk.meter import distances
from polotui.risk.values import Latch
from tests.risk.plain import position, view


def limits_at(loss: str, standing: list[Alert] | None = None) -> list[Alert]:
    start = Decimal(10_000) / (1 - Decimal(loss))
    lines = distances(view(day_start_equity=start), Limits())
    return of_limits(lines, [alert.key for alert in standing or []])


def test_near_at_eighty_percent_and_breach_at_the_limit() -> None:
    assert limits_at("0.0399") == []
    assert [(alert.code, alert.level) for alert in limits_at("0.0401")] == [("RISK-DAILY-LOSS", "near")]
    assert [(alert.code, alert.level) for alert in limits_at("0.0501")] == [("RISK-DAILY-LOSS", "breach")]
    assert "of 5 %" in limits_at("0.0501")[0].text


def test_near_lasts_until_it_is_below_three_quarters() -> None:
    standing = limits_at("0.0401")
    assert limits_at("0.038", standing)[0].level == "near"
    assert limits_at("0.037", standing) == []


def test_what_begins_and_what_ends() -> None:
    near, breach = limits_at("0.0401"), limits_at("0.0501")
    assert changes([], near).begun == tuple(near)
    assert changes(near, near) == changes([], [])
    assert changes(near, breach).begun == tuple(breach)
    assert changes(breach, near).begun == ()
    assert changes(breach, near).cured == ()
    assert changes(breach, []).cured == (breach[0].key,)


def test_what_is_unknown_is_not_near() -> None:
    assert of_limits(distances(view(equity=None, positions=(position(),)), Limits())) == []


def test_safety_is_the_highest_class() -> None:
    assert of_safety(view(), 90) == []
    codes = [alert.code for alert in of_safety(view(safety_score=90), 90)]
    assert codes == ["SAFETY-SCORE"]
    assert [alert.code for alert in of_safety(view(safety_score=None), 90)] == ["SAFETY-SCORE"]
    both = of_safety(view(safety_vetoes=("owner",), latches=(Latch(name="day", reason="5 %.", since_ms=0),)), 90)
    assert [(alert.code, alert.level, alert.about) for alert in both] == [
        ("SAFETY-VETO", "safety", "environment"),
        ("LATCH-SET", "safety", "day"),
    ]


HOURS = [float(n % 5) for n in range(720)]


def test_more_than_four_robust_deviations_is_unusual() -> None:
    # Median 2, MAD 1: one deviation is 1.4826.
    assert unusual_rate(7, HOURS) is None
    alert = unusual_rate(8, HOURS)
    assert alert is not None
    assert (alert.code, alert.level) == ("UNUSUAL-RATE", "unusual")
    assert "usual are 2" in alert.text


def test_one_outlier_does_not_move_the_norm() -> None:
    assert unusual_rate(8, [*HOURS, 10_000.0]) is not None


def test_without_a_norm_nothing_is_unusual() -> None:
    assert unusual_rate(1_000, HOURS[:167]) is None
    assert unusual_size(1e9, "BTC_USDT", [1.0] * 19) is None
    assert unusual_streak(99, "bot-1", [1.0] * 9) is None
    assert robust_deviations(float("nan"), HOURS, 1) is None


def test_a_norm_that_never_varied() -> None:
    assert robust_deviations(140.0, [100.0] * 30, 20) == pytest.approx(4.0)
    assert unusual_size(141.0, "BTC_USDT", [100.0] * 30) is not None
    assert unusual_rate(4, [0.0] * 720) is None
    assert unusual_rate(5, [0.0] * 720) is not None


def test_a_losing_streak_and_a_fill_of_nobody() -> None:
    assert unusual_streak(9, "bot-1", [1.0, 2.0, 3.0] * 5) is not None
    assert unusual_streak(4, "bot-1", [1.0, 2.0, 3.0] * 5) is None
    fill = foreign_fill("paper:77", "BTC_USDT")
    assert (fill.code, fill.about) == ("UNUSUAL-FILL", "paper:77")
    assert changes([fill], []).cured == ()
