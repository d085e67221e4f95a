"""Return by month: one line a year, the number in a coloured cell, the year's total at the end."""

from __future__ import annotations

from polotui.api.lab_values import MonthReturn, RunDetail
from polotui.tui.widgets.backtest.result_pane import TextTable
from polotui.tui.widgets.painted import Line

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def heat_tone(value: float, strongest: float) -> str:
    """One of three strengths of gain or loss; nothing at zero."""
    if not value or strongest <= 0:
        return "muted"
    strength = min(3, 1 + int(abs(value) / strongest * 2.999))
    return f"{'gain' if value > 0 else 'loss'}{strength}"


def cell(value: float | None, strongest: float, width: int) -> tuple[str, str]:
    """A return as percent, with one decimal where there is room for it, in its colour."""
    if value is None:
        return " " * width, ""
    text = f"{value * 100:+.1f}"
    if len(text) >= width:
        text = f"{value * 100:+.0f}"
    text = text.replace("-", "−")
    if not text.strip("+−0."):
        text = "0.0"
    return f"{text} ".rjust(width), heat_tone(value, strongest)


def year_total(months: list[MonthReturn]) -> float:
    """Months compounded."""
    total = 1.0
    for month in months:
        total *= 1 + month.value
    return total - 1


class MonthsMap(TextTable):
    """Years × months."""

    NAME = "Months"
    TABLE = "months"
    ABOUT = "Return of each month in percent, compounded to the year's at the end of its line. Deeper colour: more."

    def text(self, result: RunDetail, width: int) -> list[Line]:
        months = result.months
        if not months:
            return [[], [("No month: the run is shorter than one day.", "muted")]]
        strongest = max(abs(month.value) for month in months)
        size = max(5, min(8, (width - 6) // 13))
        lines: list[Line] = [
            [(" " * 5, ""), *((f"{name} ".rjust(size), "muted") for name in _NAMES), ("year ".rjust(size + 1), "title")]
        ]
        for year in sorted({month.year for month in months}, reverse=True):
            of_year = [month for month in months if month.year == year]
            by_month = {month.month: month.value for month in of_year}
            line: Line = [(f"{year} ", "muted")]
            line += [cell(by_month.get(month), strongest, size) for month in range(1, 13)]
            total = year_total(of_year)
            lines.append(
                [*line, (cell(total, strongest, size + 1)[0], "up" if total > 0 else "down" if total < 0 else "")]
            )
        best, worst = max(months, key=lambda month: month.value), min(months, key=lambda month: month.value)
        above = sum(1 for month in months if month.value > 0)
        words = f"{above} of {len(months)} months above zero · best {_NAMES[best.month - 1]} {best.year}"
        return [*lines, [], [(f"{words} · worst {_NAMES[worst.month - 1]} {worst.year} · percent", "muted")]]
