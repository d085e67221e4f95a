"""What the risk desk keeps: alerts, pair locks, and what the protections prevented. Functions over a connection.

Decided here: an alert is one row from its first reading until it is cured; seeing it (acknowledging) does not cure it.
A lock is never removed: it runs out, or is lifted by hand with the time of that.
"""

from __future__ import annotations

from dataclasses import dataclass

from polotui.core.text import clean
from polotui.risk.pairs import BY_HAND
from polotui.storage.database import Connection

_ALERT = "SELECT id, class, code, level, text, at_ms, acknowledged_ms, cured_ms FROM alerts"
_LOCK = "SELECT id, symbol, code, reason, from_ms, until_ms FROM pair_locks"


@dataclass(frozen=True)
class StoredAlert:
    id: int
    kind: str
    code: str
    level: str
    text: str
    at_ms: int
    acknowledged_ms: int | None
    cured_ms: int | None


@dataclass(frozen=True)
class StoredLock:
    id: int
    symbol: str
    code: str
    reason: str
    from_ms: int
    until_ms: int


def add_alert(connection: Connection, *, kind: str, code: str, level: str, text: str, at_ms: int) -> StoredAlert:
    cursor = connection.execute(
        "INSERT INTO alerts (class, code, level, text, at_ms) VALUES (?, ?, ?, ?, ?)",
        (kind, code, level, clean(text, 400), at_ms),
    )
    return StoredAlert(int(cursor.lastrowid or 0), kind, code, level, clean(text, 400), at_ms, None, None)


def open_alerts(connection: Connection) -> list[StoredAlert]:
    """Those that are not cured, and those that nobody has seen, oldest first."""
    query = f"{_ALERT} WHERE cured_ms IS NULL OR acknowledged_ms IS NULL ORDER BY id"
    return [StoredAlert(*row) for row in connection.execute(query)]


def alerts(connection: Connection, limit: int) -> list[StoredAlert]:
    return [StoredAlert(*row) for row in connection.execute(f"{_ALERT} ORDER BY id DESC LIMIT ?", (limit,))]


def acknowledge(connection: Connection, alert: int, at_ms: int) -> int:
    """How many were acknowledged; 0 as the alert means all."""
    query = "UPDATE alerts SET acknowledged_ms = ? WHERE acknowledged_ms IS NULL"
    if alert:
        return connection.execute(f"{query} AND id = ?", (at_ms, alert)).rowcount
    return connection.execute(query, (at_ms,)).rowcount


def cure(connection: Connection, alert: int, at_ms: int) -> None:
    connection.execute("UPDATE alerts SET cured_ms = ? WHERE id = ? AND cured_ms IS NULL", (at_ms, alert))


def add_lock(connection: Connection, *, symbol: str, code: str, reason: str, from_ms: int, until_ms: int) -> StoredLock:
    cursor = connection.execute(
        "INSERT INTO pair_locks (symbol, code, reason, from_ms, until_ms) VALUES (?, ?, ?, ?, ?)",
        (symbol, code, clean(reason, 200), from_ms, until_ms),
    )
    return StoredLock(int(cursor.lastrowid or 0), symbol, code, clean(reason, 200), from_ms, until_ms)


def locks(connection: Connection, now_ms: int) -> list[StoredLock]:
    """Those that count at `now_ms`."""
    query = f"{_LOCK} WHERE until_ms > ? AND lifted_ms IS NULL ORDER BY symbol, id"
    return [StoredLock(*row) for row in connection.execute(query, (now_ms,))]


def lift(connection: Connection, symbol: str, at_ms: int) -> int:
    """Lifts all locks of a symbol; how many there were."""
    query = "UPDATE pair_locks SET lifted_ms = ? WHERE symbol = ? AND lifted_ms IS NULL AND until_ms > ?"
    return connection.execute(query, (at_ms, symbol, at_ms)).rowcount


def ended(connection: Connection, now_ms: int) -> dict[str, int]:
    """When the newest lock of each symbol ended: lifted by hand, or run out by `now_ms`. One that a person set for an
    hour and that ran out is none: it says nothing about the losses from before."""
    query = (
        "SELECT symbol, max(coalesce(lifted_ms, until_ms)) FROM pair_locks"
        " WHERE lifted_ms IS NOT NULL OR (until_ms <= ? AND code <> ?) GROUP BY symbol"
    )
    return {symbol: int(at_ms) for symbol, at_ms in connection.execute(query, (now_ms, BY_HAND))}
