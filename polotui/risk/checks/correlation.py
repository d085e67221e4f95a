"""Pairs that move together: at most so many among all symbols held or about to be.

Decided here: every pair of distinct symbols counts, not only those with the new one, so that the figure is the one
the desk shows. A pair whose correlation is unknown counts. An order on a symbol that is already held adds no pair.
"""

from __future__ import annotations

from itertools import combinations

from polotui.risk.case import Case
from polotui.risk.checks import passes, refuses, within
from polotui.risk.values import Finding

CODE = "RISK-CORR"
ORDER = 240
ADVICE = "Close one of the correlated positions first, or trade something that moves by itself."


def check(case: Case) -> Finding:
    symbol, symbols, known = case.terms.symbol, case.symbols, case.view.correlations
    limit, above = case.limits.correlated_pairs, case.limits.correlation
    if symbol in symbols:
        return passes(CODE, "The symbol is already held.", limit=limit)
    with_it, unknown = [], 0
    for other in symbols:
        value = known.get((symbol, other) if symbol < other else (other, symbol))
        # Written so that None and NaN count as correlated.
        if value is None or not value <= above:
            with_it.append(other)
            unknown += value is None
    with_it.sort()
    if not with_it:
        return passes(CODE, "No held symbol moves with it.", limit=limit, highlyCorrelated=with_it)
    pairs = len(with_it)
    if pairs <= limit:
        for pair in combinations(sorted(symbols), 2):
            value = known.get(pair)
            if value is None or not value <= above:
                pairs += 1
    if not pairs <= limit:
        words = f"{pairs} pairs would move together (above {above:g}); the limit is {limit}."
        words += (
            f" It moves with {_names(with_it)}."
            if not unknown
            else (f" Not known for {unknown} of {_names(with_it)}, which counts as together.")
        )
        return refuses(CODE, words, pairs, limit, pairs=pairs, limit=limit, highlyCorrelated=with_it)
    return within(CODE, pairs, limit, pairs=pairs, limit=limit, highlyCorrelated=with_it)


def _names(symbols: list[str]) -> str:
    more = f" and {len(symbols) - 4} more" if len(symbols) > 4 else ""
    return ", ".join(symbols[:4]) + more
