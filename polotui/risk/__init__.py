"""What may we do? Sizing and the rules of the gate, as pure functions over plain values.

    limits, fields      what is allowed: presets, mistakes in words, what loosens
    assess, checks/     may this order go? every reason, each with its code
    size, sizing        how large may it be, and what is then at risk
    daily, drawdown     the guards: readings in, block, latch and flatten out
    ladder, pairs       what follows when a limit is passed; pairs that only cost money
    meter, exposure     how much is at stake, and where
    correlation, alerts what moves together; what a person should know

Decided here: nothing in this package knows a clock, a database or a venue. Backtest, paper and live call the same
functions; `sizing` is written over floats, because the backtest compiles it, everything else over exact decimals.
"""
