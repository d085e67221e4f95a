"""The tables at the bottom of the paper screen, one of them at a time: feed, orders, journal, signals."""

from __future__ import annotations

from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.paper.base import RestTable

#: In the order of `v`: id of the pane and its word in the title.
TABLES = {"feed": "feed", "orders": "orders", "journal": "journal", "signals": "signals"}


def tabs(table: str, counts: dict[str, tuple[str, str]], shown: tuple[str, ...] = tuple(TABLES)) -> Line:
    """The tables' names as a title, the open one in front of the eye, with what counts in each."""
    line: Line = []
    for name in shown:
        words = TABLES[name]
        if line:
            line.append((" · ", "faint"))
        else:
            words = words.capitalize()
        line.append((words, "title" if name == table else "muted"))
        count, tone = counts.get(name, ("", ""))
        if count:
            line.append((f" {count}", tone))
    return line


class PaperTable(RestTable):
    """One of them."""

    TABLE = ""

    def title(self, width: int) -> Line:
        line = tabs(self.TABLE, self.paper.counts(), self.paper.tabs_of(self.TABLE))
        words = self.filter_words()
        return [*line, (f" · only {words}", "accent")] if words else line

    def filter_words(self) -> str:
        """What is left out, for the title."""
        return self.work.filter_words
