"""Local smart orders: watches every tick for stops, targets and trailing stops, and sells when one is reached.

Decided here:
* The feed's calls only compare (see `watching`). What follows is done by one task a guard (see `guard`), so nothing can
  be triggered twice.
* Every five seconds one call that does not use the stream asks for all prices: what a stale stream hides, it finds.
* A stop crossed while nobody watched is carried out at the first fresh price and marked late.
* After a restart the ledger's open orders say what was sent already; nothing is sent a second time.
* It always runs. `stop` takes a typed sentence, blocks new positions, and is told; exits that are under way go on.

No guarantee is claimed: when the engine, the network or the exchange stands still, nobody sells.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable, Sequence

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import PolotuiError, UsageError
from polotui.core.ids import Chance
from polotui.model.market import Ticker, Trade
from polotui.model.orders import FINAL, OWN, OrderState, OrderTerms, OrderType, Side
from polotui.trading.guard import Guard, bought_since, carry_out, quantity_of
from polotui.trading.protection import (
    Holdings,
    Level,
    Orders,
    Protection,
    ProtectStatus,
    Quotes,
    Stored,
    Tells,
    Wanted,
    Watched,
)
from polotui.trading.watching import Watching

log = logging.getLogger("polotui.trading.protector")

STOP_WORDS = "stop protecting"
SWEEP_S = 5.0
SWEEP_PATIENCE_S = 4.0
#: A price older than three sweeps is none: its positions count as not protected.
MOST_AGE_S = 15.0
DROP_PATIENCE_S = 10.0
ALERT_AGAIN_S = 60.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0
#: After so many failures in a row haste does not help any more.
_MANY = 10
_PATIENT_PAUSE_S = 30.0
_NEVER = -math.inf


class Protector:
    """Owns all local protections. Run `run` in a task you own, and hand it the feed's calls."""

    def __init__(
        self, orders: Orders, holdings: Holdings, quotes: Quotes, tells: Tells, *, clock: Clock, chance: Chance
    ) -> None:
        self.orders = orders
        self.holdings = holdings
        self.quotes = quotes
        self._tells = tells
        self._clock = clock
        self._chance = chance
        self._guards: dict[tuple[str, str], Guard] = {}
        self._watching = Watching(quotes, clock, self._spawn_if_due, self._reached)
        self._group: asyncio.TaskGroup | None = None
        self._sweep_now = asyncio.Event()
        self._stopped_by = ""
        self._alerted: dict[tuple[str, str], float] = {}
        self._levels: dict[tuple[str, str], Level] = {}
        self._last_sweep_ms = 0
        self._sweep_failures = 0
        self._worst_latency_s: float | None = None
        self._triggered = 0

    # What is protected

    def protect(self, protection: Protection) -> None:
        """Keeps a position from now on, or changes how it is kept, without a gap. Levels of a position whose stop was
        reached already are not changed any more, unless something was bought after its sale came to wait."""
        guard = self._guards.get((protection.account, protection.symbol))
        if guard is not None and guard.reached is not None:
            self._protect_reached(guard, protection)
            return
        if guard is None or guard.dropping:
            self._add(protection)
            return
        if guard.protection != protection:
            guard.levels(protection)
            self._watching.refresh(protection.symbol)
            self._tells.changed(guard.stored())
            self._spawn_if_due(guard)

    def _protect_reached(self, guard: Guard, protection: Protection) -> None:
        guard.dropping = ""
        if bought_since(guard, self):
            guard.after = protection
            self._tells.changed(guard.stored())
            guard.poked.set()
        self._spawn_if_due(guard)

    async def keep(self, wanted: Wanted) -> None:
        """As `protect`, in a bot's words."""
        self.protect(
            Protection(
                account=wanted.account,
                symbol=wanted.symbol,
                bot=wanted.bot,
                strategy=wanted.strategy,
                stop=wanted.stop,
                target=wanted.target,
                reason=wanted.reason,
                signal=wanted.signal,
            )
        )

    def restore(self, stored: Iterable[Stored], open_orders: Iterable[OrderTerms] = ()) -> None:
        """Takes up what was protected before a restart. `open_orders` are those of the ledger that are not final: the
        stops and targets among them that the protector sent are known again, also those it sent in its last moment."""
        for one in stored:
            self._add(one.protection).take_up(one)
        for terms in open_orders:
            guard = self._guards.get((terms.account, terms.symbol))
            if guard is not None and terms.side is Side.SELL and terms.type in (OrderType.MARKET, OrderType.LIMIT):
                guard.adopt(terms)
        for symbol in self._watching.symbols():
            self._watching.refresh(symbol)

    def protection_of(self, account: str, symbol: str) -> Protection | None:
        guard = self._guards.get((account, symbol))
        return None if guard is None else guard.wanted

    def carrying_out(self, account: str, symbol: str) -> str:
        """What is being done because a stop was reached, or was crossed while nobody watched; empty: nothing, and
        levels that are asked for count."""
        guard = self._guards.get((account, symbol))
        if guard is None or bought_since(guard, self) or not (guard.reached or guard.late_ms):
            return ""
        return guard.doing or ("it is being sold" if guard.reached else "a price is waited for")

    def stored(self) -> list[Stored]:
        """What a restart must know, to be kept whenever it changes."""
        return [guard.stored() for guard in self._guards.values()]

    async def drop(self, account: str, symbol: str, reason: str) -> None:
        """Keeps a position no more, and returns when its orders have ended, so that its coins are free. Waits for
        `DROP_PATIENCE_S` at most; what is left to do goes on, and a stop that was reached is carried out."""
        guard = self._guards.get((account, symbol))
        if guard is None:
            return
        guard.dropping, guard.after = guard.dropping or reason, None
        if guard.reached is not None and guard.had is None:
            guard.had = self.holdings.held(account, symbol)
        self._watching.refresh(symbol)
        guard.poked.set()
        try:
            async with asyncio.timeout(DROP_PATIENCE_S):
                if self._group is None and not guard.busy:
                    guard.busy = True
                    await self._work(guard)
                else:
                    self._spawn_if_due(guard)
                    await guard.gone.wait()
        except TimeoutError:
            if guard.target_order:
                text = "Its target's order could not be cancelled yet; it is tried on."
                self.alert("PROTECT-TARGET-OPEN", text, symbol)
            else:
                text = f"It is not let go yet, because its stop is reached: {guard.doing or 'it is being sold'}."
                self.alert("PROTECT-STOP-OPEN", text, symbol)

    def _add(self, protection: Protection) -> Guard:
        market = self.quotes.market(protection.symbol)
        tick = 10.0**-market.price_scale if market is not None else 0.0
        guard = Guard(protection, tick, self.quotes.stamp_ms(protection.symbol))
        self._guards[guard.key] = guard
        self._watching.add(guard)
        self._levels[guard.key] = self._level(guard)
        self._tells.changed(guard.stored())
        self._spawn_if_due(guard)
        return guard

    # What the feed tells

    def on_trades(self, symbol: str, trades: Iterable[Trade]) -> None:
        self._watching.on_trades(symbol, trades)

    def on_book(self, symbol: str) -> None:
        self._watching.on_book(symbol)

    def on_ticker(self, ticker: Ticker) -> None:
        self._watching.on_ticker(ticker)

    def _reached(self, guard: Guard) -> None:
        self._triggered += 1
        self._tells.changed(guard.stored())

    # What became of orders

    def on_order(self, order_id: str, state: OrderState) -> None:
        """An order moved, after it was booked. Makes what waits for it look at once; the sweep would look too."""
        for guard in self._guards.values():
            if order_id in (guard.stop_order, guard.target_order):
                guard.poked.set()
                if order_id == guard.target_order and state in FINAL and not guard.busy:
                    self._sweep_now.set()
            elif order_id == guard.protection.venue_order and state in FINAL:
                self._sweep_now.set()

    # Carrying out

    def _spawn_if_due(self, guard: Guard) -> None:
        if self._group is not None and guard.due and not guard.busy:
            guard.busy = True
            self._group.create_task(self._work(guard), name=f"protect {guard.protection.symbol}")

    async def _work(self, guard: Guard) -> None:
        """Carries out what is due until nothing is. Whatever fails is tried again."""
        try:
            while True:
                guard.poked.clear()
                try:
                    done = await carry_out(guard, self)
                except Exception as error:
                    log.exception("a protection could not be carried out", extra={"symbol": guard.protection.symbol})
                    guard.failures += 1
                    cause = error.cause if isinstance(error, PolotuiError) else type(error).__name__
                    self.alert(
                        "PROTECT-FAILED", f"Its exit failed and is tried again: {cause}", guard.protection.symbol
                    )
                    done = False
                if done and not guard.due:
                    return
                if not done:
                    await self._pause(guard)
        finally:
            guard.busy = False
            self._watching.refresh(guard.protection.symbol)

    async def _pause(self, guard: Guard) -> None:
        longest = _LONGEST_PAUSE_S if guard.failures < _MANY else _PATIENT_PAUSE_S
        ceiling = min(longest, _FIRST_PAUSE_S * 2.0 ** min(guard.failures, 10))
        try:
            async with asyncio.timeout(ceiling / 2 + self._chance.jitter(ceiling / 2)):
                await guard.poked.wait()
        except TimeoutError:
            return

    def new_id(self) -> str:
        return OWN + self._chance.token(16)

    def now(self) -> float:
        return self._clock.monotonic()

    def wall_ms(self) -> int:
        return self._clock.wall_ms()

    def submitting(self, guard: Guard) -> None:
        """A stop's order goes out now; only the first attempt measures how quick we were."""
        if guard.reached is not None and guard.tried == 1:
            latency = self._clock.monotonic() - guard.reached.at
            self._worst_latency_s = max(latency, self._worst_latency_s or 0.0)

    def alert(self, code: str, text: str, symbol: str) -> None:
        """Tells, but the same of a symbol at most once a minute."""
        now = self._clock.monotonic()
        if now - self._alerted.get((code, symbol), _NEVER) >= ALERT_AGAIN_S:
            self._alerted[(code, symbol)] = now
            self._tells.alert(code, f"{symbol}: {text}" if symbol else text, symbol)

    def end(self, guard: Guard, why: str) -> None:
        guard.ended = True
        guard.gone.set()
        self._watching.remove(guard)
        if self._guards.get(guard.key) is guard:
            del self._guards[guard.key]
            self._levels.pop(guard.key, None)
        self._tells.ended(guard.protection, why)

    def renew(self, guard: Guard) -> None:
        self._add(guard.wanted)
        guard.ended = True
        guard.gone.set()
        self._watching.remove(guard)

    # The service

    async def run(self) -> None:
        """Carries out and sweeps, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for guard in list(self._guards.values()):
                    self._spawn_if_due(guard)
                while True:
                    await self.sweep()
                    self._sweep_now.clear()
                    try:
                        async with asyncio.timeout(SWEEP_S):
                            await self._sweep_now.wait()
                    except TimeoutError:
                        continue
        finally:
            self._group = None

    async def sweep(self) -> None:
        """One round of the backstop: prices past the stream, positions that are gone, levels that changed."""
        symbols = self._watching.symbols()
        if symbols:
            await self._sweep_prices(symbols)
        for guard in list(self._guards.values()):
            try:
                await self._review(guard)
            except PolotuiError as error:
                log.warning("a protection could not be reviewed", extra={"detail": error.cause})
            if guard.protection.trail is not None and not guard.ended:
                self._tells.changed(guard.stored())
        self._last_sweep_ms = self._clock.wall_ms()
        self._tell_levels()

    async def _sweep_prices(self, symbols: list[str]) -> None:
        try:
            async with asyncio.timeout(SWEEP_PATIENCE_S):
                prices = await self.quotes.prices(symbols)
        except Exception:
            # Whatever is wrong with the backstop, it must not end the watching.
            self._sweep_failures += 1
            log.exception("the prices could not be swept")
            return
        self._sweep_failures = 0
        self._watching.swept(prices)

    async def _review(self, guard: Guard) -> None:
        if guard.ended or guard.busy or guard.reached or self._group is None:
            self._spawn_if_due(guard)
            return
        if not quantity_of(guard, self) and guard.held_once:
            guard.dropping = guard.dropping or "nothing is held any more"
        elif guard.target_order:
            # Asked after, and sent again when somebody has cancelled it.
            guard.target_wanted = True
            guard.busy = True
            self._group.create_task(self._work(guard), name=f"protect {guard.protection.symbol}")
            return
        elif guard.protection.venue_order:
            await self._review_venue(guard)
        self._spawn_if_due(guard)

    async def _review_venue(self, guard: Guard) -> None:
        """The venue's own stop may be gone while the position is still there."""
        now = await self.orders.ask(guard.protection.venue_order)
        if (now is None or now.state in FINAL) and not guard.ended:
            guard.levels(msgspec.structs.replace(guard.protection, venue_order=""))
            self._watching.refresh(guard.protection.symbol)
            self._tells.changed(guard.stored())

    # Levels

    def _level(self, guard: Guard) -> Level:
        if guard.protection.venue_order:
            return "venue"
        if self._group is None or self._stopped_by:
            return "none"
        symbol = guard.protection.symbol
        return "local" if self.quotes.fresh(symbol) or self._watching.age_s(symbol) <= MOST_AGE_S else "none"

    def _tell_levels(self) -> None:
        order: Sequence[Level] = ("none", "local", "venue")
        for key, guard in self._guards.items():
            level, before = self._level(guard), self._levels.get(key)
            self._levels[key] = level
            if before is not None and order.index(level) < order.index(before):
                why = self.blocks or ("no fresh price" if level == "none" else "its order at the venue has ended")
                text = f"protection went from {before} to {level}: {why}"
                self._tells.alert("PROTECT-DOWNGRADED", f"{guard.protection.symbol}: {text}", guard.protection.symbol)

    # Stop, start, status

    @property
    def blocks(self) -> str:
        """Why no position may be opened now; empty: nothing of this."""
        if self._stopped_by:
            return f"the protector was stopped by {self._stopped_by}"
        return "" if self._group is not None else "the protector does not run"

    def stop(self, words: str, caller: str) -> None:
        """Stops watching. Who may, and the audit row, are the caller's matter. Raises UsageError for other words."""
        if words != STOP_WORDS:
            raise UsageError(
                "Stopping the protection needs its exact words.",
                safe="Stops and targets are still watched.",
                next_step=f"Type: {STOP_WORDS}",
            )
        self._stopped_by = caller or "nobody named"
        self._watching.active = False
        count = len(self._guards)
        text = f"{self._stopped_by} stopped the protection: stops and targets of {count} positions are not watched."
        self._tells.alert("PROTECT-STOPPED", text, "")
        self._tell_levels()

    def start(self, caller: str) -> None:
        """Watches again. What was crossed meanwhile is carried out at the next fresh price, and marked late."""
        if not self._stopped_by:
            return
        self._stopped_by, self._watching.active = "", True
        for guard in self._guards.values():
            guard.unwatched = True
            self._watching.refresh(guard.protection.symbol)
        self._sweep_now.set()
        self._tells.alert("PROTECT-STARTED", f"{caller} started the protection again.", "")

    def hurry(self) -> None:
        """Orders pass again: what was refused meanwhile does not wait for its turn."""
        for guard in self._guards.values():
            guard.failures = 0
            guard.poked.set()
        self._sweep_now.set()

    def status(self) -> ProtectStatus:
        ages = [self._watching.age_s(symbol) for symbol in self._watching.symbols()]
        known = [age for age in ages if age < math.inf]
        return ProtectStatus(
            running=self._group is not None and not self._stopped_by,
            stopped_by=self._stopped_by,
            blocks=self.blocks,
            watched=tuple(self._watched(guard) for guard in self._guards.values()),
            last_check_ms=self._watching.last_check_ms,
            last_sweep_ms=self._last_sweep_ms,
            sweep_failures=self._sweep_failures,
            oldest_price_age_ms=round(max(known) * 1000) if known else None,
            worst_latency_ms=None if self._worst_latency_s is None else self._worst_latency_s * 1000,
            triggered=self._triggered,
        )

    def _watched(self, guard: Guard) -> Watched:
        protection = guard.protection
        age = self._watching.age_s(protection.symbol)
        return Watched(
            account=protection.account,
            bot=protection.bot,
            symbol=protection.symbol,
            held=self.holdings.held(protection.account, protection.symbol),
            level=self._level(guard),
            stop=None if math.isnan(guard.stop) else guard.stop,
            target=None if math.isnan(guard.target) else guard.target,
            trailing=protection.trail is not None,
            price=self._watching.price(protection.symbol),
            price_age_ms=None if age == math.inf else round(age * 1000),
            doing=guard.doing,
        )
