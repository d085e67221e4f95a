"""What is done wrong before an order: the gate, the book it looks at, latches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import msgspec

from polotui.engine.trading.markets import LiveMarkets
from polotui.market.book import Applied, GapCheck
from polotui.model.orders import OrderState
from polotui.risk import assess as gate
from polotui.risk.values import Asked, RiskDecision
from polotui.trading import gateway
from polotui.trading.blotter import Blotter
from polotui.trading.latches import Latches
from polotui.trading.moves import write_refusal
from tests.campaign.trading.defects.planting import defect


@defect("worst_case_counts_every_order")
def unknown_counts_as_nothing() -> Iterator[None]:
    """An order of unknown fate is taken for none."""
    told = Blotter.resting

    def resting(self: Blotter, root: str) -> Iterator[Any]:
        unknown = {o.terms.id for o in self.open(root) if o.state is OrderState.UNKNOWN}
        return (view for view in told(self, root) if view.id not in unknown)

    with patch.object(Blotter, "resting", resting):
        yield


@defect("no_limit_is_broken", seeds=(1, 2))
def one_check_is_not_asked() -> Iterator[None]:
    checks = gate.all_checks

    def fewer() -> tuple[Any, ...]:
        return tuple(check for check in checks() if check.code not in ("RISK-POSITION", "RISK-ORDER-SIZE"))

    with patch.object(gate, "all_checks", fewer):
        yield


@defect("no_decision_on_a_stale_book", "no_limit_is_broken", seeds=(38, 45, 2), hours=1.0)
def a_stale_book_is_fresh() -> Iterator[None]:
    view = LiveMarkets.view

    def viewed(self: LiveMarkets, symbol: str) -> Any:
        return msgspec.structs.replace(view(self, symbol), fresh=True, age_ms=0)

    with patch.object(LiveMarkets, "fresh", lambda self, symbol: True), patch.object(LiveMarkets, "view", viewed):
        yield


@defect("no_decision_on_a_stale_book")
def no_gap_check() -> Iterator[None]:
    with patch.object(GapCheck, "judge", lambda self, book_id, last_id, new_id: Applied.APPLIED):
        yield


@defect("every_refusal_has_a_code", seeds=(1,))
def a_refusal_without_its_code() -> Iterator[None]:
    def written(connection: Any, asked: Asked, decision: RiskDecision, caller: str, at_ms: int) -> int:
        return write_refusal(connection, asked, msgspec.structs.replace(decision, code=""), caller, at_ms)

    with patch.object(gateway, "write_refusal", written):
        yield


@defect("latches_are_monotone", script="the latch of the day")
def a_start_clears_the_latches() -> Iterator[None]:
    """Whoever starts again starts anew."""
    load = Latches.load

    async def anew(self: Latches) -> Any:
        for latch in await load(self):
            del self._active[latch.name, latch.account]
        return []

    with patch.object(Latches, "load", anew):
        yield
