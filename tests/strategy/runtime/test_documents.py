"""Whole documents with the real indicators: over a history, bar by bar, and after restarts."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import numpy as np

from polotui.strategy.document.bind import bind
from polotui.strategy.document.rules import parse_rules
from polotui.strategy.document.spec import StrategyDocument
from polotui.strategy.runtime.confirm import confirm
from polotui.strategy.runtime.entries import confirm_of, entry, live, rules_of
from polotui.strategy.runtime.evaluate import Evaluation, is_truth
from polotui.strategy.runtime.program import Facts, uses_facts
from tests.strategy.runtime.data import MINUTE, bars, same

PULLBACK: dict[str, Any] = {
    "spec": 1,
    "name": "pullback",
    "market": {"symbols": ["BTC_USDT"], "direction": "both"},
    "timeframe": "1m",
    "params": {"rsi_floor": {"type": "float", "default": 45, "min": 20, "max": 60, "step": 5}},
    "indicators": {
        "fast": {"kind": "ema", "source": "close", "length": 21},
        "slow": {"kind": "ema", "source": "close", "length": 55},
        "rsi": {"kind": "rsi", "length": 14},
        "calm": {"kind": "sma", "source": "rsi", "length": 5},
        "macd": {"kind": "macd"},
        "atr": {"kind": "atr", "length": 14},
    },
    "entry": {
        "long": "fast@15m > slow@15m and crosses_above(rsi, rsi_floor) and zscore(close, 50) < 1 or calm > 70",
        "short": "crosses_below(macd.hist, 0) and atr > atr[5] and not held(close > slow@5m[1], 10)",
    },
    "exit": {
        "long": "crosses_below(close, slow) or bars_in_position >= 96 and percentile_rank(rsi, 100) < 50%",
        "short": "position_pnl_pct > 2%",
    },
    "confirm": {"frames": ["5m", "15m", "1h"], "checks": ["rsi", "macd", "ema"], "min_score": 66},
    "stops": {
        "loss": {"kind": "price_expr", "price": "lowest(low, 20) - atr"},
        "target": {"kind": "rr", "multiple": 2},
    },
    "sizing": {"kind": "fixed_fractional", "risk": "1%"},
    "filters": {
        "sessions": ["06:00-22:00"],
        "weekdays": ["mon", "tue", "wed", "thu", "fri", "sat"],
        "min_quote_volume_24h": 3_600_000,
    },
}

FACTS = Facts(100.0, 97.0, 0.03, 101.0, 99.0)


def bound(data: dict[str, Any] = PULLBACK, **values: float):
    document = StrategyDocument.model_validate(data)
    rules, faults = parse_rules(document)
    assert not faults
    return bind((document, rules), values)


def columns(document, history) -> dict[str, np.ndarray]:
    evaluation = Evaluation(document, history)
    found = {}
    for name, node in rules_of(document).items():
        if not uses_facts(node):
            found[name] = evaluation.truth(node).astype(np.float64) if is_truth(node) else evaluation.number(node)
    for direction in ("long", "short"):
        asked = confirm_of(document)
        found[direction] = entry(evaluation, document, direction).astype(np.float64)
        found[f"score {direction}"] = confirm(evaluation.series, asked, direction).score
    return found


def row(moment, names) -> list[float]:
    found = []
    for name in names:
        if name in ("long", "short"):
            found.append(float(moment.entry(name)))
        elif name.startswith("score "):
            found.append(moment.confirmed(name.removeprefix("score ")).score)
        else:
            found.append(moment.value(name))
    return found


def test_a_hundred_thousand_bars_and_restarts_from_the_anchor() -> None:
    document, history = bound(), bars(100_000, 21, holes=0.01)
    expected = columns(document, history)
    assert all(len(np.unique(column[~np.isnan(column)])) > 1 for column in expected.values())
    assert {0.0, 1.0, 2.0} <= set(np.unique(expected["long"]))
    table = np.column_stack(list(expected.values()))
    runner = live(document, history.slice(0, 0))
    names = [name for name in expected if not name.startswith("score")]
    found = [row(runner.close(history.bar(index)), names) for index in range(len(history))]
    same(np.array(found), np.column_stack([expected[name] for name in names]))
    cut = random.Random(5)
    for start in sorted(cut.randrange(1_000, len(history) - 200) for _ in range(4)):
        again = live(document, history.slice(0, start))
        for index in range(start, start + 200):
            bar = history.bar(index)
            assert row(again.peek(bar), expected) is not None
            same(np.array(row(again.close(bar), expected)), table[index])


def test_exit_rules_know_the_facts() -> None:
    document, history = bound(), bars(3_000, 22)
    evaluation = Evaluation(document, history)
    program = evaluation.exit_program(document.rules.exit_long)
    assert program.columns.shape == (3_000, 2)
    moment = live(document, history.slice(0, 2_999)).close(history.bar(2_999))
    assert moment.truth("exit_short", FACTS) == 2
    assert moment.truth("exit_short") == 1
    assert moment.truth("exit_long", FACTS._replace(bars_in_position=1.0)) == 0


def test_the_past_does_not_change_when_the_data_ends() -> None:
    document, history = bound(), bars(4_000, 23, holes=0.01)
    expected = columns(document, history)
    for size in (1, 59, 60, 1_441, 2_222, 3_839, 3_999):
        for name, column in columns(document, history.slice(0, size)).items():
            same(column, expected[name][:size])


def test_a_param_takes_its_value_at_binding() -> None:
    history = bars(2_000, 24)
    low, high = (Evaluation(bound(rsi_floor=value), history) for value in (20.0, 60.0))
    rule = bound().rules.entry_long
    assert (low.truth(rule) != high.truth(rule)).any()


def test_the_confirmation_takes_entries_away_and_adds_none() -> None:
    document, history = bound(), bars(20_000, 25)
    evaluation = Evaluation(document, history)
    without, with_ = (entry(evaluation, document, "long", confirmed=asked) for asked in (False, True))
    assert (with_ <= without).all()
    assert (with_ == 2).sum() < (without == 2).sum()


def test_everything_is_known_after_the_warm_up() -> None:
    document = bound()
    history = bars(document.warmup_bars + 1_500, 26)
    for name, column in columns(document, history).items():
        tail = column[document.warmup_bars :]
        assert not np.isnan(tail).any(), name
        if not name.startswith("score") and name != "loss_price":
            assert not (tail == 1.0).any(), name


def test_rules_alone_load_no_compiler() -> None:
    code = (
        "import sys, numpy as np\n"
        "from tests.strategy.runtime.test_documents import bound, columns, bars\n"
        "columns(bound(), bars(3000))\n"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_frames_other_than_a_minute() -> None:
    entries = {side: rule.replace("@5m", "@30m") for side, rule in PULLBACK["entry"].items()}
    document, history = bound(PULLBACK | {"timeframe": "5m", "entry": entries}), bars(5_000, 27, 5 * MINUTE)
    expected = columns(document, history)
    runner = live(document, history.slice(0, 4_000))
    for index in range(4_000, 5_000):
        same(np.array(row(runner.close(history.bar(index)), expected)), [column[index] for column in expected.values()])
