"""Every document on every set of bars."""

from __future__ import annotations

from polotui.backtest.settings import Costs, Settings
from polotui.strategy.document.limits import FRAME_MS
from polotui.strategy.runtime.columns import resample
from tests.trading.parity.data import DataSet
from tests.trading.parity.documents import Written
from tests.trading.parity.runs import Case, case


def case_of(written: Written, data: DataSet, most: int = 10**9) -> Case:
    """The document over at most `most` bars of the set, in its own frame where the set can be made into it."""
    own = written.text.partition("timeframe: ")[2].split()[0]
    frame = own if FRAME_MS[own] >= FRAME_MS[data.frame] and data.frame == "1h" else data.frame
    bars = {symbol: resample(data.bars[symbol], FRAME_MS[frame]) for symbol in list(data.bars)[: written.symbols]}
    bars = {symbol: each.slice(0, most) for symbol, each in bars.items()}
    first = min(int(each.time[0]) for each in bars.values())
    last = max(int(each.time[-1]) for each in bars.values())
    frame_ms = FRAME_MS[frame]
    settings = Settings(
        first + 60 * frame_ms,
        last + frame_ms,
        policy=written.policy,
        costs=Costs(maker_fee=0.001, taker_fee=0.002, volume_share=written.volume_share),
        grids=data.grids,
    )
    return case(written.text, bars, settings, frame, f"{written.name} on {data.name}")
