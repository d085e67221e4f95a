"""What a person does: orders by hand, closing, moving stops, cancelling, resolving, flattening.

Decided here:
* Everything that a person types becomes exact numbers on the symbol's grid: sizes down, prices to the safe side, with
  the finer digits named when something had to go.
* An entry by hand with a stop or a target gets them as its protection when it fills. They are stored before the order
  goes out: it may rest for days, and fill after a restart.
* Closing a position of a bot is the bot's business as well: it learns of the fill like of any other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from polotui.api import replies as r
from polotui.api import risk_commands as rc
from polotui.api import trade_commands as c
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.core.errors import PolotuiError, Refused, UsageError
from polotui.core.text import clean
from polotui.engine.trading import shapes
from polotui.engine.trading.levels import LevelsByHand
from polotui.model.money import ZERO, plain, price_on_tick, quantity_down, typed_decimal
from polotui.model.orders import FINAL, OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.model.symbols import Market, base_and_quote
from polotui.risk.assess import as_json
from polotui.risk.values import Asked, RiskDecision
from polotui.trading import rows as ledger
from polotui.trading.blotter import LiveOrder, root_of
from polotui.trading.protection import Protection
from polotui.trading.trades import Trade

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

#: How long a command waits for a market order to be done, so that its answer says how it ended.
PATIENCE_SECONDS = 5.0
LEAST, MOST = Decimal("1e-18"), Decimal("1e15")


@dataclass(frozen=True)
class Wished:
    """An order as it would go out."""

    asked: Asked
    market: Market


class ByHand:
    """Orders of people. Also told of fills, to protect what was entered by hand."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading
        self._levels = LevelsByHand(trading)

    # -- orders ---------------------------------------------------------------------------------------------------

    async def place(self, command: c.PlaceOrder) -> tr.OrderPlaced:
        """Sends an order through the gate. A refusal is an answer, not an error."""
        return await self._send((await self._wished(command)).asked, command.caller)

    async def _send(self, asked: Asked, caller: str) -> tr.OrderPlaced:
        trading, terms = self._trading, asked.terms
        if asked.stop is not None or asked.target is not None:
            await self._levels.keep(terms.id, asked.stop, asked.target)
        sent = await trading.gateway.submit(asked, caller or "person")
        decision = shapes.decision(sent.decision, trading.titles, _confirmable(sent.decision))
        if sent.state is OrderState.RISK_DENIED:
            await self._levels.forget(terms.id)
            return tr.OrderPlaced(placed=False, decision=decision, text=sent.decision.recommendation)
        if terms.type is OrderType.MARKET:
            await self._until_done(terms.id)
        order = trading.gateway.blotter.get(terms.id)
        row = shapes.live_order(order, trading.scales(terms.symbol)[0]) if order is not None else None
        placed = sent.state is not OrderState.REJECTED
        return tr.OrderPlaced(placed=placed, decision=decision, order=row, text=_outcome(row))

    async def _until_done(self, order_id: str) -> None:
        deadline = self._trading.clock.monotonic() + PATIENCE_SECONDS
        while self._trading.clock.monotonic() < deadline:
            order = self._trading.gateway.blotter.get(order_id)
            if order is None or order.final:
                return
            await asyncio.sleep(0.02)

    async def assess(self, command: c.AssessOrder) -> tr.Assessed:
        """What the gate would say, and what it would cost. Sends nothing."""
        wished = await self._wished(command)
        asked, terms, market = wished.asked, wished.asked.terms, wished.market
        decision = self._trading.gateway.assess(asked)
        said = as_json(decision)["checks"]
        view = self._trading.view
        state = view.market(terms.symbol)
        price = terms.price or (state.ask if terms.side is Side.BUY else state.bid) or state.last
        quantity = terms.quantity
        if quantity is None and terms.amount is not None and price:
            quantity = quantity_down(terms.amount / price, market.quantity_scale)
        amount = terms.amount if terms.amount is not None else (quantity * price if quantity and price else None)
        fee = amount * Decimal(repr(self._trading.fees[1])) if amount is not None else None
        equity = view.equity(root_of(terms.account), whole=True)
        held = sum((p.quantity * p.mark for p in view.positions(root_of(terms.account)) if p.mark), ZERO)
        after = held + (amount or ZERO) * terms.side.sign
        cash = view.available(terms.account, base_and_quote(terms.symbol)[1])
        return tr.Assessed(
            decision=shapes.decision(decision, self._trading.titles, _confirmable(decision)),
            daily_loss=said["dailyLoss"],
            max_positions=said["maxPositions"],
            correlation=said["correlation"],
            price=shapes.on_scale(price, market.price_scale),
            quantity=shapes.text(quantity),
            amount=shapes.money(amount),
            fee=shapes.money(fee),
            exposure_after=float(after / equity) if equity else None,
            cash_after=shapes.money(cash - (amount or ZERO) * terms.side.sign),
        )

    async def _wished(self, command: c.PlaceOrder | c.AssessOrder) -> Wished:
        """The order on its grid. Raises UsageError for what is no order."""
        market = await self._trading.known(command.symbol)
        account = self._account(command.account)
        bot = account.rpartition("/bot-")[2]
        if bot.isdigit() and self._trading.bots.goes_on(int(bot)):
            raise UsageError(
                f"{clean(account, 40)} is the account of bot {bot}, which would not know of it.",
                safe="Nothing was sent.",
                next_step="Close or edit the bot's position, or stop the bot.",
            )
        side, kind = Side(command.side), OrderType(command.type)
        quantity, amount = _number("quantity", command.quantity), _number("amount", command.amount)
        price, stop = _number("price", command.price), _number("stop", command.stop)
        target = _number("target", command.target)
        if (quantity is None) == (amount is None):
            raise UsageError(
                "An order needs a quantity or an amount, and not both.",
                safe="Nothing was sent.",
                next_step=f"Quantity is in {market.base}, amount in {market.quote}.",
            )
        if kind in (OrderType.LIMIT, OrderType.LIMIT_MAKER) and price is None:
            raise UsageError("A limit order needs a price.", safe="Nothing was sent.")
        if kind is OrderType.STOP and stop is None:
            raise UsageError("A stop order needs its trigger (stop).", safe="Nothing was sent.")
        state = self._trading.view.market(market.symbol)
        reference = price or (stop if kind is OrderType.STOP else None) or state.ask or state.last
        if price is not None:
            price = price_on_tick(price, market.price_scale, buy=side is Side.BUY)
        if kind is OrderType.MARKET and side is Side.BUY:
            if amount is None and quantity is not None:
                if not reference:
                    raise UsageError(
                        f"{market.symbol} has no price now, so a quantity cannot be made an amount.",
                        safe="Nothing was sent.",
                        next_step="Give an amount, or wait for prices.",
                    )
                amount, quantity = quantity * reference, None
            if amount is not None:
                amount = quantity_down(amount, market.amount_scale)
        else:
            if quantity is None and amount is not None:
                divisor = price or reference or (state.bid if side is Side.SELL else None)
                if not divisor:
                    raise UsageError(
                        f"{market.symbol} has no price now.", safe="Nothing was sent.", next_step="Give a quantity."
                    )
                quantity, amount = amount / divisor, None
            quantity = quantity_down(quantity or ZERO, market.quantity_scale)
        if (quantity or amount or ZERO) <= 0:
            raise UsageError("The size is nothing on this symbol's grid.", safe="Nothing was sent.")
        expire = getattr(command, "expire_s", 0)
        now = self._trading.clock.wall_ms()
        terms = OrderTerms(
            id=self._trading.new_order_id(),
            account=account,
            symbol=market.symbol,
            side=side,
            type=kind,
            purpose=Purpose.MANUAL,
            created_ms=now,
            quantity=quantity,
            amount=amount,
            price=price,
            stop=stop if kind is OrderType.STOP else None,
            time_in_force=getattr(command, "time_in_force", "GTC"),
            expire_ms=now + expire * 1000 if expire else 0,
            reason=clean(getattr(command, "note", ""), 200) or "by hand",
        )
        entry_stop = stop if side is Side.BUY and kind is not OrderType.STOP else None
        asked = Asked(
            terms=terms,
            strategy=getattr(command, "strategy", ""),
            stop=entry_stop,
            target=target if side is Side.BUY else None,
            confirmed=command.confirmed,
        )
        return Wished(asked, market)

    def _account(self, account: str) -> str:
        account = self._trading.account_named(account)
        if root_of(account) not in self._trading.roots():
            raise UsageError(f"There is no account {clean(account, 40)!r}.", safe="Nothing was sent.")
        return account

    # -- protection of what was entered by hand -------------------------------------------------------------------

    async def load(self) -> None:
        await self._levels.load()

    async def on_booked(self, fill: ledger.FillRow, order: LiveOrder) -> None:
        if not order.terms.bot and fill.side is Side.BUY:
            await self._levels.filled(order)

    async def on_order(self, order: LiveOrder) -> None:
        if order.final:
            await self._levels.forget(order.terms.id)

    async def on_trade_closed(self, trade: Trade) -> None: ...

    async def on_refused(self, asked: Asked, decision: RiskDecision) -> None: ...

    # -- positions ------------------------------------------------------------------------------------------------

    async def close(self, command: c.ClosePosition, purpose: Purpose = Purpose.EXIT) -> tr.OrderPlaced:
        """Sells a position at the market. Its stop is dropped first, so that not both sell, and stands again for what
        is left, whatever went wrong."""
        trading = self._trading
        account = self._account(command.account)
        market = await trading.known(command.symbol)
        self._sellable(account, market)
        standing = trading.guards.of(account, market.symbol)
        if standing is not None:
            await self._levels.closing(standing)
        try:
            return await self._sell(account, market, command, purpose)
        finally:
            left = quantity_down(
                max(trading.portfolio.position(account, market.symbol).quantity, ZERO), market.quantity_scale
            )
            if left > 0 and standing is not None:
                await trading.guards.protect(standing)
            await self._levels.closed(account, market.symbol)

    def _sellable(self, account: str, market: Market) -> Decimal:
        """Raises UsageError when it is nothing."""
        held = self._trading.portfolio.position(account, market.symbol)
        quantity = quantity_down(max(held.quantity, ZERO), market.quantity_scale)
        if quantity <= 0:
            raise UsageError(
                f"{clean(account, 40)} holds nothing of {market.symbol} that can be sold.",
                safe="Nothing was sent.",
            )
        return quantity

    async def _sell(self, account: str, market: Market, command: c.ClosePosition, purpose: Purpose) -> tr.OrderPlaced:
        trading = self._trading
        await trading.guards.drop(account, market.symbol, "the position is being closed")
        for order in trading.gateway.blotter.of(account, market.symbol):
            if order.terms.side is Side.SELL and not order.final:
                await trading.gateway.cancel(order.terms.id, "the position is being closed")
        # Only now: what was cancelled may have sold some of it.
        quantity = self._sellable(account, market)
        held = trading.portfolio.position(account, market.symbol)
        terms = OrderTerms(
            id=trading.new_order_id(),
            account=account,
            symbol=market.symbol,
            side=Side.SELL,
            type=OrderType.MARKET,
            purpose=purpose,
            created_ms=trading.clock.wall_ms(),
            bot=held.bot,
            quantity=quantity,
            reason=f"closed by {clean(command.caller, 40) or 'hand'}",
        )
        return await self._send(Asked(terms=terms, strategy=trading.strategy_of(held.bot)), command.caller)

    async def edit(self, command: c.EditProtection) -> r.Done:
        """Moves stop or target. Raises UsageError for levels on the wrong side of the price."""
        trading = self._trading
        account = self._account(command.account)
        market = await trading.known(command.symbol)
        held = trading.portfolio.position(account, market.symbol)
        if held.quantity <= 0:
            raise UsageError(f"{clean(account, 40)} holds nothing of {market.symbol}.", safe="Nothing was changed.")
        mark = trading.markets.mark(market.symbol)
        if mark is None:
            raise UsageError(f"{market.symbol} has no price now.", safe="Nothing was changed.")
        self._may_be_moved(account, market.symbol)
        old = trading.guards.of(account, market.symbol)
        stop = _level("stop", command.stop, old.stop if old else None)
        target = _level("target", command.target, old.target if old else None)
        if command.stop not in ("", "none") and stop is not None and stop >= mark.price:
            raise UsageError(
                f"A stop of a long position lies below the price ({plain(mark.price)}), not at {plain(stop)}.",
                safe="Nothing was changed.",
            )
        if command.target not in ("", "none") and target is not None and target <= mark.price:
            raise UsageError(
                f"A target of a long position lies above the price ({plain(mark.price)}), not at {plain(target)}.",
                safe="Nothing was changed.",
            )
        if stop is None and self._trading.limits.limits().stop_required:
            raise Refused(
                "The limits require a stop.",
                safe="Nothing was changed.",
                next_step="Move the stop, or change the limit.",
                code="RISK-STOP-REQUIRED",
            )
        if target is not None:
            target = price_on_tick(target, market.price_scale, buy=False)
        live = trading.bots.live(held.bot)
        if live is not None:
            # What is not named stays the bot's: its stop may be one that trails.
            moved = {
                name: level for name, level in (("stop", stop), ("target", target)) if getattr(command, name).strip()
            }
            if None in moved.values():
                raise UsageError(
                    "Stop and target of a bot can be moved, not taken away.",
                    safe="Nothing was changed.",
                    next_step="Stop the bot and keep the position; then it is yours.",
                )
            await live.ask("edit", symbol=market.symbol, stop=moved.get("stop"), target=moved.get("target"))
            if trading.guards.of(account, market.symbol) is None:
                raise Refused(
                    f"Bot {held.bot} is leaving {market.symbol}, so no stop is set: its sale waits"
                    f" ({trading.halting.state().lower()}).",
                    safe="Nothing protects this position now.",
                    next_step="Resume, or only what reduces, and it is sold; or sell it by hand.",
                    code="bot-leaving",
                )
            self._may_be_moved(account, market.symbol)
        else:
            await trading.guards.protect(
                Protection(
                    account=account,
                    symbol=market.symbol,
                    bot=held.bot,
                    strategy=trading.strategy_of(held.bot),
                    stop=stop,
                    target=target,
                    reason="by hand",
                )
            )
            await self._levels.moved(account, market.symbol, stop, target)
        words = f"stop {shapes.text(stop) or 'none'}, target {shapes.text(target) or 'none'}"
        await trading.note(
            "protection", f"{market.symbol}: {words}, by {clean(command.caller, 60) or 'hand'}", command.caller,
            symbol=market.symbol, bot=held.bot, account=account,
        )  # fmt: skip
        return r.Done(text=f"{market.symbol}: {words}.")

    def _may_be_moved(self, account: str, symbol: str) -> None:
        """Raises Refused when the stop was reached: it is not called off, and its guard takes no other levels."""
        doing = self._trading.guards.carrying_out(account, symbol)
        if doing:
            raise Refused(
                f"The stop of {symbol} is reached and is being carried out ({doing}).",
                safe="The position is being sold; stop and target are as they were.",
                next_step="Wait until it is sold, or close the position by hand.",
                code="stop-reached",
            )

    # -- cancelling, resolving, flattening ------------------------------------------------------------------------

    async def cancel(self, command: c.CancelOrder) -> r.Done:
        gateway = self._trading.gateway
        if command.all or command.symbol:
            ids = await gateway.cancel_all(
                symbols=[command.symbol] if command.symbol else [], reason="cancelled by hand"
            )
            return r.Done(text=f"Asked to cancel {len(ids)} orders.")
        order = gateway.blotter.get(command.order)
        if order is None or order.final:
            raise UsageError(f"There is no open order {clean(command.order, 40)!r}.", safe="Nothing was cancelled.")
        await gateway.cancel(command.order, "cancelled by hand")
        return r.Done(text=f"Asked to cancel {command.order}; it is {order.state.value.lower()}.")

    async def resolve(self, command: c.ResolveOrder) -> r.Done:
        """A person's word on an UNKNOWN order, with the reason in the audit trail."""
        order = self._trading.gateway.blotter.get(command.order)
        if order is None or order.state is not OrderState.UNKNOWN:
            raise UsageError("Only an order whose outcome is unknown can be resolved.", safe="Nothing was changed.")
        if len(command.note.strip()) < 10:
            raise UsageError(
                "Say in a few words how you know.", safe="Nothing was changed.", next_step="It goes into the audit."
            )
        await self._trading.note(
            "resolved", f"{order.terms.id} is {command.state}: {command.note}", command.caller,
            symbol=order.terms.symbol, bot=order.terms.bot, account=order.terms.account,
        )  # fmt: skip
        await self._trading.gateway.on_state(
            command.order, OrderState(command.state), code="PERSON", words=clean(command.note, 200)
        )
        return r.Done(text=f"{command.order} counts as {command.state.lower()}.")

    async def flatten(self, command: rc.Flatten) -> tr.Halted:
        """Cancels everything and sells every position. Passes in every state but a broken ledger."""
        if command.words != "FLATTEN":
            raise UsageError(
                "Everything is sold only with the word FLATTEN.",
                safe="Nothing was sent.",
                next_step="Type FLATTEN.",
            )
        return await self.flatten_now(self._account(command.account), "flattened by hand", command.caller)

    async def flatten_now(self, root: str, reason: str, caller: str) -> tr.Halted:
        trading = self._trading
        sold, left = 0, []
        try:
            await trading.gateway.cancel_all(root, reason=reason)
        except PolotuiError as error:
            left.append(f"orders: {error}")
        for held in trading.portfolio.positions(root):
            if trading.is_dust(held):
                continue
            try:
                await self.close(
                    c.ClosePosition(account=held.account, symbol=held.symbol, caller=caller), Purpose.FLATTEN
                )
                why = ""
            except PolotuiError as error:
                why = str(error)
            after = trading.portfolio.position(held.account, held.symbol)
            if trading.is_dust(after):
                sold += 1
            else:
                left.append(f"{held.symbol}: {why or f'{plain(after.quantity)} is left'}")
        text = f"{sold} positions are sold." + (f" Not sold: {'; '.join(left)}." if left else "")
        await trading.note("flatten", f"{reason}: {text}", caller, account=root)
        return tr.Halted(state=trading.halting.state(), text=text, cancelled=sold, left=len(left))


def _number(name: str, text: str) -> Decimal | None:
    """What a person typed; None for nothing. Raises UsageError."""
    if not text.strip():
        return None
    try:
        value = typed_decimal(text)
    except ValueError as error:
        raise UsageError(f"The {name} is {error}.", safe="Nothing was sent.") from error
    if value <= 0:
        raise UsageError(f"The {name} must be above zero.", safe="Nothing was sent.")
    if not LEAST <= value <= MOST:
        raise UsageError(f"The {name} is beyond anything that trades.", safe="Nothing was sent.")
    return value


def _level(name: str, text: str, old: Decimal | None) -> Decimal | None:
    if text.strip().lower() == "none":
        return None
    return old if not text.strip() else _number(name, text)


def _confirmable(decision: RiskDecision) -> bool:
    """Whether the only thing in the way is a second look."""
    return not decision.approved and all(finding.code == "RISK-FAT-FINGER" for finding in decision.findings)


def _outcome(row: tv.OrderRow | None) -> str:
    if row is None:
        return "The order is done."
    if row.state == "FILLED":
        return f"Filled {row.filled} {row.symbol} at {row.average_price}."
    if row.state == "UNKNOWN":
        return "Its outcome is unknown. It is not sent again; the venue is asked for it by its id."
    if row.state in FINAL:
        return f"{row.state.capitalize()}: {row.words or row.code}. Filled {row.filled}."
    return f"The order is {row.state.lower()}."
