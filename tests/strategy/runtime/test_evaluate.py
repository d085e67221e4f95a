"""What a rule means over a history, by small examples, and what is computed only once."""

from __future__ import annotations

import numpy as np
import pytest

from polotui.core.errors import UsageError
from polotui.strategy.document.tree import Clock, Param, Unary
from polotui.strategy.runtime.columns import Bars, resample
from polotui.strategy.runtime.evaluate import Evaluation
from polotui.strategy.runtime.frames import Series
from tests.strategy.runtime.data import MINUTE, bars, same
from tests.strategy.runtime.trees import (
    DOCUMENT,
    HERE,
    KINDS,
    Bound,
    Declared,
    Stub,
    binary,
    call,
    fact,
    indicator,
    lag,
    number,
    price,
)

NAN = float("nan")


def closes(*values: float) -> Bars:
    column = np.array(values, np.float64)
    base = bars(len(values))
    return Bars(base.time, base.open, base.high, base.low, column, base.volume, MINUTE)


def truth(node, *values: float) -> list[int]:
    return Evaluation(DOCUMENT, closes(*values), Stub()).truth(node).tolist()


def numbers(node, *values: float) -> list[float | None]:
    found = Evaluation(DOCUMENT, closes(*values), Stub()).number(node).tolist()
    return [None if value != value else value for value in found]


CLOSE = price("close")
RATIO = binary("/", number(1.0), CLOSE)  # unknown where the close is 0


def test_a_cross_needs_the_bar_before() -> None:
    assert truth(call("crosses_above", CLOSE, number(2.0)), 3, 1, 2, 3, 4, 2, 2, 5) == [1, 0, 0, 2, 0, 0, 0, 2]
    assert truth(call("crosses_below", CLOSE, number(2.0)), 1, 3, 2, 1, 0) == [1, 0, 0, 2, 0]


def test_unknown_is_neither_true_nor_false() -> None:
    high = binary(">", RATIO, number(0.3))
    assert truth(high, 2, 0, 4) == [2, 1, 0]
    assert truth(Unary("not", high, HERE), 2, 0, 4) == [0, 1, 2]
    assert truth(binary("and", high, binary(">", CLOSE, number(9.0))), 2, 0, 4) == [0, 0, 0]
    assert truth(binary("or", high, binary(">", CLOSE, number(-9.0))), 2, 0, 4) == [2, 2, 2]
    assert truth(binary("!=", RATIO, number(0.5)), 2, 0, 4) == [0, 1, 2]


def test_windows_count_this_bar_and_need_all_of_theirs() -> None:
    up = binary(">", CLOSE, number(2.0))
    assert truth(call("held", up, 3), 3, 3, 3, 1, 3, 3, 3) == [1, 1, 2, 0, 0, 0, 2]
    assert truth(call("within", up, 3), 1, 1, 1, 3, 1, 1, 1) == [1, 1, 0, 2, 2, 2, 0]
    assert numbers(call("count", up, 3), 3, 1, 3, 3, 3) == [None, None, 2, 2, 3]
    assert numbers(call("highest", CLOSE, 2), 3, 1, 5, 2) == [None, 3, 5, 5]
    assert numbers(call("lowest", CLOSE, 2), 3, 1, 5, 2) == [None, 1, 1, 2]
    assert truth(call("rising", CLOSE, 2), 1, 2, 3, 3, 4, 5) == [1, 1, 2, 0, 0, 2]
    assert truth(call("falling", CLOSE, 1), 1, 2, 1) == [1, 0, 2]


def test_changes_ranks_and_scores() -> None:
    assert numbers(call("change", CLOSE, 2), 1, 2, 4, 8) == [None, None, 3, 6]
    assert numbers(call("pct_change", CLOSE, 1), 2, 3, 0, 5) == [None, 0.5, -1, None]
    assert numbers(call("percentile_rank", CLOSE, 4), 1, 2, 3, 4, 3, 9) == [None, None, None, None, 0.75, 1]
    assert numbers(call("zscore", CLOSE, 2), 1, 3, 3, 1) == [None, 1, None, -1]


def test_first_and_bars_since() -> None:
    up = binary(">", RATIO, number(0.3))
    assert truth(call("first", up), 9, 2, 2, 9, 0, 2) == [0, 2, 0, 0, 1, 1]
    assert numbers(call("bars_since", up), 9, 2, 9, 9, 0, 9, 2) == [None, 0, 1, 2, None, None, 0]


def test_a_flat_window_after_a_spike_has_no_deviation() -> None:
    found = numbers(call("zscore", CLOSE, 4), *[7.1] * 9, 1e12, *[7.1] * 9)
    assert found[3:9] == [None] * 6
    assert found[9] == pytest.approx(3**0.5)
    assert found[13:] == [None] * 6


def test_a_lag_on_a_series_of_a_frame_counts_its_bars_and_any_other_lag_base_bars() -> None:
    base = bars(600)
    fives = resample(base, 5 * MINUTE)
    evaluation = Evaluation(DOCUMENT, base, Stub())
    frame = evaluation.number(lag(price("close", "5m"), 2))
    assert frame[14] == fives.close[0]
    assert np.isnan(frame[13])
    outer = evaluation.number(lag(binary("+", price("close", "5m"), number(0.0)), 2))
    assert outer[6] == fives.close[0]
    assert np.isnan(outer[5])


def test_an_indicator_of_a_frame_is_computed_on_its_bars() -> None:
    base, stub = bars(700), Stub()
    column = Evaluation(DOCUMENT, base, stub).number(indicator("mean", frame="5m"))
    assert stub.computed == [("mean", 140)]
    fives = resample(base, 5 * MINUTE)
    assert column[-1] == sum(fives.close[-7:].tolist()) / 7
    assert np.isnan(column[:34]).all()
    assert not np.isnan(column[34])


def test_the_documents_own_frame_is_no_other_frame() -> None:
    base = bars(50)
    evaluation = Evaluation(DOCUMENT, base, Stub())
    same(evaluation.number(lag(price("close", "1m"), 3)), evaluation.number(lag(price("close"), 3)))


def test_the_clock_is_of_the_open_in_utc() -> None:
    base = bars(3_000)
    evaluation = Evaluation(DOCUMENT, base, Stub())
    for name, expected in (("hour", 2.0), ("minute", 5.0), ("weekday", 1.0)):
        assert evaluation.number(Clock(name, HERE))[1_440 + 125] == expected
    assert np.flatnonzero(evaluation.truth(Clock("new_day", HERE)) == 2).tolist() == [0, 1_440, 2_880]
    later = Evaluation(DOCUMENT, base.slice(10, 2_000), Stub()).truth(Clock("new_day", HERE))
    assert later[0] == 1
    assert np.flatnonzero(later == 2).tolist() == [1_430]


def test_what_occurs_twice_is_computed_once() -> None:
    base, stub = bars(300), Stub()
    evaluation = Evaluation(DOCUMENT, base, stub)
    rule = binary("and", binary(">", indicator("smooth"), CLOSE), binary("<", indicator("smooth", "distance"), CLOSE))
    evaluation.truth(rule)
    evaluation.truth(Unary("not", rule, HERE))
    assert stub.computed == [("smooth", 300)]


def test_a_sweep_computes_an_indicator_once_for_each_of_its_settings() -> None:
    base, stub = bars(300), Stub()
    series = Series(base, stub)
    rule = call("crosses_above", indicator("a"), Param("floor", HERE))
    for length in (3, 5):
        for floor in (99.0, 100.0, 101.0):
            declared = {"a": Declared(KINDS["mean"], "close", {"length": length})}
            Evaluation(Bound({"floor": floor}, declared), base, series=series).truth(rule)
    assert stub.computed == [("mean", 300)] * 2


def test_shared_series_let_go_of_the_oldest() -> None:
    base, stub = bars(100), Stub()
    series = Series(base, stub, limit_bytes=2_000)
    for length in (3, 4, 5, 3):
        declared = {"a": Declared(KINDS["mean"], "close", {"length": length})}
        Evaluation(Bound({}, declared), base, series=series).number(indicator("a"))
    assert len(stub.computed) == 4


def test_shared_series_of_other_bars_are_refused() -> None:
    with pytest.raises(ValueError, match="other bars"):
        Evaluation(DOCUMENT, bars(10), series=Series(bars(10), Stub()))


def test_a_fact_has_no_column_and_a_window_must_be_whole() -> None:
    evaluation = Evaluation(DOCUMENT, bars(10), Stub())
    with pytest.raises(UsageError, match="entry_price is known"):
        evaluation.number(fact("entry_price"))
    with pytest.raises(UsageError, match="look at 100"):
        evaluation.number(call("highest", CLOSE, Param("floor", HERE)))
    with pytest.raises(UsageError, match="look at 0 bars"):
        evaluation.number(call("highest", CLOSE, 0))
