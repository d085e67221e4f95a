"""What the risk monitor must know after a restart."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from polotui.risk.daily import DAY_MS, DailyState
from polotui.risk.drawdown import DrawdownState
from polotui.trading.bot_rows import StoredBot


class BotDay(msgspec.Struct, frozen=True, kw_only=True):
    """What a bot's account was worth when a UTC day began; `start` None: nobody looked."""

    day_ms: int
    start: Decimal | None

    @staticmethod
    def read(days: dict[int, BotDay], bot: StoredBot, worth: Decimal | None, now_ms: int) -> None:
        """Begins a day in `days` with the first confirmed worth after midnight, a bot's first day with its capital."""
        day, before = now_ms - now_ms % DAY_MS, days.get(bot.id)
        if worth is None or (before is not None and before.day_ms == day):
            return
        start = bot.capital if bot.started_ms >= day else worth if before is not None else None
        days[bot.id] = BotDay(day_ms=day, start=start)

    def result(self, worth: Decimal | None) -> Decimal | None:
        return worth - self.start if worth is not None and self.start is not None else None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What survives a restart."""

    day: DailyState = DailyState()
    account: DrawdownState = DrawdownState()
    bots: dict[int, DrawdownState] = {}
    bot_days: dict[int, BotDay] = {}
