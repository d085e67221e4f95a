"""What a bot notes of its decisions, as rows: signals, refusals, decisions, and their lines in the feed."""

from __future__ import annotations

from polotui.storage.database import Connection
from polotui.trading import bot_rows
from polotui.trading.bots.notes import DecisionNote, RefusalNote, SignalNote, TradeNote
from polotui.trading.facts import add_fact


def write_note(connection: Connection, note: SignalNote | RefusalNote | DecisionNote | TradeNote, now: int) -> int:
    """Stores a note as rows; returns the number of its line in the feed, 0 without one."""
    match note:
        case SignalNote():
            bot_rows.add_signal(connection, _signal(note))
            words = f"{note.side} {note.kind}  {note.rule}"
            if note.confirmation:
                words += f"  confirmation {note.confirmation}"
            return _fact(connection, "signal", "info", words, note.symbol, note.bot, note.id, now)
        case RefusalNote():
            if note.signal:
                bot_rows.close_signal(connection, note.signal, f"refused: {note.code} {note.reason}", now)
            words = f"{note.code}: {note.reason}"
            if note.code == "BOT-DENIED":
                return 0  # the gate has told it, with its finding
            return _fact(connection, "refused", "info", words, note.symbol, note.bot, note.signal, now)
        case DecisionNote():
            at = f" @ {note.price}" if note.price is not None else ""
            words = f"{note.kind}: {note.reason}{at}"
            return _fact(connection, "decision", "info", words, note.symbol, note.bot, "", now)
        case TradeNote():
            if note.signal:
                bot_rows.close_signal(connection, note.signal, note.reason, note.exit_ms)
            return 0


def _fact(connection: Connection, kind: str, level: str, text: str, symbol: str, bot: int, ref: str, now: int) -> int:
    return add_fact(connection, kind=kind, level=level, text=text, symbol=symbol, at_ms=now, bot=bot, ref=ref).number


def _signal(note: SignalNote) -> bot_rows.StoredSignal:
    votes = " ".join(f"{frame}:{vote}" for frame, vote in note.votes.items())
    return bot_rows.StoredSignal(
        id=note.id,
        bot=note.bot,
        strategy=note.strategy,
        symbol=note.symbol,
        side=note.side,
        bar_ms=note.bar_ms,
        at_ms=note.at_ms,
        entry=str(note.entry),
        stop=None if note.stop is None else str(note.stop),
        target=None if note.target is None else str(note.target),
        score=note.score,
        confirmation=f"{note.confirmation} {votes}".strip(),
        reason=note.rule or note.reason,
        state="new",
        ending="",
        closed_ms=None,
    )
