"""Alerts as rows: begun once, seen by a person, cured by the state itself.

Decided here: an alert that stands is not told again; one that rises to a higher level is. Acknowledging says that it
was seen; a breach stays until it is cured.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from polotui.api import replies as r
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.risk.alerts import Alert, changes
from polotui.storage.database import Connection
from polotui.trading import watch_rows
from polotui.trading.watch_rows import StoredAlert

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

_LEVELS = {"near": "warning", "breach": "error", "unusual": "warning", "safety": "error"}


class Alerts:
    """The alerts of this home."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading
        self._standing: dict[tuple[str, str], tuple[Alert, StoredAlert]] = {}
        self._open: dict[int, StoredAlert] = {}

    async def load(self) -> None:
        """What is open; conditions that still hold are recognised by code and subject."""
        for row in await self._trading.database.read(watch_rows.open_alerts, "alerts"):
            self._open[row.id] = row
            if row.cured_ms is None:
                level = cast("tv.AlertLevel", row.level)
                alert = Alert(code=row.code, level=level, about=row.kind, text=row.text)
                self._standing[alert.key] = (alert, row)

    def standing_keys(self) -> list[tuple[str, str]]:
        return list(self._standing)

    def open_count(self) -> int:
        return len(self._open)

    async def take(self, now: Iterable[Alert]) -> None:
        """What holds now: begins and cures rows."""
        found = list(now)
        conditions = [alert for alert, _ in self._standing.values()]
        changed = changes(conditions, found)
        for alert in changed.begun:
            await self.begin(alert)
        if changed.cured:
            await self._cure(changed.cured)

    async def begin(self, alert: Alert) -> None:
        """A new alert, or one that became worse."""
        trading, now = self._trading, self._trading.clock.wall_ms()
        old = self._standing.get(alert.key)

        def write(connection: Connection) -> tuple[StoredAlert, int]:
            if old is not None:
                watch_rows.cure(connection, old[1].id, now)
            row = watch_rows.add_alert(
                connection, kind=alert.about, code=alert.code, level=alert.level, text=alert.text, at_ms=now
            )
            level = _LEVELS[alert.level]
            return row, trading.add_fact(connection, "alert", level, f"{alert.code}: {alert.text}", ref=str(row.id))

        row, number = await trading.database.transact(write, "alert")
        trading.told(number)
        if old is not None:
            self._open.pop(old[1].id, None)
        self._open[row.id] = row
        self._standing[alert.key] = (alert, row)
        trading.changed(alerts=True)

    async def _cure(self, keys: Iterable[tuple[str, str]]) -> None:
        now = self._trading.clock.wall_ms()
        ended = [self._standing.pop(key)[1] for key in keys if key in self._standing]

        def write(connection: Connection) -> None:
            for row in ended:
                watch_rows.cure(connection, row.id, now)

        await self._trading.database.transact(write, "alerts cured")
        for row in ended:
            # One that nobody has seen stays on the list, as cured.
            self._open.pop(row.id, None)
            if row.acknowledged_ms is None:
                self._open[row.id] = StoredAlert(row.id, row.kind, row.code, row.level, row.text, row.at_ms, None, now)
        self._trading.changed(alerts=True)

    async def acknowledge(self, alert: int, caller: str) -> r.Done:
        """Seen. 0 means all."""
        now = self._trading.clock.wall_ms()
        count = await self._trading.database.transact(lambda k: watch_rows.acknowledge(k, alert, now), "acknowledge")
        for number in [alert] if alert else list(self._open):
            row = self._open.get(number)
            if row is None:
                continue
            seen = StoredAlert(row.id, row.kind, row.code, row.level, row.text, row.at_ms, now, row.cured_ms)
            if row.cured_ms is not None:
                del self._open[number]
            else:
                self._open[number] = seen
                for key, (value, kept) in list(self._standing.items()):
                    if kept.id == number:
                        self._standing[key] = (value, seen)
        self._trading.changed(alerts=True)
        self._trading.touch_state()
        return r.Done(text=f"{count} alerts acknowledged." if count != 1 else "Acknowledged.")

    def rows(self) -> list[tv.AlertRow]:
        return [_row(row) for row in sorted(self._open.values(), key=lambda row: -row.id)]

    async def listed(self, *, open: bool, limit: int) -> tr.Alerts:
        if open:
            return tr.Alerts(alerts=self.rows()[:limit])
        found = await self._trading.database.read(lambda k: watch_rows.alerts(k, limit), "alerts")
        return tr.Alerts(alerts=[_row(row) for row in found])


def _row(row: StoredAlert) -> tv.AlertRow:
    return tv.AlertRow(
        id=row.id,
        level=cast("tv.AlertLevel", row.level),
        code=row.code,
        text=row.text,
        at_ms=row.at_ms,
        acknowledged_ms=row.acknowledged_ms or 0,
        cured_ms=row.cured_ms or 0,
    )
