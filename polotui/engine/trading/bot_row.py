"""How a bot stands, as faces show it.

Decided here: how a bot should do is the band of its strategy's newest backtest, scaled to the time that it has run;
below twenty bars or five trades it is too early to say.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, cast

from polotui.api import trade_values as tv
from polotui.engine.trading import shapes
from polotui.engine.trading.arrivals import BARS_MISSING
from polotui.engine.trading.livebot import LiveBot
from polotui.model.candles import Timeframe
from polotui.model.money import ZERO, plain
from polotui.trading import bot_rows
from polotui.trading.bots.bot import Bot

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

EARLY_BARS = 20
EARLY_TRADES = 5


def row_of(trading: Trading, stored: bot_rows.StoredBot, live: LiveBot | None, trades: int, wins: int) -> tv.BotRow:
    """One bot as it stands now. `live` None: it does not run."""
    bot = live.bot if live is not None else None
    equity = trading.view.equity(stored.account, whole=False)
    over = stored.state not in bot_rows.ACTIVE
    held = [p for p in trading.portfolio.positions(stored.account) if not trading.is_dust(p)]
    released = trading.released(stored.account)
    worth = equity + released if equity is not None else None
    day = trading.monitor_of(stored.account).bot_day(stored.id)
    result = worth - stored.capital if worth is not None else None
    levels = [_protection(trading, p.account, p.symbol) for p in held]
    frame = Timeframe.parse(stored.timeframe)
    low, high = trading.band(stored) if not over else (None, None)
    ratio = shapes.ratio(result, stored.capital) if result is not None else None
    fresh = all(trading.markets.fresh(symbol) for symbol in stored.symbols)
    next_ms = live.closed_ms + 2 * frame.ms if live is not None and live.closed_ms else 0
    return tv.BotRow(
        id=stored.id,
        strategy=stored.strategy,
        version=stored.version,
        symbols=list(stored.symbols),
        timeframe=stored.timeframe,
        account=stored.account,
        venue="paper" if stored.account.startswith("paper") else "exchange",
        state=cast("tv.BotStateName", stored.state),
        reason=stored.reason,
        params=stored.params,
        capital=plain(stored.capital),
        equity=shapes.money(equity),
        result=shapes.money(result),
        result_ratio=ratio,
        day_result=shapes.money(day.result(worth) if day is not None and not over else None),
        realised=shapes.money(_realised(trading, stored.account)),
        drawdown=trading.monitor_of(stored.account).bot_drawdown(stored.id),
        expected_low=low,
        expected_high=high,
        health=_health(ratio, low, high, live, trades, frame),
        positions=len(held),
        orders=len([o for o in trading.gateway.blotter.open(stored.account) if not o.waits]),
        trades=trades,
        wins=wins,
        protection=_weakest(levels),
        started_ms=stored.started_ms,
        ended_ms=stored.ended_ms or 0,
        last_bar_ms=live.closed_ms if live is not None else 0,
        next_bar_ms=0 if over else next_ms,
        fresh=fresh,
        blocked="" if over or live is None else live.waits or (_why_blocked(trading, stored, bot) if bot else ""),
    )


def _why_blocked(trading: Trading, stored: bot_rows.StoredBot, bot: Bot) -> str:
    state = trading.halting.state()
    if state != "ACTIVE":
        return f"{state.lower()}: {trading.halting.reason()}"
    stale = [symbol for symbol in stored.symbols if not trading.markets.fresh(symbol)]
    if stale:
        return f"stale {', '.join(stale[:3])}"
    if lacking := [symbol for symbol in stored.symbols if bot.blocked(symbol) == BARS_MISSING]:
        return f"bars of {', '.join(lacking[:3])} are missing"
    if blocks := trading.protector_blocks():
        return blocks
    view, limits = trading.view, trading.limits.limits()
    losses = view.consecutive_losses.get(stored.id, 0)
    if 0 < limits.loss_streak <= losses:
        return f"{losses} losses in a row; pause and resume it to begin anew"
    locked = {lock.symbol for lock in view.locks if lock.until_ms > trading.clock.wall_ms()}
    if locked >= set(stored.symbols):
        return f"locked: {', '.join(sorted(locked & set(stored.symbols))[:3])}"
    score, vetoes = view.safety()
    if vetoes or (score is not None and score <= limits.safety_score):
        return f"safety {score}: {', '.join(vetoes)}" if vetoes else f"safety {score}"
    return ""


def _realised(trading: Trading, account: str) -> Decimal:
    return sum((p.closed_result - p.closed_fees + p.realised - p.fees for p in trading.portfolio.traded(account)), ZERO)


def _protection(trading: Trading, account: str, symbol: str) -> str:
    found = trading.guards.of(account, symbol)
    return "none" if found is None or (found.stop is None and found.trail is None) else "local"


def _weakest(levels: list[str]) -> Literal["venue", "local", "none", ""]:
    if not levels:
        return ""
    return "none" if "none" in levels else "local"


def _health(
    ratio: float | None, low: float | None, high: float | None, live: LiveBot | None, trades: int, frame: Timeframe
) -> Literal["", "ok", "below", "above", "early"]:
    if ratio is None or low is None or high is None or live is None:
        return ""
    bars = (live.closed_ms - live.stored.started_ms) / frame.ms if live.closed_ms else 0
    if bars < EARLY_BARS or trades < EARLY_TRADES:
        return "early"
    return "below" if ratio < low else "above" if ratio > high else "ok"
