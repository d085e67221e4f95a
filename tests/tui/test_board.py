"""The strategies board by keys: stages, evidence, the table, and the three things one can do from there."""

from __future__ import annotations

import msgspec
import pytest

from polotui.api import risk_commands as rc
from polotui.api.events import BotsState, LabState, TradingState
from polotui.api.lab_values import RunSpec
from polotui.core.errors import UsageError
from polotui.tui.screens.registry import Entry
from polotui.tui.widgets.board.work import STAGES
from tests.tui import fake_engine as fe

SIZES = [(80, 24), (120, 36)]
WHO = "ada on pts/3"


@pytest.fixture
def open_desk(open_desk):
    def opened_with(*size, **options):
        return open_desk(*size, caller=WHO, **options)

    return opened_with


def asked(desk, kind):
    return [command for command in desk.engine.calls if isinstance(command, kind)]


def told(desk, words):
    return any(words in note.text for note in desk.app.store.notes)


async def at_board(desk, *keys_after):
    await desk.press("B")
    await desk.shown("Generated · 2")
    await desk.until(lambda: desk.app.desk_screen.work.chosen, "a chosen card")
    for key in keys_after:
        await desk.press(key)
        await desk.pilot.pause()


@pytest.mark.parametrize("size", SIZES)
async def test_it_is_reached_by_its_letter_and_by_its_name_and_left_by_escape(open_desk, size):
    async with open_desk(size) as desk:
        assert "Board" not in desk.text().splitlines()[1]
        await at_board(desk)
        assert "Board" in desk.text().splitlines()[1]
        await desk.press("escape")
        assert desk.app.current_name == "market"
        await desk.press("colon", *"board", "enter")
        await desk.until(lambda: desk.app.current_name == "board", "the board")
        assert {"lab", "bots"} <= set(desk.engine.link.topics)


async def test_four_columns_with_figures_health_and_proposals(open_desk):
    async with open_desk() as desk:
        await at_board(desk)
        for words in ("Generated · 2", "Backtested · 2", "Paper · 2", "Live · 0", "momentum-breakout v1",
                      "not backtested yet", "+18.4 %", "−9.8 %", "54.2 %", "paper +1.24 % · 38 trades", "● as expected",
                      "▼ below expected", "→ to paper", "→ to live (by hand)"):  # fmt: skip
            await desk.shown(words)


async def test_going_live_is_said_to_be_by_hand_only(open_desk):
    async with open_desk() as desk:
        await at_board(desk)
        for words in ("Going live is an act of a", "person, never of a rule", "by", "hand)» and nothing more"):
            await desk.shown(words)
        await desk.press("end", "l", "l", "l", "b", "P", "r", "enter")
        assert told(desk, "No strategy is chosen.")
        assert not asked(desk, rc.SetPromotion)


@pytest.mark.parametrize("size", SIZES)
async def test_arrows_go_through_the_stages_and_the_cards_and_the_evidence_follows(open_desk, size):
    async with open_desk(size) as desk:
        await at_board(desk, "l")
        await desk.shown("ema-pullback v4 · proposed: to paper")
        await desk.shown("✓ 212 trades, at least 30")
        await desk.shown("rule: 30 trades, return above 0 %, drawdown at most 25 %")
        await desk.press("j")
        await desk.shown("No proposal: nothing speaks for another stage yet.")
        await desk.press("l", "G")
        await desk.shown("rsi-reversion v2 · proposed: to live (by hand)")
        await desk.shown("✗ 12 of 30 days")
        paper = next(line for line in desk.text().splitlines() if line.startswith("│ paper "))
        assert paper.split()[2:] == ["+1.24", "%", "0.90", "−2.1", "%", "55.0", "%", "38", "bot", "2", "│"]
        await desk.press("g")
        await desk.shown("✗ result below the expected band for 6 days")
        await desk.press("l", "l", "h", "h", "h", "h")
        assert desk.app.desk_screen.stage == "generated"


async def test_a_narrow_terminal_shows_one_stage_and_says_where_one_is(open_desk):
    async with open_desk((80, 24)) as desk:
        await at_board(desk)
        for stage in STAGES:
            await desk.shown("generated → backtested → paper → live")
            shown = [one for one in STAGES if desk.pane(one).size.height]
            assert shown == [stage]
            await desk.press("right")
            await desk.pilot.pause()


async def test_what_is_unknown_is_a_dash_and_never_a_zero(open_desk):
    async with open_desk() as desk:
        await at_board(desk)

        def lines() -> list[str]:
            return [line for line in desk.text().splitlines() if line.startswith(("│ backtest ", "│ paper "))]

        await desk.until(lambda: len(lines()) == 2, desk.text)
        for line in lines():
            assert line.count("–") == 6
            assert "0" not in line


async def test_backtest_opens_the_bench_with_the_strategy(open_desk):
    async with open_desk() as desk:
        await at_board(desk, "l", "b")
        assert desk.app.current_name == "backtest"
        assert desk.app.view.strategy == "ema-pullback"


async def test_enter_opens_the_document_in_the_lab(open_desk):
    async with open_desk() as desk:
        await at_board(desk, "l", "enter")
        assert desk.app.current_name == "lab"
        assert desk.app.view.strategy == "ema-pullback"


async def test_paper_hands_the_strategy_to_the_wizard_of_the_paper_screen(open_desk, monkeypatch):
    async with open_desk() as desk:
        await at_board(desk, "l")
        if all(entry.name != "paper" for entry in desk.app.screens):
            desk.app.screens = (*desk.app.screens, Entry("5", "paper", "Paper", "", ""))
        gone_to: list[tuple[str, RunSpec | None]] = []
        monkeypatch.setattr(desk.app, "go_to", lambda name: gone_to.append((name, desk.app.view.on_paper)))
        await desk.press("P")
        assert gone_to == [("paper", RunSpec(strategy="ema-pullback", version=4))]


async def test_without_a_paper_screen_it_says_so(open_desk):
    async with open_desk() as desk:
        desk.app.screens = tuple(entry for entry in desk.app.screens if entry.name != "paper")
        await at_board(desk, "l", "P")
        assert told(desk, "This desk has no screen Paper.")
        assert desk.app.current_name == "board"


async def test_a_promotion_rule_is_set_with_fractions_and_out_with_zero(open_desk):
    async with open_desk() as desk:
        await at_board(desk, "l", "r")
        await desk.shown("Promotion into paper by rule")
        await desk.shown("nothing is ever promoted by a rule")
        await desk.press("ctrl+u", *"2.5", "enter", "enter", "ctrl+u", "0", "enter", "enter")
        await desk.shown("! a whole number")
        await desk.shown("! above 0")
        assert not asked(desk, rc.SetPromotion)
        await desk.press(
            "ctrl+u", *"50", "enter", "ctrl+u", *"2", "enter", "ctrl+u", *"12.5", "enter", *"1,000", "enter"
        )
        await desk.until(lambda: asked(desk, rc.SetPromotion), "the command")
        assert asked(desk, rc.SetPromotion) == [
            rc.SetPromotion(
                strategy="ema-pullback", least_trades=50, least_return=0.02, most_drawdown=0.125, capital="1000",
                caller=WHO,
            )
        ]  # fmt: skip
        await desk.until(lambda: told(desk, "ema-pullback is promoted by rule."), "the answer")
        await desk.until(lambda: len(asked(desk, rc.GetBoard)) == 2, "the board again")
        await desk.press("r", "ctrl+u", "0", "enter", "enter", "enter", "enter")
        await desk.until(lambda: len(asked(desk, rc.SetPromotion)) == 2, "the command")
        assert asked(desk, rc.SetPromotion)[1].least_trades == 0


async def test_a_read_only_board_promotes_nothing(open_desk):
    async with open_desk(read_only=True) as desk:
        await at_board(desk, "l", "r", "P")
        await desk.until(lambda: told(desk, "This face is read-only"), "the words")
        assert desk.app.current_name == "board"
        assert not asked(desk, rc.SetPromotion)


@pytest.mark.parametrize("size", SIZES)
async def test_the_table_sorts_by_any_figure_and_unknown_ones_last(open_desk, size):
    async with open_desk(size) as desk:
        await at_board(desk, "v")
        await desk.until(lambda: desk.app.focused is desk.pane("strategies"), "the table")
        await desk.shown("Strategies by stage · 6")
        await desk.press("l", "l", "s")
        names = [row.key for row in desk.pane("strategies").table.shown()]
        assert names[0] == "ema-pullback"
        assert set(names[-2:]) == {"momentum-breakout", "vol-squeeze"}
        await desk.press("g", "j")
        await desk.shown("grid-range v1 · proposed")
        await desk.press("escape")
        await desk.until(lambda: not desk.app.desk_screen.tabled, "the columns")


async def test_it_asks_again_when_something_changed_and_not_otherwise(open_desk):
    async with open_desk() as desk:
        await at_board(desk)
        count = len(asked(desk, rc.GetBoard))
        desk.engine.push(msgspec.structs.replace(desk.app.store.trading, risk=30))
        await desk.until(lambda: desk.app.store.trading.risk == 30, "an unrelated change")
        await desk.pilot.pause()
        assert len(asked(desk, rc.GetBoard)) == count
        for event in (LabState(runs=9), TradingState(trades=99), BotsState(bots=[])):
            desk.engine.push(event)
        await desk.until(lambda: len(asked(desk, rc.GetBoard)) > count, "the question")


async def test_a_board_that_cannot_be_read_says_why(open_desk):
    engine = fe.FakeEngine()
    engine.fail[rc.GetBoard] = UsageError("The ledger is not open.", next_step="polotui health says why.")
    async with open_desk(engine=engine) as desk:
        await desk.press("B")
        await desk.shown("The ledger is not open")


@pytest.mark.parametrize("size", SIZES)
async def test_an_empty_board_says_which_key_helps(open_desk, size):
    engine = fe.FakeEngine()
    engine.risk.cards = []
    async with open_desk(size, engine=engine) as desk:
        await desk.press("B")
        await desk.shown("3 opens the Lab, where a makes one from a template.")


async def test_a_card_that_changed_its_stage_stays_chosen(open_desk):
    async with open_desk() as desk:
        await at_board(desk, "l")
        assert desk.app.desk_screen.work.chosen == "ema-pullback"
        cards = desk.engine.risk.cards
        desk.engine.risk.cards = [
            msgspec.structs.replace(card, stage="paper", proposal="") if card.strategy == "ema-pullback" else card
            for card in cards
        ]
        desk.engine.push(LabState(runs=10))
        await desk.shown("Paper · 3")
        assert desk.app.desk_screen.work.card.stage == "paper"


async def test_the_board_is_exported_and_its_evidence_copied(open_desk):
    async with open_desk() as desk:
        await at_board(desk, "l", "y")
        assert "✓ hold-out +4.1 %" in desk.app.clipboard
        await desk.press("e", "enter")
        await desk.until(lambda: list(desk.exports.glob("*.csv")), "the file")
        assert "ema-pullback v4,backtested,+18.42 %" in next(desk.exports.glob("*.csv")).read_text()
