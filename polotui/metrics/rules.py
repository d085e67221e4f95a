"""The numbers that the definitions name: the year, and how much there must be before a figure says anything.

Apart from the formulas, so that the definitions quote them without loading numpy.
"""

from __future__ import annotations

import math

#: These markets never close.
YEAR_DAYS = 365
ROOT_YEAR = math.sqrt(YEAR_DAYS)

LEAST_DAYS_RATIO = 60
LEAST_DAYS_GROWTH = 90
LEAST_DAYS_TAIL = 100
TAIL = 0.05

SQN_CAP = 100
LEAST_TRADES_KELLY = 30
KELLY_SHARE = 0.25
LEAST_TRADES_CHANCE = 30

#: Below it the spread of returns or of R is the rounding of their division, not risk.
ROUNDING = 1e-14
