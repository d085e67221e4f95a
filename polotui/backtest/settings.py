"""What a run is given beside the document and the data: capital, span, costs, policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from polotui.core.errors import UsageError
from polotui.execution.exits import ADAPTIVE, DETAIL, OPTIMISTIC, PESSIMISTIC

Policy = Literal["pessimistic", "adaptive", "optimistic", "detail"]
POLICIES: dict[Policy, int] = {
    "pessimistic": PESSIMISTIC,
    "adaptive": ADAPTIVE,
    "optimistic": OPTIMISTIC,
    "detail": DETAIL,
}


@dataclass(frozen=True)
class Costs:
    """What trading costs. Fees, slippage and half-spread are fractions of the price."""

    maker_fee: float = 0.002
    taker_fee: float = 0.002
    fee_in: Literal["received", "quote"] = "received"
    slippage: float = 0.0005
    half_spread: float = 0.0001
    volume_share: float = 0.1
    lot: float = 0.0
    tick: float = 0.0
    least_amount: float = 1.0
    maintenance: float = 0.005
    borrow_per_day: float = 0.0

    def check(self) -> None:
        """Raises UsageError for what no market charges."""
        limits = {
            "maker_fee": 0.1,
            "taker_fee": 0.1,
            "slippage": 0.1,
            "half_spread": 0.1,
            "volume_share": 1.0,
            "maintenance": 0.5,
            "borrow_per_day": 0.1,
        }
        for name, most in limits.items():
            value = getattr(self, name)
            # A rebate is a negative maker fee.
            least = -0.01 if name == "maker_fee" else 0.0
            if not least <= value <= most:
                raise UsageError(
                    f"{name.replace('_', ' ')} is {value:g}; it must be from {least:g} to {most:g}.",
                    safe="Nothing was run.",
                    next_step="Give fractions: 0.002 is 0.2 %.",
                )
        for name in ("lot", "tick", "least_amount"):
            if not 0.0 <= getattr(self, name) < 1e12:
                raise UsageError(f"{name.replace('_', ' ')} must be 0 or more.", safe="Nothing was run.")


@dataclass(frozen=True)
class Settings:
    """`from_ms` and `to_ms` bound the opens of the traded bars; `grids` has tick and lot of symbols that are known."""

    from_ms: int
    to_ms: int
    capital: float = 10_000.0
    policy: Policy = "pessimistic"
    costs: Costs = Costs()
    grids: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def check(self) -> None:
        self.costs.check()
        if not 0.0 < self.capital < 1e15:
            raise UsageError("The capital must be above 0.", safe="Nothing was run.")
        if self.from_ms >= self.to_ms:
            raise UsageError("The span is empty: it begins at or after its end.", safe="Nothing was run.")
        if self.policy not in POLICIES:
            raise UsageError(f"{self.policy!r} is not a fill policy.", next_step=f"There are {', '.join(POLICIES)}.")

    def grid(self, symbol: str) -> tuple[float, float]:
        """Tick and lot; what the costs say goes before what the market says."""
        tick, lot = self.grids.get(symbol, (0.0, 0.0))
        return self.costs.tick or tick, self.costs.lot or lot
