"""A second reader of the ledger: plain SQL over a connection of its own, folds of its own, none of the product's code.

It follows the rows as they are written, so that what stands in the ledger at any moment can be asked: an order's terms,
where it stands, what has filled, what an account holds.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

ENDS = frozenset({"RISK_DENIED", "REJECTED", "FILLED", "CANCELLED", "EXPIRED"})
INTENT = (
    "id", "account", "bot", "symbol", "side", "type", "purpose", "quantity", "amount", "price", "stop", "target",
    "time_in_force", "expire_ms", "reason", "signal", "parent", "late_ms", "created_ms",
)  # fmt: skip


@dataclass
class Told:
    """An order as the ledger tells it."""

    terms: dict[str, object]
    state: str = ""
    states: list[tuple[str, int]] = field(default_factory=list)
    filled: Fraction = Fraction(0)
    paid: Fraction = Fraction(0)
    venue_id: str = ""

    @property
    def final(self) -> bool:
        return self.state in ENDS

    @property
    def left(self) -> Fraction | None:
        asked = self.terms["quantity"]
        return None if asked is None else Fraction(str(asked)) - self.filled


class Tail:
    """Reads what is new at each `read`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._seen: dict[str, int] = defaultdict(int)
        self.orders: dict[str, Told] = {}
        self.open: dict[str, Told] = {}
        self.cash: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        self.refused: set[str] = set()
        #: Orders that were refused once, whatever came after.
        self.rejected: set[str] = set()
        self.fills: dict[str, str] = {}

    def connection(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _new(self, table: str, columns: str) -> list[tuple[object, ...]]:
        rows = (
            self.connection()
            .execute(
                f"SELECT number, {columns} FROM {table} WHERE number > ? ORDER BY number",
                (self._seen[table],),
            )
            .fetchall()
        )
        if rows:
            self._seen[table] = rows[-1][0]
        return rows

    def read(self) -> Tail:
        """Takes in all rows since the last time, as of one moment."""
        connection = self.connection()
        connection.execute("BEGIN")
        try:
            for row in self._new("intents", ", ".join(INTENT)):
                terms = dict(zip(INTENT, row[1:], strict=True))
                self.orders[str(terms["id"])] = self.open[str(terms["id"])] = Told(terms)
            for _, id_, order, price, quantity in self._new("fills", "id, order_id, price, quantity"):
                self.fills[str(id_)] = str(order)
                told = self.orders.get(str(order))
                if told is not None:
                    told.filled += Fraction(str(quantity))
                    told.paid += Fraction(str(quantity)) * Fraction(str(price))
            for _, order, state, venue_id, at_ms in self._new("order_events", "order_id, state, venue_id, at_ms"):
                told = self.orders.get(str(order))
                if told is None:
                    continue
                told.state = str(state)
                if told.state == "REJECTED":
                    self.rejected.add(str(order))
                told.states.append((str(state), int(str(at_ms))))
                told.venue_id = str(venue_id) or told.venue_id
                if told.final:
                    self.open.pop(str(order), None)
                else:
                    self.open[str(order)] = told
            for _, account, currency, amount in self._new("entries", "account, currency, amount"):
                self.cash[str(account), str(currency)] += Fraction(str(amount))
            for _, kind, detail in self._new("audit", "kind, detail"):
                if kind == "refused":
                    self.refused.add(str(detail))
        finally:
            connection.execute("ROLLBACK")
        return self
