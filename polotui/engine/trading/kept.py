"""What the risk monitor must know after a restart."""

from __future__ import annotations

import msgspec

from polotui.risk.daily import DailyState
from polotui.risk.drawdown import DrawdownState


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What survives a restart."""

    day: DailyState = DailyState()
    account: DrawdownState = DrawdownState()
    bots: dict[int, DrawdownState] = {}
