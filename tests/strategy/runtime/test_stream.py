"""Random rules over candles: the column, bar by bar, after a restart, and with the data cut off give the same bits."""

from __future__ import annotations

import random

import numpy as np
import pytest

from polotui.strategy.runtime.columns import Bars
from polotui.strategy.runtime.evaluate import Evaluation, is_truth
from polotui.strategy.runtime.stream import Live
from tests.strategy.runtime.data import bars, same
from tests.strategy.runtime.trees import DOCUMENT, Grower, Stub


def rules(seed: int, many: int = 12, depth: int = 4) -> dict[str, object]:
    grower = Grower(seed)
    half = {f"t{place}": grower.truth(depth) for place in range(many)}
    return half | {f"n{place}": grower.number(depth) for place in range(many)}


def columns(named, history: Bars) -> dict[str, np.ndarray]:
    evaluation = Evaluation(DOCUMENT, history, Stub())
    return {
        name: evaluation.truth(node).astype(np.float64) if is_truth(node) else evaluation.number(node)
        for name, node in named.items()
    }


def stream(named, history: Bars, start: int, stop: int) -> dict[str, np.ndarray]:
    live = Live(DOCUMENT, history.slice(0, start), named, Stub())
    found: dict[str, list[float]] = {name: [] for name in named}
    for index in range(start, stop):
        bar = history.bar(index)
        forming = live.peek(bar._replace(high=bar.high + 1.0, close=bar.high + 1.0, volume=0.0))
        seen = live.peek(bar)
        moment = live.close(bar)
        for name in named:
            forming.value(name)
            found[name].append(moment.value(name))
            same([seen.value(name)], [moment.value(name)])
    return {name: np.array(values, np.float64) for name, values in found.items()}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("holes", [0.0, 0.05, 0.6])
def test_bar_by_bar_gives_the_bits_of_the_columns(seed: int, holes: float) -> None:
    named, history = rules(seed), bars(2_600, seed, start=1_704_067_200_000 + 60_000 * 17, holes=holes)
    expected = columns(named, history)
    got = stream(named, history, 0, len(history))
    for name in named:
        same(got[name], expected[name])


@pytest.mark.parametrize("seed", range(20, 26))
def test_the_past_does_not_change_when_the_data_ends(seed: int) -> None:
    named, history = rules(seed), bars(1_500, seed, holes=0.03)
    expected = columns(named, history)
    cut = random.Random(seed)
    for size in [1, 2, 61, *(cut.randrange(len(history)) for _ in range(12))]:
        for name, column in columns(named, history.slice(0, size)).items():
            same(column, expected[name][:size])


@pytest.mark.parametrize("seed", range(40, 44))
def test_a_restart_at_any_bar_goes_on_with_the_same_bits(seed: int) -> None:
    named, history = rules(seed), bars(3_000, seed, holes=0.02)
    expected = columns(named, history)
    cut = random.Random(seed)
    for start in [1, *(cut.randrange(len(history) - 50) for _ in range(6))]:
        for name, column in stream(named, history, start, start + 50).items():
            same(column, expected[name][start : start + 50])


def test_a_bar_that_does_not_follow_is_refused() -> None:
    history = bars(10)
    live = Live(DOCUMENT, history, rules(1), Stub())
    for time in (history.time[-1], history.time[-1] + 1, history.time[0]):
        with pytest.raises(ValueError, match="cannot follow"):
            live.close(history.bar(9)._replace(time=int(time)))
