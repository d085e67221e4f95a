"""What the risk monitor must know after a restart."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from polotui.risk.daily import DAY_MS, DailyState
from polotui.risk.drawdown import DrawdownState, resume
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
    #: By bot: the newest trade when a person last let it go on; losses in a row count after it.
    resumed_after: dict[int, int] = {}

    def resumed(self, bot: int, trade: int) -> Kept:
        """Everything that is counted of a bot begins anew."""
        state = self.bots.get(bot)
        bots = self.bots if state is None else {**self.bots, bot: resume(state)[0]}
        return msgspec.structs.replace(self, bots=bots, resumed_after={**self.resumed_after, bot: trade})


class Streaks:
    """Losses in a row of each bot, by its number."""

    def __init__(self) -> None:
        self.losses: dict[int, int] = {}
        self._newest: dict[int, int] = {}

    def count(self, bot: int, trade: int, profit: Decimal, kept: Kept) -> None:
        """A trade closed, or is read back in the order of the ledger."""
        self._newest[bot] = trade
        if trade > kept.resumed_after.get(bot, 0):
            self.losses[bot] = self.losses.get(bot, 0) + 1 if profit < 0 else 0

    def begin(self, bot: int) -> int:
        """A person lets it go on: counts from here. The newest trade that no longer counts."""
        self.losses[bot] = 0
        return self._newest.get(bot, 0)
