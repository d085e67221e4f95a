"""The kernel: signals in, equity curve, fills and trades out. Plain Python that numba compiles (see `compiling`).

One moment at a time, in this order, which docs/backtest.md explains:

1. at the open (`opening`): exits that the last close decided, then entries in the order of the symbols, each as far as
   there is a free place, cash, and volume;
2. inside the bar (`inside`): stops, trailing stops, targets and liquidation of what is open, by the intrabar policy;
3. at the close (`closing`): exit rules, time stops, trailing stops ratchet, entry rules; what they decide happens at
   the next open;
4. the equity is marked.

Decided here:
* Records and a few arrays instead of many: a compiled call costs what it hands over, and the code reads like prose.
* Nothing is allocated in here, so that numba needs no reference counts: an event costs a third.
* With one symbol, stretches in which nothing can happen are walked by two small loops (`walking`), whose only work is
  to prove that nothing happens; every bar with an event goes through the same step as with many symbols.
"""
