"""The figures of docs/backtest-peers.md: `python -m tests.contract.peer_figures` (POLOTUI_DATA names the data)."""

from __future__ import annotations

from polotui.backtest.settings import Costs
from tests.contract.peer_runs import FEE, STRATEGIES, backtesting, hours, minutes, own, prepared_of, text_of, vectorbt
from tests.contract.peer_runs import with_costs as changed

LARGE = 1e7
RULES = (
    ("a share of the bar's volume", {"volume_share": 0.0}),
    ("the tick grid", {"tick": 0.0}),
    ("slippage", {"slippage": 0.0}),
    ("half the spread", {"half_spread": 0.0}),
    ("the fee in what is received", {"fee_in_received": 0}),
    ("the lot grid", {"lot": 0.0}),
)


def main() -> None:
    print("| strategy | bars | trades | polotui | vectorbt | polotui, lot 1 | backtesting.py |")
    print("|---|---|---|---|---|---|---|")
    for frame, bars in (("1m", minutes()), ("1h", hours())):
        for strategy in STRATEGIES:
            run = prepared_of(text_of(strategy, frame), bars)
            mine, whole = own(run), own(changed(run, lot=1.0))
            figures = (mine.equity[-1], vectorbt(run).final, whole.equity[-1], backtesting(run).final)
            shown = " | ".join(f"{figure:,.4f}" for figure in figures)
            print(f"| {strategy} | {len(bars):,} x {frame} | {len(mine.trades)} | {shown} |")
    run = prepared_of(text_of("sma", "1h"), hours(), Costs(FEE, FEE), LARGE, grids={"BTC_USDT": (0.01, 0.001)})
    print("\n| switched off, one after the other | final equity |\n|---|---|")
    print(f"| nothing: all rules | {own(run).equity[-1]:,.6f} |")
    for name, rule in RULES:
        run = changed(run, **rule)
        print(f"| {name} | {own(run).equity[-1]:,.6f} |")
    print(f"| vectorbt | {vectorbt(run, LARGE).final:,.6f} |")


if __name__ == "__main__":
    main()
