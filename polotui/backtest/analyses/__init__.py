"""Further looks at a strategy, each a table of words and its reading in a few sentences.

Decided here: every analysis runs the document as a backtest does, with the same settings, policy and costs. What has no
value is shown as «–» with its reason. The reading says what the table shows and does not advise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from polotui.backtest.analyses.chance import monte_carlo
from polotui.backtest.analyses.costs import stress
from polotui.backtest.analyses.desk import Desk, Table
from polotui.backtest.analyses.splits import hold_out, walk_forward
from polotui.backtest.analyses.votes import confirmation
from polotui.backtest.gauge import Gauge
from polotui.backtest.machine import Buffers
from polotui.backtest.work import AnalyseWork, AnalysisKind, Done
from polotui.storage.candles import CandleStore

ANALYSES: dict[AnalysisKind, Callable[[Desk], Awaitable[Table]]] = {
    "walk-forward": walk_forward,
    "hold-out": hold_out,
    "monte-carlo": monte_carlo,
    "stress": stress,
    "confirmation": confirmation,
}


async def analyse(work: AnalyseWork, store: CandleStore, gauge: Gauge, buffers: Buffers) -> Done:
    """Raises UsageError and Cancelled."""
    desk = await Desk.of(work, store, gauge, buffers)
    table = await ANALYSES[work.kind](desk)
    return Done(
        value={
            "kind": work.kind,
            "title": table.title,
            "columns": table.columns,
            "rows": table.rows,
            "reading": table.reading,
        }
    )
