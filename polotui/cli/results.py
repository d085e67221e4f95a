"""A run's result as people and programs read it.

Decided here: figures stand two to a line, as the engine worded them, with the reason of those that are missing below;
beside the total return always the band of the fill policies and what holding would have made. The document for
programs has fractions, a metric's name as its key, and the hashes that say from what it was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from polotui.api.lab_values import Analysis, ResultFigure, RunDetail, RunRow, TradeRow
from polotui.cli.output import NONE, moment, number, percent, table
from polotui.core.text import clean


def run_document(detail: RunDetail, *, whole: bool = False) -> dict[str, Any]:
    """The result's fields; `whole` adds the curve, the months, the distributions and the analyses."""
    row = detail.row
    keep = ("run", "strategy", "version", "symbols", "timeframe", "from_ms", "to_ms", "policy", "created_ms", "bars")
    fields: dict[str, Any] = {name: getattr(row, name) for name in keep}
    fields |= {
        "metrics": {
            figure.name: {
                "title": figure.title,
                "value": figure.value,
                "text": figure.text,
                "reason": figure.reason,
                "hold": figure.hold,
            }
            for figure in detail.figures
        },
        "band": {"low": row.band_low, "high": row.band_high, "by_policy": detail.bands},
        "hold_return": row.hold_return,
        "trades": row.trades,
        "data_hash": row.data_hash,
        "document_hash": row.document_hash,
        "versions": detail.versions,
        "assumptions": detail.assumptions,
        "warnings": detail.warnings,
        "detail_share": detail.detail_share,
        "seconds": row.seconds,
        "spec": detail.spec,
    }
    if whole:
        more = ("curve", "months", "bins", "groups", "analyses")
        fields |= {name: getattr(detail, name) for name in more}
        fields |= {"tags": row.tags, "deleted": row.deleted}
    plain: dict[str, Any] = msgspec.to_builtins(fields)
    return plain


def run_text(detail: RunDetail) -> str:
    """The result for a person."""
    row = detail.row
    parts = [head(row), "", figures(detail.figures), "", *_standing(detail)]
    if detail.assumptions:
        parts += ["", "assumes", *(f"  · {clean(line, 300)}" for line in detail.assumptions)]
    if detail.warnings:
        parts += ["", *(f"! {clean(line, 300)}" for line in detail.warnings)]
    if row.data_hash or row.document_hash:
        parts += ["", f"data {_short(row.data_hash)}   strategy {_short(row.document_hash)}"]
    return "\n".join(parts)


def head(row: RunRow) -> str:
    """`#41 ema v4 · BTC_USDT 1h · 2025-11-21 → 2026-11-21 · pessimistic`."""
    version = f" v{row.version}" if row.version else ""
    words = [f"#{row.run} {clean(row.strategy, 60)}{version}", f"{clean(' '.join(row.symbols), 80)} {row.timeframe}"]
    words += [span(row.from_ms, row.to_ms), row.policy, f"{row.bars:,} bars"]
    return " · ".join(words) + (" · deleted" if row.deleted else "")


def figures(shown: Sequence[ResultFigure]) -> str:
    """Two figures a line, down the left column first; below them why some are missing."""
    if not shown:
        return "There are no figures."
    half = (len(shown) + 1) // 2
    with_hold = any(figure.hold for figure in shown)
    cells = [_figure(figure, with_hold) for figure in shown]
    empty = [""] * len(cells[0])
    rows = [[*left, "", *right] for left, right in zip(cells[:half], [*cells[half:], empty][:half], strict=True)]
    heads = ["figure", "value", *(["hold"] if with_hold else [])]
    align = "lr" + "r" * with_hold
    lines = [table([*heads, "", *heads], rows, f"{align}l{align}")]
    lines += [f"{clean(figure.title, 40)}: {clean(figure.reason, 200)}" for figure in shown if figure.reason]
    return "\n".join(lines)


def runs_table(runs: Sequence[RunRow]) -> str:
    """Runs as rows."""
    heads = ["run", "strategy", "symbols", "frame", "span (UTC)", "policy", "return", "hold", "trades", "Sharpe"]
    return table([*heads, "max DD"], [_run_row(run) for run in runs], "rlllllrrrrr")


def side_by_side(runs: Sequence[RunDetail]) -> str:
    """Runs as columns: what they are and every figure."""
    titles = {figure.name: figure.title for run in runs for figure in run.figures}
    texts = [{figure.name: figure.text for figure in run.figures} for run in runs]
    heads = ["", *(f"#{run.row.run}" for run in runs)]
    facts = [
        [
            "strategy",
            *(clean(run.row.strategy, 30) + (f" v{run.row.version}" if run.row.version else "") for run in runs),
        ],
        ["symbols", *(clean(" ".join(run.row.symbols), 30) for run in runs)],
        ["frame", *(clean(run.row.timeframe, 10) for run in runs)],
        ["from (UTC)", *(day(run.row.from_ms) for run in runs)],
        ["to (UTC)", *(day(run.row.to_ms) for run in runs)],
        ["policy", *(run.row.policy for run in runs)],
        ["hold", *(percent(run.row.hold_return) for run in runs)],
    ]
    rows = [
        [clean(title, 40), *(clean(each.get(name, NONE), 40) or NONE for each in texts)]
        for name, title in titles.items()
    ]
    return table(heads, [*facts, *rows], "l" + "r" * len(runs))


def trades_table(trades: Sequence[TradeRow]) -> str:
    """Trades as rows."""
    rows = [
        [
            str(trade.number),
            clean(trade.symbol, 30),
            trade.side,
            moment(trade.entry_ms),
            number(trade.entry_price),
            moment(trade.exit_ms) if trade.exit_ms else "open",
            number(trade.exit_price) if trade.exit_ms else NONE,
            percent(trade.result),
            f"{trade.profit:+,.2f}",
            NONE if trade.r is None else f"{trade.r:+.2f}",
            f"{trade.bars:,}",
            clean(trade.exit_reason, 30),
        ]
        for trade in trades
    ]
    heads = ["#", "symbol", "side", "entry (UTC)", "price", "exit (UTC)", "price", "result", "profit", "R", "bars"]
    return table([*heads, "reason"], rows, "rllldldrrrrl")


def analysis_text(analysis: Analysis) -> str:
    """A further look: its table and its reading."""
    heads = [clean(column, 40) for column in analysis.columns]
    rows = [[clean(cell, 60) for cell in row] for row in analysis.rows]
    lines = [clean(analysis.title, 120)]
    if heads:
        lines.append(table(heads, rows, "l" + "r" * (len(heads) - 1)))
    return "\n".join([*lines, clean(analysis.reading, 600)])


def span(from_ms: int, to_ms: int) -> str:
    """`2025-11-21 → 2026-11-21`, UTC."""
    return f"{day(from_ms)} → {day(to_ms)}"


def day(at_ms: int) -> str:
    """A day, UTC."""
    return NONE if at_ms <= 0 else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def _run_row(row: RunRow) -> list[str]:
    return [
        str(row.run),
        clean(row.strategy, 40) + (f" v{row.version}" if row.version else ""),
        clean(" ".join(row.symbols), 40),
        clean(row.timeframe, 10),
        span(row.from_ms, row.to_ms),
        row.policy,
        percent(row.total_return),
        percent(row.hold_return),
        f"{row.trades:,}",
        NONE if row.sharpe is None else f"{row.sharpe:.2f}",
        percent(row.max_drawdown),
    ]


def _figure(figure: ResultFigure, with_hold: bool) -> list[str]:
    cells = [clean(figure.title, 40), clean(figure.text, 40) or NONE]
    return [*cells, clean(figure.hold, 40)] if with_hold else cells


def _standing(detail: RunDetail) -> list[str]:
    row = detail.row
    lines = []
    if row.band_low is not None and row.band_high is not None:
        each = ", ".join(f"{clean(name, 20)} {percent(value)}" for name, value in detail.bands.items())
        lines.append(f"band   {percent(row.band_low)} … {percent(row.band_high)}{f'  ({each})' if each else ''}")
    lines.append(f"hold   {percent(row.hold_return)} after the same fees")
    if detail.detail_share is not None:
        lines.append(f"detail {detail.detail_share * 100:.0f} % of the unclear bars were decided by lower frames")
    return lines


def _short(digest: str) -> str:
    return clean(digest, 64)[:12] or NONE
