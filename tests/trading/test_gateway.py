"""The gateway on a real ledger with a venue that does what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal as D
from pathlib import Path

import pytest

from polotui.core import halt
from polotui.core.clock import FrozenClock
from polotui.core.errors import Refused, StorageError
from polotui.core.ids import Chance
from polotui.model.account import Account, Order
from polotui.model.orders import Execution, OrderState, OrderTerms, OrderType, Placement, Purpose, Side
from polotui.risk.limits import Limits
from polotui.risk.values import AccountView, Asked, MarketView, PositionView, RiskDecision
from polotui.storage.database import Database
from polotui.trading import rows
from polotui.trading.blotter import Blotter, LiveOrder, root_of
from polotui.trading.exchange.token import Gate
from polotui.trading.gateway import Gateway, Submitted
from polotui.trading.ledger import Ledger
from polotui.trading.portfolio import Portfolio
from polotui.trading.trades import Least, Trade, trades

S = OrderState


class Book:
    """An account and a market that never change but for what the gateway itself holds."""

    def __init__(self, portfolio: Portfolio, blotter: Blotter, clock: FrozenClock) -> None:
        self.portfolio, self.blotter, self.clock = portfolio, blotter, clock
        self.sent_terms: list[OrderTerms] = []

    def account(self, account: str) -> AccountView:
        return AccountView(
            root=root_of(account),
            now_ms=self.clock.wall_ms(),
            state="ACTIVE",
            equity=D(10_000),
            day_start_equity=D(10_000),
            peak_equity=D(10_000),
            cash=self.portfolio.cash(account),
            positions=tuple(
                PositionView(
                    account=p.account,
                    bot=p.bot,
                    strategy="ema",
                    symbol=p.symbol,
                    quantity=p.quantity,
                    entry_price=p.entry_price,
                    mark=D(100),
                )
                for p in self.portfolio.positions(root_of(account))
            ),
            resting=tuple(self.blotter.resting(root_of(account))),
            safety_score=100,
            strategy_drawdowns={"ema": 0.0},
        )

    def market(self, symbol: str) -> MarketView:
        return MarketView(
            bid=D("99.9"), ask=D(100), last=D(100), age_ms=0, fresh=True, min_amount=D(1),
            quantity_step=D("0.0001"), price_step=D("0.01"),
        )  # fmt: skip

    def sent(self, terms: OrderTerms) -> None:
        self.sent_terms.append(terms)


class Script:
    """A venue that answers as told and keeps what reached it."""

    account = "paper"

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.answers: list[Placement | Exception] = []
        self.placed: list[OrderTerms] = []
        self.cancelled: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.cancel_answer = Placement(state=S.CANCELLED)

    async def place(self, terms: OrderTerms, token: object) -> Placement:
        self.gate.redeem(token, terms)
        self.placed.append(terms)
        await self.hold.wait()
        answer = self.answers.pop(0) if self.answers else Placement(state=S.ACCEPTED, venue_id="v1")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def cancel(self, terms: OrderTerms) -> Placement:
        self.cancelled.append(terms.id)
        return self.cancel_answer

    async def cancel_all(self, symbols: Sequence[str] = ()) -> None: ...
    async def lookup(self, terms: OrderTerms) -> Placement:
        return Placement(state=S.UNKNOWN)

    async def open_orders(self) -> list[Order]:
        return []

    async def balances(self) -> Account:
        return Account(id="paper", kind="PAPER", balances=())


class Ears:
    def __init__(self) -> None:
        self.booked: list[rows.FillRow] = []
        self.orders: list[tuple[str, OrderState]] = []
        self.refused: list[str] = []
        self.closed: list[Trade] = []

    async def on_order(self, order: LiveOrder) -> None:
        self.orders.append((order.terms.id, order.state))

    async def on_booked(self, fill: rows.FillRow, order: LiveOrder) -> None:
        self.booked.append(fill)

    async def on_trade_closed(self, trade: Trade) -> None:
        self.closed.append(trade)

    async def on_refused(self, asked: Asked, decision: RiskDecision) -> None:
        self.refused.append(decision.code)


class Desk:
    def __init__(self, gateway: Gateway, venue: Script, ears: Ears, database: Database, flag: Path) -> None:
        self.gateway, self.venue, self.ears, self.database, self.flag = gateway, venue, ears, database, flag


LIMITS = Limits(stop_required=False, max_position=1.0, gross_exposure=3.0, max_trade_risk=0.05, fat_finger_share=1.0)


@pytest.fixture
async def desk(database: Database, ledger: Ledger, clock: FrozenClock, tmp_path: Path) -> Desk:
    await ledger.deposit("paper", "USDT", D(10_000))
    return await make(database, clock, tmp_path)


async def make(database: Database, clock: FrozenClock, folder: Path) -> Desk:
    portfolio, blotter = await database.read(Portfolio.load), Blotter()
    gate = Gate(clock, Chance("gate"))
    gateway = Gateway(
        database=database,
        clock=clock,
        view=Book(portfolio, blotter, clock),
        limits=lambda: LIMITS,
        gate=gate,
        flag=folder / "HALT",
        portfolio=portfolio,
        blotter=blotter,
    )
    venue, ears = Script(gate), Ears()
    gateway.serve(venue)
    gateway.watch(ears)
    return Desk(gateway, venue, ears, database, folder / "HALT")


_number = 0


def buy(quantity: str = "1", **more: object) -> Asked:
    global _number
    _number += 1
    given: dict[str, object] = {
        "id": f"pt-{_number}", "account": "paper", "symbol": "BTC_USDT", "side": Side.BUY, "type": OrderType.LIMIT,
        "purpose": Purpose.ENTRY, "created_ms": 1, "quantity": D(quantity), "price": D(100), "bot": 1,
        "reason": "fast over slow",
    }  # fmt: skip
    return Asked(terms=OrderTerms(**(given | more)), strategy="ema")  # type: ignore[arg-type]


def traded(asked: Asked, quantity: str, id: str = "t1", fee: str = "0") -> Execution:
    terms = asked.terms
    return Execution(
        id=id, order_id=terms.id, symbol=terms.symbol, side=terms.side, price=D(100), quantity=D(quantity),
        fee=D(fee), fee_currency="BTC", maker=True, at_ms=2,
    )  # fmt: skip


async def reached(desk: Desk, task: asyncio.Task[Submitted]) -> None:
    """Waits until the venue has the order."""
    while not desk.venue.placed:
        assert not task.done(), task.result()
        await asyncio.sleep(0)


async def events(desk: Desk, order_id: str) -> list[str]:
    return [e.state.value for e in await desk.database.read(lambda c: rows.order_events(c, order_id))]


async def test_the_intent_is_in_the_ledger_before_the_venue_hears_of_the_order(desk: Desk) -> None:
    asked = buy()
    desk.venue.hold.clear()
    task = asyncio.create_task(desk.gateway.submit(asked))
    await reached(desk, task)
    stored = await desk.database.read(lambda c: rows.terms_of(c, asked.terms.id))
    assert stored == asked.terms == desk.venue.placed[0]
    desk.venue.hold.set()
    assert (await task).state is S.ACCEPTED
    assert await events(desk, asked.terms.id) == ["SUBMITTING", "ACCEPTED"]


async def test_a_refusal_has_a_code_an_audit_row_and_a_line_in_the_feed_and_reaches_no_venue(desk: Desk) -> None:
    answer = await desk.gateway.submit(buy("1000000"))
    assert answer.state is S.RISK_DENIED
    assert answer.decision.code
    assert desk.venue.placed == []
    (row,) = await desk.database.read(lambda c: rows.audit_rows(c, kind="refused"))
    assert row.code == answer.decision.code == desk.ears.refused[0]
    facts = await desk.database.read(lambda c: c.execute("SELECT kind, ref FROM facts").fetchall())
    assert facts == [("refused", answer.order_id)]
    assert await desk.database.read(lambda c: rows.terms_of(c, answer.order_id)) is None


async def test_two_wishes_in_one_instant_cannot_spend_the_same_money(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.gateway.submit(buy("60", bot=n)) for n in (1, 2)))
    assert sorted(answer.state.value for answer in answers) == ["ACCEPTED", "RISK_DENIED"]


async def test_a_venue_that_raises_makes_the_order_unknown_and_nothing_is_sent_again(desk: Desk) -> None:
    desk.venue.answers = [RuntimeError("no answer")]
    asked = buy()
    assert (await desk.gateway.submit(asked)).state is S.UNKNOWN
    assert len(desk.venue.placed) == 1
    order = desk.gateway.blotter.get(asked.terms.id)
    assert order is not None
    assert not order.final
    # It may rest: it goes on counting.
    assert [view.id for view in desk.gateway.blotter.resting("paper")] == [asked.terms.id]


async def test_who_asked_may_be_cancelled_and_the_order_is_finished_all_the_same(desk: Desk) -> None:
    asked = buy()
    desk.venue.hold.clear()
    task = asyncio.create_task(desk.gateway.submit(asked))
    await reached(desk, task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    desk.venue.hold.set()
    await desk.gateway.close()
    assert await events(desk, asked.terms.id) == ["SUBMITTING", "ACCEPTED"]


async def test_fills_are_booked_once_and_end_the_order(desk: Desk) -> None:
    asked = buy("2")
    await desk.gateway.submit(asked)
    for execution in (
        traded(asked, "0.5", "a", "0.001"),
        traded(asked, "0.5", "a", "0.001"),
        traded(asked, "1.5", "b"),
    ):
        await desk.gateway.on_fill(execution)
    assert [fill.quantity for fill in desk.ears.booked] == [D("0.5"), D("1.5")]
    order = desk.gateway.blotter.get(asked.terms.id)
    assert order is not None
    assert order.state is S.FILLED
    assert desk.gateway.blotter.open() == []
    assert desk.gateway.portfolio.cash("paper") == {"USDT": D(9_800), "BTC": D("1.999")}
    again = await desk.database.read(Portfolio.load)
    assert desk.gateway.portfolio.same_as(again), desk.gateway.portfolio.differences(again)
    assert await events(desk, asked.terms.id) == ["SUBMITTING", "ACCEPTED", "PARTIAL", "FILLED"]


async def test_a_trade_that_closes_with_the_end_of_its_order_is_told_like_any_other(desk: Desk) -> None:
    """The visible book is bought up: what is left cannot be sold, and the order ends without another fill."""
    desk.gateway._least = lambda symbol: Least(D("0.01"), D(1), D("0.01"))
    entry = buy()
    await desk.gateway.submit(entry)
    await desk.gateway.on_fill(traded(entry, "1", "in"))
    sale = buy(side=Side.SELL, purpose=Purpose.EXIT, type=OrderType.MARKET, price=None)
    await desk.gateway.submit(sale)
    await desk.gateway.on_fill(traded(sale, "0.995", "out"))
    assert desk.ears.closed == []
    await desk.gateway.on_state(sale.terms.id, S.CANCELLED, code="PAPER-BOOK-EXHAUSTED", words="the book gave 0.995")
    assert desk.ears.closed == await desk.database.read(lambda c: trades(c))
    assert len(desk.ears.closed) == 1


async def test_a_fill_overtakes_the_answer_to_its_order(desk: Desk) -> None:
    asked = buy()
    desk.venue.hold.clear()
    task = asyncio.create_task(desk.gateway.submit(asked))
    await reached(desk, task)
    await desk.gateway.on_fill(traded(asked, "1"))
    desk.venue.hold.set()
    assert (await task).state is S.FILLED
    assert await events(desk, asked.terms.id) == ["SUBMITTING", "FILLED"]


async def test_a_fill_after_the_cancel_changes_the_quantity_and_not_the_end(desk: Desk) -> None:
    asked = buy("2")
    await desk.gateway.submit(asked)
    await desk.gateway.cancel(asked.terms.id, "enough")
    assert desk.gateway.blotter.open() == []
    await desk.gateway.on_fill(traded(asked, "0.5"))
    order = desk.gateway.blotter.get(asked.terms.id)
    assert order is not None
    assert (order.state, order.filled) == (S.CANCELLED, D("0.5"))
    assert desk.gateway.portfolio.cash("paper")["BTC"] == D("0.5")


async def test_an_order_that_ended_long_ago_is_in_the_ledger_alone_and_its_late_fill_is_booked(
    desk: Desk, clock: FrozenClock
) -> None:
    """Memory holds what ended in the last minutes, however long the engine runs."""
    old, newer, newest = buy(), buy(), buy()
    for asked in (old, newer, newest):
        await desk.gateway.submit(asked)
        await desk.gateway.on_state(asked.terms.id, S.CANCELLED)
        clock.advance(400)
    blotter = desk.gateway.blotter
    assert [blotter.get(asked.terms.id) is None for asked in (old, newer, newest)] == [True, False, False]
    await desk.gateway.on_fill(traded(old, "0.5"))
    (fill,) = desk.ears.booked
    assert (fill.order_id, fill.quantity) == (old.terms.id, D("0.5"))
    assert (await events(desk, old.terms.id))[-1] == "CANCELLED"


async def test_an_end_that_comes_while_a_cancel_is_written_down_stays_the_last_word(desk: Desk) -> None:
    """The answer to the cancel says nothing yet, and the end is written in the same moment, right before the note."""
    asked = buy()
    await desk.gateway.submit(asked)
    order = desk.gateway.blotter.get(asked.terms.id)
    assert order is not None
    await desk.gateway.on_state(asked.terms.id, S.CANCELLED)
    await desk.gateway._note(order, S.CANCELLING, "", "by hand")
    assert (await events(desk, asked.terms.id))[-1] == "CANCELLED"
    open_orders = await desk.database.read(lambda c: c.execute("SELECT order_id FROM open_orders").fetchall())
    assert open_orders == []


async def test_a_cancel_that_the_venue_refuses_leaves_the_order_as_it_was(desk: Desk) -> None:
    asked = buy()
    await desk.gateway.submit(asked)
    desk.venue.cancel_answer = Placement(state=S.REJECTED, code="21359")
    await desk.gateway.cancel(asked.terms.id)
    order = desk.gateway.blotter.get(asked.terms.id)
    assert order is not None
    assert order.state is S.ACCEPTED


async def test_the_halt_flag_stops_an_order_between_gate_and_venue(desk: Desk) -> None:
    desk.flag.write_text("{}")
    asked = buy()
    assert (await desk.gateway.submit(asked)).state is S.REJECTED
    assert desk.venue.placed == []
    assert await events(desk, asked.terms.id) == ["SUBMITTING", "REJECTED"]
    assert halt.path_is_set(desk.flag)


async def test_a_flatten_passes_the_flag(desk: Desk) -> None:
    bought = buy("1")
    await desk.gateway.submit(bought)
    await desk.gateway.on_fill(traded(bought, "1"))
    desk.flag.write_text("{}")
    sold = buy("1", side=Side.SELL, purpose=Purpose.FLATTEN, type=OrderType.MARKET, price=None, bot=0)
    assert (await desk.gateway.submit(sold)).state is S.ACCEPTED


async def test_a_ledger_that_refuses_the_intent_stops_the_order(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> None:
        raise StorageError("The disk is full.", safe="Nothing was written.", next_step="Make room.")

    monkeypatch.setattr(desk.database, "transact", full)
    with pytest.raises(StorageError):
        await desk.gateway.submit(buy())
    assert desk.venue.placed == []
    assert desk.gateway.blotter.open() == []


async def test_a_fill_waits_for_the_ledger_and_nothing_new_goes_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = buy()
    await desk.gateway.submit(asked)
    whole, failures = desk.database.transact, 2
    tried = asyncio.Event()

    async def flaky(work: object, name: str = "") -> object:
        nonlocal failures
        if name == "fill" and failures:
            failures -= 1
            tried.set()
            raise StorageError("The disk is full.", safe="Nothing was written.", next_step="Make room.")
        return await whole(work, name)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.database, "transact", flaky)
    monkeypatch.setattr("polotui.trading.gateway.RETRY_SECONDS", 0.0)
    booking = asyncio.create_task(desk.gateway.on_fill(traded(asked, "1")))
    await tried.wait()
    assert "ledger" in desk.gateway.trouble
    await booking
    assert desk.gateway.trouble == {}
    assert desk.gateway.portfolio.cash("paper")["BTC"] == D(1)


async def test_a_fill_without_an_intent_is_an_alarm_and_moves_no_money(desk: Desk) -> None:
    await desk.gateway.on_fill(traded(buy(), "1"))
    assert desk.gateway.portfolio.cash("paper") == {"USDT": D(10_000)}
    assert (await desk.gateway.submit(buy())).decision.code == "RISK-ORPHAN"
    (row,) = await desk.database.read(lambda c: rows.audit_rows(c, kind="orphan-fill"))
    assert row.symbol == "BTC_USDT"


async def test_a_restart_finds_what_was_open_with_what_was_filled(
    desk: Desk, clock: FrozenClock, tmp_path: Path
) -> None:
    asked = buy("2")
    await desk.gateway.submit(asked)
    await desk.gateway.on_fill(traded(asked, "0.5", "a"))
    desk.venue.answers = [RuntimeError("no answer")]
    lost = buy()
    await desk.gateway.submit(lost)
    again = await make(desk.database, clock, tmp_path)
    await again.gateway.load()
    found = {order.terms.id: (order.state, order.filled) for order in again.gateway.blotter.open()}
    assert found == {asked.terms.id: (S.PARTIAL, D("0.5")), lost.terms.id: (S.UNKNOWN, D(0))}
    await again.gateway.on_fill(traded(asked, "0.5", "a"))
    await again.gateway.on_fill(traded(asked, "1.5", "b"))
    assert again.gateway.portfolio.cash("paper")["BTC"] == D(2)


async def test_an_account_that_nothing_trades_for_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused, match="Nothing trades"):
        await desk.gateway.submit(buy(account="spot"))
