"""The few values of each param that a walk-forward chooses among."""

from __future__ import annotations

from itertools import product

from polotui.strategy.document.spec import ParamSpec, StrategyDocument

#: Each fold tries all of them, so a large grid would cost much and fit noise.
MOST = 60


def small_grid(document: StrategyDocument) -> list[dict[str, float]]:
    """At most MOST combinations, evenly spread over the ranges; of many params the first. Empty without a range."""
    ranged = {name: spec for name, spec in document.params.items() if spec.max > spec.min}
    # Two values of each at least.
    names = list(ranged)[: MOST.bit_length() - 1]
    if not names:
        return []
    each = 2
    while (each + 1) ** len(names) <= MOST:
        each += 1
    columns = [spread(ranged[name], each) for name in names]
    return [dict(zip(names, values, strict=True)) for values in product(*columns)]


def spread(spec: ParamSpec, count: int) -> list[float]:
    """Up to `count` values from the least to the most, each on a step."""
    steps = int((spec.max - spec.min) / spec.step + 1e-9)
    places = sorted({round(steps * place / (count - 1)) for place in range(count)})
    return [round(spec.min + place * spec.step, 10) for place in places]
