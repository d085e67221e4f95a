"""What one run showed: findings made while it ran, and what is compared when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.campaign.faults import Plan
from tests.campaign.trading.people import Diary

#: The same finding again says nothing new.
MOST = 5


@dataclass
class Post:
    """An order as it left this machine, signed."""

    at: float
    id: str
    body: dict[str, Any]


@dataclass
class Seen:
    """Everything the judgement needs. `found` are sentences by the name of the invariant that they break."""

    seed: int | str = 0
    plan: Plan = field(default_factory=Plan)
    diary: Diary = field(default_factory=Diary)
    found: dict[str, list[str]] = field(default_factory=dict)
    posts: list[Post] = field(default_factory=list)
    signed_orders_allowed: bool = True
    approvals: int = 0
    refusals: int = 0
    orders: int = 0
    fills: int = 0
    trades: int = 0
    deaths: list[str] = field(default_factory=list)
    ready_after: list[float] = field(default_factory=list)
    messages: int = 0
    #: Resident memory of the process, exchange and engine together, in MB at every full hour.
    memory: list[float] = field(default_factory=list)
    #: What the engine alone has allocated at every full hour, in MB, where that was asked for.
    kept: list[float] = field(default_factory=list)
    states_compared: int = 0
    error: str = ""
    trace: str = ""
    virtual_seconds: float = 0.0
    cpu_seconds: float = 0.0

    def find(self, invariant: str, sentence: str) -> None:
        told = self.found.setdefault(invariant, [])
        if len(told) < MOST:
            told.append(sentence)
