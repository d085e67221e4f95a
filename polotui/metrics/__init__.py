"""How good was it? The figures of a run or an account, from its equity curve and its closed positions.

    figure        what a result is: a number, or none with the reason in words
    daily         a bar curve as one value for each UTC day
    curve         figures of the curve: return, Sharpe, drawdown, tail
    trades        figures of the closed positions: win rate, profit factor, expectancy
    breakdown     the same by hour, weekday, exit reason, symbol
    monte_carlo   what chance alone would have made of these trades
    definitions   what each figure is and how it is shown; docs/metrics.md is written from it
    summary       all of them at once, and the few that a sweep needs

Decided here: everything is a pure function over arrays; nothing reads a clock or a database. A year has 365 days, since
these markets never close. Fractions inside; percent only where a figure is shown. Nothing is re-exported, so that a
reader of `definitions` loads no numpy.
"""
