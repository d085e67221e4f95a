"""How the trades' results are spread: one bar a bin, losses and gains apart."""

from __future__ import annotations

from collections.abc import Sequence

from polotui.api.lab_values import Bin, RunDetail
from polotui.tui.widgets.backtest.result_pane import TextTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.sparkline import bar


def merged(bins: Sequence[Bin], rows: int) -> list[Bin]:
    """At most `rows` bins: neighbours joined, gains and losses never into one."""
    made = list(bins)
    while len(made) > max(2, rows):
        joined: list[Bin] = []
        index = 0
        while index < len(made):
            one = made[index]
            other = made[index + 1] if index + 1 < len(made) else None
            if other is not None and not one.high <= 0 <= other.low:
                joined.append(Bin(one.low, other.high, one.count + other.count))
                index += 2
            else:
                joined.append(one)
                index += 1
        if len(joined) == len(made):
            break
        made = joined
    return made


def edge(value: float) -> str:
    text = f"{value * 100:+.1f}".replace("-", "−")
    return "0.0" if not text.strip("+−0.") else text


class Distribution(TextTable):
    """A histogram lying on its side, so that each bar has its number."""

    NAME = "Distribution"
    TABLE = "distribution"
    ABOUT = "How many trades ended with which result, net of fees, in percent of what was put in."

    def text(self, result: RunDetail, width: int) -> list[Line]:
        if not any(item.count for item in result.bins):
            return [[], [("No closed trade, so nothing is spread.", "muted")]]
        bins = merged(result.bins, max(6, self.size.height - 3))
        most = max(item.count for item in bins)
        total = sum(item.count for item in bins)
        room = max(8, width - 32)
        lines: list[Line] = []
        for item in bins:
            middle = (item.low + item.high) / 2
            tone = "up" if middle > 0 else "down"
            lines.append(
                [
                    (f"{edge(item.low):>6} … {edge(item.high):>6} %", "muted"),
                    (" ", ""),
                    (bar(item.count / most, room), tone),
                    (f" {item.count:>4,}", ""),
                    (f" {item.count / total * 100:>4.0f} %", "muted"),
                ]
            )
        return lines
