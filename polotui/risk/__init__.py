"""What may we do? Sizing and the rules of the gate, as pure functions over plain values.

Decided here: like `execution`, plain functions over floats that the backtest compiles and paper and live call as they
are.
"""
