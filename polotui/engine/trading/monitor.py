"""The risk monitor: once a second, and at each fill, reads the account and does what the limits ask for.

Decided here:
* It decides nothing itself: guards, ladder, meter and alerts are pure functions of `risk`; here their states are kept,
  stored, and their actions carried out.
* A reading is confirmed when every coin that is held has a fresh price and no fill waits to be booked. Only confirmed
  readings flatten.
* The latch of the day is set in the ledger and in its mirror before anything is sold. What it was at the last start is
  never taken from this state alone: the worse of state and latch counts.
* Selling is a task of its own, one at a time, and goes through the gate like everything.
"""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from polotui.api import replies as r
from polotui.api import risk_commands as c
from polotui.core.errors import PolotuiError, StorageError, UsageError
from polotui.core.text import clean
from polotui.engine.trading.kept import BotDay, Kept, Streaks
from polotui.model.money import ZERO, decimal_of
from polotui.model.orders import OrderTerms, OrderType, Purpose, Side
from polotui.risk import alerts as alerting
from polotui.risk import daily, drawdown, ladder
from polotui.risk.daily import DailyAction, DailyState, Reading
from polotui.risk.drawdown import DrawdownAction, DrawdownState
from polotui.risk.ladder import LadderState, Rung
from polotui.risk.limits import Limits
from polotui.risk.meter import Meter, meter
from polotui.risk.values import AccountView, Asked, Latch
from polotui.storage.database import Connection
from polotui.trading import rows as ledger
from polotui.trading.blotter import below
from polotui.trading.latches import ACKNOWLEDGED, override_words
from polotui.trading.moves import unbooked
from polotui.trading.trades import Trade

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

log = logging.getLogger("polotui.risk")

ROOT = "paper"
DAILY_LOSS = "daily-loss"
TICK_SECONDS = 1.0
STORE_SECONDS = 30.0
#: What could not be sold is tried again after this long.
SELL_AGAIN_SECONDS = 10.0
SELL_TRIES = 3
METER_SECONDS = 60.0
_SETTING = "risk-monitor"


class Monitor:
    """Watches one root account. The first one, `paper`, also feeds the meter and the alerts."""

    def __init__(self, trading: Trading, root: str = ROOT) -> None:
        self._trading = trading
        self.root = root
        self._setting = f"{_SETTING}-{root}"
        self._kept = Kept()
        self._stored: bytes = b""
        self._ladders: dict[str, LadderState] = {}
        self._meter: Meter | None = None
        self._selling: asyncio.Task[None] | None = None
        self._flattening = False
        self._reading = asyncio.Lock()
        self._first_stops: dict[tuple[str, str], Decimal] = {}
        self.streaks = Streaks()
        #: What the accounts of bots have given back, in quote currency.
        self.released: dict[str, Decimal] = {}
        self._hour: list[int] = []
        #: Latches that hold and could not be written yet.
        self._owed: dict[str, tuple[str, int]] = {}

    # -- life -----------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        trading = self._trading
        text = await trading.records.setting(self._setting)
        if text:
            try:
                self._kept = msgspec.json.decode(text, type=Kept)
            except msgspec.DecodeError as error:
                # Without it the day begins anew; the latch itself is kept elsewhere.
                log.error("the risk monitor's state cannot be read", extra={"detail": str(error)})
        await trading.database.read(self._load_rows, "risk monitor")
        await self._load_day()
        self._tell_view()

    async def _load_day(self) -> None:
        """The worse of state and latch counts. What another process counted by its own ticks begins anew, and what it
        was about to sell is sold when the next confirmed reading says the same."""
        day = msgspec.structs.replace(
            self._kept.day, bad_readings=0, first_bad_tick=None, first_counted_tick=None, flattened=False
        )
        latch = next((found for found in self._trading.latches.active() if found.name == DAILY_LOSS), None)
        if latch is not None and not (day.latched and day.latched_day >= latch.day):
            start = day.start if day.day >= latch.day else None
            day = msgspec.structs.replace(
                day, day=max(day.day, latch.day), start=start, latched=True, blocked=True, latched_day=latch.day,
                reason=latch.reason,
            )  # fmt: skip
        self._kept = msgspec.structs.replace(self._kept, day=day)
        if latch is None and day.latched:
            # Otherwise nobody could clear it.
            await self._latch(DAILY_LOSS, day.reason or "the loss of the day", day.latched_day)

    def _load_rows(self, connection: Connection) -> None:
        query = "SELECT account, symbol, json_extract(state, '$.stop') FROM open_trades"
        for account, symbol, stop in connection.execute(query):
            if stop is not None and below(account, self.root):
                self._first_stops[account, symbol] = decimal_of(str(stop))
        for account, amount in connection.execute(
            "SELECT account, amount FROM entries WHERE kind = 'release' AND currency = 'USDT'"
        ):
            moved = decimal_of(amount)
            if moved < 0 and below(account, self.root):
                self.released[account] = self.released.get(account, ZERO) - moved
        for bot, number, profit in connection.execute("SELECT bot, id, profit FROM trades ORDER BY id"):
            self.streaks.count(bot, number, decimal_of(profit), self._kept)

    async def run(self) -> None:
        """For the supervisor."""
        stored_at = metered_at = self._trading.clock.monotonic()
        while True:
            try:
                await self.check()
            except Exception:
                # A monitor that stays down protects nobody: whatever is wrong now, it looks again.
                log.exception("the account could not be read", extra={"account": self.root})
            now = self._trading.clock.monotonic()
            if now - stored_at >= STORE_SECONDS:
                stored_at = now
                await self._store()
            if now - metered_at >= METER_SECONDS and self._meter is not None:
                metered_at = now
                await self._keep_meter(self._meter)
            await asyncio.sleep(TICK_SECONDS)

    async def _keep_meter(self, found: Meter) -> None:
        try:
            await self._trading.records.add_worth("risk", float(found.score), self._trading.engine.clock.wall_ms())
        except StorageError as error:
            log.warning("the meter's history could not be stored", extra={"detail": str(error)})

    async def _store(self) -> None:
        encoded = msgspec.json.encode(self._kept)
        if encoded == self._stored:
            return
        try:
            await self._trading.records.set_setting(self._setting, encoded.decode())
            self._stored = encoded
        except StorageError as error:
            log.warning("the risk monitor's state could not be stored", extra={"detail": str(error)})

    # -- one reading ----------------------------------------------------------------------------------------------

    async def check(self) -> None:
        """Reads the account once and acts; one at a time."""
        async with self._reading:
            await self._check()

    async def _check(self) -> None:
        trading = self._trading
        limits = trading.limits.limits()
        if not trading.portfolio.accounts(self.root):
            return  # its books are not open yet: that it holds nothing is not known
        equity = trading.view.equity(self.root, whole=True)
        booked = not unbooked(trading.gateway.trouble, self.root)
        confirmed = booked and equity is not None and trading.view.fresh(self.root)
        for name, (reason, day) in list(self._owed.items()):
            await self._latch(name, reason, day)
        await self._read_day(equity, confirmed, limits)
        await self._read_drawdowns(equity, confirmed, limits)
        self._tell_view()
        if self.root != ROOT:
            return
        view = trading.view.account(ROOT)
        self._meter = meter(view, limits)
        await self._climb(view, confirmed, limits)
        await self._alert(view, limits)
        trading.touch_state()

    async def _read_day(self, equity: Decimal | None, confirmed: bool, limits: Limits) -> None:
        clock = self._trading.clock
        tick_ms = round(clock.monotonic() * 1000)
        reading = Reading(at_ms=clock.wall_ms(), tick_ms=tick_ms, equity=equity, confirmed=confirmed)
        after, actions = daily.read(self._kept.day, reading, limits)
        self._kept = msgspec.structs.replace(self._kept, day=after)
        await self._day_actions(actions)

    async def _day_actions(self, actions: tuple[DailyAction, ...]) -> None:
        trading, state = self._trading, self._kept.day
        for action in actions:
            if action is DailyAction.BLOCK:
                trading.halting.reducing[self.root, DAILY_LOSS] = state.reason or "the loss of the day is at its limit"
                await self._say("risk", f"Entries are blocked: {state.reason}", "RISK-DAILY-LOSS", "warning")
            elif action is DailyAction.UNBLOCK:
                trading.halting.reducing.pop((self.root, DAILY_LOSS), None)
                await self._say("risk", "The loss of the day was not confirmed; entries go on.", "RISK-DAILY-LOSS")
            elif action is DailyAction.LATCH:
                await self._latch(DAILY_LOSS, state.reason, state.latched_day)
                await self._store()
                await self._say("alert", f"The day is over: {state.reason}", "RISK-DAILY-LOSS", "error")
            elif action is DailyAction.FLATTEN:
                self._sell(f"daily loss: {state.reason}")
            elif action is DailyAction.CLEAR:
                trading.halting.reducing.pop((self.root, DAILY_LOSS), None)

    async def _latch(self, name: str, reason: str, day: int = 0) -> None:
        """Sets a latch. It holds at once; what could not be written is written with a later reading."""
        self._owed.pop(name, None)
        try:
            await self._trading.latches.set(name, reason, day=day)
        except StorageError as error:
            self._owed[name] = (reason, day)
            log.error("a latch could not be written yet", extra={"latch": name, "detail": str(error)})

    async def _read_drawdowns(self, equity: Decimal | None, confirmed: bool, limits: Limits) -> None:
        trading, now = self._trading, self._trading.clock.wall_ms()
        account, actions = drawdown.read(self._kept.account, now, equity, confirmed, limits)
        await self._drawdown_actions(actions, account, f"the {self.root} account")
        # A bot that is only coming up keeps its peak.
        bots = {n: state for n, state in self._kept.bots.items() if trading.bots.goes_on(n)}
        days = {n: day for n, day in self._kept.bot_days.items() if n in bots}
        for live in trading.bots.running():
            number = live.stored.id
            if not below(live.stored.account, self.root):
                continue
            worth = trading.view.equity(live.stored.account, whole=False)
            worth = None if worth is None else worth + self.released.get(live.stored.account, ZERO)
            state, acts = drawdown.read(self._kept.bots.get(number, DrawdownState()), now, worth, confirmed, limits)
            bots[number] = state
            BotDay.read(days, live.stored, worth if confirmed else None, now)
            await self._drawdown_actions(acts, state, f"bot {number} ({live.stored.strategy})", number)
        self._kept = msgspec.structs.replace(self._kept, account=account, bots=bots, bot_days=days)

    async def _drawdown_actions(
        self, actions: tuple[DrawdownAction, ...], state: DrawdownState, whose: str, bot: int = 0
    ) -> None:
        fall = f"{(state.fall or 0) * 100:.1f} %"
        for action in actions:
            if action is DrawdownAction.WARN:
                await self._say("alert", f"Drawdown of {whose}: {fall}.", "RISK-DRAWDOWN", "warning", bot)
            elif action is DrawdownAction.PAUSE and bot:
                self._trading.supervisor.task(f"pause-bot-{bot}", self._pause(bot, fall))
            elif action is DrawdownAction.PAUSE:
                self._trading.halting.reducing[self.root, "drawdown"] = f"the account is down {fall} from its peak"
                await self._latch("drawdown", f"the account is down {fall} from its peak")
                await self._say("alert", f"Entries are paused: drawdown {fall}.", "RISK-DRAWDOWN", "error")

    async def _pause(self, bot: int, fall: str) -> None:
        try:
            await self._trading.bots.pause(bot, resume=False, caller=f"drawdown {fall}")
        except PolotuiError as error:
            log.warning("a bot could not be paused", extra={"bot": bot, "detail": str(error)})

    async def _climb(self, view: AccountView, confirmed: bool, limits: Limits) -> None:
        assert self._meter is not None
        tick_ms = round(self._trading.clock.monotonic() * 1000)
        for line in self._meter.distances:
            use = line.use if line.value is not None else None
            state, rung = ladder.climb(line.code, self._ladders.get(line.code, LadderState()), use, confirmed, tick_ms)
            self._ladders[line.code] = state
            if rung is Rung.REDUCE:
                await self._say("risk", f"Reducing: {line.title} {line.text}.", line.code, "warning")
                self._reduce(view, limits)
            elif rung is Rung.FLATTEN:
                self._sell(f"{line.title} {line.text}")

    async def _alert(self, view: AccountView, limits: Limits) -> None:
        assert self._meter is not None
        now = alerting.of_limits(self._meter.distances, self._trading.alerts.standing_keys())
        if view.safety_score is not None:
            now += alerting.of_safety(view, limits.safety_score)
        await self._trading.alerts.take(now)

    # -- selling --------------------------------------------------------------------------------------------------

    def _sell(self, reason: str) -> None:
        """Flattens the account, once at a time; after a reduction that is under way."""
        before = self._selling if self._selling is not None and not self._selling.done() else None
        if before is None or not self._flattening:
            self._flattening = True
            self._selling = self._trading.supervisor.task("flatten", self._flatten_after(before, reason))

    async def _flatten_after(self, before: asyncio.Task[None] | None, reason: str) -> None:
        try:
            if before is not None:
                await asyncio.wait({before})
            await self._flatten(reason)
        finally:
            self._flattening = False

    async def _flatten(self, reason: str) -> None:
        """Sells until nothing is left. While the latch holds it never gives up."""
        said, tries = "", 0
        while True:
            tries += 1
            try:
                done = await self._trading.hand.flatten_now(self.root, reason, "risk monitor")
                text, left = f"Flattened: {reason} {done.text}", done.left
            except PolotuiError as error:
                text, left = f"Not flattened yet: {reason} {error}", 1
            if text != said:
                said = text
                await self._say("alert", text, "RISK-FLATTEN", "error")
            if not left or (tries >= SELL_TRIES and not self._is_over()):
                return
            await asyncio.sleep(SELL_AGAIN_SECONDS)

    def _is_over(self) -> bool:
        return self._kept.day.latched or self._trading.latches.is_set("drawdown")

    def _reduce(self, view: AccountView, limits: Limits) -> None:
        if self._selling is None or self._selling.done():
            self._selling = self._trading.supervisor.task("reduce", self._reductions(view, limits))

    async def _reductions(self, view: AccountView, limits: Limits) -> None:
        trading = self._trading
        for wanted in ladder.reductions(view, limits):
            step = trading.least(wanted.symbol).step
            quantity = wanted.quantity - wanted.quantity % step if step else wanted.quantity
            if quantity <= 0:
                continue
            terms = OrderTerms(
                id=trading.new_order_id(),
                account=wanted.account,
                symbol=wanted.symbol,
                side=Side.SELL,
                type=OrderType.MARKET,
                purpose=Purpose.EXIT,
                created_ms=trading.clock.wall_ms(),
                bot=wanted.bot,
                quantity=quantity,
                reason=wanted.reason,
            )
            asked = Asked(terms=terms, strategy=trading.strategy_of(wanted.bot))
            try:
                await trading.gateway.submit(asked, "risk monitor")
            except PolotuiError as error:
                log.error("a position could not be reduced", extra={"symbol": wanted.symbol, "detail": str(error)})

    # -- what is told to it ---------------------------------------------------------------------------------------

    async def on_booked(self, fill: ledger.FillRow, stop: Decimal | None = None) -> None:
        """A fill: the loss of the day is looked at before anything else is ordered."""
        place = (fill.account, fill.symbol)
        if fill.side is Side.BUY and stop is not None:
            self._first_stops.setdefault(place, stop)
        await self.check()

    def on_trade(self, trade: Trade) -> None:
        self._first_stops.pop((trade.account, trade.symbol), None)
        self.streaks.count(trade.bot, trade.id, trade.profit, self._kept)

    async def moved(self, root: str, amount: Decimal) -> None:
        """Money that is no result came or went."""
        async with self._reading:
            self._kept = msgspec.structs.replace(
                self._kept, day=daily.moved(self._kept.day, amount), account=drawdown.moved(self._kept.account, amount)
            )
            await self._store()

    async def bot_resumed(self, bot: int) -> None:
        """A person lets a bot go on: drawdown and losses in a row count from here, or they would stop it again."""
        async with self._reading:
            self._kept = self._kept.resumed(bot, self.streaks.begin(bot))
            await self._store()

    def given_back(self, account: str, amount: Decimal) -> None:
        self.released[account] = self.released.get(account, ZERO) + amount

    def limits_changed(self) -> None:
        self._trading.changed(alerts=True)
        self._trading.touch_state()

    def _tell_view(self) -> None:
        view, kept = self._trading.view, self._kept
        if kept.day.start is not None:
            view.day_start[self.root] = kept.day.start
        if kept.account.peak is not None:
            view.peak[self.root] = kept.account.peak
        if kept.day.latched or kept.day.blocked:
            reason = kept.day.reason or "the loss of the day is at its limit"
            self._trading.halting.reducing.setdefault((self.root, DAILY_LOSS), reason)
        if self._trading.latches.is_set("drawdown"):
            self._trading.halting.reducing.setdefault((self.root, "drawdown"), "drawdown; a person must resume")
        active = self._trading.latches.active()
        view.latches = tuple(Latch(name=one.name, reason=one.reason, since_ms=one.since_ms) for one in active)
        falls = dict(view.strategy_drawdowns) if self.root != ROOT else {}
        for live in self._trading.bots.running():
            fall = kept.bots.get(live.stored.id, DrawdownState()).fall or 0.0
            falls[live.stored.strategy] = max(falls.get(live.stored.strategy, 0.0), fall)
        view.strategy_drawdowns = falls
        if self.root == ROOT:
            view.consecutive_losses = self.streaks.losses

    # -- latches --------------------------------------------------------------------------------------------------

    async def clear_latch(self, command: c.ClearLatch) -> r.Done:
        """Acknowledges a latch, or overrides it with its typed words."""
        trading = self._trading
        latch = next((found for found in trading.latches.active() if found.name == command.name), None)
        if latch is None:
            raise UsageError(f"No latch {clean(command.name, 40)!r} is set.", safe="Nothing was changed.")
        typed = command.words.strip()
        if typed and len(command.reason.strip()) < 4:
            raise UsageError(
                "An override needs a reason.", safe="The latch stays set.", next_step="Say why in a few words."
            )
        venue_ms = trading.exchange.rest.exchange_ms()
        await trading.latches.clear(
            command.name, caller=command.caller or "person", how=typed or ACKNOWLEDGED, account=latch.account,
            venue_ms=venue_ms,
        )  # fmt: skip
        for monitor in trading.monitors:
            trading.halting.reducing.pop((monitor.root, command.name), None)
            monitor._owed.pop(command.name, None)
        for monitor in trading.monitors:
            await monitor.cleared(command.name, command.reason if typed else "")
        how = f"overridden: {clean(command.reason, 200)}" if typed else "acknowledged"
        await self._say("risk", f"Latch {command.name} {how}", "LATCH-CLEAR")
        # Its veto goes with it.
        await trading.engine.safety.look()
        return r.Done(text=f"The latch {command.name} is cleared ({how}).")

    async def cleared(self, name: str, overridden: str) -> None:
        """A latch was cleared: the guard behind it begins anew. `overridden` is the reason of an override."""
        async with self._reading:
            trading = self._trading
            if name == DAILY_LOSS:
                equity = trading.view.equity(self.root, whole=True)
                state = self._kept.day
                if overridden:
                    start = equity if equity is not None and equity > 0 else state.start
                    state, _ = daily.override(state, daily.OVERRIDE, overridden, start or Decimal(1))
                else:
                    state, _ = daily.acknowledge(state, trading.clock.wall_ms())
                self._kept = msgspec.structs.replace(self._kept, day=state)
            elif name == "drawdown":
                account, _ = drawdown.resume(self._kept.account)
                self._kept = msgspec.structs.replace(self._kept, account=account)
            await self._store()
        await self.check()

    def override_words(self, name: str) -> str:
        latch = next((found for found in self._trading.latches.active() if found.name == name), None)
        return override_words(latch) if latch is not None else ""

    # -- figures --------------------------------------------------------------------------------------------------

    def meter_now(self) -> Meter | None:
        return self._meter

    def day_state(self) -> DailyState:
        return self._kept.day

    def account_drawdown(self) -> DrawdownState:
        return self._kept.account

    def day_result(self) -> Decimal | None:
        """Equity now less that of the beginning of the UTC day."""
        equity, start = self._trading.view.equity(self.root, whole=True), self._kept.day.start
        return equity - start if equity is not None and start is not None else None

    def day_ratio(self) -> float | None:
        result, start = self.day_result(), self._kept.day.start
        return float(result / start) if result is not None and start else None

    def bot_drawdown(self, bot: int) -> float | None:
        state = self._kept.bots.get(bot)
        return state.fall if state is not None else None

    def bot_day(self, bot: int) -> BotDay | None:
        return self._kept.bot_days.get(bot)

    def first_stop(self, account: str, symbol: str) -> Decimal | None:
        return self._first_stops.get((account, symbol))

    async def _say(self, kind: str, text: str, code: str, level: str = "info", bot: int = 0) -> None:
        """An audit row and a line in the feed; a ledger that cannot take them must not stop what protects."""
        try:
            await self._trading.note(kind, clean(text, 400), "risk monitor", level=level, code=code, bot=bot)
        except StorageError as error:
            log.error("the risk monitor could not write down what it did", extra={"text": text, "detail": str(error)})
