"""The strategies board: generated → backtested → paper → live, with what is proposed and why.

Decided here: the board moves nothing by itself. Into paper a rule may promote once a person opted in to it; into live
only a person, by hand, and the board says so in that column. Below 116 columns one stage has the room at a time and
left and right go through them. The board has no digit: B opens it, and `:board`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from polotui.api.lab_values import RunSpec
from polotui.api.risk_commands import SetPromotion
from polotui.api.trade_values import BoardCard
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.screens.base import DeskScreen
from polotui.tui.shell.entries import Entries, Entry
from polotui.tui.widgets.backtest.form_fields import number
from polotui.tui.widgets.board.column import StageColumn
from polotui.tui.widgets.board.evidence import EvidencePane
from polotui.tui.widgets.board.table import BoardTable
from polotui.tui.widgets.board.work import STAGES, BoardWork
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.pane import Exported, Pane
from polotui.tui.widgets.risk.forms import optional, plain, wrong_number


class BoardScreen(DeskScreen):
    """Four columns, or one table, and the evidence below."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("board")
    DEFAULT_CSS = """
    BoardScreen #body { layout: vertical; }
    BoardScreen #stages { height: 3fr; }
    BoardScreen StageColumn { width: 1fr; height: 1fr; }
    BoardScreen #strategies { height: 3fr; }
    BoardScreen #evidence { height: 12; }
    BoardScreen.-low #evidence { height: 9; }
    BoardScreen #body .-off { display: none; }
    BoardScreen #body .-away { display: none; }
    BoardScreen #body .-zoomed { display: block; width: 1fr; height: 1fr; }
    BoardScreen #body .column.-alone { display: block; width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.work = BoardWork(self.desk)
        self.stage = "generated"
        self.tabled = False

    def body(self) -> Iterable[Widget]:
        with Vertical(id="body"):
            with Horizontal(id="stages", classes="column"):
                for stage in STAGES:
                    yield StageColumn(stage, id=stage)
            yield BoardTable(id="strategies")
            yield EvidencePane(id="evidence")

    def on_mount(self) -> None:
        self.give_room()
        super().on_mount()

    def first_focus(self) -> Pane:
        return self.query_one(f"#{self.stage}", Pane)

    def topics(self) -> list[str]:
        return ["lab", "bots"]

    def frame(self, dirty: set[str], now: float) -> None:
        before = self.work.cards
        self.work.heard(dirty)
        super().frame(dirty, now)
        if "board" in dirty and before is not None and not self.work.chosen and isinstance(self.focused, StageColumn):
            self.focused.arrive()

    # rooms

    @property
    def narrow(self) -> bool:
        return not self.has_class("-wide")

    def give_room(self) -> None:
        for pane in self.query(StageColumn):
            pane.set_class(self.tabled or (self.narrow and pane.stage != self.stage), "-off")
        self.query_one("#stages").set_class(self.tabled, "-off")
        self.query_one(BoardTable).set_class(not self.tabled, "-off")
        self.settle()

    def settle(self) -> None:
        alone = self.zoomed is not None
        for pane in self.query(StageColumn):
            pane.frames(joins_above=False, has_bottom=alone)
        self.query_one(BoardTable).frames(joins_above=False, has_bottom=alone)
        # Four columns end on one line of their own: tees would have to stand in its middle.
        self.query_one(EvidencePane).frames(joins_above=not alone and (self.narrow or self.tabled), has_bottom=True)
        for pane in self.query(StageColumn):
            pane.frames(joins_above=False, has_bottom=alone or not self.narrow)

    def reachable(self, pane: Pane) -> bool:
        if isinstance(pane, StageColumn):
            return not self.tabled and (not self.narrow or pane.stage == self.stage)
        return self.tabled if isinstance(pane, BoardTable) else True

    def reveal(self, pane: Pane) -> None:
        if isinstance(pane, StageColumn):
            self.stage, self.tabled = pane.stage, False
        self.give_room()

    def _resized(self) -> None:
        self.give_room()
        super()._resized()

    def place_words(self, stage: str) -> Line:
        """Where one is among the stages, when only one has room."""
        if not self.narrow:
            return []
        line: Line = [("← ", "key")]
        for index, name in enumerate(STAGES):
            line += [(" → " if index else "", "faint"), (name, "accent" if name == stage else "muted")]
        return [*line, (" →", "key")]

    def next_stage(self, step: int) -> None:
        place = max(0, min(STAGES.index(self.stage) + step, len(STAGES) - 1))
        self.stage = STAGES[place]
        self.focus_on(self.query_one(f"#{self.stage}", Pane))

    # keys

    def _card(self) -> BoardCard | None:
        card = self.work.card
        if card is None:
            self.desk.tell("No strategy is chosen. Arrows choose one; 3 opens the Lab, where a makes one.")
        return card

    def action_table(self) -> None:
        self.tabled = not self.tabled
        self.focus_on(self.query_one(BoardTable) if self.tabled else self.query_one(f"#{self.stage}", Pane))

    def step_back(self) -> bool:
        if not self.tabled:
            return False
        self.action_table()
        return True

    def action_backtest(self) -> None:
        if (card := self._card()) is not None:
            self.desk.view.strategy = card.strategy
            self.desk.store.mark("view")
            self.desk.go_to("backtest")

    def action_paper(self) -> None:
        """The Paper screen's own wizard starts it: what stands against it is listed there."""
        card = self._card()
        if card is None or not self.desk.may_change():
            return
        if all(entry.name != "paper" for entry in self.desk.screens):
            self.desk.tell("This desk has no screen Paper.", "warning")
            return
        self.desk.view.strategy = card.strategy
        self.desk.view.on_paper = RunSpec(strategy=card.strategy, version=card.version)
        self.desk.store.mark("view")
        self.desk.go_to("paper")

    def open_strategy(self) -> None:
        if (card := self._card()) is not None:
            self.desk.view.strategy = card.strategy
            self.desk.store.mark("view")
            self.desk.go_to("lab")

    def action_rule(self) -> None:
        card = self._card()
        if card is None or not self.desk.may_change():
            return
        name = card.strategy

        def percent(text: str) -> str:
            return wrong_number(text, least=-100, most=1000)

        words: list[Line | str] = [
            [(clean(name, 60), "title"), (f"  {clean(card.rule, 120) or 'no rule yet'}", "muted")],
            "When a strategy meets the rule it is started on paper by itself, which is told and can be undone. Into "
            "live nothing is ever promoted by a rule. 0 trades opts out.",
            [],
        ]
        entries = [
            Entry("trades", "least trades", "30", check=lambda text: wrong_number(text, least=0, most=1e6, whole=True)),
            Entry("return", "least return", "0", unit="%", check=percent),
            Entry(
                "drawdown", "most drawdown", "25", unit="%", check=lambda text: wrong_number(text, above=0, most=100)
            ),
            Entry(
                "capital",
                "capital on paper",
                hint="1,000 USDT",
                unit="USDT",
                check=lambda text: optional(text, lambda one: wrong_number(one, above=0, most=1e12)),
            ),
        ]

        def answered(texts: dict[str, str] | None) -> None:
            if texts is not None:
                self.work.set_rule(
                    SetPromotion(
                        strategy=name,
                        least_trades=int(number(texts["trades"])),
                        least_return=round(number(texts["return"]) / 100, 12),
                        most_drawdown=round(number(texts["drawdown"]) / 100, 12),
                        capital=plain(texts["capital"]),
                        caller=self.desk.caller,
                    )
                )

        self.desk.push_screen(Entries("Promotion into paper by rule", words, entries, "opts in"), answered)

    # giving out

    def exported(self) -> Exported | None:
        return self.query_one(BoardTable).export()
