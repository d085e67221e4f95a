"""The backtests that speak for a strategy: completed ones of its very text, newest first.

Decided here: the list is read again only when it has changed, and a run is decoded when it is first looked at, because
the board is asked for often and a home may have thousands of runs. Runs that a drift report made are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from polotui.api.lab_values import Analysis, RunRow, RunSpec
from polotui.backtest.archive import Archive, StoredRun
from polotui.engine.backtests import DRIFT
from polotui.storage.database import Database
from polotui.trading.bot_rows import StoredBot
from polotui.trading.strategies import Version

_STAMP = "SELECT count(*), total(run), total(run * (deleted_ms IS NULL)) FROM runs WHERE state = 'completed'"


@dataclass(frozen=True)
class Tested:
    """A completed backtest."""

    row: RunRow
    spec: RunSpec


class Runs:
    """What the archive has, by strategy."""

    def __init__(self, archive: Archive, results: Database) -> None:
        self._archive = archive
        self._results = results
        self._stamp: tuple[float, ...] = ()
        self._stored: dict[str, list[StoredRun]] = {}
        self._decoded: dict[int, Tested] = {}

    async def read(self) -> None:
        """Brings the list up to date."""
        stamp = tuple(await self._results.read(lambda k: k.execute(_STAMP).fetchone(), "runs"))
        if stamp == self._stamp:
            return
        stored: dict[str, list[StoredRun]] = {}
        for run in await self._archive.runs():
            stored.setdefault(run.strategy, []).append(run)
        there = {run.run for each in stored.values() for run in each}
        self._decoded = {run: tested for run, tested in self._decoded.items() if run in there}
        self._stored, self._stamp = stored, stamp

    def newest(self, version: Version, like: StoredBot | None = None) -> Tested | None:
        """The newest backtest of a text; with the symbols, timeframe and params of a bot when one is given. A
        template's run counts for the copy that has the same text still."""
        for stored in self._stored.get(version.name, ()):
            if stored.version not in (0, version.version):
                continue
            tested = self._tested(stored)
            if DRIFT in tested.row.tags or (not stored.version and tested.row.document_hash != version.hash):
                continue
            if like is None or (
                tuple(tested.row.symbols) == like.symbols
                and tested.row.timeframe == like.timeframe
                and tested.spec.params == like.params
            ):
                return tested
        return None

    def _tested(self, stored: StoredRun) -> Tested:
        found = self._decoded.get(stored.run)
        if found is None:
            row = msgspec.json.decode(stored.summary, type=RunRow)
            found = self._decoded[stored.run] = Tested(row, msgspec.json.decode(stored.spec, type=RunSpec))
        return found

    async def hold_out(self, run: int) -> Analysis | None:
        """The newest hold-out analysis of a run."""
        found = [one for one in await self._archive.analyses(run) if one.kind == "hold-out"]
        return msgspec.json.decode(found[-1].data, type=Analysis) if found else None
