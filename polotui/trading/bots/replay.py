"""Drives a bot over history, moment by moment, in the order of the backtest's kernel.

Decided here: exits of all symbols at the open, then entries in the document's order of symbols, then what happens
inside the bars, then the close. Everything goes through orders; the venue alone knows the bars before they close.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from polotui.strategy.runtime.columns import Bar, Bars
from polotui.trading.bots.bot import Bot
from polotui.trading.paper.bar import BarVenue

Lower = Mapping[str, Sequence[Bar]]
Moment = tuple[int, Mapping[str, Bar]]


def moments(bars: Mapping[str, Bars], from_ms: int, to_ms: int) -> Iterator[Moment]:
    """The moments of a span in which at least one symbol has a bar."""
    times = np.unique(np.concatenate([each.time for each in bars.values()]))
    places = {symbol: dict(zip(each.time.tolist(), range(len(each)), strict=True)) for symbol, each in bars.items()}
    for at_ms in times[(times >= from_ms) & (times < to_ms)].tolist():
        yield (
            at_ms,
            {
                symbol: bars[symbol].bar(place)
                for symbol, own in places.items()
                if (place := own.get(at_ms)) is not None
            },
        )


def histories(bars: Mapping[str, Bars], from_ms: int) -> dict[str, Bars]:
    """What precedes a span."""
    return {symbol: each.slice(0, int(np.searchsorted(each.time, from_ms))) for symbol, each in bars.items()}


async def step(bot: Bot, venue: BarVenue, moment: Moment, lower: Lower | None = None) -> None:
    """One moment, from its open to the decisions at its close."""
    at_ms, bars = moment
    venue.begin(at_ms, bars, lower)
    bot.begin({symbol: bar.open for symbol, bar in bars.items()})
    await bot.exits()
    for symbol in bot.hands:
        await bot.enter(symbol)
        await bot.settle(symbol)
    for symbol in bot.hands:
        for reached in await venue.inside(bot.terms.account, symbol):
            if not reached.filled:
                bot.on_reached(symbol, stop=reached.stop, price=reached.price)
        await bot.settle(symbol)
    bot.on_moment(at_ms, bars)
    await bot.settle_all()


async def replay(
    bot: Bot,
    venue: BarVenue,
    over: Iterable[Moment],
    *,
    at: Callable[[int], None] = lambda at_ms: None,
    lower: Callable[[int], Lower] | None = None,
) -> None:
    """All moments. `at` is told the time of each before it begins."""
    async for _ in steps(bot, venue, over, at=at, lower=lower):
        pass


async def steps(
    bot: Bot,
    venue: BarVenue,
    over: Iterable[Moment],
    *,
    at: Callable[[int], None] = lambda at_ms: None,
    lower: Callable[[int], Lower] | None = None,
) -> AsyncIterator[int]:
    """The same, with a pause after each moment."""
    for moment in over:
        at(moment[0])
        await step(bot, venue, moment, lower(moment[0]) if lower else None)
        yield moment[0]
