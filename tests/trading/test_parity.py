"""The same document over the same bars fills the same in the backtest and through a bot's orders.

Here a part of it; `python -m tests.trading.parity` runs every document on every set of bars.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polotui.backtest.kernel import run
from polotui.backtest.kernel import shapes as k
from polotui.backtest.prepare import Prepared
from polotui.backtest.settings import Costs, Settings
from polotui.strategy.runtime.columns import Bars, resample
from polotui.trading.bots import hand, inputs
from polotui.trading.bots.bot import Bot
from polotui.trading.paper import bar
from polotui.trading.paper.bar import BarVenue
from tests.trading.parity import runs
from tests.trading.parity.cases import case_of
from tests.trading.parity.data import DATA_SETS, DataSet, NoDataError
from tests.trading.parity.documents import documents
from tests.trading.parity.ledgered import ledgered
from tests.trading.parity.markets import walk
from tests.trading.parity.runs import Case, Filled, backtested, difference, traded

WRITTEN = {written.name: written for written in documents()}
BY_NAME = {make.__name__: make for make in DATA_SETS}
#: Few bars where many documents run, more where few do.
BUSY = ["stop entries", "limit entries with adds", "more symbols than cash", "large orders over several bars"]


def data(name: str) -> DataSet:
    try:
        return BY_NAME[name]()
    except NoDataError as error:
        pytest.skip(str(error))


def filled(case: Case) -> list[Filled]:
    return asyncio.run(traded(case))[0]


def log_of(case: Case) -> list[Filled]:
    """The backtest's log; the kernel as plain Python has the bits of the compiled one, and needs no compiling."""
    return backtested(case, run.simulate)


@pytest.mark.parametrize("written", documents(), ids=lambda written: written.name)
@pytest.mark.parametrize("bars", ["trend", "thin_gaps"])
def test_each_document_fills_as_in_the_backtest(written: Any, bars: str) -> None:
    case = case_of(written, data(bars), 700)
    fills = filled(case)
    assert difference(log_of(case), fills) == ""


@pytest.mark.parametrize("name", ["tight both ways", *BUSY])
@pytest.mark.parametrize("bars", ["coinbase_hours", "perpetual_minutes", "coinbase_minutes"])
def test_real_bars(name: str, bars: str) -> None:
    case = case_of(WRITTEN[name], data(bars), 900)
    log = log_of(case)
    fills = filled(case)
    assert len(log) > 20
    assert difference(log, fills) == ""


@pytest.mark.parametrize("name", [*BUSY, "turtles in a hurry", "exits by facts", "tight both ways"])
def test_the_rows_of_the_ledger(name: str, tmp_path: Path) -> None:
    """Through gate, token, gateway and ledger; the rows are what counts."""
    case = case_of(WRITTEN[name], data("thin_gaps"), 220)
    log = log_of(case)
    found = asyncio.run(ledgered(case, tmp_path))
    assert len(log) >= 10
    assert difference(log, found.fills) == ""
    assert found.refusals == []
    assert found.live.same_as(found.stored)
    assert found.orders >= len({(fill.at_ms, fill.symbol) for fill in log if fill.side > 0})


def test_lower_bars_decide_alike() -> None:
    """Under «detail» the minutes within a bar say what came first; some of them are missing."""
    minutes = walk("detail", 12_000, frame_ms=60_000, noise=0.001, gaps=0.05)
    bars = resample(minutes, 15 * 60_000)
    costs = Costs(0.001, 0.002, tick=0.01, lot=0.001)
    settings = Settings(int(bars.time[60]), int(bars.time[-1]), policy="detail", costs=costs)
    run_ = case({"BTC_USDT": bars}, settings, "15m")
    run_.detail = {"BTC_USDT": minutes}
    log = log_of(run_)
    assert len(log) > 100
    assert difference(log, filled(run_)) == ""
    coarse = Case(run_.name, run_.bound, run_.bars, run_.settings)
    assert difference(log, filled(coarse)) != "", "the minutes must have mattered"


def case(bars: dict[str, Bars], settings: Settings, frame: str) -> Case:
    return runs.case(WRITTEN["tight both ways"].text, bars, settings, frame, "detail")


# -- planted defects: each must part the two ---------------------------------------------------------------------------

Plant = Callable[[pytest.MonkeyPatch], None]


def _late_signals(patch: pytest.MonkeyPatch) -> None:
    """The bot decides on the signals of the bar before."""
    close = inputs.Inputs.close

    def late(self: Any, closed: Any) -> Any:
        before = self.signals.copy()
        moment = close(self, closed)
        self.signals[:] = before
        return moment

    patch.setattr(inputs.Inputs, "close", late)


def _counts_bars_from_one(patch: pytest.MonkeyPatch) -> None:
    decide = hand.decide

    def shifted(*args: Any) -> None:
        decide(*args[:12], args[12] + 1, *args[13:])

    patch.setattr(hand, "decide", shifted)


def _a_tick_worse(patch: pytest.MonkeyPatch) -> None:
    price = bar.market_price
    patch.setattr(bar, "market_price", lambda at, side, half, slip, tick: price(at, side, half, slip, tick) + tick)


def _fills_at_the_close(patch: pytest.MonkeyPatch) -> None:
    place = BarVenue.begin

    def shifted(self: BarVenue, at_ms: int, bars: Any, lower: Any = None) -> None:
        place(self, at_ms, {symbol: one._replace(open=one.close) for symbol, one in bars.items()}, lower)

    patch.setattr(BarVenue, "begin", shifted)


def _rests_a_bar_longer(patch: pytest.MonkeyPatch) -> None:
    begin = hand.Hand.begin_entry

    def longer(self: hand.Hand) -> None:
        begin(self)
        if self.position.order_left == 0:
            self.position.order_left = 1

    patch.setattr(hand.Hand, "begin_entry", longer)


def _a_place_more(patch: pytest.MonkeyPatch) -> None:
    kept = Bot._kept_from_entering

    def roomy(self: Bot, one: Any) -> Any:
        self.shared.rules.max_positions += 1
        try:
            return kept(self, one)
        finally:
            self.shared.rules.max_positions -= 1

    patch.setattr(Bot, "_kept_from_entering", roomy)


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("sma-cross", _late_signals),
        ("kelly of its own trades", _counts_bars_from_one),
        ("sma-cross", _a_tick_worse),
        ("sma-cross", _fills_at_the_close),
        ("limit entries with adds", _rests_a_bar_longer),
        ("tight both ways", _a_place_more),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__.strip("_"),
)
def test_a_defect_in_the_bot_is_seen(name: str, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    written = WRITTEN[name]
    text = written.text.replace("max_positions: 3", "max_positions: 2")
    case = case_of(type(written)(written.name, text, written.symbols, written.policy), data("trend"), 700)
    log = log_of(case)
    assert difference(log, filled(case)) == ""
    plant(monkeypatch)
    assert difference(log, filled(case)) != ""


def _changed(change: Callable[[Prepared], None]) -> Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        prepare = runs.prepare

        def changed(*args: Any, **more: Any) -> Prepared:
            found = prepare(*args, **more)
            change(found)
            return found

        patch.setattr(runs, "prepare", changed)

    return plant


def _more(name: str) -> Plant:
    return _changed(lambda found: found.rules.__setitem__(name, found.rules[name] + 1))


def _signals_late(found: Prepared) -> None:
    found.signals[:, 1:] = found.signals[:, :-1].copy()


def _levels_late(found: Prepared) -> None:
    found.levels[:, 1:] = found.levels[:, :-1].copy()


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("sma-cross", _changed(_signals_late)),
        ("supertrend", _changed(_levels_late)),
        ("kelly of its own trades", _more("time_bars")),
        ("certain hours", _more("cooldown")),
        ("limit entries with adds", _more("expire_bars")),
        ("turtles in a hurry", _more("max_adds")),
        ("sma-cross", _changed(lambda found: found.market.__setitem__(k.OPEN, found.market[k.CLOSE]))),
    ],
    ids=["signals", "levels", "time stop", "cooldown", "expiry", "adds", "open"],
)
def test_a_defect_in_the_backtest_is_seen(name: str, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(WRITTEN[name], data("trend"), 700)
    fills = filled(case)
    assert difference(log_of(case), fills) == ""
    plant(monkeypatch)
    assert difference(log_of(case), fills) != ""


def test_bots_need_no_compiler() -> None:
    """Numba takes seconds to load and is the worker's; the engine that runs bots does without."""
    program = (
        "import sys, polotui.trading.bots.replay, polotui.trading.bots.watching;"
        "sys.exit(', '.join(name for name in ('numba', 'llvmlite') if name in sys.modules) or 0)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (found.returncode, found.stderr) == (0, "")
