"""Bots and their signals as rows: plain functions over a connection.

Decided here: a bot's row says what it was started with and never changes but for its state; what it must remember from
bar to bar is one JSON text a symbol (`bot_states`), replaced together with the decision that made it. A signal is
opened once and closed once; closing it again changes nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from polotui.core.text import clean
from polotui.model.money import decimal_of, plain
from polotui.storage.database import Connection

_BOT = (
    "SELECT id, strategy, version, params, symbols, timeframe, account, capital, state, reason, started_ms, ended_ms"
    " FROM bots"
)
_SIGNAL = (
    "SELECT id, bot, strategy, symbol, side, bar_ms, at_ms, entry, stop, target, score, confirmation, reason, state,"
    " ending, closed_ms FROM signals"
)
ACTIVE = ("running", "paused", "stopping")


@dataclass(frozen=True)
class StoredBot:
    """What a bot was started with, and its state."""

    id: int
    strategy: str
    version: int
    params: dict[str, float]
    symbols: tuple[str, ...]
    timeframe: str
    account: str
    capital: Decimal
    state: str
    reason: str
    started_ms: int
    ended_ms: int | None


@dataclass(frozen=True)
class StoredSignal:
    id: str
    bot: int
    strategy: str
    symbol: str
    side: str
    bar_ms: int
    at_ms: int
    entry: str
    stop: str | None
    target: str | None
    score: float | None
    confirmation: str
    reason: str
    state: str
    ending: str
    closed_ms: int | None


def add_bot(
    connection: Connection,
    *,
    strategy: str,
    version: int,
    params: dict[str, float],
    symbols: tuple[str, ...],
    timeframe: str,
    root: str,
    capital: Decimal,
    at_ms: int,
) -> StoredBot:
    """A new running bot; its account is named after its number."""
    cursor = connection.execute(
        "INSERT INTO bots (strategy, version, params, symbols, timeframe, account, capital, state, reason, started_ms)"
        " VALUES (?, ?, ?, ?, ?, '', ?, 'running', '', ?)",
        (strategy, version, json.dumps(params, sort_keys=True), ",".join(symbols), timeframe, plain(capital), at_ms),
    )
    number = int(cursor.lastrowid or 0)
    account = f"{root}/bot-{number}"
    connection.execute("UPDATE bots SET account = ? WHERE id = ?", (account, number))
    return StoredBot(
        number, strategy, version, params, symbols, timeframe, account, capital, "running", "", at_ms, None
    )


def set_bot(connection: Connection, bot: int, state: str, reason: str, at_ms: int) -> None:
    """Moves a bot to a state; stopped and failed have an end."""
    ended = at_ms if state in ("stopped", "failed") else None
    connection.execute(
        "UPDATE bots SET state = ?, reason = ?, ended_ms = ? WHERE id = ?", (state, clean(reason, 300), ended, bot)
    )


def bots(connection: Connection, *, active: bool = False, limit: int = 200) -> list[StoredBot]:
    """Bots, oldest first when `active`, else newest first."""
    if active:
        marks = ", ".join("?" for _ in ACTIVE)
        rows = connection.execute(f"{_BOT} WHERE state IN ({marks}) ORDER BY id", ACTIVE)
    else:
        rows = connection.execute(f"{_BOT} ORDER BY id DESC LIMIT ?", (limit,))
    return [_bot(row) for row in rows]


def bot(connection: Connection, number: int) -> StoredBot | None:
    row = connection.execute(f"{_BOT} WHERE id = ?", (number,)).fetchone()
    return None if row is None else _bot(row)


def _bot(row: tuple[Any, ...]) -> StoredBot:
    number, strategy, version, params, symbols, timeframe, account, capital, state, reason, started, ended = row
    return StoredBot(
        number,
        strategy,
        version,
        json.loads(params),
        tuple(symbols.split(",")),
        timeframe,
        account,
        decimal_of(capital),
        state,
        reason,
        started,
        ended,
    )


# -- what a bot must not forget -----------------------------------------------------------------------------------


def save_state(
    connection: Connection, bot: int, name: str, state: dict[str, Any], *, anchor_ms: int, bar_ms: int, fill_number: int
) -> None:
    """Replaces one state of a bot; `name` is a symbol, or "" for what belongs to the bot as a whole."""
    connection.execute(
        "INSERT OR REPLACE INTO bot_states VALUES (?, ?, ?, ?, ?, ?)",
        (bot, name, anchor_ms, bar_ms, fill_number, json.dumps(state, separators=(",", ":"), allow_nan=False)),
    )


def states(connection: Connection, bot: int) -> dict[str, dict[str, Any]]:
    """All states of a bot by name."""
    rows = connection.execute("SELECT symbol, state FROM bot_states WHERE bot = ?", (bot,))
    return {name: json.loads(text) for name, text in rows}


# -- signals ------------------------------------------------------------------------------------------------------


def add_signal(connection: Connection, signal: StoredSignal) -> None:
    """Opens a signal; telling it twice opens it once."""
    connection.execute(
        "INSERT OR IGNORE INTO signals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        tuple(getattr(signal, name) for name in StoredSignal.__dataclass_fields__),
    )


def activate_signal(connection: Connection, id: str) -> None:
    connection.execute("UPDATE signals SET state = 'active' WHERE id = ? AND state = 'new'", (id,))


def close_signal(connection: Connection, id: str, ending: str, at_ms: int) -> None:
    connection.execute(
        "UPDATE signals SET state = 'closed', ending = ?, closed_ms = ? WHERE id = ? AND state <> 'closed'",
        (clean(ending, 200), at_ms, id),
    )


def signals(
    connection: Connection, *, bot: int = 0, symbol: str = "", state: str = "", id: str = "", limit: int = 100
) -> list[StoredSignal]:
    """Signals, newest first; with an `id` only that one."""
    asked = {"bot": bot, "symbol": symbol, "state": state, "id": id}
    given = {name: value for name, value in asked.items() if value}
    where = f" WHERE {' AND '.join(f'{name} = ?' for name in given)}" if given else ""
    query = f"{_SIGNAL}{where} ORDER BY at_ms DESC LIMIT ?"
    return [StoredSignal(*row) for row in connection.execute(query, (*given.values(), limit))]
