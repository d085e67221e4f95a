"""What the panes of the paper screen share: the work they look at, words and tones, and two kinds of tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from textual import events

from polotui.core.text import clean
from polotui.tui.numbers import UNKNOWN, at, clock, moment
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.pane import Pane
from polotui.tui.widgets.rows import Column

if TYPE_CHECKING:
    from polotui.tui.screens.paper import PaperScreen
    from polotui.tui.widgets.paper.work import PaperWork

#: How far a stop is looked after: at the exchange it holds also while this engine is gone.
PROTECTION_WORDS = {"venue": "at exchange", "local": "local", "none": "none", "": UNKNOWN}
PROTECTION_TONES = {"venue": "good", "local": "", "none": "bad", "": "muted"}
SIDE_TONES = {"BUY": "up", "SELL": "down", "long": "up", "short": "down"}


class PaperPane(Pane):
    """A pane of screen 5."""

    SCOPES: tuple[str, ...] = ("paper",)
    TOPICS = frozenset({"paper", "link", "second"})

    @property
    def paper(self) -> PaperScreen:
        return cast("PaperScreen", self.screen)

    @property
    def work(self) -> PaperWork:
        return self.paper.work

    def title_right(self) -> Line:
        return self.stale_mark(0)


class RestTable(LiveTable, PaperPane):
    """The last column takes what room is left, and is cut there."""

    LEAST_REST = 20

    def _columns_for(self, width: int) -> list[tuple[Column, int]]:
        *fixed, rest = self.COLUMNS
        columns = [(column, self.table.width(column)) for column in fixed]
        while (free := width - 1 - sum(size + self.GAP for _, size in columns)) < self.LEAST_REST:
            droppable = [item for item in columns if item[0].drop]
            if not droppable:
                break
            columns.remove(max(droppable, key=lambda item: item[0].drop))
        return [*columns, (rest, max(0, free))]


class BlockTable(LiveTable, PaperPane):
    """A table whose rows may have lines below them that belong to them."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._places: list[int] = []
        """For each drawn line below the head: the place of its row."""

    def below(self, key: str, width: int) -> list[Line]:
        """The lines under a row."""
        return []

    def body(self, width: int, height: int) -> list[Line]:
        self.table.put(self.rows())
        columns = self._columns_for(width)
        closing, filter_line = self.closing_line(), self._filter_line()
        room = max(1, height - 1 - int(bool(closing)) - int(bool(filter_line)))
        shown = self.table.shown()
        blocks: dict[int, list[Line]] = {}

        def block(index: int) -> list[Line]:
            if index not in blocks:
                row = shown[index]
                line = self._row(row, columns, width, cursor=row.key == self.table.cursor)
                blocks[index] = [line, *self.below(row.key, width)]
            return blocks[index]

        first, end = self._window(len(shown), room, lambda index: len(block(index)))
        lines: list[Line] = [self._head(columns)] if shown else []
        self._places = []
        for index in range(first, end):
            lines += block(index)
            self._places += [index] * len(block(index))
        lines = lines[: room + 1]
        self._height = max(1, end - first)
        if not shown:
            lines += self.nothing(width)
        if closing:
            lines.append(closing)
        if filter_line:
            lines.extend([[]] * (height - 1 - len(lines)))
            lines.append(filter_line)
        return lines

    def _window(self, count: int, room: int, size: Callable[[int], int]) -> tuple[int, int]:
        """First row and end of what is shown: the cursor's row whole, and no empty room above the end."""
        place = self.table.place
        first = max(0, min(self._top, place))
        used = sum(size(index) for index in range(first, min(place + 1, count)))
        while first < place and used > room:
            used -= size(first)
            first += 1
        end, used = first, 0
        while end < count and (used + size(end) <= room or end == first):
            used += size(end)
            end += 1
        while end == count and first > 0 and used + size(first - 1) <= room:
            first -= 1
            used += size(first)
        self._top = first
        return first, end

    def nothing(self, width: int) -> list[Line]:
        words = f"No row matches «{self.table.needle}»; Esc clears." if self.table.needle else self.empty_words()
        return [[], [(f" {words}", "muted")]]

    def on_click(self, event: events.Click) -> None:
        y = event.y - 2
        if 0 <= y < len(self._places):
            self._go(self._places[y])
            if event.chain == 2:
                self.action_open()


def keyed(words: str) -> Line:
    """A sentence in which `a` stands for a key: «`a` starts one» in the tones of text and key."""
    return [(part, "key" if index % 2 else "muted") for index, part in enumerate(words.split("`")) if part]


def time_words(at_ms: int, now_ms: int) -> str:
    """The clock for today, day and clock for older."""
    if not at_ms:
        return UNKNOWN
    same_day = at(at_ms).date() == at(now_ms).date()
    return clock(at_ms) if same_day else moment(at_ms)


def running_words(milliseconds: int) -> str:
    """«3 d 04:11», «04:11», «12 min»: days and the clock, without seconds."""
    minutes = max(0, milliseconds) // 60_000
    days, rest = divmod(minutes, 1440)
    hours, minute = divmod(rest, 60)
    if days:
        return f"{days} d {hours:02}:{minute:02}"
    return f"{hours}:{minute:02} h" if hours else f"{minute} min"


def r_words(r: float | None, places: int = 2) -> str:
    """«+1.03», «−0.40»; «–» when it is not known."""
    if r is None:
        return UNKNOWN
    text = f"{r:+.{places}f}"
    return text.lstrip("+-") if not text.strip("+-0.") else text.replace("-", "−")


def figure(text: str) -> float | None:
    """Decimal text as a float for places on a bar; None when it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def quote_of(symbol: str) -> str:
    """«USDT» of BTC_USDT."""
    return clean(symbol.rpartition("_")[2], 12)


def tone_of_text(text: str) -> str:
    """up, down or muted by the sign of decimal text."""
    value = figure(text)
    return "muted" if not value else "up" if value > 0 else "down"
