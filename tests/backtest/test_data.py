"""Which candles a run takes, and what its hash and its words say of them."""

from __future__ import annotations

import numpy as np

from polotui.backtest.data import bars_of, load
from polotui.backtest.documents import bound
from polotui.backtest.prepare import prepare
from polotui.backtest.settings import Costs
from polotui.backtest.tasks import assumptions
from polotui.backtest.work import Document
from polotui.model.candles import Timeframe
from polotui.storage.columns import CandleArrays
from polotui.strategy.document.templates import templates
from tests.backtest import searching as s
from tests.backtest.conftest import HOUR, START

MINUTE = 60_000


def minutes(*hours: int, price: float = 100.0) -> CandleArrays:
    time = np.concatenate([START + hour * HOUR + MINUTE * np.arange(60, dtype=np.int64) for hour in hours])
    columns = [np.full(len(time), price)] * 4 + [np.ones(len(time)), np.ones(len(time))]
    return CandleArrays.from_columns(time, columns, np.ones(len(time), np.int64))


async def taken(small: CandleArrays, size: int = 48):
    store = s.Shelf({("BTC_USDT", Timeframe.H1): s.candles(size=size), ("BTC_USDT", Timeframe.M1): small})
    return await load(store, ["BTC_USDT"], Timeframe.H1, START, START + size * HOUR, 0)  # type: ignore[arg-type]


async def test_minutes_with_a_hole_do_not_replace_the_frames_own_candles() -> None:
    """Somebody looked at minutes a while ago and again today."""
    loaded = await taken(minutes(0, 1, 46, 47))
    assert len(loaded.bars["BTC_USDT"].time) == 48
    assert loaded.notes == []
    assert len((await taken(minutes(*range(48)))).detail["BTC_USDT"].time) == 48 * 60


async def test_the_hash_is_over_the_minutes_that_decide_within_bars_too() -> None:
    assert (await taken(minutes(46, 47))).hash != (await taken(minutes(46, 47, price=101.0))).hash


def test_what_a_grid_rests_on_is_said_of_a_grid() -> None:
    one = bound(Document(text=templates()["grid"].text, symbols=["BTC_USDT"]))
    candles = s.candles()
    settings = s.settings(from_ms=START, costs=Costs())
    prepared = prepare(one, {"BTC_USDT": bars_of(candles, Timeframe.H1)}, settings)
    said = " ".join(assumptions(one, settings, prepared))
    assert "next" not in said
    assert "bar's volume" not in said
    assert "level" in said


def test_purchases_that_just_fit_the_budget_are_all_made() -> None:
    text = (
        templates()["dca-dips"].text.replace("amount: 25", "amount: 0.4").replace("max_total: 1000", "max_total: 1.2")
    )
    one = bound(Document(text=text, symbols=["BTC_USDT"]))
    prepared = prepare(one, {"BTC_USDT": bars_of(s.candles(), Timeframe.H1)}, s.settings(from_ms=START))
    assert prepared.rules["max_adds"] == 2


def test_a_dca_trades_on_the_spot_market_and_says_nothing_else() -> None:
    text = templates()["dca-dips"].text.replace("direction: long", "direction: long, leverage: 5")
    one = bound(Document(text=text, symbols=["BTC_USDT"]))
    settings = s.settings(from_ms=START)
    prepared = prepare(one, {"BTC_USDT": bars_of(s.candles(), Timeframe.H1)}, settings)
    assert "Leverage" not in " ".join(assumptions(one, settings, prepared))
