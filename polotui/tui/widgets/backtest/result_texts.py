"""Analyses of a run, and what the run rests on: assumptions, hashes, versions."""

from __future__ import annotations

from polotui.api.lab_values import Analysis, RunDetail
from polotui.core.text import clean
from polotui.tui.numbers import UNKNOWN, moment, percent
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.backtest.base import day, params_words, strategy_words, symbols_words
from polotui.tui.widgets.backtest.result_pane import TextTable
from polotui.tui.widgets.painted import Line


def table_lines(analysis: Analysis, width: int) -> list[Line]:
    """The analysis as aligned columns: the first from the left, the others from the right."""
    heads = [clean(column, 30) for column in analysis.columns]
    rows = [[clean(value, 40) for value in row] for row in analysis.rows]
    sizes = [
        max([len(head), *(len(row[index]) for row in rows if index < len(row))]) for index, head in enumerate(heads)
    ]

    def line(values: list[str], tone: str) -> Line:
        parts = [
            value.ljust(size) if index == 0 else value.rjust(size)
            for index, (value, size) in enumerate(zip(values, sizes, strict=False))
        ]
        return [("   ".join(parts), tone)]

    lines = [
        [
            (clean(analysis.title, 80), "title"),
            (f"   {moment(analysis.created_ms)}" if analysis.created_ms else "", "muted"),
        ]
    ]
    lines += [line(heads, "muted"), *(line(row, "") for row in rows)]
    return [*lines, *([(part, "key")] for part in wrapped(clean(analysis.reading, 1000), width))]


class Analyses(TextTable):
    """Tables of `AnalyseRun`, newest first."""

    NAME = "Analyses"
    TABLE = "analyses"
    ABOUT = "Further looks at the run: walk-forward, hold-out, Monte Carlo, stress, confirmation. a starts one."

    def text(self, result: RunDetail, width: int) -> list[Line]:
        lines: list[Line] = []
        jobs = [self.desk.store.jobs.get(number) for number in sorted(self.bench.watched)]
        for job in jobs:
            if job is not None and not job.end:
                lines.append([(f"{clean(job.title, 80)} … {job.done * 100:.0f} %", "accent")])
        for analysis in sorted(result.analyses, key=lambda item: -item.created_ms):
            lines += [*table_lines(analysis, width), []]
        if not lines:
            return [[], [("No further look yet. ", "muted"), ("a", "key"), (" starts one.", "muted")]]
        return lines


class Assumptions(TextTable):
    """What one needs to run it again and to know what it rests on."""

    NAME = "Assumptions"
    TABLE = "assumptions"
    ABOUT = "The fill rules and costs the result rests on, and the hashes and versions that make it repeatable."

    def text(self, result: RunDetail, width: int) -> list[Line]:
        row, spec = result.row, result.spec
        lines: list[Line] = [
            [(f"! {part}", "warn")] for text in result.warnings for part in wrapped(clean(text, 400), width - 2)
        ]
        for text in result.assumptions:
            parts = wrapped(clean(text, 600), width - 2)
            lines += [[("· " if index == 0 else "  ", "muted"), (part, "")] for index, part in enumerate(parts)]
        if result.bands:
            told = " · ".join(f"{clean(name, 20)} {percent(value)}" for name, value in result.bands.items())
            lines += [[("return by policy   ", "muted"), (told, "")]]
        if result.detail_share is not None:
            lines.append(
                [("decided by detail  ", "muted"), (f"{result.detail_share * 100:.1f} % of the bars in question", "")]
            )
        costs = spec.costs
        fees = f"maker {costs.maker_fee * 100:g} % · taker {costs.taker_fee * 100:g} %"
        told = f"{fees} · slippage {costs.slippage * 100:g} % · half spread {costs.half_spread * 100:g} %"
        market = f"{symbols_words(row.symbols, 9)} {clean(row.timeframe, 6)}"
        facts = [
            ("strategy", strategy_words(row.strategy, row.version)),
            ("parameters", params_words(spec.params)),
            ("data", f"{market} · {day(row.from_ms)} → {day(row.to_ms)} · {row.bars:,} bars"),
            ("capital", f"{spec.capital:,.2f} USDT"),
            ("costs", told),
            ("data hash", clean(row.data_hash, 80) or UNKNOWN),
            ("document hash", clean(row.document_hash, 80) or UNKNOWN),
            *((clean(name, 18), clean(value, 60)) for name, value in result.versions.items()),
        ]
        return [*lines, [], *([(f"{name:<19}", "muted"), (value, "")] for name, value in facts)]
