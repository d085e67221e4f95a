"""The judgement of what is there when a run is over."""

from __future__ import annotations

import asyncio
import sqlite3
from decimal import Decimal
from fractions import Fraction
from typing import Any

from polotui.api import trade_commands as tc
from polotui.core.ids import Chance
from polotui.core.paths import Home
from polotui.model.orders import OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.simulator.serve import Simulator
from polotui.trading.exchange.token import Gate
from polotui.trading.portfolio import Portfolio
from polotui.trading.verify import verify
from tests.campaign.trading.life import Life
from tests.campaign.trading.people import Person
from tests.campaign.trading.seen import Seen
from tests.campaign.trading.tail import Tail, Told
from tests.campaign.trading.watch import KEY
from tests.rig import World
from tests.trading import witness

#: A row carries the time of what it tells, and may have waited for the disk while others were let through.
WAITED_MS = 15_000
#: Limits that a run may have come to: a refusal for them is the desk at work.
LIMITS = frozenset({"RISK-POSITION", "RISK-EXPOSURE", "RISK-CASH"})


# -- the desk, running and quiet ------------------------------------------------------------------------------------


def _in_between(placed: Any) -> bool:
    """Whether an order met a book that was being fetched anew: one lost message is enough for that, also in health."""
    refused = placed.order is not None and placed.order.code == "PAPER-STALE-BOOK"
    return refused or (placed.decision.code == "RISK-MARKET" and not placed.placed)


async def trades_again(seen: Seen, person: Person) -> None:
    """After healing an order by hand goes through, on each account."""
    for number, account in enumerate(person.accounts):
        price = person.price("BTC_USDT")
        if price is None:
            seen.find("trades_again", "there is no price")
            return
        stop = f"{price * 0.99:.2f}"
        command = tc.PlaceOrder(
            account=account,
            symbol="BTC_USDT",
            side="BUY",
            amount=str(25 + number),
            stop=stop,
            confirmed=True,
            caller="person",
        )
        placed = await person.ask(command)
        if placed is not None and placed.decision.code == "RISK-RATE":
            # Bots have used this second up.
            await asyncio.sleep(1.5)
            placed = await person.ask(command)
        if placed is not None and _in_between(placed):
            await asyncio.sleep(5)
            placed = await person.ask(command)
        if placed is None:
            seen.find("trades_again", f"{account}: the desk does not take orders")
        elif not placed.placed and placed.decision.code not in LIMITS:
            texts = [finding.text for finding in placed.decision.findings]
            seen.find("trades_again", f"{account}: {placed.decision.code} {texts}")
        elif placed.placed and (placed.order is None or placed.order.state != "FILLED"):
            seen.find("trades_again", f"{account}: {placed.text}")


async def at_rest(life: Life, simulator: Simulator) -> None:
    """Until nothing has been on its way between the exchange, memory and the ledger for a second; for half a minute at
    most."""
    trading = life.engine.trading
    assert trading is not None
    gateway, user = trading.gateway, simulator.exchange.ledger.accounts[KEY]
    moving = (OrderState.SUBMITTING, OrderState.CANCELLING)
    calm, before = 0, None
    for _ in range(600):
        moves = gateway._sending or any(
            order.state in moving or order.terms.type is OrderType.MARKET for order in gateway.blotter.open()
        )
        now = (trading.portfolio.last_fill, [(order.state, order.filled) for order in user.orders.values()])
        calm = 0 if moves or now != before else calm + 1
        if calm == 20:
            return
        before = now
        await asyncio.sleep(0.05)


def judge_running(seen: Seen, life: Life, simulator: Simulator, tail: Tail, world: World) -> None:
    trading = life.engine.trading
    assert trading is not None
    tail.read()
    _live_equals_ledger(seen, trading, tail)
    _venues_agree(seen, trading, simulator, tail, world)
    _services_run(seen, life)
    _capital_comes_back(seen, trading, tail.connection())
    _tokens_hold(seen, trading)
    _latches_hold(seen, trading, tail.connection())
    seen.messages = life.engine.exchange.feed.stream.counters.messages  # type: ignore[union-attr]


def _live_equals_ledger(seen: Seen, trading: Any, tail: Tail) -> None:
    for difference in Portfolio.load(tail.connection()).differences(trading.portfolio)[:3]:
        seen.find("ledger_equals_live_state", difference)
    live = {order.terms.id: order for order in trading.gateway.blotter.open()}
    for order_id in live.keys() ^ tail.open.keys():
        where = "in memory" if order_id in live else "in the ledger"
        state = live[order_id].state if order_id in live else tail.open[order_id].state
        seen.find("ledger_equals_live_state", f"{order_id} is open only {where} ({state})")
    for order_id in live.keys() & tail.open.keys():
        ours, told = live[order_id], tail.open[order_id]
        if ours.state.value != told.state or Fraction(ours.filled) != told.filled:
            seen.find(
                "ledger_equals_live_state",
                f"{order_id}: {ours.state} {ours.filled} in memory, {told.state} {told.filled} in the ledger",
            )


def _venues_agree(seen: Seen, trading: Any, simulator: Simulator, tail: Tail, world: World) -> None:
    """No order is believed to be where it is not, nor not to be where it is; terms and fills are equal."""
    resting = {order.id for order in trading.paper._register.all_open()}
    for order in trading.gateway.blotter.open("paper"):
        if order.terms.id not in resting and not order.waits:
            seen.find("venues_agree", f"paper: {order.state} {order.terms.id} is at no venue")
    for order_id in resting - {order.terms.id for order in trading.gateway.blotter.open("paper")}:
        seen.find("venues_agree", f"paper: {order_id} rests and is not known")
    user = simulator.exchange.ledger.accounts[KEY]
    theirs: dict[str, Any] = {}
    for order in user.orders.values():
        if order.terms.client_id in theirs:
            seen.find("one_order_for_an_intent", f"{order.terms.client_id} stands at the exchange twice")
        theirs[order.terms.client_id] = order
    for order_id, order in theirs.items():
        told = tail.orders.get(order_id)
        if told is None:
            seen.find("intent_before_order", f"the exchange has {order_id or order.id}, the ledger has not")
        elif difference := _differs(told, order):
            seen.find("venues_agree", f"{order_id}: {difference}")
    for order_id, told in tail.orders.items():
        if not str(told.terms["account"]).startswith("spot"):
            continue
        if not told.final and told.state in ("UNKNOWN", "SUBMITTING", "CANCELLING"):
            seen.find("unknown_is_resolved", f"{order_id} is still {told.state} after healing")
        # Refused while a cancel of it was under way is called cancelled.
        if order_id not in theirs and (told.state not in ("REJECTED", "CANCELLED") or told.filled):
            seen.find("venues_agree", f"{order_id} is {told.state}, and the exchange never had it")
    _money_agrees(seen, simulator, tail)


def _differs(told: Told, order: Any) -> str:
    terms, spec = told.terms, order.spec
    if terms["symbol"] != spec.symbol:
        return f"the exchange has it on {spec.symbol}"
    if order.is_open == told.final:
        return f"{told.state}, but {order.state} at the exchange"
    if (order.state == "FILLED") != (told.state == "FILLED") and told.final:
        return f"{told.state}, but {order.state} at the exchange"
    filled = Fraction(order.filled, 10**spec.quantity_scale)
    return f"filled {told.filled}, at the exchange {filled}" if filled != told.filled else ""


def _money_agrees(seen: Seen, simulator: Simulator, tail: Tail) -> None:
    """Equal to the exchange's own books, to the last digit."""
    ours: dict[str, Fraction] = {}
    for (account, currency), amount in tail.cash.items():
        if account.partition("/")[0] == "spot":
            ours[currency] = ours.get(currency, Fraction()) + amount
    user = simulator.exchange.ledger.accounts[KEY]
    theirs = {name: Fraction(balance.total) for name, balance in user.balances.items()}
    for currency in ours.keys() | theirs.keys():
        if ours.get(currency, Fraction()) != theirs.get(currency, Fraction()):
            seen.find(
                "money_equals_the_exchanges",
                f"{currency}: {float(ours.get(currency, 0))} booked, {float(theirs.get(currency, 0))} there",
            )
    if imbalance := simulator.exchange.ledger.imbalance():
        seen.find("money_equals_the_exchanges", f"the exchange's own sums do not close: {imbalance}")


def _services_run(seen: Seen, life: Life) -> None:
    engine, trading = life.engine, life.engine.trading
    assert trading is not None
    for name, error in engine.supervisor.failed.items():
        seen.find("services_run", f"{name}: {error}")
    for name, text in trading.gateway.trouble.items():
        seen.find("services_run", f"trouble: {name}: {text}")
    for stored in trading.bots.all():
        if stored.state in ("running", "paused", "stopping") and trading.bots.live(stored.id) is None:
            seen.find("services_run", f"bot {stored.id} is {stored.state} and has no task")
        if stored.state == "failed":
            seen.find("services_run", f"bot {stored.id} failed: {stored.reason}")
    if trading.rehearsal is not None and (why := trading.rehearsal.why_not()):
        seen.find("services_run", f"spot: {why}")


def _capital_comes_back(seen: Seen, trading: Any, connection: sqlite3.Connection) -> None:
    query = "SELECT DISTINCT account FROM entries WHERE kind = 'release' AND amount LIKE '-%'"
    given_back = {account for (account,) in connection.execute(query)}
    for stored in trading.bots.all():
        if stored.state in ("running", "paused") and stored.account in given_back:
            seen.find("capital_comes_back", f"bot {stored.id} is {stored.state} and has given its money back")
        cash = trading.portfolio.cash(stored.account).get("USDT", 0)
        if stored.state == "stopped" and cash and not trading.gateway.blotter.open(stored.account):
            seen.find("capital_comes_back", f"bot {stored.id} has stopped and keeps {cash} USDT")


def _tokens_hold(seen: Seen, trading: Any) -> None:
    """An approval is good for its own order, once."""
    gate = Gate(trading.clock, Chance("probe"))
    terms, other = _probe("pt-probe-one", "1"), _probe("pt-probe-two", "2")
    token = gate.issue(terms)
    if not gate.admit(other, token):
        seen.find("a_token_is_one_orders", "an approval let another order through")
    token = gate.issue(terms)
    gate.admit(terms, token)
    if not gate.admit(terms, token):
        seen.find("a_token_is_one_orders", "an approval was good twice")


def _probe(order_id: str, amount: str) -> OrderTerms:
    return OrderTerms(
        id=order_id, account="paper", symbol="BTC_USDT", side=Side.BUY, type=OrderType.MARKET, purpose=Purpose.MANUAL,
        created_ms=0, amount=Decimal(amount),
    )  # fmt: skip


def _latches_hold(seen: Seen, trading: Any, connection: sqlite3.Connection) -> None:
    """What the rows say is set is set; nothing was cleared but by a person."""
    standing: set[tuple[str, str]] = set()
    for name, account, state, reason in connection.execute(
        "SELECT name, account, state, reason FROM latches ORDER BY number"
    ):
        standing = standing | {(name, account)} if state == "set" else standing - {(name, account)}
        if state == "clear" and name != "mirror-missing" and name not in seen.diary.cleared:
            seen.find("latches_are_monotone", f"{name} was cleared by nobody ({reason})")
    active = {(latch.name, latch.account) for latch in trading.latches.active()}
    if standing - active:
        seen.find("latches_are_monotone", f"{standing - active} is set in the ledger and does not hold")


# -- what it left ---------------------------------------------------------------------------------------------------


def judge_files(seen: Seen, home: Home, tail: Tail) -> None:
    tail.read()
    connection = tail.connection()
    report = verify(connection)
    for problem in report.problems[:3]:
        seen.find("chains_and_rows_hold", f"{problem.table} {problem.row}: {problem.reason}")
    _witness_agrees(seen, connection)
    _nothing_below_zero(seen, connection)
    _times_go_on(seen, connection)
    _reasons(seen, connection)
    _private(seen, home)
    seen.orders, seen.fills = len(tail.orders), len(tail.fills)
    seen.trades = connection.execute("SELECT count(*) FROM trades").fetchone()[0]


def _witness_agrees(seen: Seen, connection: sqlite3.Connection) -> None:
    portfolio = Portfolio.load(connection)
    for (account, currency), amount in witness.balances(connection).items():
        if Fraction(portfolio.cash(account).get(currency, 0)) != amount:
            seen.find("an_independent_fold_agrees", f"{account} {currency}: {portfolio.cash(account)} against {amount}")
    for (account, symbol), held in witness.positions(connection).items():
        position = portfolio.position(account, symbol)
        if (Fraction(position.quantity), Fraction(position.money)) != (held.quantity, held.money):
            seen.find("an_independent_fold_agrees", f"{account} {symbol}: {position} against {held}")


def _nothing_below_zero(seen: Seen, connection: sqlite3.Connection) -> None:
    """Never more sold than held, nor more spent than there: after each fill, on paper."""
    cash: dict[tuple[str, str], Fraction] = {}
    rows = connection.execute("SELECT id, account, kind, currency, amount FROM entries ORDER BY number").fetchall()
    for place, (id_, account, kind, currency, amount) in enumerate(rows):
        cash[account, currency] = cash.get((account, currency), Fraction()) + Fraction(amount)
        following = rows[place + 1] if place + 1 < len(rows) else None
        if following is not None and kind in ("fill", "fee") and _of(following[0]) == _of(id_):
            continue
        if account.startswith("paper") and cash[account, currency] < 0:
            seen.find("never_more_than_there_is", f"{account} has {float(cash[account, currency])} {currency} at {id_}")
    for (account, currency), amount in cash.items():
        if amount < 0:
            seen.find("never_more_than_there_is", f"{account} ends with {float(amount)} {currency}")


def _of(entry: str) -> str:
    return entry.rpartition(":")[0]


def _times_go_on(seen: Seen, connection: sqlite3.Connection) -> None:
    for table, column in (("audit", "at_ms"), ("fills", "booked_ms"), ("latches", "at_ms"), ("facts", "at_ms")):
        before = 0
        for number, at_ms in connection.execute(f"SELECT number, {column} FROM {table} ORDER BY number"):
            if at_ms < before - WAITED_MS:
                seen.find("time_never_runs_back", f"{table} {number} is {before - at_ms} ms before the row before it")
            before = max(before, at_ms)


def _reasons(seen: Seen, connection: sqlite3.Connection) -> None:
    for (number,) in connection.execute("SELECT number FROM fills WHERE trim(reason) = ''"):
        seen.find("every_fill_has_its_reason", f"fill {number} has none")
    for number, code, text in connection.execute("SELECT number, code, text FROM audit WHERE kind = 'refused'"):
        if not code or not text:
            seen.find("every_refusal_has_a_code", f"audit {number} has none")


def _private(seen: Seen, home: Home) -> None:
    for folder in (home.data, home.config, home.logs):
        for path in folder.rglob("*"):
            if path.stat().st_mode & 0o077:
                seen.find("files_are_private", f"{path.name} is {oct(path.stat().st_mode & 0o777)}")


__all__ = ["judge_files", "judge_running", "trades_again"]
