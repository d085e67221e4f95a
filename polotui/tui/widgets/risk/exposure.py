"""Where the money is: by asset and by strategy, each with its share of the equity."""

from __future__ import annotations

from polotui.api.trade_values import ExposureRow
from polotui.core.text import clean
from polotui.tui.numbers import group
from polotui.tui.widgets.allocation_bar import allocation
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.risk.base import RiskPane, gauge, share


class ExposurePane(RiskPane):
    """Assets on the left, strategies on the right; one under the other when there is no room."""

    NAME = "Exposure"
    ABOUT = (
        "What is held, by asset and by the strategy that bought it, as a share of the equity. A value that has no "
        "fresh price is unknown and not zero."
    )

    def title(self, width: int) -> Line:
        risk = self.risk
        line: Line = [(self.NAME, "title")]
        if risk is not None:
            line.append((f" · cash {share(risk.cash_share)}", "muted"))
        return line

    def body(self, width: int, height: int) -> list[Line]:
        risk = self.risk
        if risk is None:
            return self.nothing(width)
        assets = [row for row in risk.exposure if row.kind == "asset"]
        strategies = [row for row in risk.exposure if row.kind == "strategy"]
        if not assets and not strategies:
            words = "Nothing is held: all of it is cash." if risk.cash_share is not None else "Nothing is held."
            return [[], [(f" {words}", "muted")]]
        lines: list[Line] = []
        shares = [(clean(row.name, 12), row.share) for row in assets if row.share is not None]
        if risk.cash_share is not None:
            shares.append(("cash", risk.cash_share))
        lines += [[(" ", ""), *allocation(shares, width - 2)], []] if height > 6 else []
        room = height - len(lines)
        half = (width - 3) // 2
        left, right = _column("by asset", assets, half), _column("by strategy", strategies, half)
        if max(len(left), len(right)) > room:
            left, right = _cut(left, room), _cut(right, room)
        for index in range(max(len(left), len(right))):
            blank: Line = [(" " * half, "")]
            lines.append(
                [(" ", ""), *(left[index] if index < len(left) else blank), ("  ", "")]
                + (right[index] if index < len(right) else blank)
            )
        return lines

    def export(self) -> Exported | None:
        risk = self.risk
        if risk is None:
            return None
        rows = [[row.kind, row.name, row.value, "" if row.share is None else str(row.share)] for row in risk.exposure]
        return Exported("exposure", ["kind", "name", "value_usdt", "share"], rows)

    def copied(self) -> tuple[str, str] | None:
        risk = self.risk
        if risk is None:
            return None
        told = [f"{row.name} {share(row.share)}" for row in risk.exposure if row.kind == "asset"]
        return "exposure by asset", ", ".join([*told, f"cash {share(risk.cash_share)}"])


def _column(title: str, rows: list[ExposureRow], width: int) -> list[Line]:
    """Head and rows, each exactly `width` cells: name, value, share, bar."""
    value = 10 if width >= 42 else 0
    bars = 6 if width >= 30 else 4 if width >= 24 else 0
    name = max(6, width - 6 - (value + 1 if value else 0) - (bars + 3 if bars else 0))
    lines: list[Line] = [[(fit(title, width), "muted")]]
    for row in rows:
        line: Line = [(fit(clean(row.name, 30), name), "" if row.share is not None else "muted")]
        if value:
            line.append((" " + fit(group(row.value, 2), value, "right"), "muted"))
        line.append((fit(share(row.share), 6, "right"), "" if row.share is not None else "warn"))
        if bars:
            line += [(" ", ""), *gauge(row.share, bars, "part1" if row.kind == "asset" else "part4")]
        lines.append(line)
    if not rows:
        lines.append([(fit("nothing", width), "muted")])
    return lines


def _cut(lines: list[Line], room: int) -> list[Line]:
    """At most `room` lines; the last says how many are not shown."""
    if len(lines) <= room or room < 2:
        return lines[: max(0, room)]
    width = sum(len(text) for text, _ in lines[0])
    return [*lines[: room - 1], [(fit(f"… {len(lines) - room + 1} more", width), "muted")]]
