"""Batch and stream are the same bits, no value looks ahead, and warm-up is what the catalogue says: for every kind."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from talib import abstract

from polotui.strategy.document.catalog import KINDS, Kind
from polotui.strategy.runtime.indicators import _outputs, compute, stream
from polotui.strategy.runtime.indicators.tape import Columns
from tests.strategy.indicators.bars import bars, same_bits

LONG = 100_000


def default(kind: Kind) -> dict[str, float]:
    return {parameter.name: parameter.default for parameter in kind.parameters}


def other(kind: Kind) -> dict[str, float]:
    """Settings away from the defaults."""
    return {
        p.name: min(p.most, p.default + 3 + index) if p.whole else min(p.most, p.default * 1.5)
        for index, p in enumerate(kind.parameters)
    }


def part(columns: dict, start: int, end: int) -> dict:
    return {name: column[start:end] for name, column in columns.items()}


@cache
def all_rows(count: int) -> list[dict[str, float]]:
    return rows(bars(count), 0, count)


def rows(columns: dict, start: int, end: int) -> list[dict[str, float]]:
    names = list(columns)
    return [
        dict(zip(names, row, strict=True))
        for row in zip(*(columns[name][start:end].tolist() for name in names), strict=True)
    ]


def walk(kind: Kind, settings: dict, columns: dict, start: int, end: int) -> list[np.ndarray]:
    """The outputs of a stream that saw the bars before `start` as history."""
    handle = stream(kind.name, settings, part(columns, 0, start))
    found = np.array([handle.update(row) for row in rows(columns, start, end)])
    return list(found.T)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_stream_is_the_batch_bit_for_bit(kind: Kind):
    columns = bars(LONG)
    batch = compute(kind.name, default(kind), columns)
    handle = stream(kind.name, default(kind), part(columns, 0, 0))
    streamed = np.array([handle.update(row) for row in all_rows(LONG)])
    for name, one in zip(kind.outputs, streamed.T, strict=True):
        assert same_bits(batch[name], one), name
        assert np.isfinite(one).any(), f"{name} says nothing at all"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_stream_goes_on_from_any_history(kind: Kind):
    columns = bars(6000, seed=2)
    settings = other(kind)
    batch = compute(kind.name, settings, columns)
    warmup = kind.warmup(settings)
    for start in (1, warmup, warmup + 1, 3000):
        for name, one in zip(kind.outputs, walk(kind, settings, columns, start, start + 700), strict=True):
            assert same_bits(batch[name][start : start + 700], one), (name, start)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_peeking_is_what_closing_would_give_and_keeps_nothing(kind: Kind):
    columns = bars(3000, seed=3)
    settings = default(kind)
    handle = stream(kind.name, settings, part(columns, 0, 5))
    plain = stream(kind.name, settings, part(columns, 0, 5))
    for number, row in enumerate(rows(columns, 5, 1500)):
        if number % 7 == 0:
            before = handle.values
            fork = handle.copy()
            handle.peek({**row, "close": row["close"] * 1.1, "source": 1.0, "high": row["high"] * 2, "volume": 9.0})
            peeked = handle.peek(row)
            assert np.array_equal(peeked, fork.update(row), equal_nan=True)
            assert np.array_equal(handle.values, before, equal_nan=True)
        assert np.array_equal(handle.update(row), plain.update(row), equal_nan=True)


@pytest.mark.parametrize("settings_of", [default, other])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_first_value_comes_when_the_catalogue_says(kind: Kind, settings_of):
    columns = bars(4000, seed=4)
    settings = settings_of(kind)
    for name, column in compute(kind.name, settings, columns).items():
        known = np.flatnonzero(~np.isnan(column))
        assert len(known), name
        if kind.session_ms:
            assert kind.warmup(settings) <= known[0] <= kind.warmup(settings) + kind.session_ms // 300_000, name
        else:
            assert known[0] == kind.warmup(settings), name


@pytest.mark.parametrize("settings_of", [default, other])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_warmup_is_longer_than_it_must_be(kind: Kind, settings_of):
    """The bar before the first value has none by TA-Lib's own account, before anything is hidden."""
    settings = settings_of(kind)
    warmup = kind.warmup(settings)
    if kind.call.isupper():
        function = abstract.Function(kind.call)
        given = (settings.get(word, word) for word in kind.arguments)
        function.parameters = dict(zip(function.info["parameters"], given, strict=True))
        assert function.lookback == warmup
    elif warmup:
        raw = _outputs(kind, settings, Columns(), bars(2000, seed=4))
        assert any(math.isnan(column[warmup - 1]) for column in raw)
        assert all(math.isfinite(column[warmup]) for column in raw)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_value_knows_what_comes_after_it(kind: Kind):
    columns = bars(4000, seed=5)
    whole = compute(kind.name, default(kind), columns)
    for end in (1, 40, 777, 2500, 3999):
        cut = compute(kind.name, default(kind), part(columns, 0, end))
        for name in kind.outputs:
            assert same_bits(whole[name][:end], cut[name]), (name, end)


@pytest.mark.parametrize("kind", [k for k in KINDS.values() if "source" in k.inputs], ids=lambda k: k.name)
def test_a_source_may_begin_late_and_have_holes(kind: Kind):
    columns = dict(bars(5000, seed=6))
    source = columns["source"].copy()
    source[:37] = math.nan
    source[1200] = math.nan
    source[1210:1213] = math.nan
    source[3000] = math.inf
    columns["source"] = source
    batch = compute(kind.name, default(kind), columns)
    for start in (0, 30, 1205, 1212, 4000):
        for name, one in zip(kind.outputs, walk(kind, default(kind), columns, start, 5000), strict=True):
            assert same_bits(batch[name][start:], one), (name, start)
    after = compute(kind.name, default(kind), part(columns, 3001, 5000))
    for name in kind.outputs:
        if not kind.session_ms:
            assert same_bits(batch[name][3001:], after[name]), name
        assert np.isnan(batch[name][[5, 1200, 1211, 3000]]).all()
