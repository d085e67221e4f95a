"""Trades: from the fill that opens a position to the one that leaves nothing to sell. And the journal beside them.

Decided here:
* A trade is made of the fills of one account and symbol, in their order, in the transaction that books the last one.
  What is known of it so far is a row of its own, so that a restart goes on where it was.
* Profit is the quote currency that came back less what went out, fees included, exactly. A fee taken in the coin is in
  it already, as coins that could not be sold; under `fees` it counts at the price of its fill. Fees in a third currency
  are listed beside and are in neither.
* It ends when what is left is below what the exchange lets one sell and its order will not trade further. The dust
  stays; it is worth nothing in this trade, and what it brings later counts for the next. So all profits together are
  the money that moved.
* A price shown is an average, rounded to 28 digits. Nothing is computed from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

import msgspec

from polotui.core.errors import StorageError, UsageError
from polotui.core.text import clean
from polotui.model.money import ZERO, decimal_of, plain
from polotui.model.orders import Side
from polotui.model.symbols import base_and_quote
from polotui.storage.database import Connection
from polotui.trading.ledger import EXACT
from polotui.trading.stored import FillRow, newest

_SHOWN = Context(prec=28, rounding=ROUND_HALF_EVEN)
_MOST_NOTE, _MOST_TAGS = 4_000, 20


class Least(msgspec.Struct, frozen=True):
    """What the exchange lets one sell: at least this quantity and this amount, in whole steps."""

    quantity: Decimal = ZERO
    amount: Decimal = ZERO
    step: Decimal = ZERO

    def sellable(self, held: Decimal, price: Decimal) -> bool:
        """Whether any of `held` can be sold at `price`."""
        coins = held.copy_abs()
        if self.step:
            coins = EXACT.multiply(EXACT.divide_int(coins, self.step), self.step)
        return bool(coins) and coins >= self.quantity and EXACT.multiply(coins, price) >= self.amount


class OpenTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A trade so far. `held` is the position with the dust of earlier ones; `entered` and `left` are quantities, `went`
    and `came` money, each of one direction of fills; `side` is None until a fill opens it."""

    account: str
    symbol: str
    bot: int = 0
    strategy: str = ""
    side: Side | None = None
    held: Decimal = ZERO
    entered: Decimal = ZERO
    entered_amount: Decimal = ZERO
    left: Decimal = ZERO
    left_amount: Decimal = ZERO
    money: Decimal = ZERO
    fees: Decimal = ZERO
    other_fees: dict[str, Decimal] = {}
    stop: Decimal | None = None
    target: Decimal | None = None
    signal: str = ""
    entry_ms: int = 0
    first_fill: int = 0
    exit_ms: int = 0
    reason: str = ""
    last_fill: int = 0


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """A closed trade. `side` is that of its entry; `invested` what its entries cost before fees; `reason` and `exit_ms`
    are of its last fill, `signal` of its first. `id` 0: not stored."""

    id: int = 0
    account: str
    bot: int
    strategy: str
    symbol: str
    side: Side
    entry_ms: int
    exit_ms: int
    entry_price: Decimal
    exit_price: Decimal
    quantity: Decimal
    stop: Decimal | None
    target: Decimal | None
    fees: Decimal
    other_fees: dict[str, Decimal]
    profit: Decimal
    invested: Decimal
    reason: str
    signal: str
    first_fill: int
    last_fill: int


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A note in the journal, beside a trade or by itself. `snapshot`: the rules as they stood at the trade's entry."""

    id: int
    trade: int | None
    at_ms: int
    note: str
    tags: tuple[str, ...]
    snapshot: str


_COLUMNS = tuple(name for name in Trade.__struct_fields__ if name != "id")
_SELECT = f"SELECT id, {', '.join(_COLUMNS)} FROM trades"  # noqa: S608
_INSERT = f"INSERT INTO trades ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_NOTES = "SELECT id, trade, at_ms, note, tags, snapshot FROM journal"


# ── the fold ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def advance(so_far: OpenTrade, fill: FillRow) -> OpenTrade:
    """The trade after one more fill."""
    base, quote = base_and_quote(fill.symbol)
    sign = fill.side.sign
    amount = fill.amount
    moved = fill.quantity if sign > 0 else fill.quantity.copy_negate()
    money = EXACT.subtract(so_far.money, amount) if sign > 0 else EXACT.add(so_far.money, amount)
    fees, other = so_far.fees, so_far.other_fees
    if fill.fee and fill.fee_currency == base:
        moved = EXACT.subtract(moved, fill.fee)
        fees = EXACT.fma(fill.fee, fill.price, fees)
    elif fill.fee and fill.fee_currency == quote:
        money = EXACT.subtract(money, fill.fee)
        fees = EXACT.add(fees, fill.fee)
    elif fill.fee:
        other = {**other, fill.fee_currency: EXACT.add(other.get(fill.fee_currency, ZERO), fill.fee)}
    after = msgspec.structs.replace(
        so_far,
        held=EXACT.add(so_far.held, moved),
        money=money,
        fees=fees,
        other_fees=other,
        exit_ms=fill.at_ms,
        reason=fill.reason,
        last_fill=fill.number,
    )
    against_dust = so_far.side is None and so_far.held and so_far.held.is_signed() == (sign > 0)
    if against_dust and (not after.held or after.held.is_signed() == so_far.held.is_signed()):
        # Dust of an earlier trade went: this opens nothing, and its money waits for the next.
        return after
    if so_far.side is None:
        opening = {"side": fill.side, "bot": fill.bot, "signal": fill.signal, "entry_ms": fill.at_ms}
        after = msgspec.structs.replace(after, **opening, first_fill=fill.number)
    if fill.side is after.side:
        entered, entered_amount = EXACT.add(after.entered, fill.quantity), EXACT.add(after.entered_amount, amount)
        return msgspec.structs.replace(after, entered=entered, entered_amount=entered_amount)
    left, left_amount = EXACT.add(after.left, fill.quantity), EXACT.add(after.left_amount, amount)
    return msgspec.structs.replace(after, left=left, left_amount=left_amount)


def ended(trade: OpenTrade, least: Least, price: Decimal) -> bool:
    """Whether nothing is left that could be sold, after something was."""
    if trade.side is None or not trade.left:
        return False
    beyond = trade.held and trade.held.is_signed() == (trade.side is Side.BUY)
    return bool(beyond) or not least.sellable(trade.held, price)


def closed(trade: OpenTrade) -> tuple[Trade, OpenTrade]:
    """The trade as it ended, and what the next one begins with."""
    if trade.side is None or not trade.left:
        raise AssertionError("a trade that was not opened and left cannot have ended")
    done = Trade(
        account=trade.account,
        bot=trade.bot,
        strategy=trade.strategy,
        symbol=trade.symbol,
        side=trade.side,
        entry_ms=trade.entry_ms,
        exit_ms=trade.exit_ms,
        entry_price=_SHOWN.divide(trade.entered_amount, trade.entered),
        exit_price=_SHOWN.divide(trade.left_amount, trade.left),
        quantity=trade.entered,
        stop=trade.stop,
        target=trade.target,
        fees=trade.fees,
        other_fees=trade.other_fees,
        profit=trade.money,
        invested=trade.entered_amount,
        reason=trade.reason,
        signal=trade.signal,
        first_fill=trade.first_fill,
        last_fill=trade.last_fill,
    )
    return done, OpenTrade(account=trade.account, symbol=trade.symbol, held=trade.held, last_fill=trade.last_fill)


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def book_trade(
    connection: Connection,
    fill: FillRow,
    *,
    least: Least,
    more: bool = False,
    strategy: str = "",
    stop: Decimal | None = None,
    target: Decimal | None = None,
) -> Trade | None:
    """Goes on with the trade of a fill that was booked just now, in its transaction; the trade when this ends it.
    `more`: the fill's order may still trade, so dust that is left is not yet an end. `strategy` is kept from the first
    fill on; a later stop or target replaces an earlier one while the trade is open."""
    so_far = open_trade(connection, fill.account, fill.symbol) or OpenTrade(account=fill.account, symbol=fill.symbol)
    if fill.number <= so_far.last_fill:
        raise StorageError(
            f"The fill {fill.number} is in the trade of {fill.account} on {fill.symbol} already.",
            safe="Nothing was written.",
            code="trade-order",
        )
    after = advance(so_far, fill)
    after = msgspec.structs.replace(
        after,
        strategy=after.strategy or strategy,
        stop=after.stop if stop is None else stop,
        target=after.target if target is None else target,
    )
    # Exactly nothing is an end, whatever its order may still do.
    return _stored(
        connection, after, ended(after, Least(), fill.price) or (not more and ended(after, least, fill.price))
    )


def settle_trade(connection: Connection, account: str, symbol: str, *, least: Least, price: Decimal) -> Trade | None:
    """For an order that ended without another fill: the trade when only dust is left of it."""
    so_far = open_trade(connection, account, symbol)
    return None if so_far is None else _stored(connection, so_far, ended(so_far, least, price))


def _stored(connection: Connection, trade: OpenTrade, over: bool) -> Trade | None:
    done, rest = closed(trade) if over else (None, trade)
    connection.execute(
        "INSERT OR REPLACE INTO open_trades VALUES (?, ?, ?, ?)",
        (rest.account, rest.symbol, rest.last_fill, msgspec.json.encode(rest).decode()),
    )
    return None if done is None else add_trade(connection, done)


def add_trade(connection: Connection, trade: Trade) -> Trade:
    """Stores a closed trade and returns it with its id."""
    values = [_plain(getattr(trade, name)) for name in _COLUMNS]
    cursor = connection.execute(_INSERT, values)
    return msgspec.structs.replace(trade, id=int(cursor.lastrowid or 0))


def open_trade(connection: Connection, account: str, symbol: str) -> OpenTrade | None:
    """The trade that is under way; one without a side when there is only dust."""
    query = "SELECT state FROM open_trades WHERE account = ? AND symbol = ?"
    row = connection.execute(query, (account, symbol)).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=OpenTrade)


def trades(
    connection: Connection,
    *,
    account_prefix: str = "",
    bot: int | None = None,
    symbol: str = "",
    limit: int = 100,
    before: int = 0,
) -> list[Trade]:
    """Closed trades below id `before` (0: all), newest first."""
    query, values = newest(_SELECT, account_prefix, bot, before, limit, key="id", symbol=symbol)
    return [_trade(row) for row in connection.execute(query, values)]


def trade_of(connection: Connection, id: int) -> Trade | None:
    """One closed trade, or None."""
    row = connection.execute(_SELECT + " WHERE id = ?", (id,)).fetchone()
    return None if row is None else _trade(row)


# ── the journal ──────────────────────────────────────────────────────────────────────────────────────────────────────


def add_note(
    connection: Connection, *, trade: int | None, note: str, tags: Sequence[str] = (), snapshot: str = "", at_ms: int
) -> Note:
    """Stores a note, beside a trade or by itself. Raises UsageError for a trade that there is not."""
    if trade is not None and trade_of(connection, trade) is None:
        raise UsageError(f"There is no trade {trade}.", safe="Nothing was noted.", next_step="See `polotui trades`.")
    # Line by line: a note may have several.
    text = "\n".join(clean(line, _MOST_NOTE) for line in note.strip().splitlines())[:_MOST_NOTE]
    words = tuple(dict.fromkeys(clean(tag.strip().lower(), 40) for tag in tags if tag.strip()))[:_MOST_TAGS]
    cursor = connection.execute(
        "INSERT INTO journal (trade, at_ms, note, tags, snapshot) VALUES (?, ?, ?, ?, ?)",
        (trade, at_ms, text, msgspec.json.encode(words).decode(), snapshot),
    )
    return Note(id=int(cursor.lastrowid or 0), trade=trade, at_ms=at_ms, note=text, tags=words, snapshot=snapshot)


def notes(
    connection: Connection, *, trade: int | None = None, tag: str = "", limit: int = 100, before: int = 0
) -> list[Note]:
    """Notes below id `before` (0: all), newest first: of one trade, with one tag, or all."""
    conditions, values = ["id < ?"], [before or 2**62]  # type: tuple[list[str], list[str | int]]
    if trade is not None:
        conditions.append("trade = ?")
        values.append(trade)
    if tag:
        conditions.append("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)")
        values.append(tag.strip().lower())
    query = f"{_NOTES} WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"
    return [
        Note(id=id_, trade=of, at_ms=at, note=text, tags=tuple(msgspec.json.decode(words)), snapshot=snapshot)
        for id_, of, at, text, words, snapshot in connection.execute(query, [*values, limit])
    ]


def _trade(row: tuple[Any, ...]) -> Trade:
    named = dict(zip(("id", *_COLUMNS), row, strict=True))
    for name in ("entry_price", "exit_price", "quantity", "fees", "profit", "invested"):
        named[name] = decimal_of(named[name])
    for name in ("stop", "target"):
        named[name] = None if named[name] is None else decimal_of(named[name])
    named["side"] = Side(named["side"])
    named["other_fees"] = msgspec.json.decode(named["other_fees"], type=dict[str, Decimal])
    return Trade(**named)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return msgspec.json.encode(value, order="sorted").decode()
    return value.value if isinstance(value, Side) else value
