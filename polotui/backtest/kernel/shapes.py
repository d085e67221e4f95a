"""What goes into the kernel and what comes out: records, columns, and the numbers that stand for words.

Bars of S symbols over T moments lie flat in one row, the symbols of a moment beside each other: the bar of symbol s at
moment i is element i * S + s. A symbol without a bar at that moment has NaN there and is not traded in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Truths = NDArray[np.uint8]
#: Records of the dtypes below, and arrays of them.
Position = Any
Book = Any
Rules = Any
Records = Any

#: The three truths of a rule (`strategy.runtime` has the same).
FALSE, UNKNOWN, TRUE = 0, 1, 2

# Rows of the market's columns, of the signals', of the levels', of the lower bars', and of the curves.
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
LONG_IN, SHORT_IN, LONG_OUT, SHORT_OUT = range(4)
LOSS, TARGET_PRICE, TRAIL, SIZE, ADD_UNIT = range(5)
EQUITY, NOTIONAL = range(2)
TICK, LOT = range(2)
FROM, TO = range(2)

# How a level is given.
NO_LEVEL, FRACTION, DISTANCE, PRICE, MULTIPLE_OF_RISK = range(5)
# How an entry is ordered.
MARKET, LIMIT, STOP_ENTRY = range(3)
# How a position is sized.
BY_RISK, BY_KELLY, BY_EQUITY, BY_AMOUNT, BY_VOLATILITY = range(5)

#: Why a fill happened. 0 is no reason; the first two are entries.
REASONS = ("", "entry", "add", "stop", "trail", "target", "rule", "time", "reversed", "liquidated", "open at the end")
(NO_REASON, ENTRY, ADD, BY_STOP, BY_TRAIL, BY_TARGET, BY_RULE, BY_TIME, BY_REVERSAL, BY_LIQUIDATION, AT_END) = range(11)

#: Why an entry that the rule asked for was not taken.
REFUSALS = (
    "no free place",
    "not enough cash",
    "below the smallest order",
    "the stop would lie on the wrong side",
    "long and short at once",
    "the exit rule was true as well",
    "cooling down after an exit",
    "not filled before it expired",
    "no size could be computed",
)
NO_PLACE, NO_CASH, TOO_SMALL, WRONG_STOP, CONFLICT, EXIT_TOO, COOLING, EXPIRED, NO_SIZE = range(9)

# Places of `counts`: moments done, cancel asked, fills, trades, bars whose order of events mattered, those that lower
# bars decided, a log was too short; from REFUSED on one place for each refusal.
DONE, CANCEL, FILLS, TRADES, AMBIGUOUS, BY_DETAIL, FULL, REFUSED = range(8)
COUNTS = REFUSED + len(REFUSALS)


def _record(floats: str, ints: str = "") -> np.dtype[Any]:
    return np.dtype((np.record, [(name, "f8") for name in floats.split()] + [(name, "i8") for name in ints.split()]))


#: All numbers that a run depends on. The run goes over the moments [first, last); what lies before is warm-up.
RULES = _record(
    "capital leverage maintenance maker_fee taker_fee half_spread slippage volume_share least_amount borrow_per_bar"
    " loss_value target_value trail_value trail_from entry_offset size_value size_cap kelly_win_rate kelly_payoff"
    " kelly_fraction add_step",
    "symbols policy shorts spot fee_in_received loss_kind target_kind trail_kind time_bars entry_kind expire_bars"
    " size_kind kelly_trades max_positions max_adds cooldown program_long program_short first last stop_follows",
)

#: One symbol's position, what is ordered for it, and what it leaves behind. Levels are NaN where there are none;
#: `quantity` is below 0 for a short; `filled` is the moment of the last entry fill and `at_open` whether that was
#: at the open; `exit_reason` and `order` (the side, +1 or -1) are 0 when nothing is ordered.
POSITION = _record(
    "quantity entry_price invested fees cash_flow sold sold_value peak_quantity last_fill dust dust_before"
    " stop target trail first_stop first_target risk best_close highest lowest"
    " order_amount order_price order_loss order_target last_close",
    "entered filled at_open fills adds exit_reason order order_kind order_left order_reason cool_until",
)

FILL = _record("price quantity fee", "bar symbol side reason maker")

TRADE = _record(
    "entry_price exit_price quantity profit invested fees risk worst best stop target",
    "symbol direction entry_bar exit_bar reason fills",
)
