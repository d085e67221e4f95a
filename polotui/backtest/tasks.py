"""What a worker does for each kind of work: plain functions of a work, the candle store and the gauge.

Decided here: a result says everything that it depends on (hashes, versions, policy, costs), so that it can be
repeated to the last digit. All policies of the band run over the same prepared columns.
"""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from polotui import __version__
from polotui.backtest.data import Loaded, bars_of, load
from polotui.backtest.documents import bound as bound_document
from polotui.backtest.gauge import Gauge
from polotui.backtest.kernel import shapes as k
from polotui.backtest.kernel.run import simulate
from polotui.backtest.machine import Buffers, Outcome, execute, warm_up
from polotui.backtest.prepare import Prepared, prepare
from polotui.backtest.report import Report, report, trade_columns
from polotui.backtest.settings import POLICIES, Costs, Policy, Settings
from polotui.backtest.work import CheckWork, CompleteWork, Done, PreviewWork, RunWork, WarmWork
from polotui.metrics.figure import Figure
from polotui.metrics.summary import Summary
from polotui.metrics.trades import distribution
from polotui.model.candles import Timeframe
from polotui.storage.candles import CandleStore
from polotui.storage.columns import CandleArrays
from polotui.strategy.document.bind import Bound
from polotui.strategy.document.check import check
from polotui.strategy.runtime.columns import Bars


def warm(work: WarmWork) -> Done:
    """Compiles or loads the kernel by running it over a few bars."""
    warm_up()
    return Done(value={})


def check_text(work: CheckWork) -> Done:
    """Diagnostics, params, colours and what a form needs."""
    from polotui.strategy.document.completion import tokens

    found = check(work.text, work.form)
    value: dict[str, Any] = {
        "ok": found.ok,
        "hash": found.hash,
        "diagnostics": [dataclasses.asdict(one) for one in found.diagnostics],
        "tokens": [
            tuple(token) if isinstance(token, tuple) else dataclasses.astuple(token) for token in tokens(work.text)
        ],
    }
    document = found.document
    if document is not None:
        value |= {
            "name": document.name,
            "symbols": list(document.market.symbols),
            "timeframe": document.timeframe,
            "thesis": document.notes.thesis,
            "params": [
                {
                    "name": name,
                    "whole": spec.type == "int",
                    "default": float(spec.default),
                    "least": float(spec.min),
                    "most": float(spec.max),
                    "step": float(spec.step),
                }
                for name, spec in document.params.items()
            ],
        }
        if found.ok:
            from polotui.strategy.document.bind import bind

            value["warmup_bars"] = bind(found).warmup_bars
    return Done(value=value)


def complete_text(work: CompleteWork) -> Done:
    from polotui.strategy.document.completion import complete

    found = complete(work.text, work.line, work.column)
    return Done(value={"completions": [dataclasses.asdict(one) for one in found]})


# ── a run ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def load_for(bound: Bound, settings: Settings, store: CandleStore) -> Loaded:
    frame = Timeframe.parse(bound.document.timeframe)
    return await load(store, bound.document.market.symbols, frame, settings.from_ms, settings.to_ms, bound.warmup_bars)


def settled(settings: Settings, loaded: Loaded) -> Settings:
    """The settings with the span that the data gave."""
    return dataclasses.replace(settings, from_ms=loaded.from_ms, to_ms=loaded.to_ms)


async def run(work: RunWork, store: CandleStore, gauge: Gauge, buffers: Buffers) -> Done:
    """A backtest with its figures, band and logs."""
    bound = bound_document(work.document)
    loaded = await load_for(bound, work.settings, store)
    settings = settled(work.settings, loaded)
    prepared = prepare(bound, loaded.bars, settings, loaded.detail)
    others = [name for name in POLICIES if name != settings.policy and usable(name, loaded)] if work.band else []
    gauge.begin((len(others) + 1) * prepared.last)
    outcome = execute(prepared, POLICIES[settings.policy], buffers=buffers, counts=gauge.counts())
    gauge.finished(prepared.last)
    result = report(prepared, outcome)
    result.bands = {settings.policy: outcome.equity[-1] / settings.capital - 1.0}
    for name in others:
        other = execute(prepared, POLICIES[name], buffers=buffers, counts=gauge.counts(), copy=False)
        result.bands[name] = float(other.equity[-1]) / settings.capital - 1.0
        gauge.finished(prepared.last)
    return Done(
        value=described(bound, loaded, settings, prepared, outcome, result),
        parts=logs(prepared, outcome, result),
    )


def usable(policy: Policy, loaded: Loaded) -> bool:
    """The detail policy needs lower bars."""
    return policy != "detail" or bool(loaded.detail)


def described(
    bound: Bound, loaded: Loaded, settings: Settings, prepared: Prepared, outcome: Outcome, result: Report
) -> dict[str, Any]:
    """Everything of a result but its columns, as plain values."""
    summary = result.summary
    return {
        "name": bound.document.name,
        "symbols": list(prepared.symbols),
        "timeframe": loaded.frame.value,
        "from_ms": settings.from_ms,
        "to_ms": settings.to_ms,
        "bars": (prepared.last - prepared.first) * len(prepared.symbols),
        "figures": figures(summary.figures),
        "months": [
            (month.year, month.month, month.figure.value) for month in summary.months if month.figure.value is not None
        ],
        "bins": result_bins(prepared, outcome),
        "groups": groups(summary),
        "bands": {name: float(value) for name, value in result.bands.items()},
        "refusals": result.refusals,
        "ambiguous": result.ambiguous,
        "by_detail": result.by_detail,
        "open_positions": int(np.count_nonzero(outcome.trades["reason"] == k.AT_END)),
        "assumptions": assumptions(bound, settings, prepared),
        "warnings": warnings(bound, loaded, settings, prepared, result),
        "sources": loaded.sources,
        "data_hash": loaded.hash,
        "document_hash": bound.hash,
        "params": {name: float(value) for name, value in bound.values.items()},
        "versions": versions(),
    }


def figures(found: Mapping[str, Figure]) -> dict[str, tuple[float | None, str]]:
    return {name: (None if one.value is None else float(one.value), one.reason) for name, one in found.items()}


def result_bins(prepared: Prepared, outcome: Outcome) -> list[tuple[float, float, int]]:
    """Closed trades by their result as a fraction of what was put in."""
    trades = trade_columns(prepared, outcome.trades)
    return [(one.low, one.high, one.count) for one in distribution(trades.pnl / trades.entry_notional)]


def groups(summary: Summary) -> list[dict[str, Any]]:
    """Trades by hour, weekday, reason, symbol and side."""
    found = []
    for by, rows in summary.breakdowns.items():
        for row in rows:
            win_rate, profit = row.figures.get("win_rate"), row.figures.get("net_profit")
            found.append(
                {
                    "by": by,
                    "key": row.name,
                    "trades": row.trades,
                    "win_rate": win_rate.value if win_rate else None,
                    "profit": (profit.value if profit else None) or 0.0,
                }
            )
    return found


def versions() -> dict[str, str]:
    """What computed a result."""
    names = ("numpy", "numba", "TA-Lib")
    return {"polotui": __version__, "python": platform.python_version()} | {name: version(name) for name in names}


def assumptions(bound: Bound, settings: Settings, prepared: Prepared) -> list[str]:
    """What the result rests on, in words."""
    costs = settings.costs
    taken = "in what is received" if costs.fee_in == "received" else "in the quote currency"
    words = {
        "pessimistic": "the stop comes before the target, and the bar of the entry may stop but not reach its target",
        "adaptive": "the extreme nearer to the open comes first",
        "optimistic": "the target comes before the stop",
        "detail": "lower bars decide what came first; where there are none, the stop does",
    }
    decided = [
        "Decided on the close of a bar, done at the open of the next.",
        f"Within a bar ({settings.policy}): {words[settings.policy]}.",
    ]
    if prepared.grid is not None:
        again = "in the same bar too" if settings.policy == "optimistic" else "in a later bar"
        decided = [
            "Orders rest at the levels of the grid and fill whole when the price trades through them; the volume of a"
            " bar is not looked at.",
            f"What a level bought is sold one level higher, {again}.",
        ]
    lines = [
        *decided,
        f"Market and stop orders pay {costs.slippage * 1e4:g} bp slippage and {costs.half_spread * 1e4:g} bp"
        " half-spread; limit orders fill only when traded through.",
        f"Fees {costs.maker_fee:.3%} maker, {costs.taker_fee:.3%} taker, taken {taken}.",
    ]
    if costs.volume_share and prepared.grid is None:
        lines.append(f"At most {costs.volume_share:.0%} of a bar's volume fills; the rest waits or expires.")
    if not prepared.rules["spot"]:
        lines.append(
            f"Leverage {bound.document.market.leverage:g}; liquidated when {costs.maintenance:.2%} of the notional"
            f" is left; borrowing costs {costs.borrow_per_day:.3%} a day. Funding is not modelled."
        )
    lines.append("A position that is open at the end is valued at the last close.")
    return lines


def warnings(bound: Bound, loaded: Loaded, settings: Settings, prepared: Prepared, result: Report) -> list[str]:
    """What a reader of the result must know."""
    lines = list(loaded.notes)
    late = prepared.known_from - prepared.first
    if late >= prepared.last - prepared.first:
        lines.append("The entry rule was never known: the data is shorter than its warm-up.")
    elif late > 0:
        lines.append(
            f"The entry rule is unknown during the first {late:,} bars: the data before the span is too short."
        )
    for symbol in prepared.symbols:
        if settings.grid(symbol) == (0.0, 0.0):
            lines.append(f"{symbol}: tick and lot are not known, so prices and sizes are not rounded.")
    if settings.policy == "detail" and prepared.missing_detail > 0.0:
        lines.append(
            f"{prepared.missing_detail:.1%} of the bars have no complete lower bars; there the stop comes first."
        )
    if result.ambiguous and settings.policy != "detail":
        lines.append(f"In {result.ambiguous:,} bars the order of stop and target had to be assumed; see the band.")
    if not loaded.detail and settings.policy == "detail":
        lines.append("There are no minutes to look into: the detail policy is the pessimistic one here.")
    return lines


def logs(prepared: Prepared, outcome: Outcome, result: Report) -> dict[str, bytes]:
    """The columns of a run as bytes: see `unpack` for reading them."""
    time = prepared.time[prepared.first : prepared.last]
    rows = np.stack([time, *(row.view(np.int64) for row in (outcome.equity, result.hold, outcome.notional))])
    absolute = prepared.time
    trades, fills = outcome.trades.copy(), outcome.fills.copy()
    for log, names in ((trades, ("entry_bar", "exit_bar")), (fills, ("bar",))):
        for name in names:
            # Bars as times: a number of a bar means nothing without the data.
            log[name] = absolute[log[name]]
    return {"curve": rows.tobytes(), "trades": trades.tobytes(), "fills": fills.tobytes()}


def curve_of(data: bytes) -> tuple[k.Ints, k.Floats, k.Floats, k.Floats]:
    """Open times, equity, buy-and-hold, notional of a stored curve."""
    rows = np.frombuffer(data, np.int64).reshape(4, -1)
    return rows[0], rows[1].view(np.float64), rows[2].view(np.float64), rows[3].view(np.float64)


def trades_of(data: bytes) -> Any:
    """Stored trades; `entry_bar` and `exit_bar` are open times in milliseconds."""
    return np.frombuffer(data, k.TRADE)


def fills_of(data: bytes) -> Any:
    return np.frombuffer(data, k.FILL)


# ── a preview ────────────────────────────────────────────────────────────────────────────────────────────────────


def preview(work: PreviewWork) -> Done:
    """Entries and exits on the newest bars, by the kernel itself without costs."""
    bound = bound_document(work.document)
    frame = Timeframe.parse(work.frame)
    candles = CandleArrays.from_blobs([work.candles], len(work.candles) // 64)
    bars = bars_of(candles, frame)
    shown = min(work.shown, len(bars.time))
    start = int(bars.time[-shown])
    prepared = prepare(bound, {bound.document.market.symbols[0]: bars}, free(start, bars))
    # So few bars need no compiled kernel: who types need not wait for it to be loaded, or compiled for the first time.
    outcome = execute(prepared, POLICIES["pessimistic"], simulate=simulate)
    trades, time = outcome.trades, prepared.time
    marks = []
    for number, row in enumerate(trades, 1):
        side = "long" if row["direction"] > 0 else "short"
        entry = {"kind": "entry", "side": side, "trade": number, "text": "", "price": float(row["entry_price"])}
        marks.append(entry | {"at_ms": int(time[row["entry_bar"]])})
        if row["reason"] != k.AT_END:
            leave = {"kind": "exit", "side": side, "trade": number, "price": float(row["exit_price"])}
            marks.append(leave | {"at_ms": int(time[row["exit_bar"]]), "text": k.REASONS[row["reason"]]})
    return Done(
        value={
            "marks": marks,
            "entries": len(trades),
            "exits": int(np.count_nonzero(trades["reason"] != k.AT_END)),
            "in_market": float(np.count_nonzero(outcome.notional) / shown),
            "worst_bar": worst_bar(prepared, outcome),
            "note": preview_note(prepared, outcome),
        }
    )


def free(start: int, bars: Bars) -> Settings:
    """Settings for a preview: where it trades, not what that costs."""
    nothing = Costs(0.0, 0.0, "quote", 0.0, 0.0, 0.0, least_amount=0.0)
    return Settings(start, int(bars.time[-1]) + bars.frame_ms, costs=nothing)


def worst_bar(prepared: Prepared, outcome: Outcome) -> float | None:
    """The largest fall of the equity from one close to the next while a position was open."""
    if not np.count_nonzero(outcome.notional):
        return None
    before = np.concatenate([[float(prepared.rules["capital"])], outcome.equity[:-1]])
    return float(min(0.0, (outcome.equity / before - 1.0).min()))


def preview_note(prepared: Prepared, outcome: Outcome) -> str:
    """Why nothing is marked."""
    if len(outcome.trades):
        return ""
    if prepared.known_from >= prepared.last:
        return "The rule is not known on these bars: its indicators need more history."
    refused = ", ".join(f"{count} {words}" for words, count in outcome.refusals().items())
    return f"No entry on these bars ({refused})." if refused else "The entry rule is true on none of these bars."
