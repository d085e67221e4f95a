"""What the invariants must catch: each defect is planted into the product for one run, and names who has to find it.

    python -m tests.campaign.trading.defects [--name WORDS]

A defect replaces one small part of the product, as a careless change might. None of these switches exists in the
product itself. Those that need a storm run in the campaign, those that need a death at one step in the crash sweep.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import msgspec

from polotui.core import files
from polotui.engine.trading import recovery
from polotui.engine.trading.capital import Capital
from polotui.engine.trading.guards import Guards
from polotui.engine.trading.markets import LiveMarkets
from polotui.engine.trading.monitor import Monitor
from polotui.engine.trading.service import Trading
from polotui.market.book import Applied, GapCheck
from polotui.model.orders import OrderState
from polotui.poloniex.clock_offset import ClockOffset
from polotui.poloniex.errors import OutcomeUnknown
from polotui.poloniex.orders import SpotOrders
from polotui.risk import assess as gate
from polotui.risk.values import Asked, RiskDecision
from polotui.trading import gateway, rows
from polotui.trading.blotter import Blotter
from polotui.trading.bots.bot import Bot
from polotui.trading.exchange.token import Gate
from polotui.trading.exchange.venue import ExchangeVenue
from polotui.trading.gateway import Gateway
from polotui.trading.latches import Latches
from polotui.trading.moves import write_intent, write_refusal
from polotui.trading.paper.till import Till
from polotui.trading.protector import Protector
from tests.campaign.trading import crash, scenario
from tests.campaign.trading.invariants import ALL, judge
from tests.trading.exchange import defects as at_the_exchange

Plant = Callable[[], AbstractContextManager[None]]
#: Tried one after the other until one shows it.
SEEDS = (1, 2, 3, 5, 6, 7, 9, 10)


@dataclass(frozen=True)
class Defect:
    """`caught_by` names the invariants of which at least one must fail. With `script` it is looked for in the crash
    sweep of that run, at every step; else in the campaign, seed by seed."""

    plant: Plant
    caught_by: tuple[str, ...]
    seeds: tuple[int, ...] = SEEDS
    hours: float = 0.25
    signed: bool = True
    script: str = ""


DEFECTS: dict[str, Defect] = {}


def defect(*caught_by: str, **how: Any) -> Callable[[Callable[[], Iterator[None]]], Plant]:
    assert set(caught_by) <= ALL.keys(), caught_by

    def register(function: Callable[[], Iterator[None]]) -> Plant:
        plant = contextmanager(function)
        DEFECTS[function.__name__.replace("_", " ")] = Defect(plant, caught_by, **how)
        return plant

    return register


def _as_there(name: str, *caught_by: str, **how: Any) -> None:
    """One that the storms of the exchange venue plant, too: here it meets the whole desk."""
    plant = at_the_exchange.DEFECTS[name]
    assert set(caught_by) <= ALL.keys(), caught_by
    DEFECTS[name.replace("_", " ")] = Defect(plant, caught_by, **how)


_as_there("blind_retry", "one_order_for_an_intent")
_as_there("timeout_is_failure", "venues_agree", "money_equals_the_exchanges")
_as_there("no_recovery", "unknown_is_resolved", "venues_agree")
_as_there("ended_before_its_fills", "money_equals_the_exchanges", "venues_agree")
_as_there("newest_trade_is_the_mark", "money_equals_the_exchanges", "venues_agree")
_as_there("cancel_is_trusted", "a_position_has_its_stop", "never_more_than_there_is", "ledger_equals_live_state")
_as_there("ids_of_one_symbol", "money_equals_the_exchanges", "venues_agree")


# -- orders ---------------------------------------------------------------------------------------------------------


@defect("intent_before_order")
def new_id_on_retry() -> Iterator[None]:
    original = SpotOrders.place

    async def place(self: Any, order: Any, market: Any, *more: Any) -> Any:
        try:
            return await original(self, order, market, *more)
        except OutcomeUnknown:
            return await original(self, msgspec.structs.replace(order, client_id=order.client_id + "r"), market, *more)

    with patch.object(SpotOrders, "place", place):
        yield


@defect("intent_before_order", seeds=(1,))
def intent_after_send() -> Iterator[None]:
    """The intent is written with the first thing that is known of the order."""
    waiting: dict[str, tuple[Any, int]] = {}
    note = rows.add_order_event

    def later(connection: Any, terms: Any, at_ms: int) -> None:
        waiting[terms.id] = (terms, at_ms)

    def noted(connection: Any, order_id: str, state: Any, **more: Any) -> Any:
        if order_id in waiting:
            terms, at_ms = waiting.pop(order_id)
            with patch.object(rows, "add_order_event", note):
                write_intent(connection, terms, at_ms)
        return note(connection, order_id, state, **more)

    with patch.object(gateway, "write_intent", later), patch.object(rows, "add_order_event", noted):
        yield


@defect("trades_again", "use_cases_answer", "one_order_for_an_intent", "run_ends", "services_run")
def ids_that_are_counted() -> Iterator[None]:
    """Each life counts its orders from one."""

    def counted(self: Trading) -> str:
        self.counted = getattr(self, "counted", 0) + 1  # type: ignore[attr-defined]
        return f"pt-{self.counted}"  # type: ignore[attr-defined]

    with patch.object(Trading, "new_order_id", counted):
        yield


@defect("money_equals_the_exchanges", "venues_agree", "ledger_equals_live_state")
def no_dedupe_of_fills() -> Iterator[None]:
    """What the stream and the history both tell is booked twice."""
    add, count = rows.add_fill, iter(range(10**9))

    def added(connection: Any, execution: Any, terms: Any, **more: Any) -> Any:
        return add(connection, msgspec.structs.replace(execution, id=f"{execution.id}-{next(count)}"), terms, **more)

    with patch.object(rows, "add_fill", added):
        yield


@defect("chains_and_rows_hold", "ledger_equals_live_state", "venues_agree", "use_cases_answer", script="market order")
def a_fill_in_two_transactions() -> Iterator[None]:
    """First the fill with its money, then where its order stands."""
    note = rows.add_order_event

    async def book(self: Gateway, order: Any, execution: Any) -> Any:
        late: list[tuple[Any, ...]] = []

        def postponed(connection: Any, order_id: str, state: Any, **more: Any) -> int:
            late.append((order_id, state, more))
            return 0

        with patch.object(rows, "add_order_event", postponed):
            booked = await original(self, order, execution)
        for order_id, state, more in late:
            at = (order_id, state)
            await self._certainly(lambda c, at=at, more=more: note(c, *at, **more), "order state")
        return booked

    original = Gateway._book
    with patch.object(Gateway, "_book", book):
        yield


@defect("halted_means_halted")
def the_halt_flag_is_looked_at_by_the_gate_only() -> Iterator[None]:
    """Between the gate's yes and the venue lies a commit."""
    place = Gateway._send

    async def send(self: Gateway, venue: Any, order: Any, decision: Any) -> Any:
        # Slow enough for somebody to halt meanwhile.
        await asyncio.sleep(2)
        with patch.object(Gateway, "halted", False):
            return await place(self, venue, order, decision)

    with patch.object(Gateway, "_send", send), patch.object(ExchangeVenue, "_withheld", lambda self, terms: ""):
        yield


@defect("paper_signs_no_order", seeds=(4, 8), signed=False)
def paper_goes_to_the_exchange() -> Iterator[None]:
    find = Gateway.venue_of

    def venue_of(self: Gateway, account: str) -> Any:
        return find(self, account.replace("paper", "spot", 1))

    with patch.object(Gateway, "venue_of", venue_of):
        yield


@defect("a_token_is_one_orders", seeds=(1,))
def a_token_fits_every_order() -> Iterator[None]:
    with patch("polotui.trading.exchange.token.terms_hash", lambda terms: ""):
        yield


@defect("a_token_is_one_orders", seeds=(1,))
def a_token_is_good_twice() -> Iterator[None]:
    redeem = Gate.redeem

    def kept(self: Gate, token: Any, terms: Any) -> None:
        before = dict(self._issued)
        redeem(self, token, terms)
        self._issued = before

    with patch.object(Gate, "redeem", kept):
        yield


# -- risk -----------------------------------------------------------------------------------------------------------


@defect("worst_case_counts_every_order")
def unknown_counts_as_nothing() -> Iterator[None]:
    """An order of unknown fate is taken for none."""
    told = Blotter.resting

    def resting(self: Blotter, root: str) -> Iterator[Any]:
        unknown = {o.terms.id for o in self.open(root) if o.state is OrderState.UNKNOWN}
        return (view for view in told(self, root) if view.id not in unknown)

    with patch.object(Blotter, "resting", resting):
        yield


@defect("no_limit_is_broken", seeds=(1, 2))
def one_check_is_not_asked() -> Iterator[None]:
    checks = gate.all_checks

    def fewer() -> tuple[Any, ...]:
        return tuple(check for check in checks() if check.code not in ("RISK-POSITION", "RISK-ORDER-SIZE"))

    with patch.object(gate, "all_checks", fewer):
        yield


@defect("no_decision_on_a_stale_book", "no_limit_is_broken", seeds=(38, 45, 2), hours=1.0)
def a_stale_book_is_fresh() -> Iterator[None]:
    view = LiveMarkets.view

    def viewed(self: LiveMarkets, symbol: str) -> Any:
        return msgspec.structs.replace(view(self, symbol), fresh=True, age_ms=0)

    with patch.object(LiveMarkets, "fresh", lambda self, symbol: True), patch.object(LiveMarkets, "view", viewed):
        yield


@defect("no_decision_on_a_stale_book")
def no_gap_check() -> Iterator[None]:
    with patch.object(GapCheck, "judge", lambda self, book_id, last_id, new_id: Applied.APPLIED):
        yield


@defect("every_refusal_has_a_code", seeds=(1,))
def a_refusal_without_its_code() -> Iterator[None]:
    def written(connection: Any, asked: Asked, decision: RiskDecision, caller: str, at_ms: int) -> int:
        return write_refusal(connection, asked, msgspec.structs.replace(decision, code=""), caller, at_ms)

    with patch.object(gateway, "write_refusal", written):
        yield


@defect("latches_are_monotone", script="the latch of the day")
def a_start_clears_the_latches() -> Iterator[None]:
    """Whoever starts again starts anew."""
    load = Latches.load

    async def anew(self: Latches) -> Any:
        for latch in await load(self):
            del self._active[latch.name, latch.account]
        return []

    with patch.object(Latches, "load", anew):
        yield


# -- positions and their protection ---------------------------------------------------------------------------------


@defect("a_position_has_its_stop", seeds=(1, 2))
def the_stop_comes_after_the_next_order() -> Iterator[None]:
    protect = Guards.protect

    async def late(self: Guards, protection: Any) -> None:
        await asyncio.sleep(20)
        await protect(self, protection)

    with patch.object(Guards, "protect", late):
        yield


@defect("stops_fire")
def stops_that_do_not_fire() -> Iterator[None]:
    def nothing(self: Protector, guard: Any) -> None:
        return None

    with patch.object(Protector, "_spawn_if_due", nothing):
        yield


@defect("a_position_has_its_stop", script="a stop that is edited")
def protection_is_forgotten_by_a_restart() -> Iterator[None]:
    async def nothing(self: Guards, open_orders: Any) -> None:
        return None

    with patch.object(Guards, "load", nothing):
        yield


@defect("bots_go_on_where_they_were", "a_position_has_its_stop")
def a_bots_state_is_half_restored() -> Iterator[None]:
    """Positions come back, what the bot has counted does not."""
    restore = Bot.restore

    def half(self: Bot, state: Any, *more: Any) -> None:
        restore(self, {**state, "counts": [0 for _ in state["counts"]], "index": state["index"] - 1}, *more)

    with patch.object(Bot, "restore", half):
        yield


# -- money ----------------------------------------------------------------------------------------------------------


class _Binary:
    """Arithmetic as a careless hand writes it."""

    @staticmethod
    def multiply(one: Decimal, other: Decimal) -> Decimal:
        return Decimal(repr(float(one) * float(other)))

    def __getattr__(self, name: str) -> Any:
        from polotui.trading.ledger import EXACT

        return getattr(EXACT, name)


@defect("money_equals_the_exchanges", "an_independent_fold_agrees", "ledger_equals_live_state")
def float_money() -> Iterator[None]:
    with patch.object(rows, "EXACT", _Binary()):
        yield


@defect("never_more_than_there_is", "no_limit_is_broken")
def nothing_is_bound_by_open_orders() -> Iterator[None]:
    """The gate and the paper venue both let the same coins be sold twice."""
    checks = gate.all_checks

    def fewer() -> tuple[Any, ...]:
        return tuple(check for check in checks() if check.code not in ("RISK-HELD", "RISK-CASH"))

    with (
        patch.object(Till, "available", lambda self, account, currency: Decimal(10**9)),
        patch.object(gate, "all_checks", fewer),
    ):
        yield


@defect("capital_comes_back", seeds=(1, 2, 3))
def an_ended_bot_keeps_its_money() -> Iterator[None]:
    async def nothing(self: Capital, *given: Any) -> None:
        return None

    with (
        patch.object(Capital, "back", nothing),
        patch.object(Capital, "release", nothing),
        patch.object(Capital, "all_back", nothing),
    ):
        yield


# -- the desk -------------------------------------------------------------------------------------------------------


@defect("acknowledged_is_durable", "intent_before_order", script="limit order partly")
def acknowledged_before_it_is_durable() -> Iterator[None]:
    """Commits are left for later, and everybody is told that they are done."""
    from polotui.storage.database import Database

    transact = Database.transact

    async def soon(self: Any, work: Any, label: str = "", **more: Any) -> Any:
        if label == "order intent":
            asyncio.get_running_loop().call_later(
                0.5, lambda: asyncio.ensure_future(transact(self, work, label, **more))
            )
            return None
        return await transact(self, work, label, **more)

    with patch.object(Database, "transact", soon):
        yield


@defect("every_fill_has_its_reason", seeds=(1,))
def fills_without_a_reason() -> Iterator[None]:
    add = rows.add_fill

    def added(connection: Any, execution: Any, terms: Any, **more: Any) -> Any:
        return add(connection, execution, msgspec.structs.replace(terms, reason=""), **more)

    with patch.object(rows, "add_fill", added):
        yield


@defect("time_never_runs_back")
def the_clock_that_people_set() -> Iterator[None]:
    """Rows carry the wall clock after a start, which may have been put back since the newest."""
    with patch.object(recovery, "newest_ms", lambda connection: 0):
        yield


@defect("files_are_private", seeds=(1,))
def files_that_everybody_may_read() -> Iterator[None]:
    write = files.write_private

    def written(path: Any, data: bytes) -> None:
        write(path, data)
        os.chmod(path, 0o644)

    with patch.object(files, "write_private", written):
        yield


@defect("trades_again", "services_run", "use_cases_answer", "unknown_is_resolved")
def no_clock_offset() -> Iterator[None]:
    with patch.object(ClockOffset, "sign_ms", lambda self: self._clock.wall_ms()):
        yield


@defect("run_ends", seeds=(1,))
def swallowed_cancelled_error() -> Iterator[None]:
    run = Monitor.run

    async def stubborn(self: Monitor, *given: Any) -> None:
        while True:
            try:
                await run(self, *given)
            except asyncio.CancelledError:
                continue

    with patch.object(Monitor, "run", stubborn):
        yield


@defect("queues_are_bounded", seeds=(1,))
def sent_orders_are_never_forgotten() -> Iterator[None]:
    async def whole(self: Gateway, work: Any) -> Any:
        task = asyncio.create_task(work, name="gateway")
        for number in range(20):
            self._sending.add((task, number))  # type: ignore[arg-type]
        return await asyncio.shield(task)

    async def close(self: Gateway) -> None:
        return None

    with patch.object(Gateway, "_whole", whole), patch.object(Gateway, "close", close):
        yield


# -- looking for them -----------------------------------------------------------------------------------------------


def look_for(name: str) -> tuple[set[str], str]:
    """The invariants that found a defect, and where; without those that must, everything that failed."""
    planted = DEFECTS[name]
    found: set[str] = set()
    for label, failures in _runs(planted):
        found |= set(failures)
        if caught := found & set(planted.caught_by):
            return caught, label
    return found, ""


def _runs(planted: Defect) -> Iterator[tuple[str, dict[str, list[str]]]]:
    if planted.script:
        (script,) = [one for one in crash.SCRIPTS if planted.script in one]
        whole = crash.run(script, 0, planted.plant())
        yield f"{script}, alive", whole.failures
        for at in range(1, whole.steps + 1):
            outcome = crash.run(script, at, planted.plant())
            yield f"{script}, death {outcome.died_at}", outcome.failures
        return
    for seed in planted.seeds:
        options = scenario.Options(hours=planted.hours, signed=planted.signed)
        yield f"seed {seed}", judge(scenario.run(seed, options, planted.plant()))


def _quietly(name: str) -> tuple[str, set[str], str, float]:
    logging.disable(logging.CRITICAL)
    started = time.perf_counter()
    found, where = look_for(name)
    return name, found, where, time.perf_counter() - started


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.trading.defects", description=__doc__)
    parser.add_argument("--name", default="", help="only those whose name contains this")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    names = [name for name in DEFECTS if options.name in name]
    missed = 0
    with ProcessPoolExecutor(options.workers) as pool:
        for name, found, where, seconds in pool.map(_quietly, names):
            missed += not where
            told = (
                f"{', '.join(sorted(found))} ({where})" if where else f"NOT CAUGHT; what failed: {found or 'nothing'}"
            )
            print(f"{name}: {told} [{seconds:.0f} s]", flush=True)
    print(f"{len(names) - missed} of {len(names)} planted defects caught and named")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
