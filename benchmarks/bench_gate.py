"""The decision of the gate, without its commit: an account of 50 positions, 50 resting exits, 500 orders sent.

Wall and processor time of each decision. The target is the 99th percentile of the processor's time: on a busy machine
the wall shows the others.
"""

from __future__ import annotations

import sys
import time
from decimal import Decimal

from polotui.model.orders import OrderTerms, OrderType, Purpose, Side
from polotui.risk.assess import assess
from polotui.risk.limits import Limits
from polotui.risk.values import AccountView, Asked, MarketView, PositionView, RestingView, SentOrder

ROUNDS = 20_000
#: Microseconds: a gate that is slower tempts to go around it.
TARGET = 1_000.0
NOW = 1_760_000_000_000


def account() -> AccountView:
    symbols = [f"S{n:02d}_USDT" for n in range(50)]
    everything = sorted([*symbols, "BTC_USDT"])
    return AccountView(
        root="paper",
        now_ms=NOW,
        state="ACTIVE",
        equity=Decimal(100_000),
        day_start_equity=Decimal(100_500),
        peak_equity=Decimal(101_000),
        cash={"USDT": Decimal(90_000)},
        account_cash={("paper/bot-3", "USDT"): Decimal(50_000)},
        positions=tuple(
            PositionView(
                account=f"paper/bot-{n}",
                bot=n,
                strategy=f"strategy-{n % 7}",
                symbol=symbol,
                quantity=Decimal("1.5"),
                entry_price=Decimal(100),
                mark=Decimal("101.25"),
                stop=Decimal(95),
            )
            for n, symbol in enumerate(symbols)
        ),
        resting=tuple(
            RestingView(
                id=f"pt-{n}",
                account=f"paper/bot-{n}",
                bot=n,
                strategy=f"strategy-{n % 7}",
                symbol=symbol,
                side=Side.SELL,
                quantity=Decimal(1),
                price=Decimal(110),
                worst_amount=Decimal(0),
                reduces=True,
                created_ms=NOW,
            )
            for n, symbol in enumerate(symbols)
        ),
        sent=tuple(
            SentOrder(
                at_ms=NOW - age * 20_000,
                bot=3,
                symbol=symbols[age % 50],
                side=Side.BUY,
                price=Decimal(100),
                quantity=Decimal(1),
                amount=None,
                reduces=False,
                automatic=True,
            )
            for age in range(500, 0, -1)
        ),
        # One pair moves with the new symbol, so that all 1,275 pairs are counted.
        correlations={
            (a, b): 0.9 if (a, b) == ("BTC_USDT", "S00_USDT") else 0.1 for a in everything for b in everything
        },
        strategy_drawdowns={"strategy-3": 0.01},
        safety_score=100,
    )


def main(words: list[str] | None = None) -> bool:
    view = account()
    terms = OrderTerms(
        id="pt-1",
        account="paper/bot-3",
        symbol="BTC_USDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        purpose=Purpose.ENTRY,
        created_ms=NOW,
        bot=3,
        quantity=Decimal(10),
        price=Decimal(100),
    )
    asked = Asked(terms=terms, strategy="strategy-3", stop=Decimal(97), target=Decimal(106))
    book = MarketView(bid=Decimal("99.9"), ask=Decimal("100.1"), last=Decimal(100), age_ms=50, fresh=True)
    limits = Limits(positions_total=60)
    assert assess(asked, view, book, limits).approved
    wall, processor = [], []
    for _ in range(ROUNDS):
        began, used = time.perf_counter(), time.thread_time()
        assess(asked, view, book, limits)
        processor.append((time.thread_time() - used) * 1e6)
        wall.append((time.perf_counter() - began) * 1e6)
    wall.sort()
    processor.sort()
    middle, late = ROUNDS // 2, ROUNDS * 99 // 100
    print(f"One decision of the gate over 50 positions, {ROUNDS:,} times")
    print(f"  processor time  p50 {processor[middle]:6.0f} us   p99 {processor[late]:6.0f} us   (target ≤ {TARGET:g})")
    print(f"  wall time       p50 {wall[middle]:6.0f} us   p99 {wall[late]:6.0f} us")
    return processor[late] <= TARGET


if __name__ == "__main__":
    raise SystemExit(0 if main(sys.argv[1:]) else 1)
