"""What a person does, when something fails half-way: no position stays without what protected it."""

from __future__ import annotations

from decimal import Decimal as D
from types import SimpleNamespace
from typing import Any

import pytest

from polotui.api import trade_commands as c
from polotui.core.clock import FrozenClock
from polotui.core.errors import Refused, StorageError, UsageError
from polotui.engine.trading.byhand import ByHand
from polotui.engine.trading.protecting import protection
from polotui.model.orders import OrderState, OrderTerms, Purpose, Side
from polotui.risk.values import Asked, RiskDecision
from polotui.trading.blotter import Blotter, LiveOrder
from polotui.trading.protection import Protection
from tests.trading.paper.world import BTC

BTCS = "BTC_USDT"
FINE = RiskDecision(approved=True, code="", findings=(), warnings=(), checks=(), recommendation="")


class Guards:
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Protection] = {}
        self.on_drop: Any = lambda: None
        self.doing = ""

    def of(self, account: str, symbol: str) -> Protection | None:
        return self.kept.get((account, symbol))

    def carrying_out(self, account: str, symbol: str) -> str:
        return self.doing

    async def protect(self, protection: Protection) -> None:
        self.kept[protection.account, protection.symbol] = protection

    async def drop(self, account: str, symbol: str, reason: str) -> None:
        self.kept.pop((account, symbol), None)
        self.on_drop()


class Gateway:
    def __init__(self, desk: Desk) -> None:
        self.blotter, self.desk = Blotter(), desk
        self.sent: list[OrderTerms] = []
        self.error: Exception | None = None
        self.state = OrderState.FILLED

    async def submit(self, asked: Asked, caller: str = "") -> Any:
        if self.error is not None:
            raise self.error
        self.sent.append(asked.terms)
        order = LiveOrder(asked.terms, self.state)
        self.blotter.add(order)
        if order.final:
            self.blotter.end(order)
            self.desk.held[asked.terms.symbol] -= asked.terms.quantity or D(0)
        return SimpleNamespace(order_id=asked.terms.id, decision=FINE, state=self.state)

    async def cancel(self, order_id: str, reason: str = "") -> None: ...
    async def cancel_all(self, root: str = "", **more: Any) -> list[str]:
        return []


class Desk:
    """What a person's orders need of trading."""

    def __init__(self) -> None:
        self.held = {BTCS: D(1), "ETH_USDT": D(2)}
        self.guards = Guards()
        self.gateway = Gateway(self)
        self.clock = FrozenClock(1_780_000_000_000)
        self.settings: dict[str, str] = {}
        self.records = self
        self.portfolio = self
        self.bot = 0
        self.bots = SimpleNamespace(live=lambda number: self.live, goes_on=lambda number: bool(number))
        self.live: Any = None
        self.titles: dict[str, str] = {}
        self.markets = SimpleNamespace(mark=lambda symbol: SimpleNamespace(price=D(100), fresh=True))
        self.limits = SimpleNamespace(limits=lambda: SimpleNamespace(stop_required=False))
        self.halting = SimpleNamespace(state=lambda: "ACTIVE")
        self.view = SimpleNamespace(market=lambda symbol: SimpleNamespace(ask=D(100), bid=D(99), last=D(100)))
        self.number = 0
        self.database = self
        self.ended: dict[str, Any] = {}

    async def setting(self, name: str) -> str | None:
        return self.settings.get(name)

    async def set_setting(self, name: str, text: str) -> None:
        self.settings[name] = text

    async def read(self, work: Any, name: str = "") -> Any:
        return None

    async def known(self, symbol: str) -> Any:
        return BTC

    def account_named(self, name: str) -> str:
        return name

    def roots(self) -> list[str]:
        return ["paper"]

    def position(self, account: str, symbol: str) -> Any:
        return SimpleNamespace(quantity=self.held.get(symbol, D(0)), bot=self.bot, account=account, symbol=symbol)

    def positions(self, root: str) -> list[Any]:
        return [self.position(root, symbol) for symbol in self.held]

    def is_dust(self, held: Any) -> bool:
        return held.quantity <= 0

    def strategy_of(self, bot: int) -> str:
        return ""

    def new_order_id(self) -> str:
        self.number += 1
        return f"pt-{self.number}"

    def scales(self, symbol: str) -> tuple[int, int]:
        return (2, 4)

    async def note(self, *_: Any, **__: Any) -> None: ...


@pytest.fixture
def desk() -> Desk:
    return Desk()


def hand_of(desk: Desk) -> ByHand:
    return ByHand(desk)  # type: ignore[arg-type]


STOP = Protection(account="paper", symbol=BTCS, stop=D(90), reason="by hand")
CLOSE = c.ClosePosition(account="paper", symbol=BTCS)


async def test_a_position_that_could_not_be_closed_keeps_its_stop(desk: Desk) -> None:
    await desk.guards.protect(STOP)
    desk.gateway.error = StorageError("The disk is full.")
    with pytest.raises(StorageError):
        await hand_of(desk).close(CLOSE)
    assert desk.guards.of("paper", BTCS) == STOP


async def test_what_is_sold_is_what_is_held_when_it_is_sent(desk: Desk) -> None:
    """Its target may fill in part while it is being cancelled."""
    await desk.guards.protect(STOP)
    desk.guards.on_drop = lambda: desk.held.update({BTCS: D("0.25")})
    await hand_of(desk).close(CLOSE)
    assert [terms.quantity for terms in desk.gateway.sent] == [D("0.25")]


async def test_one_position_that_fails_does_not_keep_the_others_from_being_sold(desk: Desk) -> None:
    calls: list[str] = []
    hand = hand_of(desk)

    async def close(command: c.ClosePosition, purpose: Purpose) -> None:
        calls.append(command.symbol)
        if command.symbol == BTCS:
            raise StorageError("The disk is full.")
        desk.held[command.symbol] = D(0)

    hand.close = close  # type: ignore[assignment,method-assign]
    done = await hand.flatten_now("paper", "now", "test")
    assert calls == [BTCS, "ETH_USDT"]
    assert (done.cancelled, done.left) == (1, 1)


async def test_the_stop_of_a_resting_order_survives_a_restart(desk: Desk) -> None:
    desk.gateway.state = OrderState.ACCEPTED
    await hand_of(desk).place(
        c.PlaceOrder(symbol=BTCS, side="BUY", type="LIMIT", quantity="0.5", price="95", stop="90", target="120")
    )
    again = hand_of(desk)
    await again.load()
    (order,) = desk.gateway.blotter.open()
    fill = SimpleNamespace(account="paper", symbol=BTCS, side=Side.BUY)
    await again.on_booked(fill, order)  # type: ignore[arg-type]
    kept = desk.guards.of("paper", BTCS)
    assert kept is not None
    assert (kept.stop, kept.target) == (D(90), D(120))


async def test_an_entry_that_filled_right_before_the_end_is_protected_at_the_start(desk: Desk) -> None:
    desk.gateway.state = OrderState.ACCEPTED
    await hand_of(desk).place(
        c.PlaceOrder(symbol=BTCS, side="BUY", type="LIMIT", quantity="0.5", price="95", stop="90")
    )
    (order,) = desk.gateway.blotter.open()
    order.filled, order.state = D("0.5"), OrderState.FILLED
    again = hand_of(desk)
    await again.load()
    kept = desk.guards.of("paper", BTCS)
    assert kept is not None
    assert kept.stop == D(90)
    # Done with: the next start does not protect what may be somebody else's position.
    desk.guards.kept.clear()
    await hand_of(desk).load()
    assert desk.guards.of("paper", BTCS) is None


FILL: Any = SimpleNamespace(account="paper", symbol=BTCS, side=Side.BUY)


def levels_of(desk: Desk) -> tuple[D | None, D | None]:
    kept = desk.guards.of("paper", BTCS)
    assert kept is not None
    return kept.stop, kept.target


async def resting(desk: Desk, stop: str = "80", target: str = "150") -> tuple[ByHand, LiveOrder]:
    """A limit buy at 99 that has not filled yet."""
    desk.gateway.state = OrderState.ACCEPTED
    hand = hand_of(desk)
    await hand.place(
        c.PlaceOrder(symbol=BTCS, side="BUY", type="LIMIT", quantity="1", price="99", stop=stop, target=target)
    )
    (order,) = desk.gateway.blotter.open()
    return hand, order


async def again(desk: Desk, hand: ByHand, restart: bool) -> ByHand:
    if not restart:
        return hand
    hand = hand_of(desk)
    await hand.load()
    return hand


def edited(**levels: str) -> c.EditProtection:
    return c.EditProtection(account="paper", symbol=BTCS, **levels)


@pytest.mark.parametrize("restart", [False, True])
async def test_a_stop_that_was_moved_stays_where_it_is_when_more_of_its_order_fills(desk: Desk, restart: bool) -> None:
    hand, order = await resting(desk)
    await hand.on_booked(FILL, order)
    assert levels_of(desk) == (D(80), D(150))
    await hand.edit(edited(stop="95"))
    await hand.edit(edited(target="none"))
    hand = await again(desk, hand, restart)
    await hand.on_booked(FILL, order)
    assert levels_of(desk) == (D(95), None)


async def test_a_part_that_filled_has_its_levels_though_it_was_not_stored_that_it_began(desk: Desk) -> None:
    """The engine ended between the two writes, the disk was full, or the home is older than the word for it."""
    hand, order = await resting(desk)
    stored = dict(desk.settings)
    await hand.on_booked(FILL, order)
    order.filled, order.state = D("0.5"), OrderState.PARTIAL
    desk.settings = stored
    hand = await again(desk, hand, restart=True)
    assert levels_of(desk) == (D(80), D(150))
    await hand.edit(edited(stop="95"))
    await hand.on_booked(FILL, order)
    assert levels_of(desk) == (D(95), D(150))


async def test_a_stop_that_was_moved_right_before_the_end_is_not_put_back_by_the_next_part(desk: Desk) -> None:
    hand, order = await resting(desk)
    stored = dict(desk.settings)
    await hand.on_booked(FILL, order)
    await hand.edit(edited(stop="95"))
    order.filled, order.state = D("0.5"), OrderState.PARTIAL
    desk.settings = stored
    hand = await again(desk, hand, restart=True)
    await hand.on_booked(FILL, order)
    assert levels_of(desk) == (D(95), D(150))


async def test_an_order_that_has_not_filled_before_the_restart_still_begins_with_its_first_part(desk: Desk) -> None:
    await desk.guards.protect(STOP)
    hand, order = await resting(desk)
    hand = await again(desk, hand, restart=True)
    order.filled, order.state = D("0.5"), OrderState.PARTIAL
    await hand.on_booked(FILL, order)
    assert levels_of(desk) == (D(80), D(150))


@pytest.mark.parametrize("restart", [False, True])
async def test_what_fills_after_everything_was_sold_has_what_the_person_said_last(desk: Desk, restart: bool) -> None:
    """The moved stop was reached and sold all, and the rest of the order still stands."""
    hand, order = await resting(desk)
    await hand.on_booked(FILL, order)
    await hand.edit(edited(stop="95"))
    desk.guards.kept.clear()
    desk.held[BTCS] = D(0)
    hand = await again(desk, hand, restart)
    assert desk.guards.of("paper", BTCS) is None
    desk.held[BTCS] = D("0.5")
    await hand.on_booked(FILL, order)
    assert levels_of(desk) == (D(95), D(150))


async def test_a_stop_moved_above_an_orders_price_is_none_for_what_it_buys_later(desk: Desk) -> None:
    """It would sell the next part in the moment in which it was bought."""
    desk.markets.mark = lambda symbol: SimpleNamespace(price=D(110), fresh=True)
    hand, order = await resting(desk)
    await hand.on_booked(FILL, order)
    await hand.edit(edited(stop="105"))
    await hand.on_booked(FILL, order)
    assert levels_of(desk) == (D(105), D(150))
    desk.guards.kept.clear()
    await hand.on_booked(FILL, order)
    assert levels_of(desk) == (D(80), D(150))


@pytest.mark.parametrize("restart", [False, True])
async def test_the_first_part_of_an_order_sets_its_stop_over_that_of_an_older_position(
    desk: Desk, restart: bool
) -> None:
    await desk.guards.protect(STOP)
    hand, order = await resting(desk, target="")
    await hand.edit(edited(stop="92"))
    hand = await again(desk, hand, restart)
    assert levels_of(desk) == (D(92), None)
    await hand.on_booked(FILL, order)
    assert levels_of(desk) == (D(80), None)
    await hand.on_booked(FILL, order)
    assert levels_of(desk) == (D(80), None)


async def test_a_part_that_fills_while_its_protection_is_ending_is_protected_anew(desk: Desk) -> None:
    """A protection that is being dropped still stands for a moment; asked for again, it stays."""
    hand, order = await resting(desk)
    await hand.on_booked(FILL, order)
    await hand.edit(edited(stop="95"))
    asked: list[Protection] = []
    protect = desk.guards.protect

    async def noted(protection: Protection) -> None:
        asked.append(protection)
        await protect(protection)

    desk.guards.protect = noted  # type: ignore[method-assign]
    await hand.on_booked(FILL, order)
    assert [one.stop for one in asked] == [D(95)]


async def test_a_moved_stop_counts_though_it_cannot_be_stored(desk: Desk) -> None:
    hand, order = await resting(desk)
    await hand.on_booked(FILL, order)

    async def full(name: str, text: str) -> None:
        raise StorageError("The disk is full.")

    desk.set_setting = full  # type: ignore[method-assign]
    await hand.edit(edited(stop="95"))
    await hand.on_booked(FILL, order)
    assert levels_of(desk) == (D(95), D(150))


class Live:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def ask(self, what: str, **more: Any) -> None:
        self.asked.append(more)


async def test_moving_a_bots_target_leaves_its_stop_to_the_bot(desk: Desk) -> None:
    desk.bot, desk.live = 3, Live()
    await desk.guards.protect(STOP)
    await hand_of(desk).edit(c.EditProtection(account="paper", symbol=BTCS, target="120"))
    assert desk.live.asked == [{"symbol": BTCS, "stop": None, "target": D("120")}]


async def test_a_bots_stop_cannot_be_taken_away_and_that_is_said(desk: Desk) -> None:
    desk.bot, desk.live = 3, Live()
    await desk.guards.protect(STOP)
    with pytest.raises(UsageError):
        await hand_of(desk).edit(c.EditProtection(account="paper", symbol=BTCS, stop="none"))
    assert desk.live.asked == []


@pytest.mark.parametrize("bot", [0, 3])
async def test_a_stop_that_is_reached_is_not_moved_and_that_is_said(desk: Desk, bot: int) -> None:
    """It may wait long for bids; a person was told that it lies lower now, and it sold all the same."""
    if bot:
        desk.bot, desk.live = bot, Live()
    await desk.guards.protect(STOP)
    desk.guards.doing = "worth too little at the best bid of 1"
    with pytest.raises(Refused) as refused:
        await hand_of(desk).edit(edited(stop="80"))
    assert refused.value.instance_code == "stop-reached"
    assert "worth too little at the best bid of 1" in refused.value.cause
    assert levels_of(desk) == (D(90), None)
    assert not bot or desk.live.asked == []


async def test_a_bots_stop_that_is_reached_while_the_bot_is_asked_is_not_told_as_moved(desk: Desk) -> None:
    class Late(Live):
        async def ask(self, what: str, **more: Any) -> None:
            desk.guards.doing = "its stop order is on its way"

    desk.bot, desk.live = 3, Late()
    await desk.guards.protect(STOP)
    with pytest.raises(Refused, match="on its way"):
        await hand_of(desk).edit(edited(stop="80"))


async def test_nobody_trades_by_hand_in_the_account_of_a_bot_that_runs(desk: Desk) -> None:
    with pytest.raises(UsageError, match="bot 3"):
        await hand_of(desk).place(c.PlaceOrder(symbol=BTCS, side="SELL", quantity="1", account="paper/bot-3"))
    assert desk.gateway.sent == []


@pytest.mark.parametrize("field", ["quantity", "amount", "price", "stop", "target"])
async def test_a_comma_for_a_point_sends_nothing(desk: Desk, field: str) -> None:
    """«0,5» lost its comma and was an order of 5."""
    typed = {"quantity": "1", "price": "100"} | {field: "0,5"}
    if field == "amount":
        del typed["quantity"]
    with pytest.raises(UsageError, match="decimals need a point"):
        await hand_of(desk).place(c.PlaceOrder(symbol=BTCS, side="BUY", type="LIMIT", **typed))  # type: ignore[arg-type]
    assert desk.gateway.sent == []


def test_halted_the_protection_says_that_it_sells_nothing(desk: Desk) -> None:
    status = SimpleNamespace(
        running=True, watched=(), last_check_ms=0, oldest_price_age_ms=None, worst_latency_ms=None, blocks=""
    )
    desk.guards.protector = SimpleNamespace(status=lambda: status)  # type: ignore[attr-defined]
    assert protection(desk).note == ""  # type: ignore[arg-type]
    desk.halting.state = lambda: "HALTED"
    assert "sell nothing" in protection(desk).note  # type: ignore[arg-type]
