"""How large may this trade be? The size a rule asks for, what the cap leaves of it, and what is then really at risk.

Decided here:
* The cap is the largest position of the limits. It is shown beside the size that was asked for, because it changes the
  risk silently: 2 % risk at a stop 5 % away asks for 40 % of the account; capped at 20 %, 1 % is at risk.
* A size of zero comes with its reason. Kelly without an edge, or from too few trades, is no trade.
* The figures are computed with the functions that the backtest compiles, then put on the exchange's grid, downwards.
"""

from __future__ import annotations

import math
from decimal import ROUND_DOWN, Decimal
from typing import Literal

import msgspec

from polotui.risk import sizing
from polotui.risk.checks import money, share
from polotui.risk.limits import Limits

Kind = Literal["fixed_fractional", "kelly", "vol_target", "fixed_quote"]
ZERO = Decimal(0)


class SizeAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the rule needs. `stop` and `target` are distances from the price, as fractions; `risk` None: the limits'.

    Kelly needs `win_rate`, `average_win`, `average_loss` (both positive, in money) and the number of `trades` they come
    from; a volatility target needs `target_volatility` and the symbol's own `volatility`, both yearly; a fixed amount
    needs `amount`. Without a price there is no quantity.
    """

    kind: Kind
    equity: Decimal
    price: Decimal | None = None
    stop: float | None = None
    target: float | None = None
    risk: float | None = None
    win_rate: float | None = None
    average_win: float | None = None
    average_loss: float | None = None
    trades: int | None = None
    kelly_fraction: float = 0.25
    least_trades: int = sizing.LEAST_TRADES
    target_volatility: float | None = None
    volatility: float | None = None
    amount: Decimal | None = None
    quantity_step: Decimal = ZERO
    min_quantity: Decimal = ZERO
    min_amount: Decimal = ZERO


class SizeResult(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts in quote currency. `reasons` is empty when the trade may be made; `quantity` None: no price was given.

    `resulting_risk` is lost at the stop; without a stop it is the whole amount.
    """

    kind: str
    uncapped: Decimal
    capped: Decimal
    amount: Decimal
    quantity: Decimal | None
    resulting_risk: Decimal
    resulting_risk_fraction: float
    reward_to_risk: float | None
    full_kelly: float | None
    words: str
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def trade(self) -> bool:
        return not self.reasons


def size(ask: SizeAsk, limits: Limits) -> SizeResult:
    """The size of one trade under `limits`. Pure."""
    equity = float(ask.equity) if ask.equity.is_finite() and ask.equity > 0 else 0.0
    reasons = [] if equity else ["The equity is not known or not positive."]
    reasons += _missing(ask)
    full_kelly = None if reasons or ask.kind != "kelly" else _full_kelly(ask)
    asked = 0.0 if reasons else _asked(ask, equity, limits)
    if not reasons and not asked > 0:
        reasons.append(_no_size(ask))
    if not math.isfinite(asked):
        asked, reasons = 0.0, [*reasons, "The size is not a finite number."]
    uncapped = _decimal(asked)
    capped = min(uncapped, _decimal(equity * limits.max_position))
    ratio = _reward(ask)
    if ratio is not None and ratio < limits.reward_risk:
        reasons.append(f"Reward to risk is {ratio:.2f}; the least is {limits.reward_risk:g}.")
    quantity, amount = _on_grid(ask, capped)
    reasons += _too_small(ask, quantity, amount) if capped > 0 else []
    distance = ask.stop if ask.stop else 1.0
    risk = amount * Decimal(str(distance))
    return SizeResult(
        kind=ask.kind,
        uncapped=uncapped,
        capped=capped,
        amount=amount,
        quantity=quantity,
        resulting_risk=risk,
        resulting_risk_fraction=float(risk) / equity if equity else 0.0,
        reward_to_risk=ratio,
        full_kelly=full_kelly,
        words=_words(uncapped, capped, equity, float(risk), ask),
        reasons=tuple(reasons),
        warnings=tuple(_warnings(ask, uncapped, capped, equity, float(risk), limits)),
    )


def _good(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value > 0


def _missing(ask: SizeAsk) -> list[str]:
    if ask.price is not None and not (ask.price.is_finite() and ask.price > 0):
        return ["The price is not a positive number."]
    for name, distance in (("stop", ask.stop), ("target", ask.target)):
        if distance is not None and not _good(distance):
            return [f"The distance of the {name} is not a positive number."]
    if ask.stop is not None and ask.stop >= 1:
        return ["The stop is farther away than the price is high."]
    if ask.kind == "fixed_fractional" and ask.stop is None:
        return ["A share at risk needs a stop."]
    if ask.kind == "kelly":
        if ask.trades is None or ask.trades < ask.least_trades:
            return [f"Kelly needs at least {ask.least_trades} trades; there are {ask.trades or 0}."]
        if ask.win_rate is None or not 0 <= ask.win_rate <= 1:
            return ["Kelly needs a win rate from 0 to 100 %."]
        if not (_good(ask.average_win) and _good(ask.average_loss)):
            return ["Kelly needs the average win and the average loss, both positive."]
    if ask.kind == "vol_target" and not (_good(ask.target_volatility) and _good(ask.volatility)):
        return ["A volatility target needs the target and the symbol's volatility."]
    if ask.kind == "fixed_quote" and (ask.amount is None or not (ask.amount.is_finite() and ask.amount > 0)):
        return ["A fixed size needs its amount."]
    return []


def _full_kelly(ask: SizeAsk) -> float:
    return sizing.kelly_fraction(ask.win_rate or 0.0, (ask.average_win or 0.0) / (ask.average_loss or math.inf))


def _asked(ask: SizeAsk, equity: float, limits: Limits) -> float:
    if ask.kind == "fixed_fractional":
        risk = limits.risk_per_trade if ask.risk is None else ask.risk
        return sizing.fixed_fractional(equity, risk, ask.stop or 0.0)
    if ask.kind == "kelly":
        return equity * ask.kelly_fraction * _full_kelly(ask)
    if ask.kind == "vol_target":
        return sizing.vol_target(equity, ask.target_volatility or 0.0, ask.volatility or 0.0)
    return float(ask.amount or ZERO)


def _no_size(ask: SizeAsk) -> str:
    return "Kelly finds no edge: no trade." if ask.kind == "kelly" else "The rule asks for nothing."


def _decimal(value: float) -> Decimal:
    """A float as money: ten digits after the point are more than it knows."""
    return Decimal(str(round(value, 10)))


def _reward(ask: SizeAsk) -> float | None:
    if ask.stop is None or ask.target is None or not (_good(ask.stop) and _good(ask.target)):
        return None
    # 4 % over 2 % is 2, not a hair less.
    return round(sizing.reward_to_risk(ask.target, ask.stop), 10)


def _on_grid(ask: SizeAsk, capped: Decimal) -> tuple[Decimal | None, Decimal]:
    if ask.price is None or not (ask.price.is_finite() and ask.price > 0):
        return None, capped
    quantity = capped / ask.price
    if ask.quantity_step > 0:
        quantity = (quantity / ask.quantity_step).to_integral_value(rounding=ROUND_DOWN) * ask.quantity_step
    return quantity, quantity * ask.price


def _too_small(ask: SizeAsk, quantity: Decimal | None, amount: Decimal) -> list[str]:
    if quantity is not None and (quantity <= 0 or quantity < ask.min_quantity):
        return [f"The quantity is below the exchange's minimum of {max(ask.min_quantity, ask.quantity_step):f}."]
    if amount < ask.min_amount:
        return [f"The amount is below the exchange's minimum of {ask.min_amount:f}."]
    return []


def _words(uncapped: Decimal, capped: Decimal, equity: float, risk: float, ask: SizeAsk) -> str:
    if not equity:
        return ""
    text = f"The rule asks for {money(uncapped)}"
    if capped < uncapped:
        text += f"; the cap leaves {money(capped)}"
    lost = "at the stop" if ask.stop else "at most, without a stop,"
    return f"{text}. {share(risk / equity)} of the equity are lost {lost}."


def _warnings(
    ask: SizeAsk, uncapped: Decimal, capped: Decimal, equity: float, risk: float, limits: Limits
) -> list[str]:
    found = []
    if capped < uncapped:
        found.append(f"Capped at {share(limits.max_position)} of the equity.")
    if ask.stop is None and capped > 0:
        found.append("Without a stop the whole amount is at risk.")
    if equity and ask.stop is not None and risk / equity > limits.max_trade_risk:
        found.append(f"More than {share(limits.max_trade_risk)} of the equity would be lost; the gate refuses that.")
    if ask.kind == "kelly" and ask.kelly_fraction > 0.5:
        found.append("More than half of Kelly; a small error in the win rate costs more than it brings.")
    return found
