"""How much to put into a position.

All sizes are amounts in the quote currency. A size is what the rule asks for; `capped` then limits it to a share of the
account, and the resulting risk is told, because a cap silently changes it: 2 % risk at a 5 % stop asks for 40 % of the
account; capped at 20 %, only 1 % is at risk.
"""

from __future__ import annotations

#: No Kelly figure below this many trades: it would be noise.
LEAST_TRADES = 30


def fixed_fractional(equity: float, risk: float, stop_distance: float) -> float:
    """Loses `risk` of the equity when the stop, `stop_distance` (a fraction of the price) away, is hit.

    Without a stop (distance 0 or NaN) the whole position counts as at risk.
    """
    distance = stop_distance if stop_distance > 0.0 else 1.0
    return equity * risk / distance


def percent_equity(equity: float, share: float) -> float:
    return equity * share


def kelly_fraction(win_rate: float, payoff: float) -> float:
    """Full Kelly W - (1 - W) / payoff, at least 0. `payoff` is average win over average loss (both positive)."""
    if payoff <= 0.0:
        return 0.0
    return max(0.0, win_rate - (1.0 - win_rate) / payoff)


def kelly(equity: float, win_rate: float, payoff: float, fraction: float) -> float:
    """`fraction` of full Kelly (0.25: quarter Kelly). 0 when the edge is not positive: no trade."""
    return equity * fraction * kelly_fraction(win_rate, payoff)


def vol_target(equity: float, target: float, realised: float) -> float:
    """Such that the position's yearly volatility is `target` of the equity. 0 while the volatility is unknown."""
    if not realised > 0.0:
        return 0.0
    return equity * target / realised


def capped(amount: float, equity: float, cap: float) -> float:
    """At most `cap` of the equity; 0 means without a cap."""
    return min(amount, equity * cap) if cap > 0.0 else amount


def resulting_risk(amount: float, equity: float, stop_distance: float) -> float:
    """The share of the equity that is lost when the stop is hit."""
    distance = stop_distance if stop_distance > 0.0 else 1.0
    return amount * distance / equity if equity > 0.0 else 0.0


def reward_to_risk(target_distance: float, stop_distance: float) -> float:
    """Target over stop distance; 0 when there is no stop to compare with."""
    return target_distance / stop_distance if stop_distance > 0.0 else 0.0
