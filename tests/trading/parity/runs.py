"""One document over the same bars: through the backtest, and through a bot with orders. What both filled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from polotui.backtest import machine
from polotui.backtest.documents import bound as bound_of
from polotui.backtest.prepare import prepare
from polotui.backtest.settings import POLICIES, Settings
from polotui.backtest.work import Document
from polotui.core.clock import FrozenClock
from polotui.core.ids import Chance
from polotui.strategy.document.bind import Bound
from polotui.strategy.runtime.columns import Bar, Bars
from polotui.trading.bots.bot import Bot, BotTerms
from polotui.trading.bots.keeper import OcoKeeper
from polotui.trading.bots.notes import BotListener
from polotui.trading.bots.replay import histories, moments, replay
from polotui.trading.bots.steps import Steps, exact
from polotui.trading.paper.bar import BarVenue
from tests.trading.parity.desk import MemoryDesk


class Filled(NamedTuple):
    """A fill as both sides have it."""

    at_ms: int
    symbol: str
    side: int
    price: Decimal
    quantity: Decimal


@dataclass
class Case:
    """A document, bars and settings."""

    name: str
    bound: Bound
    bars: Mapping[str, Bars]
    settings: Settings
    #: Shorter bars within these, for the policy «detail».
    detail: Mapping[str, Bars] | None = None

    @property
    def steps(self) -> dict[str, Steps]:
        return {symbol: Steps(*(exact(step).normalize() if step else Decimal(0) for step in self.settings.grid(symbol)))
                for symbol in self.bars}  # fmt: skip

    @property
    def frame_ms(self) -> int:
        return next(iter(self.bars.values())).frame_ms


def case(text: str, bars: Mapping[str, Bars], settings: Settings, frame: str = "", name: str = "") -> Case:
    document = Document(text=text, symbols=list(bars), timeframe=frame)
    return Case(name, bound_of(document), bars, settings)


def backtested(case: Case, simulate: object = None) -> list[Filled]:
    """The backtest's fill log."""
    prepared = prepare(case.bound, case.bars, case.settings, case.detail)
    outcome = machine.execute(prepared, POLICIES[case.settings.policy], simulate=simulate)  # type: ignore[arg-type]
    names, steps = prepared.symbols, case.steps
    return [
        Filled(
            int(prepared.time[row.bar]),
            names[row.symbol],
            int(row.side),
            steps[names[row.symbol]].price(float(row.price)),
            steps[names[row.symbol]].quantity(float(row.quantity)),
        )
        for row in outcome.fills
    ]


def bot_terms(case: Case) -> BotTerms:
    return BotTerms(1, "test", "paper/bot-1", tuple(case.bars), case.frame_ms, case.settings)


def bot_of(case: Case, desk: MemoryDesk, clock: FrozenClock, listener: BotListener | None = None) -> Bot:
    chance = Chance(case.name)
    desk.keeper = OcoKeeper(desk, clock, chance)
    desk.bot = Bot(
        bot_terms(case),
        case.bound,
        histories=histories(case.bars, case.settings.from_ms),
        steps=case.steps,
        orders=desk,
        keeper=desk.keeper,
        purse=desk,
        clock=clock,
        chance=chance,
        listener=listener,
    )
    return desk.bot


def venue_of(case: Case, desk: MemoryDesk) -> BarVenue:
    desk.venue = BarVenue(
        desk, case.settings.costs, case.steps, POLICIES[case.settings.policy], lambda account, currency: desk.cash()
    )
    return desk.venue


async def traded(case: Case, listener: BotListener | None = None) -> tuple[list[Filled], MemoryDesk]:
    """What the bot's orders filled."""
    desk, clock = MemoryDesk(exact(case.settings.capital)), FrozenClock()
    bot, venue = bot_of(case, desk, clock, listener), venue_of(case, desk)
    await replay(
        bot,
        venue,
        moments(case.bars, case.settings.from_ms, case.settings.to_ms),
        at=_set(clock),
        lower=lower_of(case),
    )
    return [told(execution) for _, execution in desk.fills], desk


def lower_of(case: Case) -> Callable[[int], dict[str, list[Bar]]] | None:
    """The shorter bars within the bars of a moment."""
    if case.detail is None:
        return None
    detail = case.detail

    def lower(at_ms: int) -> dict[str, list[Bar]]:
        found: dict[str, list[Bar]] = {}
        for symbol, bars in detail.items():
            first, last = (int((bars.time < at).sum()) for at in (at_ms, at_ms + case.frame_ms))
            found[symbol] = [bars.bar(place) for place in range(first, last)]
        return found

    return lower


def _set(clock: FrozenClock):  # type: ignore[no-untyped-def]
    return lambda at_ms: clock.advance((at_ms - clock.wall_ms()) / 1000)


def told(execution) -> Filled:  # type: ignore[no-untyped-def]
    return Filled(
        execution.at_ms, execution.symbol, 1 if execution.side == "BUY" else -1, execution.price, execution.quantity
    )


def difference(left: Sequence[Filled], right: Sequence[Filled]) -> str:
    """The first fill in which they differ; "" when they are equal."""
    for place, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return f"fill {place}: backtest {one} bot {other}"
    if len(left) != len(right):
        more = left if len(left) > len(right) else right
        first = more[min(len(left), len(right))]
        return f"{len(left)} fills in the backtest, {len(right)} of the bot; the first beyond: {first}"
    return ""
