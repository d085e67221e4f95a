"""What a bot tells of its decisions, put together: ids, rule texts, votes, words."""

from __future__ import annotations

import math
from typing import Any

from polotui.backtest.kernel import shapes as k
from polotui.core.clock import Clock
from polotui.strategy.document.bind import Bound, Dca
from polotui.strategy.runtime.columns import Bar
from polotui.strategy.runtime.truth import FALSE, TRUE
from polotui.trading.bots.hand import Closing, Hand
from polotui.trading.bots.notes import BotListener, DecisionNote, RefusalNote, SignalNote, TradeNote
from polotui.trading.bots.steps import exact
from polotui.trading.bots.terms import BotTerms

_VOTES = {TRUE: "agrees", FALSE: "against"}


class Telling:
    """Makes notes and hands them to the listener."""

    def __init__(self, terms: BotTerms, bound: Bound, listener: BotListener, clock: Clock) -> None:
        self._terms = terms
        self._listener = listener
        self._clock = clock
        #: The rule that an entry follows, as the document has it.
        self.rule = rule_text(bound)
        self._exit_rule = bound.document.exit.long or ""

    def signal(self, hand: Hand, bar: Bar, closing: Closing) -> str:
        """Tells of an entry that was asked for and ordered; its id."""
        position = hand.position
        entry, stop, target = hand.planned(bar.close)
        confirmed = closing.moment.confirmed("long")
        kind = "add" if position.order_reason == k.ADD else "entry"
        id_ = f"sig-{self._terms.id}-{hand.symbol}-{bar.time}"
        self._listener.on_signal(
            SignalNote(
                id=id_,
                bot=self._terms.id,
                strategy=self._terms.strategy,
                symbol=hand.symbol,
                side="long",
                kind=kind,
                bar_ms=bar.time,
                at_ms=self._clock.wall_ms(),
                entry=exact(entry),
                amount=exact(position.order_amount),
                stop=None if math.isnan(stop) else exact(stop),
                target=None if math.isnan(target) else exact(target),
                score=None if confirmed is None or math.isnan(confirmed.score) else confirmed.score,
                confirmation="" if confirmed is None else confirmed.level.name,
                votes={}
                if confirmed is None
                else {frame: _VOTES.get(vote, "unknown") for frame, vote in confirmed.votes.items()},
                rule=self.rule,
                reason=f"{kind}: {self.rule}",
            )
        )
        return id_

    def refused(self, hand: Hand, bar_ms: int, code: str, reason: str) -> None:
        self._listener.on_refusal(
            RefusalNote(
                signal=hand.signal,
                bot=self._terms.id,
                strategy=self._terms.strategy,
                symbol=hand.symbol,
                bar_ms=bar_ms,
                at_ms=self._clock.wall_ms(),
                code=code,
                reason=reason,
            )
        )

    def decision(self, hand: Hand, bar_ms: int, kind: str, reason: str, price: float) -> None:
        if reason == k.REASONS[k.BY_RULE] and self._exit_rule:
            reason = f"{reason} {self._exit_rule}"
        self._listener.on_decision(
            DecisionNote(
                bot=self._terms.id,
                strategy=self._terms.strategy,
                symbol=hand.symbol,
                bar_ms=bar_ms,
                at_ms=self._clock.wall_ms(),
                kind=kind,
                reason=reason,
                price=exact(price),
            )
        )

    def traded(self, hand: Hand, row: Any, at_ms: int) -> None:
        self._listener.on_trade(
            TradeNote(
                bot=self._terms.id,
                strategy=self._terms.strategy,
                symbol=hand.symbol,
                entry_ms=hand.entered_ms,
                exit_ms=at_ms,
                entry_price=float(row.entry_price),
                exit_price=float(row.exit_price),
                quantity=float(row.quantity),
                profit=float(row.profit),
                fees=float(row.fees),
                invested=float(row.invested),
                stop=_known(row.stop),
                target=_known(row.target),
                reason=hand.exit_words or k.REASONS[row.reason],
                signal=hand.signal,
            )
        )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def rule_text(bound: Bound) -> str:
    document = bound.document
    if isinstance(bound.executor, Dca):
        dip = getattr(document.executor, "dip_rule", None)
        return f"every {bound.executor.interval} bars" + (f", if {dip}" if dip else "")
    return document.entry.long or ""
