"""Paper: bots on top, what is held and what was earned below, and at the bottom what happened and why.

Decided here: bots are always in sight. Below 30 rows the middle and the bottom take turns, below 100 columns positions
and result do, and Tab goes between them. From 44 rows on the feed keeps its place above the other tables. The
screen is fed by its topics and by counters; closing it stops neither a bot nor its protection.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from polotui.api.trade_values import BotRow
from polotui.model.orders import OrderState
from polotui.tui import keys
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.backtest.base import strategy_words, symbols_words
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.pane import Pane
from polotui.tui.widgets.paper.acts import Acts
from polotui.tui.widgets.paper.bots_pane import BotsPane
from polotui.tui.widgets.paper.feed_pane import FeedPane
from polotui.tui.widgets.paper.journal_pane import JournalPane
from polotui.tui.widgets.paper.orders_pane import OrdersPane
from polotui.tui.widgets.paper.positions_pane import PositionsPane
from polotui.tui.widgets.paper.profit_chart import ProfitChart
from polotui.tui.widgets.paper.signals_pane import SignalsPane
from polotui.tui.widgets.paper.tables import TABLES
from polotui.tui.widgets.paper.work import BY_HAND, EVERY_BOT, PaperWork

MIDDLE = ("positions", "result")
#: Columns from which the result is wider, and rows from which the feed keeps its place and all panes are higher.
ROOMY, TALL = 150, 44


class PaperScreen(Acts):
    """Screen 5."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("paper")
    DEFAULT_CSS = """
    PaperScreen #bots { height: 9; width: 1fr; }
    PaperScreen #middle { height: 10; }
    PaperScreen #bottom { height: 1fr; }
    PaperScreen #positions { width: 1fr; height: 1fr; }
    PaperScreen #result { width: 48; height: 1fr; }
    PaperScreen .table { width: 1fr; height: 1fr; }
    PaperScreen.-medium #result { width: 36; }
    PaperScreen.-roomy #result { width: 64; }
    PaperScreen.-tall #bots { height: 11; }
    PaperScreen.-tall #middle { height: 13; }
    PaperScreen.-tall #feed { height: 4fr; }
    PaperScreen.-tall .table { height: 3fr; }
    PaperScreen.-low #bots { height: 8; }
    PaperScreen.-low #middle { height: 1fr; }
    PaperScreen.-narrow #result { width: 1fr; }
    PaperScreen #body .-off { display: none; }
    PaperScreen #body .-away { display: none; }
    PaperScreen #body .-zoomed { display: block; width: 1fr; height: 1fr; }
    PaperScreen #body .column.-alone { display: block; width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.work = PaperWork(self.desk)
        self.table = "feed"
        self.held = "positions"
        """Which pane of the middle has the room in a narrow terminal."""
        self.upper = True
        """In a low terminal: the middle has the room, not the tables."""

    def body(self) -> Iterable[Widget]:
        with Vertical(id="body", classes="column"):
            yield BotsPane(id="bots")
            with Horizontal(id="middle", classes="column"):
                yield PositionsPane(id="positions")
                yield ProfitChart(id="result")
            with Vertical(id="bottom", classes="column"):
                yield FeedPane(id="feed", classes="table")
                yield OrdersPane(id="orders", classes="table")
                yield JournalPane(id="journal", classes="table")
                yield SignalsPane(id="signals", classes="table")

    def on_mount(self) -> None:
        self.give_room()
        super().on_mount()

    def first_focus(self) -> Pane:
        return self.query_one(BotsPane)

    def topics(self) -> list[str]:
        return ["bots", "positions", "orders", "trading"]

    def frame(self, dirty: set[str], now: float) -> None:
        self.work.heard(dirty)
        super().frame(dirty, now)
        dialog = self.app.screen
        if dialog is not self:
            for pane in dialog.query(Pane):
                pane.data_changed(dirty, now)

    def on_screen_resume(self) -> None:
        # What counted up while another screen was open.
        self.work.changed()
        super().on_screen_resume()
        wanted, self.desk.view.on_paper = self.desk.view.on_paper, None
        if wanted is not None:
            self.call_after_refresh(self.start_bot, wanted)

    # rooms

    @property
    def tall(self) -> bool:
        return self.app.size.height >= TALL

    def shown(self) -> set[str]:
        """The ids of the panes that have room."""
        narrow, low = self.has_class("-narrow"), self.has_class("-low")
        middle = {self.held} if narrow else set(MIDDLE)
        bottom = {self.table}
        if self.tall:
            bottom = {"feed", "orders" if self.table == "feed" else self.table}
        if low:
            return {"bots", *(middle if self.upper else bottom)}
        return {"bots", *middle, *bottom}

    def give_room(self) -> None:
        self.set_class(self.app.size.width >= ROOMY, "-roomy")
        self.set_class(self.tall, "-tall")
        shown = self.shown()
        for pane in self.query_one("#body").query(Pane):
            pane.set_class(pane.id not in shown, "-off")
        self.query_one("#middle").set_class(not shown & set(MIDDLE), "-off")
        self.query_one("#bottom").set_class(not shown & set(TABLES), "-off")
        self.settle()

    def settle(self) -> None:
        alone = self.zoomed is not None
        shown = self.shown()
        below = bool(shown & set(TABLES))
        for pane in self.query_one("#body").query(Pane):
            if pane.id == "bots":
                pane.frames(joins_above=False, has_bottom=alone)
            elif pane.id == "feed":
                pane.frames(joins_above=not alone, has_bottom=alone or not self.tall)
            else:
                pane.frames(joins_above=not alone, has_bottom=alone or pane.id in TABLES or not below)

    def reveal(self, pane: Pane) -> None:
        if pane.id in TABLES:
            self.upper = False
            if not (self.tall and pane.id == "feed"):
                self.table = str(pane.id)
            self.work.wanted.update({"journal", "signals"} & {self.table})
        elif pane.id in MIDDLE:
            self.upper, self.held = True, str(pane.id)
        self.give_room()

    def reachable(self, pane: Pane) -> bool:
        if pane.id not in TABLES:
            return True
        return pane.id in self.shown() or pane.id == self.table

    def _resized(self) -> None:
        self.give_room()
        super()._resized()

    # what the tables say in their titles

    def tabs_of(self, table: str) -> tuple[str, ...]:
        """The tables that take turns in this one's place."""
        if not self.tall:
            return tuple(TABLES)
        return ("feed",) if table == "feed" else tuple(name for name in TABLES if name != "feed")

    def counts(self) -> dict[str, tuple[str, str]]:
        """What counts in each table: (words, tone)."""
        orders = self.work.orders or []
        unknown = sum(1 for row in orders if row.state == OrderState.UNKNOWN)
        told = {"orders": (str(len(orders)), "muted")} if orders else {}
        if unknown:
            told["orders"] = (f"{len(orders)}, {unknown} UNKNOWN", "bad")
        return told

    # keys

    def action_start(self) -> None:
        self.start_bot()

    def bot_started(self, row: BotRow) -> None:
        pane = self.query_one(BotsPane)
        pane.table.cursor = str(row.id)
        self.focus_on(pane)

    def action_order(self) -> None:
        held = self.query_one(PositionsPane).chosen
        here = self.focused is self.query_one(PositionsPane) and held is not None
        self.place_order(held.symbol if here and held is not None else self.desk.view.symbol)

    def action_view(self, step: int) -> None:
        names = [name for name in TABLES if name != "feed"] if self.tall else list(TABLES)
        here = names.index(self.table) if self.table in names else -1 if step > 0 else 0
        self.show_table(names[(here + step) % len(names)])

    def action_show_table(self, name: str) -> None:
        self.show_table(name)

    def show_table(self, name: str) -> None:
        self.focus_on(self.query_one(f"#{name}", Pane))

    def action_bot(self) -> None:
        """Whose lines the tables and the result show."""
        focused = self.focused
        if isinstance(focused, LiveTable) and focused.typing:
            return
        rows = self.work.bots or []
        choices = [Choice(str(EVERY_BOT), "all", "every bot and orders by hand"), Choice(str(BY_HAND), "by hand")]
        choices += [
            Choice(
                str(row.id), f"#{row.id} {strategy_words(row.strategy, row.version, 40)}", symbols_words(row.symbols)
            )
            for row in rows
        ]

        def taken(bot: str | None) -> None:
            if bot is not None:
                self.work.show_bot(int(bot))

        self.app.push_screen(Picker("Feed, orders, journal, signals and result of", choices), taken)
