"""A stored run as the API shows it: figures in words, a curve that fits a terminal, pages of trades, marks on a
chart."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api.lab_values import (
    Bin,
    CurvePoint,
    Group,
    Mark,
    MonthReturn,
    ResultFigure,
    RunDetail,
    RunSpec,
    TradeRow,
)
from polotui.backtest.kernel import shapes as k
from polotui.backtest.tasks import curve_of, fills_of, trades_of
from polotui.core.errors import UsageError
from polotui.core.files import write_private
from polotui.engine.backtests import row_from, sorted_by
from polotui.metrics.definitions import DEFINITIONS
from polotui.metrics.figure import Figure
from polotui.model.candles import Timeframe
from polotui.storage.columns import CandleArrays

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

MOST_POINTS = 5_000
MOST_BARS = 2_000
_HELD = {"total_return": "hold_return", "sharpe": "hold_sharpe", "max_drawdown": "hold_max_drawdown"}


class RunViews:
    """Reads the archive for the faces."""

    def __init__(self, engine: Engine) -> None:
        assert engine.stores is not None
        assert engine.backtests is not None
        self._engine = engine
        self._backtests = engine.backtests
        self._candles = engine.stores.candles

    async def detail(self, run: int, points: int) -> RunDetail:
        stored = await self._backtests.stored(run)
        value = msgspec.json.decode(await self._backtests.part(run, "detail"))
        curve = await self._backtests.part(run, "curve")
        unclear = value["ambiguous"]
        spec = msgspec.json.decode(stored.spec, type=RunSpec)
        return RunDetail(
            row=row_from(stored),
            spec=spec,
            figures=figures_of(value["figures"]),
            curve=thinned(curve, min(max(points, 2), MOST_POINTS), spec.capital),
            months=msgspec.convert(value["months"], list[MonthReturn]),
            bins=msgspec.convert(value["bins"], list[Bin]),
            groups=msgspec.convert(value["groups"], list[Group]),
            assumptions=value["assumptions"],
            warnings=value["warnings"] + refusals(value),
            bands=value["bands"],
            detail_share=value["by_detail"] / unclear if unclear else None,
            analyses=await self._backtests.analyses(run),
            versions=value["versions"],
        )

    async def trades(self, command: lc.GetRunTrades) -> lr.RunTrades:
        stored = await self._backtests.stored(command.run)
        row = row_from(stored)
        rows = trade_rows(await self._backtests.part(command.run, "trades"), row.symbols, row.timeframe)
        rows = sorted_by(rows, command.sort, TradeRow)
        start = max(0, command.offset)
        return lr.RunTrades(
            run=command.run, total=len(rows), trades=rows[start : start + max(1, min(command.limit, 5_000))]
        )

    async def chart(self, command: lc.GetRunChart) -> lr.RunChart:
        """Bars around a trade; the newest of the span without one."""
        row = row_from(await self._backtests.stored(command.run))
        trades = trade_rows(await self._backtests.part(command.run, "trades"), row.symbols, row.timeframe)
        chosen = next((trade for trade in trades if trade.number == command.trade), None)
        if command.trade and chosen is None:
            raise UsageError(f"Run {command.run} has no trade {command.trade}; it has {len(trades)}.")
        frame = Timeframe.parse(row.timeframe)
        bars = min(max(command.bars, 20), MOST_BARS)
        symbol = chosen.symbol if chosen else row.symbols[0]
        middle = chosen.entry_ms if chosen else row.to_ms
        start = max(row.from_ms, middle - bars // 2 * frame.ms)
        end = start + bars * frame.ms
        if end > row.to_ms:
            start, end = max(row.from_ms, row.to_ms - bars * frame.ms), row.to_ms
        candles = await self._bars(symbol, frame, start, end)
        marks = [mark for mark in marks_of(trades, symbol, frame.ms) if start <= mark.at_ms < end]
        return lr.RunChart(
            symbol=symbol,
            timeframe=frame.value,
            candles=candles.candles(),
            marks=marks,
            focus_ms=chosen.entry_ms if chosen else 0,
        )

    async def _bars(self, symbol: str, frame: Timeframe, from_ms: int, to_ms: int) -> CandleArrays:
        """The stored candles of the frame, or made of minutes."""
        from polotui.backtest.data import bars_of, covers
        from polotui.strategy.runtime.columns import resample

        minutes = await self._candles.load_arrays(symbol, Timeframe.M1, from_ms, to_ms)
        if frame is Timeframe.M1:
            return minutes
        own = await self._candles.load_arrays(symbol, frame, from_ms, to_ms)
        # By the same measure as the run took them.
        if not len(minutes) or not covers(minutes, Timeframe.M1, own, frame):
            return own
        bars = resample(bars_of(minutes, Timeframe.M1), frame.ms)
        size = len(bars.time)
        prices = [bars.open, bars.high, bars.low, bars.close, bars.volume, np.zeros(size)]
        return CandleArrays.from_columns(bars.time, prices, np.full(size, -1, np.int64))

    async def compare(self, command: lc.CompareRuns) -> lr.Comparison:
        if not 2 <= len(set(command.runs)) == len(command.runs) <= 5:
            raise UsageError("Between two and five different runs can be compared.")
        details = [await self.detail(run, command.points) for run in command.runs]
        return lr.Comparison(
            runs=details,
            same_data=len({detail.row.data_hash for detail in details}) == 1,
            differences=differences(details),
        )

    async def export(self, command: lc.ExportRun) -> lr.Exported:
        """Writes a file that did not exist; another one only with `force`."""
        row = row_from(await self._backtests.stored(command.run))
        suffix = "json" if command.what == "all" else "csv"
        default = self._engine.home.exports / f"run-{command.run}-{command.what}.{suffix}"
        path = Path(command.path) if command.path else default
        if not path.is_absolute():
            raise UsageError("The path of an export must be absolute.", safe="Nothing was written.")
        if path.exists() and not command.force:
            raise UsageError(
                f"{path} exists.",
                safe="Nothing was overwritten.",
                next_step="Give another name, or ask for it by force.",
            )
        if command.what == "all":
            detail = await self.detail(command.run, MOST_POINTS)
            trades = trade_rows(await self._backtests.part(command.run, "trades"), row.symbols, row.timeframe)
            text = msgspec.json.format(msgspec.json.encode({"run": detail, "trades": trades})).decode()
            count = len(trades)
        else:
            text, count = table_of(
                command.what, await self._backtests.part(command.run, _PARTS[command.what]), row.symbols, row.timeframe
            )
        try:
            write_private(path, text.encode())
        except OSError as error:
            raise UsageError(
                f"{path} could not be written: {error.strerror}.", safe="Nothing else was changed."
            ) from error
        return lr.Exported(path=str(path), rows=count)


_PARTS = {"trades": "trades", "fills": "fills", "equity": "curve"}


def figures_of(found: dict[str, list[Any]]) -> list[ResultFigure]:
    """Each figure as people read it, with its definition and the same of buy-and-hold."""
    rows = []
    for name, (value, reason) in found.items():
        definition = DEFINITIONS[name]
        held = found.get(_HELD.get(name, ""), [None, ""])
        rows.append(
            ResultFigure(
                name=name,
                title=definition.title,
                text=definition.shown(Figure(value, reason)) if value is not None else "–",
                value=value,
                reason=reason,
                definition=definition.text,
                hold=definition.shown(Figure(held[0])) if held[0] is not None else "",
            )
        )
    return rows


def refusals(value: dict[str, Any]) -> list[str]:
    """Entries that were not taken, as a sentence."""
    if not value["refusals"]:
        return []
    parts = ", ".join(f"{count:,} × {words}" for words, count in value["refusals"].items())
    return [f"Entries not taken: {parts}."]


def thinned(data: bytes, points: int, capital: float) -> list[CurvePoint]:
    """The curve with at most about `points` points: of each stretch its lowest, its highest and its last equity, so
    that no drawdown is lost. The capital is the first peak, as for the figure."""
    time, equity, hold, _ = curve_of(data)
    size = len(time)
    peak = np.maximum.accumulate(np.maximum(equity, capital))
    depth = equity / peak - 1.0
    if size > points:
        edges = np.linspace(0, size, max(2, points // 3) + 1).astype(int)
        chosen = set()
        for start, end in pairwise(edges.tolist()):
            part = equity[start:end]
            chosen |= {start + int(part.argmin()), start + int(part.argmax()), end - 1}
        places = np.array(sorted(chosen))
    else:
        places = np.arange(size)
    rows = zip(
        time[places].tolist(), equity[places].tolist(), hold[places].tolist(), depth[places].tolist(), strict=True
    )
    return [CurvePoint(*row) for row in rows]


def trade_rows(data: bytes, symbols: list[str], timeframe: str) -> list[TradeRow]:
    """All trades of a run, numbered from 1 in the order in which they closed."""
    step = Timeframe.parse(timeframe).ms
    rows = []
    for number, trade in enumerate(trades_of(data), 1):
        is_open = int(trade["reason"]) == k.AT_END
        risk = float(trade["risk"])
        profit, invested = float(trade["profit"]), float(trade["invested"])
        rows.append(
            TradeRow(
                number=number,
                symbol=symbols[int(trade["symbol"])],
                side="long" if trade["direction"] > 0 else "short",
                entry_ms=int(trade["entry_bar"]),
                entry_price=float(trade["entry_price"]),
                exit_ms=0 if is_open else int(trade["exit_bar"]),
                exit_price=float(trade["exit_price"]),
                quantity=float(trade["quantity"]),
                profit=profit,
                result=profit / invested if invested else 0.0,
                r=profit / risk if risk > 0.0 else None,
                fees=float(trade["fees"]),
                bars=(int(trade["exit_bar"]) - int(trade["entry_bar"])) // step + 1,
                mae=float(trade["worst"]),
                mfe=float(trade["best"]),
                entry_reason="entry rule",
                exit_reason=k.REASONS[int(trade["reason"])],
            )
        )
    return rows


def marks_of(trades: list[TradeRow], symbol: str, step: int) -> list[Mark]:
    marks = []
    for trade in trades:
        if trade.symbol != symbol:
            continue
        marks.append(
            Mark(at_ms=trade.entry_ms, kind="entry", side=trade.side, price=trade.entry_price, trade=trade.number)
        )
        if trade.exit_ms:
            marks.append(
                Mark(
                    at_ms=trade.exit_ms,
                    kind="exit",
                    side=trade.side,
                    price=trade.exit_price,
                    trade=trade.number,
                    text=trade.exit_reason,
                )
            )
    return marks


def differences(details: list[RunDetail]) -> list[str]:
    """What is not the same in the runs, so that nobody compares apples with pears unawares."""
    first = details[0]
    found = []
    tests = (
        ("data", lambda detail: detail.row.data_hash),
        ("symbols", lambda detail: detail.row.symbols),
        ("timeframe", lambda detail: detail.row.timeframe),
        ("span", lambda detail: (detail.row.from_ms, detail.row.to_ms)),
        ("fill policy", lambda detail: detail.row.policy),
        ("capital", lambda detail: detail.spec.capital),
        ("costs", lambda detail: detail.spec.costs),
        ("versions", lambda detail: detail.versions),
    )
    for words, pick in tests:
        others = [f"#{detail.row.run}" for detail in details[1:] if pick(detail) != pick(first)]
        if others:
            found.append(f"{words}: {', '.join(others)} not as #{first.row.run}")
    return found


def table_of(what: str, data: bytes, symbols: list[str], timeframe: str) -> tuple[str, int]:
    """A part of a run as CSV. Times are UTC milliseconds of bars' opens."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if what == "trades":
        rows = trade_rows(data, symbols, timeframe)
        writer.writerow(TradeRow.__struct_fields__)
        writer.writerows([getattr(row, name) for name in TradeRow.__struct_fields__] for row in rows)
        return out.getvalue(), len(rows)
    if what == "fills":
        fills = fills_of(data)
        writer.writerow(["bar_ms", "symbol", "side", "reason", "maker", "price", "quantity", "fee"])
        for fill in fills:
            side = "buy" if fill["side"] > 0 else "sell"
            reason = k.REASONS[int(fill["reason"])]
            numbers = [float(fill[name]) for name in ("price", "quantity", "fee")]
            writer.writerow(
                [int(fill["bar"]), symbols[int(fill["symbol"])], side, reason, bool(fill["maker"]), *numbers]
            )
        return out.getvalue(), len(fills)
    columns = curve_of(data)
    writer.writerow(["open_ms", "equity", "hold", "notional"])
    writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
    return out.getvalue(), len(columns[0])
