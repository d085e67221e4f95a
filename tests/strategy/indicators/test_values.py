"""Values against the plain definition, written out anew; indicators of indicators, sessions, bars without volume."""

from __future__ import annotations

import math

import numpy as np
import pytest

from polotui.core.errors import UsageError
from polotui.strategy.document.catalog import KINDS
from polotui.strategy.runtime.indicators import compute, stream
from tests.strategy.indicators.bars import DAY_MS, bars, same_bits

MOMENT = 1234
BARS = bars(3000, seed=21)
OPEN, HIGH, LOW, CLOSE, VOLUME = (BARS[name] for name in ("open", "high", "low", "close", "volume"))


def window(column: np.ndarray, length: int, end: int = MOMENT) -> np.ndarray:
    return column[end - length + 1 : end + 1]


def at(kind: str, output: str, **settings: float) -> float:
    return float(compute(kind, settings, BARS)[output][MOMENT])


def true_ranges() -> np.ndarray:
    before = np.concatenate(([math.nan], CLOSE[:-1]))
    return np.maximum(HIGH - LOW, np.maximum(np.abs(HIGH - before), np.abs(LOW - before)))


def middle(length: int, end: int = MOMENT) -> float:
    return float(window(HIGH, length, end).max() + window(LOW, length, end).min()) / 2


def test_averages_and_bands():
    part = window(CLOSE, 20)
    assert at("sma", "value", length=20) == pytest.approx(part.mean())
    assert at("bb", "upper", length=20, deviation=2.5) == pytest.approx(part.mean() + 2.5 * part.std())
    assert at("bb", "width", length=20, deviation=2.0) == pytest.approx(4 * part.std() / part.mean())
    percent = (CLOSE[MOMENT] - part.mean() + 2 * part.std()) / (4 * part.std())
    assert at("bb", "percent", length=20, deviation=2.0) == pytest.approx(percent)
    assert at("zscore", "value", length=20) == pytest.approx((CLOSE[MOMENT] - part.mean()) / part.std())
    assert at("donchian", "upper", length=20) == window(HIGH, 20).max()
    assert at("donchian", "lower", length=20) == window(LOW, 20).min()
    volumes = window(VOLUME, 20)
    assert at("vwma", "value", length=20) == pytest.approx((part * volumes).sum() / volumes.sum())
    typical = window((HIGH + LOW + CLOSE) / 3, 20)
    assert at("vwap_rolling", "value", length=20) == pytest.approx((typical * volumes).sum() / volumes.sum())
    assert at("rvol", "value", length=20) == pytest.approx(VOLUME[MOMENT] / VOLUME[MOMENT - 20 : MOMENT].mean())


def test_the_cloud_is_the_one_drawn_under_the_bar():
    settings = {"tenkan": 9, "kijun": 26, "span": 52, "displacement": 26}
    made = MOMENT - 25
    assert at("ichimoku", "tenkan", **settings) == pytest.approx(middle(9))
    assert at("ichimoku", "kijun", **settings) == pytest.approx(middle(26))
    assert at("ichimoku", "span_a", **settings) == pytest.approx((middle(9, made) + middle(26, made)) / 2)
    assert at("ichimoku", "span_b", **settings) == pytest.approx(middle(52, made))


def test_volatility_of_our_own():
    highest = window(HIGH, 14).max()
    reach = highest - window(LOW, 14).min()
    chop = 100 * math.log10(window(true_ranges(), 14).sum() / reach) / math.log10(14)
    assert at("chop", "value", length=14) == pytest.approx(chop)
    returns = np.diff(np.log(window(CLOSE, 21)))
    assert at("hv", "value", length=20) == pytest.approx(returns.std())
    falls = [100 * (CLOSE[i] / window(CLOSE, 14, i).max() - 1) for i in range(MOMENT - 13, MOMENT + 1)]
    assert at("ulcer", "value", length=14) == pytest.approx(math.sqrt(np.mean(np.square(falls))))
    room = 3 * at("atr", "value", length=22)
    assert at("chandelier", "long", length=22, multiple=3.0) == pytest.approx(window(HIGH, 22).max() - room)
    assert at("chandelier", "short", length=22, multiple=3.0) == pytest.approx(window(LOW, 22).min() + room)


def test_the_squeeze():
    settings = {"length": 20, "deviation": 2.0, "multiple": 1.5}
    columns = compute("squeeze", settings, BARS)
    bands = compute("bb", {"length": 20, "deviation": 2.0}, BARS)
    channel = compute("keltner", {"length": 20, "atr_length": 20, "multiple": 1.5}, BARS)
    within = (bands["upper"] < channel["upper"]) & (bands["lower"] > channel["lower"])
    assert np.array_equal(columns["on"][38:], within[38:].astype(float))
    assert 0 < within[38:].mean() < 1
    distances = [CLOSE[i] - (middle(20, i) + window(CLOSE, 20, i).mean()) / 2 for i in range(MOMENT - 19, MOMENT + 1)]
    fitted = np.polyval(np.polyfit(range(20), distances, 1), 19)
    assert columns["momentum"][MOMENT] == pytest.approx(fitted, abs=1e-9)


def test_slow_sums_of_momentum():
    def smoothed(change: int, smooth: int, end: int) -> float:
        return float(np.mean([100 * (CLOSE[i] / CLOSE[i - change] - 1) for i in range(end - smooth + 1, end + 1)]))

    def line(end: int) -> float:
        parts = ((10, 10), (15, 10), (20, 10), (30, 15))
        return sum((n + 1) * smoothed(*part, end) for n, part in enumerate(parts))

    assert at("kst", "line", signal=9) == pytest.approx(line(MOMENT))
    assert at("kst", "signal", signal=9) == pytest.approx(np.mean([line(MOMENT - i) for i in range(9)]))


def test_directions_and_the_alligator():
    found = compute("adx", {"length": 14}, BARS)
    assert same_bits(found["adx"], compute("adx", {"length": 14}, BARS)["adx"])
    spread, both = abs(found["plus"] - found["minus"]), found["plus"] + found["minus"]
    dx = compute("dx", {"length": 14}, BARS)["value"]
    assert 100 * spread[MOMENT] / both[MOMENT] == pytest.approx(dx[MOMENT])
    lines = compute("alligator", {"jaw": 13, "teeth": 8, "lips": 5}, BARS)
    slow = compute("rma", {"length": 13}, {"source": (HIGH + LOW) / 2})["value"]
    assert lines["jaw"][MOMENT] == slow[MOMENT - 8]


def test_the_session_price_is_that_of_its_session():
    day = int((BARS["time"][MOMENT]) // DAY_MS)
    inside = [i for i in range(MOMENT + 1) if BARS["time"][i] // DAY_MS == day]
    typical, volumes = ((HIGH + LOW + CLOSE) / 3)[inside], VOLUME[inside]
    mean = (typical * volumes).sum() / volumes.sum()
    spread = math.sqrt((volumes * (typical - mean) ** 2).sum() / volumes.sum())
    assert at("vwap", "line", deviation=2.0) == pytest.approx(mean)
    assert at("vwap", "upper", deviation=2.0) == pytest.approx(mean + 2 * spread)
    assert at("vwap", "lower", deviation=2.0) == pytest.approx(mean - 2 * spread)


@pytest.mark.parametrize("name", [kind.name for kind in KINDS.values() if kind.session_ms])
def test_a_session_begun_before_the_bars_is_unknown(name: str):
    columns = bars(6000, seed=22)
    kind = KINDS[name]
    settings = {parameter.name: parameter.default for parameter in kind.parameters}
    whole = compute(name, settings, columns)
    late = {field: column[100:] for field, column in columns.items()}
    cut = compute(name, settings, late)
    shift = 3 * DAY_MS if name == "vwap_week" else 0
    session = 7 * DAY_MS if name == "vwap_week" else DAY_MS
    number = (late["time"] + shift) // session
    needed = 1 if kind.session_ms == session else 2
    for output in kind.outputs:
        unknown = number - number[0] < needed
        assert np.isnan(cut[output][unknown]).all()
        assert same_bits(cut[output][~unknown], whole[output][100:][~unknown])
    handle = stream(name, settings, {field: column[:50] for field, column in late.items()})
    rows = zip(*(late[field][50:].tolist() for field in late), strict=True)
    found = np.array([handle.update(dict(zip(late, row, strict=True))) for row in rows]).T
    for output, column in zip(kind.outputs, found, strict=True):
        assert same_bits(cut[output][50:], column)


def test_a_week_begins_on_monday():
    monday = 1_704_067_200_000  # 2024-01-01
    times = monday - 2 * 3_600_000 + 3_600_000 * np.arange(5)
    prices = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    columns = {"high": prices, "low": prices, "close": prices, "volume": np.ones(5), "time": times}
    line = compute("vwap_week", {"deviation": 1.0}, columns)["line"]
    assert np.isnan(line[:2]).all()
    assert line[2:].tolist() == pytest.approx([3.0, 3.5, 4.0])


def test_the_day_and_its_pivots():
    day = int(BARS["time"][MOMENT] // DAY_MS)
    days = BARS["time"] // DAY_MS
    yesterday, today = days == day - 1, (days == day) & (np.arange(len(days)) <= MOMENT)
    assert at("day", "open") == OPEN[today][0]
    assert at("day", "high") == HIGH[today].max()
    assert at("day", "low") == LOW[today].min()
    high, low, close = HIGH[yesterday].max(), LOW[yesterday].min(), CLOSE[yesterday][-1]
    assert (at("day", "previous_high"), at("day", "previous_low"), at("day", "previous_close")) == (high, low, close)
    pivot = (high + low + close) / 3
    assert at("pivots", "pivot") == pytest.approx(pivot)
    assert at("pivots", "r1") == pytest.approx(2 * pivot - low)
    assert at("pivots", "s1") == pytest.approx(2 * pivot - high)
    assert at("pivots", "r2") == pytest.approx(pivot + high - low)
    assert at("pivots", "s2") == pytest.approx(pivot - high + low)


@pytest.mark.parametrize("name", ["rvol", "vwma", "vwap_rolling", "cmf", "mfi"])
def test_without_any_volume_there_is_no_value(name: str):
    columns = dict(bars(400, seed=23))
    columns["volume"] = np.where((np.arange(400) >= 100) & (np.arange(400) < 200), 0.0, 7.7 + np.arange(400) / 3)
    value = compute(name, {"length": 14}, columns)["value"]
    assert np.isnan(value[115:199]).all()
    assert np.isfinite(value[220:]).all()


def test_nothing_is_divided_by_zero():
    flat = {name: np.full(300, 5.0) for name in ("open", "high", "low", "close", "source")}
    columns = {**flat, "volume": np.zeros(300), "time": bars(300)["time"]}
    found = compute("bb", {"length": 20, "deviation": 2.0}, columns)
    assert np.isnan(found["percent"]).all()
    assert found["width"][19:].tolist() == [0.0] * 281
    for kind in KINDS.values():
        settings = {parameter.name: parameter.default for parameter in kind.parameters}
        for output, column in compute(kind.name, settings, columns).items():
            assert not np.isinf(column).any(), (kind.name, output)


def test_an_indicator_of_an_indicator_is_the_same_bits_in_both_forms():
    """The RSI of an average of where the close lies in its bands, which is nowhere while nothing moves."""
    chain = (("bb", {"length": 20, "deviation": 2.0}), ("ema", {"length": 10}), ("rsi", {"length": 14}))
    batch = bars(20_000, seed=24)["close"]
    handles = []
    for name, settings in chain:
        batch = compute(name, settings, {"source": batch})[KINDS[name].outputs[-1]]
        handles.append(stream(name, settings, {"source": np.empty(0)}))
    found = []
    for value in bars(20_000, seed=24)["close"].tolist():
        for handle in handles:
            value = handle.update({"source": value})[-1]
        found.append(value)
    assert np.isfinite(batch).any()
    assert np.isnan(batch[200:]).any(), "no hole was met"
    assert same_bits(batch, np.array(found))


def test_a_copy_goes_its_own_way():
    handle = stream("ema", {"length": 10}, {"source": BARS["close"][:100]})
    twin = handle.copy()
    handle.update({"source": 1.0})
    assert twin.update({"source": 5.0}) != handle.values
    assert twin.kind.name == "ema"


def test_inputs_are_left_as_they_were():
    columns = {name: column.copy() for name, column in bars(500, seed=25).items()}
    before = {name: column.copy() for name, column in columns.items()}
    for kind in KINDS.values():
        settings = {parameter.name: parameter.default for parameter in kind.parameters}
        for column in compute(kind.name, settings, columns).values():
            column[:] = 0.0
    for name in columns:
        assert np.array_equal(columns[name], before[name])


def test_settings_are_checked_and_completed():
    assert same_bits(compute("rsi", {}, BARS)["value"], compute("rsi", {"length": 14.0}, BARS)["value"])
    assert stream("rsi", {"length": 9.0}, BARS).settings == {"length": 9}
    for wrong in ({"length": 1}, {"length": 401}, {"length": 2.5}, {"lenght": 14}, {"length": math.nan}):
        with pytest.raises(UsageError):
            compute("rsi", wrong, BARS)
        with pytest.raises(UsageError):
            stream("rsi", wrong, BARS)
