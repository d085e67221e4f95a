"""A bound document as the runtime takes it: rules by name, filters and confirmation, and both ways to run it.

Decided here:
* A long or short entry is one truth: the rule, the filters and the confirmation, joined by «and». Unknown is not true,
  so nothing is entered on it. Backtest and live trading both take it from here.
* An entry without its confirmation can be asked for, so that what the confirmation keeps out can be counted.
"""

from __future__ import annotations

from typing import Any, Protocol

from polotui.strategy.document.bind import CONFIRM
from polotui.strategy.document.tree import Node
from polotui.strategy.runtime.columns import Bars
from polotui.strategy.runtime.confirm import Confirm, Direction, confirm
from polotui.strategy.runtime.evaluate import Bound, Evaluation
from polotui.strategy.runtime.filters import Filters
from polotui.strategy.runtime.frames import Provider
from polotui.strategy.runtime.stream import Live
from polotui.strategy.runtime.truth import Truths, and_

RULES = ("entry_long", "entry_short", "exit_long", "exit_short", "loss_price", "target_price", "dip")


class BoundDocument(Bound, Protocol):
    """A document with its rules and its parameters' values."""

    @property
    def rules(self) -> Any: ...
    @property
    def confirm(self) -> Any: ...
    @property
    def filters(self) -> Any: ...


def rules_of(bound: BoundDocument) -> dict[str, Node]:
    """The rules that the document has."""
    found = {name: getattr(bound.rules, name) for name in RULES}
    return {name: node for name, node in found.items() if node is not None}


def confirm_of(bound: BoundDocument) -> Confirm | None:
    """What the document asks of other frames; the lengths are those that its warm-up is reckoned with."""
    asked = bound.confirm
    if asked is None:
        return None
    ((_, rsi),), ((_, macd),), ((_, fast), (_, slow)) = CONFIRM["rsi"], CONFIRM["macd"], CONFIRM["ema"]
    return Confirm(
        tuple(asked.frames),
        tuple(asked.checks),
        asked.min_score,
        rsi["length"],
        (macd["fast"], macd["slow"], macd["signal"]),
        (fast["length"], slow["length"]),
    )


def filters_of(bound: BoundDocument) -> Filters:
    asked = bound.filters
    return Filters(tuple(asked.sessions), tuple(sorted(asked.weekdays)), asked.min_quote_volume_24h)


def entry(evaluation: Evaluation, bound: BoundDocument, direction: Direction, confirmed: bool = True) -> Truths | None:
    """Whether to enter at each bar's close; None when the document has no rule for the direction."""
    rule = getattr(bound.rules, f"entry_{direction}")
    if rule is None:
        return None
    series, filters, asked = evaluation.series, filters_of(bound), confirm_of(bound)
    truth = evaluation.truth(rule)
    if filters != Filters():
        truth = and_(truth, series.kept(filters, lambda: {"": filters.column(evaluation.bars)})[""])
    if asked is not None and confirmed:
        agreed = series.kept((asked, direction), lambda: {"": confirm(series, asked, direction).allowed})
        truth = and_(truth, agreed[""])
    return truth


def live(bound: BoundDocument, history: Bars, indicators: Provider | None = None) -> Live:
    """The whole document bar by bar, after the history from its anchor on."""
    return Live(bound, history, rules_of(bound), indicators, confirm_of(bound), filters_of(bound))
