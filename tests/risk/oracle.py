"""What an order that passed would break, worked out from the words of the rules and not from the gate's code.

Everything is exact: fractions, and the account as it would be once every waiting order has filled in full at its worst.
It shares no function with `polotui.risk`; the values are the only thing in common.
"""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from functools import lru_cache
from typing import Any

from polotui.model.orders import OrderType, Purpose, Side
from polotui.risk.limits import Limits
from polotui.risk.values import AccountView, Asked, MarketView

CLOSES = {"exit", "stop", "target", "protect", "flatten"}


@lru_cache(maxsize=4096)
def exact(value: Any) -> Fraction | None:
    """A number as a fraction; None for what is missing, NaN or infinite. A float counts as it is written."""
    if value is None:
        return None
    text = str(value)
    if "nan" in text.lower() or "inf" in text.lower():
        return None
    return Fraction(text)


def above_zero(value: Any) -> bool:
    number = exact(value)
    return number is not None and number > 0


def broken(asked: Asked, view: AccountView, market: MarketView, limits: Limits) -> list[str]:
    """The rules that the order breaks, by a short word each. Empty: it may pass."""
    o = asked.terms
    if ill_formed(asked, view):
        return ["order"]
    free = sellable(asked, view)
    size = exact(o.quantity)
    sells_held = o.side is Side.SELL and free is not None and size is not None and size <= free
    closing = o.purpose.value in CLOSES or sells_held
    found = always(asked, view, market, limits, closing, free)
    if closing:
        return found
    if nonsense(limits):
        return [*found, "limits"]
    found += environment(asked, view, market, limits)
    found += money(asked, view, market, limits)
    found += crowd(asked, view, limits)
    found += losses(asked, view, limits)
    found += plan(asked, view, market, limits)
    found += conduct(asked, view, market, limits)
    return found


def ill_formed(asked: Asked, view: AccountView) -> bool:
    o = asked.terms
    if o.type is OrderType.MARKET and o.side is Side.BUY:
        whole = above_zero(o.amount) and o.quantity is None
    else:
        whole = above_zero(o.quantity) and o.amount is None
    if o.type.value.startswith("LIMIT"):
        whole = whole and above_zero(o.price)
    if o.type.value in ("STOP", "OCO"):
        whole = whole and above_zero(o.stop)
    if o.type is OrderType.OCO:
        whole = whole and above_zero(o.target)
    mine = o.account == view.root or o.account.split("/")[0] == view.root
    return not (whole and mine)


def sellable(asked: Asked, view: AccountView) -> Fraction | None:
    o = asked.terms
    parts = [exact(p.quantity) for p in view.positions if (p.account, p.symbol) == (o.account, o.symbol)]
    claims = [
        exact(r.quantity)
        for r in view.resting
        if r.side is Side.SELL and (r.account, r.symbol) == (o.account, o.symbol)
    ]
    # A claim beyond any exchange's decimals is no claim that anybody can read.
    smallest = Fraction(1, 10**24)
    if None in parts or None in claims or any(c < 0 or 0 < c < smallest for c in claims if c is not None):
        return None
    return max(Fraction(0), sum(parts, Fraction(0)) - sum(claims, Fraction(0)))  # type: ignore[arg-type]


def always(
    asked: Asked, view: AccountView, market: MarketView, limits: Limits, closing: bool, free: Fraction | None
) -> list[str]:
    """What holds for exits too: halts, what is held, the exchange's grid, a price that gives money away."""
    o, found = asked.terms, []
    if view.state == "HALTED" and o.purpose is not Purpose.FLATTEN:
        found.append("halted")
    if view.state == "REDUCING" and not closing:
        found.append("reducing only")
    if view.state not in ("ACTIVE", "REDUCING", "HALTED"):
        found.append("state")
    size = exact(o.quantity)
    if o.side is Side.SELL and (free is None or size is None or size > free):
        found.append("more than held")
    if o.side is Side.BUY and closing:
        parts = [exact(p.quantity) for p in view.positions if (p.account, p.symbol) == (o.account, o.symbol)]
        spend, _ = worst_spend(asked, market, limits)
        at = expected_price(asked, market)
        bought = size if size is not None else spend / at if spend is not None and at else None
        if None in parts or bought is None or bought > -sum(parts, Fraction(0)):  # type: ignore[arg-type]
            found.append("closes more than is short")
    for value, step in (
        (o.quantity, market.quantity_step),
        *((p, market.price_step) for p in (o.price, o.stop, o.target)),
    ):
        if value is not None and step > 0 and (exact(value) is None or (exact(value) / exact(step)).denominator != 1):  # type: ignore[operator]
            found.append("grid")
    expected = expected_price(asked, market)
    if size is not None and size < exact(market.min_quantity):  # type: ignore[operator]
        found.append("too little")
    amount = exact(o.amount) if o.amount is not None else size * expected if size and expected else None
    if amount is not None and amount < exact(market.min_amount):  # type: ignore[operator]
        found.append("too little money")
    if closing and o.type.value.startswith("LIMIT"):
        band, price = exact(limits.price_collar_exit), exact(o.price)
        marks = reference_prices(market)
        sign = 1 if o.side is Side.BUY else -1
        if not marks or band is None or any(sign * (price - m) / m > band for m in marks):  # type: ignore[operator]
            found.append("gives money away")
    return found


def reference_prices(market: MarketView) -> list[Fraction]:
    marks = []
    if above_zero(market.bid) and above_zero(market.ask):
        marks.append((exact(market.bid) + exact(market.ask)) / 2)  # type: ignore[operator]
    if above_zero(market.last):
        marks.append(exact(market.last))
    return marks  # type: ignore[return-value]


def expected_price(asked: Asked, market: MarketView) -> Fraction | None:
    o = asked.terms
    if o.type is OrderType.MARKET:
        at = market.ask if o.side is Side.BUY else market.bid
    else:
        at = o.stop if o.type.value in ("STOP", "OCO") else o.price
    return exact(at) if above_zero(at) else None


def nonsense(limits: Limits) -> bool:
    """Limits that protect nothing: not finite, outside what the desk offers, or against each other."""
    numbers = [
        value for value in (getattr(limits, name) for name in limits.__struct_fields__) if isinstance(value, float)
    ]
    if any(not math.isfinite(value) or value < 0 for value in numbers):
        return True
    return (
        not 0.001 <= limits.daily_loss <= 0.5
        or limits.drawdown_warn >= limits.drawdown_pause
        or limits.daily_loss > limits.drawdown_pause
        or not 1 <= limits.positions_total <= 1000
        or limits.positions_per_strategy > limits.positions_total
        or limits.max_position > limits.gross_exposure
        or not 0.001 <= limits.max_position <= 1
        or not 90 <= limits.safety_score <= 99
        or limits.price_collar > limits.price_collar_exit
    )


def environment(asked: Asked, view: AccountView, market: MarketView, limits: Limits) -> list[str]:
    o, found = asked.terms, []
    if view.latches:
        found.append("latch")
    if view.safety_vetoes or view.safety_score is None or view.safety_score <= limits.safety_score:
        found.append("safety")
    if not market.tradable or o.symbol.split("_")[-1] != view.currency:
        found.append("symbol")
    if limits.symbols and o.symbol not in limits.symbols:
        found.append("allow-list")
    if not market.fresh or market.age_ms is None or market.age_ms > limits.data_age_ms or market.age_ms < 0:
        found.append("stale")
    if not above_zero(market.bid) or not above_zero(market.ask) or market.bid >= market.ask:  # type: ignore[operator]
        found.append("book")
    for move, most in ((market.jump, limits.max_jump), (market.difference, limits.max_difference)):
        if exact(move) is None or not 0 <= exact(move) <= exact(most):  # type: ignore[operator]
            found.append("jump")
    marks, at = reference_prices(market), expected_price(asked, market)
    prices = [at, exact(o.target)] if o.type is OrderType.OCO else [at]
    if len(marks) < 2 or None in prices:
        found.append("no reference")
    elif any(abs(p - m) / m > exact(limits.price_collar) for p in prices for m in marks):  # type: ignore[operator]
        found.append("price band")
    if any(lock.symbol == o.symbol and lock.until_ms > view.now_ms for lock in view.locks):
        found.append("locked")
    return found


def worst_spend(asked: Asked, market: MarketView, limits: Limits) -> tuple[Fraction | None, Fraction | None]:
    """The most quote currency and the worst price of the order."""
    o, at = asked.terms, expected_price(asked, market)
    if at is None:
        return None, None
    if o.side is Side.BUY and o.type.value in ("STOP", "OCO"):
        at = at * (1 + exact(limits.price_collar))  # type: ignore[operator]
        if o.target is not None and above_zero(o.target):
            at = max(at, exact(o.target))  # type: ignore[type-var]
    return (exact(o.amount) if o.amount is not None else exact(o.quantity) * at), at  # type: ignore[operator]


def money(asked: Asked, view: AccountView, market: MarketView, limits: Limits) -> list[str]:
    """Cash and exposure once everything that waits has filled at its worst."""
    o, found = asked.terms, []
    spend, _ = worst_spend(asked, market, limits)
    equity = exact(view.equity)
    if spend is None or equity is None or equity <= 0:
        return ["size or equity unknown"]
    value: dict[str, Fraction] = defaultdict(Fraction)
    value[o.symbol] += spend
    unknown: set[str] = set()
    for p in view.positions:
        if p.quantity == 0:
            continue
        if exact(p.quantity) is None or not above_zero(p.mark) or p.symbol.split("_")[-1] != view.currency:
            unknown.add(p.symbol)
        else:
            value[p.symbol] += abs(exact(p.quantity)) * exact(p.mark)  # type: ignore[arg-type, operator]
    spent = {"all": spend, "account": spend}
    for r in view.resting:
        if r.side is not Side.BUY:
            continue
        worst = exact(r.worst_amount)
        if worst is None or worst < 0:
            return ["a waiting order unknown"]
        value[r.symbol] += worst
        if r.symbol.split("_")[-1] == o.symbol.split("_")[-1]:
            spent["all"] += worst
            spent["account"] += worst if r.account == o.account else 0
    if o.symbol in unknown or value[o.symbol] > exact(limits.max_position) * equity:  # type: ignore[operator]
        found.append("position")
    if unknown or sum(value.values()) > exact(limits.gross_exposure) * equity:  # type: ignore[operator]
        found.append("exposure")
    if o.side is Side.BUY:
        quote = o.symbol.split("_")[-1]
        total = exact(view.cash.get(quote, 0))
        given = {place[0]: exact(held) for place, held in view.account_cash.items() if place[1] == quote}
        own = given.get(o.account)
        if own is None and o.account == view.root and o.account not in given and total is not None:
            own = None if None in given.values() else total - sum(given.values(), Fraction(0))  # type: ignore[arg-type]
        if total is None or own is None or spent["all"] > total or spent["account"] > own:
            found.append("cash")
    if spend > min(exact(limits.max_order_amount), 1_000_000):  # type: ignore[type-var]
        found.append("order amount")
    at = expected_price(asked, market)
    most = exact(o.quantity) if o.quantity is not None else spend / at  # type: ignore[operator]
    for cap in limits.symbol_caps:
        if cap.symbol == o.symbol:
            if cap.amount is not None and spend > exact(cap.amount):  # type: ignore[operator]
                found.append("symbol amount")
            if cap.quantity is not None and most > exact(cap.quantity):  # type: ignore[operator]
                found.append("symbol quantity")
    return found


def crowd(asked: Asked, view: AccountView, limits: Limits) -> list[str]:
    """Positions and correlated pairs as they would be once everything that waits has filled."""
    o, found = asked.terms, []
    before = [(p.account, p.symbol, p.strategy) for p in view.positions if p.quantity != 0]
    before += [(r.account, r.symbol, r.strategy) for r in view.resting if r.side is Side.BUY]
    after = [*before, (o.account, o.symbol, asked.strategy)]

    def places(rows: list[tuple[str, str, str]], strategy: str | None = None) -> int:
        return len({row[:2] for row in rows if strategy is None or row[2] == strategy})

    if places(after) > places(before) and places(after) > limits.positions_total:
        found.append("positions")
    if asked.strategy:
        mine = places(after, asked.strategy)
        if mine > places(before, asked.strategy) and mine > limits.positions_per_strategy:
            found.append("positions of the strategy")

    def pairs(symbols: set[str]) -> int:
        count = 0
        for a in symbols:
            for b in symbols:
                if a < b:
                    known = view.correlations.get((a, b))
                    count += known is None or math.isnan(known) or known > limits.correlation
        return count

    now, then = pairs({row[1] for row in before}), pairs({row[1] for row in after})
    if then > now and then > limits.correlated_pairs:
        found.append("correlated")
    return found


def losses(asked: Asked, view: AccountView, limits: Limits) -> list[str]:
    found = []
    equity = exact(view.equity)
    for top, limit, word in (
        (view.day_start_equity, limits.daily_loss, "daily loss"),
        (view.peak_equity, limits.drawdown_pause, "drawdown"),
    ):
        start = exact(top)
        if equity is None or start is None or start <= 0 or (start - equity) / start >= exact(limit):  # type: ignore[operator]
            found.append(word)
    if asked.strategy:
        fall = exact(view.strategy_drawdowns.get(asked.strategy))
        if fall is None or not 0 <= fall < exact(limits.drawdown_pause):  # type: ignore[operator]
            found.append("drawdown of the strategy")
    automatic = asked.terms.bot != 0 and asked.terms.purpose is not Purpose.MANUAL
    if automatic and limits.loss_streak and view.consecutive_losses.get(asked.terms.bot, 0) >= limits.loss_streak:
        found.append("losses in a row")
    return found


def plan(asked: Asked, view: AccountView, market: MarketView, limits: Limits) -> list[str]:
    """Stop, target and leverage of the trade itself."""
    o, found = asked.terms, []
    leverage = exact(asked.leverage)
    if leverage is None or not 0 < leverage <= exact(limits.leverage):  # type: ignore[operator]
        found.append("leverage")
    at = expected_price(asked, market)
    spend, worst = worst_spend(asked, market, limits)
    if asked.stop is None:
        under = any((p.account, p.symbol) == (o.account, o.symbol) and above_zero(p.stop) for p in view.positions)
        if limits.stop_required and not (o.purpose is Purpose.ADD and under):
            found.append("no stop")
    stop = exact(asked.stop) if above_zero(asked.stop) else None
    if asked.stop is not None and (stop is None or at is None or stop >= at):
        return [*found, "stop on the wrong side"]
    if asked.target is not None:
        target = exact(asked.target)
        if at is None or target is None or target <= at:
            return [*found, "target on the wrong side"]
        if stop is not None and (target - at) / (at - stop) < exact(limits.reward_risk) * Fraction("0.95"):  # type: ignore[operator]
            found.append("reward")
    if stop is not None and worst is not None and spend is not None:
        equity = exact(view.equity)
        if equity is None or equity <= 0 or spend * (worst - stop) / worst > exact(limits.max_trade_risk) * equity:  # type: ignore[operator]
            found.append("risk of the trade")
    return found


def conduct(asked: Asked, view: AccountView, market: MarketView, limits: Limits) -> list[str]:
    """Rate, repetition, size by hand, and orders that would meet our own."""
    o, found = asked.terms, []
    spend, _ = worst_spend(asked, market, limits)
    free = 1 - exact(limits.rate_reserve)  # type: ignore[operator]
    for window, most in ((1000, limits.orders_per_second), (60_000, limits.orders_per_minute)):
        recent = sum(view.now_ms - s.at_ms < window for s in view.sent)
        if recent + 1 > max(1, math.floor(most * free)):
            found.append("rate")
    same = [
        s
        for s in view.sent
        if view.now_ms - s.at_ms < limits.duplicate_ms
        and (s.bot, s.symbol, s.side, s.price, s.quantity, s.amount)
        == (o.bot, o.symbol, o.side, o.price, o.quantity, o.amount)
    ]
    if same:
        found.append("twice")
    automatic = o.bot != 0 and o.purpose is not Purpose.MANUAL
    if automatic:
        entries = 0
        for s in view.sent:
            if s.bot == o.bot and s.symbol == o.symbol and view.now_ms - s.at_ms < limits.repeated_ms:
                entries = 0 if s.reduces else entries + (1 if s.automatic else 0)
        if entries + 1 > limits.repeated_entries:
            found.append("entries without an exit")
    elif not asked.confirmed:
        equity = exact(view.equity)
        if spend is None or equity is None or equity <= 0 or spend / equity > exact(limits.fat_finger_share):  # type: ignore[operator]
            found.append("large by hand")
        else:
            amounts = []
            for s in view.sent:
                if s.symbol == o.symbol and not s.reduces:
                    amount = exact(s.amount)
                    if amount is None and s.price is not None and s.quantity is not None:
                        amount = exact(s.price) * exact(s.quantity)  # type: ignore[operator]
                    if amount is not None and amount > 0:
                        amounts.append(amount)
            last = sorted(amounts[-20:])
            if len(last) >= 5:
                median = (last[(len(last) - 1) // 2] + last[len(last) // 2]) / 2
                if spend / median > exact(limits.fat_finger_factor):  # type: ignore[operator]
                    found.append("unusual by hand")
    reach = expected_price(asked, market)
    if o.type is OrderType.OCO and o.side is Side.BUY and reach is not None:
        reach = max(reach, exact(o.target))  # type: ignore[type-var]
    for r in view.resting:
        if r.symbol == o.symbol and r.side is not o.side and r.price is not None:
            price = exact(r.price)
            if price is None or reach is None or (reach >= price if o.side is Side.BUY else reach <= price):
                found.append("meets our own")
    return found
