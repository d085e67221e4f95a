"""The same through the real gate, gateway and ledger: what the rows of `ledger.db` say that the bot's orders filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from polotui.backtest.settings import POLICIES
from polotui.core.clock import FrozenClock
from polotui.core.ids import Chance
from polotui.model.orders import OrderTerms
from polotui.model.symbols import base_and_quote
from polotui.risk.limits import Limits
from polotui.risk.values import AccountView, MarketView, PositionView
from polotui.storage.database import Connection, Database
from polotui.strategy.runtime.columns import Bar
from polotui.trading.blotter import Blotter
from polotui.trading.bots.bot import Bot
from polotui.trading.bots.keeper import OcoKeeper
from polotui.trading.bots.replay import histories, moments, replay
from polotui.trading.bots.steps import exact
from polotui.trading.bots.watching import BotWatcher
from polotui.trading.exchange.token import Gate
from polotui.trading.gateway import Gateway
from polotui.trading.ledger import Ledger
from polotui.trading.paper.bar import BarVenue
from polotui.trading.portfolio import Portfolio
from tests.trading.parity.runs import Case, Filled, bot_terms

MUCH = Decimal(10) ** 12
#: Limits that bind nothing: what a backtest does not know of must not part the two.
WIDE = Limits(
    daily_loss=0.5, drawdown_warn=0.9, drawdown_pause=0.95, loss_streak=1_000, max_position=1.0, gross_exposure=5.0,
    max_trade_risk=0.2, stop_required=False, reward_risk=0.0, max_order_amount=Decimal(1_000_000), price_collar=0.5,
    price_collar_exit=0.9, fat_finger_share=1.0, fat_finger_factor=1_000.0, correlated_pairs=50,
)  # fmt: skip


class PriceFeed:
    """The last prices, taken from the bars as they open."""

    def __init__(self) -> None:
        self.last: dict[str, Decimal] = {}

    def take(self, bars: Mapping[str, Bar]) -> None:
        self.last.update((symbol, exact(bar.open)) for symbol, bar in bars.items())


@dataclass
class WideView:
    """The gate's picture of a replay. Steps and minima are the bar venue's own affair; nothing rests between bars."""

    portfolio: Portfolio
    clock: FrozenClock
    prices: PriceFeed = field(default_factory=PriceFeed)

    def account(self, account: str) -> AccountView:
        return AccountView(
            root="paper",
            now_ms=self.clock.wall_ms(),
            state="ACTIVE",
            equity=MUCH,
            day_start_equity=MUCH,
            peak_equity=MUCH,
            cash={"USDT": MUCH},
            account_cash={(account, "USDT"): MUCH},
            positions=tuple(
                PositionView(
                    account=held.account, bot=held.bot, strategy="test", symbol=held.symbol, quantity=held.quantity,
                    entry_price=held.entry_price, mark=self.prices.last.get(held.symbol),
                )
                for held in self.portfolio.positions("paper")
            ),
            safety_score=100,
            strategy_drawdowns={"test": 0.0},
        )  # fmt: skip

    def market(self, symbol: str) -> MarketView:
        price = self.prices.last[symbol]
        half = price / 10_000
        return MarketView(bid=price - half, ask=price + half, last=price, age_ms=0, fresh=True)

    def sent(self, terms: OrderTerms) -> None:
        """Rates and repetition are not counted in a replay."""


class LedgerPurse:
    """The money of a bot's account as the portfolio folds it."""

    def __init__(self, portfolio: Portfolio, account: str) -> None:
        self._portfolio, self._account = portfolio, account

    def cash(self) -> Decimal:
        return self._portfolio.cash(self._account).get("USDT", Decimal(0))

    def held(self, symbol: str) -> Decimal:
        return self._portfolio.cash(self._account).get(base_and_quote(symbol)[0], Decimal(0))


@dataclass
class Ledgered:
    """What a run left: rows, the folds in memory, and those of the rows."""

    fills: list[Filled]
    refusals: list[str]
    orders: int
    live: Portfolio
    stored: Portfolio
    chains_hold: bool


async def ledgered(case: Case, folder: Path) -> Ledgered:
    """The document through bot, gate, gateway, bar venue and ledger."""
    clock, account = FrozenClock(), bot_terms(case).account
    async with Database(folder / "ledger.db", clock=clock, chance=Chance("db"), schema="ledger") as database:
        await Ledger(database, clock, Chance("ledger")).deposit(account, "USDT", exact(case.settings.capital))
        portfolio, blotter = await database.read(Portfolio.load), Blotter()
        view = WideView(portfolio, clock)
        gate = Gate(clock, Chance("gate"))
        gateway = Gateway(
            database=database, clock=clock, view=view, limits=lambda: WIDE, gate=gate, flag=folder / "HALT",
            portfolio=portfolio, blotter=blotter,
        )  # fmt: skip
        venue = BarVenue(
            gateway, case.settings.costs, case.steps, POLICIES[case.settings.policy],
            lambda account, currency: portfolio.cash(account).get(currency, Decimal(0)), gate=gate,
        )  # fmt: skip
        gateway.serve(venue)
        chance = Chance(case.name)
        keeper, watcher = OcoKeeper(gateway, clock, chance), BotWatcher()
        gateway.watch(watcher)
        bot = Bot(
            bot_terms(case), case.bound, histories=histories(case.bars, case.settings.from_ms), steps=case.steps,
            orders=gateway, keeper=keeper, purse=LedgerPurse(portfolio, account), clock=clock, chance=chance,
        )  # fmt: skip
        watcher.add(bot, keeper)
        span = list(moments(case.bars, case.settings.from_ms, case.settings.to_ms))
        by_time = dict(span)

        def at(at_ms: int) -> None:
            clock.advance((at_ms - clock.wall_ms()) / 1000)
            view.prices.take(by_time[at_ms])

        await replay(bot, venue, span, at=at)
        await gateway.close()
        fills, refusals, orders = await database.read(_rows)
        return Ledgered(fills, refusals, orders, portfolio, await database.read(Portfolio.load), not gateway.trouble)


def _rows(connection: Connection) -> tuple[list[Filled], list[str], int]:
    fills = [
        Filled(at_ms, symbol, 1 if side == "BUY" else -1, Decimal(price), Decimal(quantity))
        for at_ms, symbol, side, price, quantity in connection.execute(
            "SELECT at_ms, symbol, side, price, quantity FROM fills ORDER BY number"
        )
    ]
    refusals = [f"{code}: {text}" for code, text in connection.execute("SELECT code, text FROM audit ORDER BY number")]
    (orders,) = connection.execute("SELECT COUNT(*) FROM intents").fetchone()
    return fills, refusals, orders
