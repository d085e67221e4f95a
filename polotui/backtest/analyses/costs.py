"""Stress: the same run at higher fees and slippage, and the costs at which nothing is left.

Decided here: decisions do not change with costs, only what they earn. So the columns are made once and only the
numbers of the run change. The break-even is said as one cost for each side of a trade, fee, slippage and spread in one.
"""

from __future__ import annotations

from dataclasses import replace

from polotui.backtest.analyses.desk import Desk, Figures, Table, percent, shown
from polotui.backtest.bench import Bench
from polotui.backtest.prepare import Prepared

FEES = (1.0, 2.0, 3.0)
SLIPPAGES = (0.0, 1.0, 3.0, 5.0)
#: What slippage is multiplied where the settings have none.
USUAL_SLIPPAGE = 0.0005
MOST_COST = 0.1
HALVINGS = 14


class Costly:
    """The run under other costs."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._bench = Bench(desk.recipe)
        self._prepared = self._bench.prepared(self._bench.bind({}))
        self.moments = self._bench.moments

    def at(self, **costs: float) -> Figures:
        desk, rules = self._desk, self._prepared.rules.copy()
        for name, value in costs.items():
            rules[name] = value
        changed: Prepared = replace(self._prepared, rules=rules)
        found = self._bench.reasoned(self._bench.outcome(changed, desk.seat))
        desk.gauge.finished(self.moments)
        return found

    def at_one_cost(self, cost: float) -> float:
        """The total return when each side costs so much in all."""
        found = self.at(maker_fee=cost, taker_fee=cost, slippage=0.0, half_spread=0.0)
        return found["total_return"].value or 0.0


async def stress(desk: Desk) -> Table:
    """Fees once to three times, slippage none to five times."""
    costs = desk.recipe.settings.costs
    run = Costly(desk)
    desk.gauge.begin((len(FEES) * len(SLIPPAGES) + HALVINGS + 2) * run.moments)
    slippage = costs.slippage or USUAL_SLIPPAGE
    rows, found = [], {}
    for fee in FEES:
        for slip in SLIPPAGES:
            figures = found[fee, slip] = run.at(
                maker_fee=costs.maker_fee * (fee if costs.maker_fee > 0.0 else 1.0),
                taker_fee=costs.taker_fee * fee,
                slippage=slippage * slip,
            )
            rows.append(
                [
                    f"×{fee:g} ({percent(costs.taker_fee * fee, 3)})",
                    f"×{slip:g} ({percent(slippage * slip, 3)})",
                    *(shown(name, figures[name]) for name in ("total_return", "sharpe", "max_drawdown", "trades")),
                ]
            )
    columns = ["fees", "slippage", "return", "Sharpe", "max drawdown", "trades"]
    return Table("Stress", columns, rows, _reading(desk, run, found))


def _reading(desk: Desk, run: Costly, found: dict[tuple[float, float], Figures]) -> str:
    costs = desk.recipe.settings.costs
    if not found[1.0, 1.0]["trades"].value:
        return "There are no closed trades, so costs change little."
    now = costs.taker_fee + costs.slippage + costs.half_spread
    least = break_even(run)
    gaining = sum((figures["total_return"].value or 0.0) > 0.0 for figures in found.values())
    lines = [f"{gaining} of {len(found)} cost levels end with a gain."]
    if least is None:
        lines.append("It loses even without any costs.")
    elif least >= MOST_COST:
        lines.append(f"It gains even at {percent(MOST_COST, 0)} a side, which no market charges: look for a mistake.")
    else:
        lines.append(
            f"It breaks even at {percent(least, 3)} a side, fee, slippage and spread together;"
            f" the settings have {percent(now, 3)} for market orders."
        )
    if not costs.slippage:
        lines.append(f"The settings have no slippage; ×1 stands for {percent(USUAL_SLIPPAGE, 3)} here.")
    return " ".join(lines)


def break_even(run: Costly) -> float | None:
    """The cost of a side at which the return is 0; None when it is not above 0 without costs."""
    if run.at_one_cost(0.0) <= 0.0:
        return None
    low, high = 0.0, MOST_COST
    if run.at_one_cost(high) > 0.0:
        return MOST_COST
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        if run.at_one_cost(middle) > 0.0:
            low = middle
        else:
            high = middle
    return low
