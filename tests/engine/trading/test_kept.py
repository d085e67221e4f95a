"""What a bot made today: known from its start or from the first look after midnight, and said to be unknown else."""

from __future__ import annotations

from decimal import Decimal as D

from polotui.engine.trading.kept import BotDay
from polotui.risk.daily import DAY_MS
from polotui.trading.bot_rows import StoredBot

MIDNIGHT = 20_000 * DAY_MS


def bot(started_ms: int) -> StoredBot:
    return StoredBot(
        id=1, strategy="mine", version=1, params={}, symbols=("BTC_USDT",), timeframe="1h", account="paper/bot-1",
        capital=D(1_000), state="running", reason="", started_ms=started_ms, ended_ms=None,
    )  # fmt: skip


def test_a_first_day_counts_from_the_capital() -> None:
    days: dict[int, BotDay] = {}
    BotDay.read(days, bot(MIDNIGHT + 5), None, MIDNIGHT + 6)
    assert not days
    BotDay.read(days, bot(MIDNIGHT + 5), D(990), MIDNIGHT + 7)
    BotDay.read(days, bot(MIDNIGHT + 5), D(950), MIDNIGHT + 8)
    assert days[1].result(D(950)) == D(-50)
    assert days[1].result(None) is None


def test_the_next_day_counts_from_its_first_worth() -> None:
    days: dict[int, BotDay] = {}
    started = bot(MIDNIGHT + 5)
    for at_ms, worth in ((MIDNIGHT + 7, 990), (MIDNIGHT + DAY_MS, 980), (MIDNIGHT + DAY_MS + 1, 985)):
        BotDay.read(days, started, D(worth), at_ms)
    assert days[1].result(D(985)) == D(5)


def test_a_day_whose_beginning_nobody_saw_is_unknown_until_the_next() -> None:
    days: dict[int, BotDay] = {}
    started = bot(MIDNIGHT - DAY_MS)
    BotDay.read(days, started, D(990), MIDNIGHT + 7)
    assert days[1].result(D(990)) is None
    BotDay.read(days, started, D(970), MIDNIGHT + DAY_MS + 9)
    assert days[1].result(D(960)) == D(-10)
