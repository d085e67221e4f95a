"""The list of words that fit where one types: kept while one goes on typing, and laid over the lines of the editor."""

from __future__ import annotations

from polotui.api.lab_values import Completion
from polotui.core.text import clean
from polotui.tui.widgets.painted import Line, clip, crop, fit, width_of

_ROWS = 8
_WIDEST = 64


class CompletionPopup:
    """What was offered at a place; narrowed by what is typed after it, without asking again."""

    def __init__(self, offered: list[Completion], row: int, column: int) -> None:
        self.row = row
        self.column = column
        self._offered = offered
        self.index = 0

    def matching(self, line: str, row: int, column: int) -> list[Completion]:
        """The words that continue what stands before the cursor; none once the cursor is elsewhere."""
        if row != self.row or column < self.column:
            return []
        found = []
        for one in self._offered:
            typed = line[max(0, self.column - one.replaces) : column].lower()
            if one.text.lower().startswith(typed) and one.text.lower() != typed:
                found.append(one)
        self.index = max(0, min(self.index, len(found) - 1))
        return found

    def start_of(self, one: Completion) -> int:
        """The column from which `one` replaces the text up to the cursor."""
        return max(0, self.column - one.replaces)


def boxed(found: list[Completion], index: int, room: int) -> list[Line]:
    """The list as lines of one width."""
    names = max(len(one.text) for one in found)
    kinds = max(len(one.kind) for one in found)
    width = max(20, min(room, _WIDEST, names + kinds + 6 + max(len(one.says) for one in found)))
    top = max(0, min(index - _ROWS // 2, len(found) - _ROWS))
    lines: list[Line] = []
    for place, one in enumerate(found[top : top + _ROWS], top):
        back = "last" if place == index else "select"
        name = fit(f" {clean(one.text, 60)} ", min(names + 2, width))
        rest = f" {clean(one.kind, 12):<{kinds}} {clean(one.says, 120)}"
        lines.append([(name, f"{back}"), (fit(rest, max(0, width - len(name))), f"muted {back}")])
    return lines


def laid(lines: list[Line], box: list[Line], x: int, y: int, width: int, height: int) -> list[Line]:
    """`lines` with `box` over them at (x, y): above the line when there is no room below it."""
    size = width_of(box[0])
    x = max(0, min(x, width - size))
    if y + 1 + len(box) <= height:
        first = y + 1
    elif y >= len(box):
        first = y - len(box)
    else:
        first, box = y + 1, box[: max(0, height - y - 1)]
    out = list(lines)
    for place, row in enumerate(box, first):
        while place >= len(out):
            out.append([])
        under = crop(out[place], width)
        out[place] = [*crop(under, x), *row, *clip(under, x + size)]
    return out
