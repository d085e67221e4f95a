"""Halting: the chord from everywhere, the flag without an engine, and the two words that go the other way."""

from __future__ import annotations

import asyncio

import pytest

from polotui.api import risk_commands as rc
from polotui.api.events import TradingState
from polotui.core.errors import Refused, Unreachable
from polotui.core.halt import NAME, halt, is_halted
from polotui.core.paths import Home
from polotui.tui.shell.dialogs import Question
from polotui.tui.shell.entries import Entries
from polotui.tui.shell.picker import Picker
from tests.tui import fake_engine as fe
from tests.tui import fake_risk as fr

SIZES = [(80, 24), (120, 36)]


@pytest.fixture
def home(tmp_path):
    return Home.at(tmp_path / "home")


@pytest.fixture
def open_desk(open_desk, home):
    def opened_with(*size, **options):
        return open_desk(*size, home=home, caller="ada on pts/3", **options)

    return opened_with


def asked(desk, kind):
    return [command for command in desk.engine.calls if isinstance(command, kind)]


def told(desk, words):
    return any(words in note.text for note in desk.app.store.notes)


async def halted(desk, home):
    """What must hold after the chord, wherever it was pressed."""
    await desk.until(lambda: asked(desk, rc.Halt), "the command")
    assert asked(desk, rc.Halt) == [rc.Halt(reason="ctrl+g twice", caller="ada on pts/3")]
    note = is_halted(home)
    assert note is not None
    assert (note.reason, note.who, note.at_ms) == ("ctrl+g twice", "ada on pts/3", fe.NOW)
    await desk.until(lambda: told(desk, "Halted. 2 resting orders cancelled."), "the answer")
    assert desk.app.trading_word == "HALTED"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("digit", ["1", "2", "3", "4", "6", "B"])
async def test_the_chord_halts_on_every_screen(open_desk, home, size, digit):
    async with open_desk(size) as desk:
        await desk.press(digit)
        await desk.press("ctrl+g")
        await desk.shown("halt: ctrl+g again")
        assert not asked(desk, rc.Halt)
        assert is_halted(home) is None
        await desk.press("ctrl+g")
        await halted(desk, home)
        await desk.shown(" HALTED ")
        await desk.shown("╔")


async def test_the_chord_halts_while_a_filter_is_typed(open_desk, home):
    async with open_desk() as desk:
        await desk.press("slash", "b", "ctrl+g", "t", "ctrl+g")
        await halted(desk, home)
        assert desk.pane("watchlist").table.needle == "bt"


async def test_the_chord_halts_while_one_types_in_the_editor_of_the_lab(open_desk, home):
    engine = fe.FakeEngine()
    engine.library = "lab"
    async with open_desk(engine=engine) as desk:
        await desk.press("3")
        await desk.until(lambda: desk.app.desk_screen.work.rows, "the strategies")
        await desk.press("enter")
        await desk.until(lambda: desk.app.desk_screen.work.document is not None, "a document")
        editor = desk.pane("document")
        desk.app.desk_screen.focus_on(editor)
        await desk.until(lambda: desk.app.focused is editor, "the editor")
        await desk.press("enter")
        assert editor.typing
        before = editor.buffer.text
        await desk.press("ctrl+g", "ctrl+g")
        await halted(desk, home)
        assert editor.typing
        assert editor.buffer.text == before


@pytest.mark.parametrize(
    ("keys", "dialog"), [(("colon",), Picker), (("x",), Question), (("6", "R", "L", "a"), Entries)]
)
async def test_the_chord_halts_with_a_dialog_open_and_leaves_it_open(open_desk, home, keys, dialog):
    async with open_desk() as desk:
        for key in keys:
            await desk.press(key)
        if dialog is Entries:
            desk.app.desk_screen.focus_on(desk.pane("locks"))
            await desk.until(lambda: desk.app.focused is desk.pane("locks"), "the locks")
            await desk.press("a")
        await desk.until(lambda: isinstance(desk.app.screen, dialog), "the dialog")
        await desk.press("ctrl+g")
        await desk.shown("halt: ctrl+g again")
        await desk.press("ctrl+g")
        await halted(desk, home)
        assert isinstance(desk.app.screen, dialog)


async def test_the_chord_halts_on_a_read_only_face(open_desk, home):
    async with open_desk(read_only=True) as desk:
        await desk.press("ctrl+g", "ctrl+g")
        await halted(desk, home)


async def test_the_chord_halts_while_repainting_is_paused(open_desk, home):
    async with open_desk() as desk:
        await desk.press("p", "ctrl+g")
        await desk.shown("halt: ctrl+g again")
        await desk.press("ctrl+g")
        await halted(desk, home)
        await desk.shown(" HALTED ")


@pytest.mark.parametrize(("pause", "halts"), [(0.0, True), (1.5, True), (1.51, False), (60.0, False)])
async def test_the_second_press_counts_within_a_second_and_a_half(open_desk, home, pause, halts):
    async with open_desk() as desk:
        await desk.press("ctrl+g")
        desk.clock.advance(pause)
        await desk.press("ctrl+g")
        await desk.pilot.pause()
        assert bool(asked(desk, rc.Halt)) == halts
        assert (is_halted(home) is not None) == halts


async def test_a_late_second_press_is_a_first_one_again(open_desk, home):
    async with open_desk() as desk:
        await desk.press("ctrl+g")
        desk.clock.advance(2)
        await desk.press("ctrl+g")
        desk.clock.advance(1)
        assert not asked(desk, rc.Halt)
        await desk.press("ctrl+g")
        await desk.until(lambda: asked(desk, rc.Halt), "the command")


async def test_one_press_changes_nothing_but_the_hint(open_desk, home):
    async with open_desk() as desk:
        notes = len(desk.app.store.notes)
        await desk.press("ctrl+g")
        desk.clock.advance(1.6)
        desk.app.refresh_frame()
        footer = desk.app.desk_screen.query_one("FooterBar")
        await desk.until(lambda: "again" not in "".join(text for text, _ in footer._lines[0]), "the hint to go")
        assert len(desk.app.store.notes) == notes
        assert not asked(desk, rc.Halt)


async def test_the_chord_can_be_moved(open_desk, home):
    from polotui.core.face_settings import FaceSettings

    async with open_desk(settings=FaceSettings(keymap={"halt": "f12"})) as desk:
        await desk.shown("halt f12 f12")
        await desk.press("ctrl+g", "ctrl+g")
        assert not asked(desk, rc.Halt)
        await desk.press("f12", "f12")
        await desk.until(lambda: asked(desk, rc.Halt), "the command")


# without an engine


async def test_without_an_engine_the_flag_alone_halts_and_the_face_says_so(open_desk, home):
    async with open_desk() as desk:
        desk.engine.die()
        await desk.until(lambda: desk.app.store.link == "gone", "the engine gone")
        await desk.press("ctrl+g", "ctrl+g")
        await desk.until(lambda: is_halted(home) is not None, "the flag")
        await desk.until(lambda: told(desk, "The engine does not answer"), "the words")
        assert told(desk, "The flag file stops every new order. Resting orders stay where they are and may still fill")
        await desk.shown(" HALTED ")


async def test_a_silent_engine_does_not_hold_the_flag_up(open_desk, home, monkeypatch):
    monkeypatch.setattr("polotui.tui.shell.halting.PATIENCE", 0.01)
    async with open_desk() as desk:
        silent = asyncio.Event()

        async def call(command):
            desk.engine.calls.append(command)
            await silent.wait()
            return fr.FakeRisk(fe.NOW).answer(command)

        desk.app.session.call = call
        await desk.press("ctrl+g", "ctrl+g")
        await desk.until(lambda: told(desk, "The engine has not answered for"), "the words")
        assert is_halted(home) is not None
        assert asked(desk, rc.Halt)
        silent.set()
        await desk.until(lambda: told(desk, "Halted. 2 resting orders cancelled."), "the late answer")


async def test_an_engine_that_fails_is_told_with_what_holds(open_desk, home):
    async with open_desk() as desk:
        desk.engine.fail[rc.Halt] = Unreachable("The engine gave no answer within 10 s.")
        await desk.press("ctrl+g", "ctrl+g")
        await desk.until(lambda: told(desk, "gave no answer within 10 s."), "the words")
        assert told(desk, "The flag file stops every new order.")
        assert is_halted(home) is not None


async def test_a_flag_that_cannot_be_written_is_told_though_the_engine_halts(open_desk, home):
    home.data.parent.mkdir(parents=True)
    home.data.write_text("in the way")
    async with open_desk() as desk:
        await desk.press("ctrl+g", "ctrl+g")
        await desk.until(lambda: told(desk, "Halted. 2 resting orders cancelled."), "the answer")
        assert told(desk, "cannot be made or used")


async def test_a_halt_from_another_terminal_is_seen_within_a_second(open_desk, home):
    async with open_desk() as desk:
        await desk.gone(" HALTED ")
        halt(home, "polotui halt", "bob on pts/9", desk.clock)
        desk.clock.advance(1)
        await desk.shown(" HALTED ")
        await desk.press("6")
        await desk.shown("╔")
        (home.data / NAME).unlink()
        desk.clock.advance(1)
        await desk.gone(" HALTED ")
        await desk.shown("┌")


# what the desk shows


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("state", "corner"), [("HALTED", "╔"), ("REDUCING", "╌")])
async def test_the_state_is_word_and_border_on_every_screen(open_desk, size, state, corner):
    async with open_desk(size) as desk:
        desk.engine.push(TradingState(state=state, reason="why", risk=40))
        for digit in "12346B":
            await desk.press(digit)
            await desk.shown(f" {state} ")
            await desk.shown(corner)


async def test_the_header_drops_limits_then_clock_then_risk_and_never_what_is_loud(open_desk):
    state = TradingState(state="HALTED", risk=78, breaches=2, unknown_orders=1)
    for width, there, away in (
        (175, ("limits 3/200", "UTC", "risk 78 ▇ 2 breaches", "1 unknown"), ()),
        (150, ("UTC", "risk 78 ▇ 2 breaches", "+1.24 %", "1 unknown"), ("limits",)),
        (100, ("1 unknown", "stream"), ("limits", "UTC", "risk")),
        (80, ("1 unknown", "stream"), ("limits", "UTC", "risk")),
    ):
        async with open_desk((width, 36)) as desk:
            desk.engine.push(state)
            await desk.shown("1 unknown")
            header = desk.text().splitlines()[0]
            assert "HALTED" in header
            assert "DEMO" in header
            for words in there:
                assert words in header, (width, words, header)
            for words in away:
                assert words not in header, (width, words, header)


async def test_an_unknown_meter_is_no_zero(open_desk):
    async with open_desk() as desk:
        desk.engine.push(TradingState(risk=None))
        await desk.shown("risk –")
        desk.engine.push(TradingState(risk=0))
        await desk.shown("risk 0 ▁")


# going on, and selling


async def test_resuming_says_what_will_happen_and_wants_the_word(open_desk):
    async with open_desk() as desk:
        desk.engine.push(TradingState(state="HALTED", reason="daily loss"))
        await desk.shown(" HALTED ")
        await desk.press("6", "R")
        await desk.shown("bots may enter again")
        await desk.shown("daily loss")
        await desk.press("enter", *"resume", "enter")
        await desk.shown("! type RESUME to go on")
        assert not asked(desk, rc.Resume)
        await desk.press("ctrl+u", *"RESUME", "enter")
        await desk.until(lambda: asked(desk, rc.Resume), "the command")
        assert asked(desk, rc.Resume) == [rc.Resume(words="RESUME", reducing=False, caller="ada on pts/3")]
        await desk.until(lambda: told(desk, "Trading goes on."), "the answer")


async def test_resuming_only_what_reduces(open_desk):
    async with open_desk() as desk:
        desk.engine.push(TradingState(state="HALTED"))
        await desk.shown(" HALTED ")
        await desk.press("colon", *"resume", "enter")
        await desk.shown("◂ everything ▸")
        await desk.press("right", "enter", *"RESUME", "enter")
        await desk.until(lambda: asked(desk, rc.Resume), "the command")
        assert asked(desk, rc.Resume)[0].reducing


async def test_there_is_nothing_to_resume_while_trading_is_active(open_desk):
    async with open_desk() as desk:
        await desk.press("6", "R")
        await desk.until(lambda: told(desk, "there is nothing to resume"), "the words")
        assert not isinstance(desk.app.screen, Entries)


async def test_flattening_lists_what_is_sold_and_wants_the_word(open_desk):
    async with open_desk() as desk:
        desk.engine.risk.positions = [fr.position(), fr.position("ETH_USDT", strategy="", value="", quantity="0.4")]
        await desk.press("6", "F")
        await desk.shown("BTC_USDT")
        for words in ("at whatever it pays then.", "worth 1,918.07", "worth unknown", "by hand"):
            await desk.shown(words)
        await desk.press(*"flatten", "enter")
        await desk.shown("! type FLATTEN to go on")
        assert not asked(desk, rc.Flatten)
        await desk.press("ctrl+u", *"FLATTEN", "enter")
        await desk.until(lambda: asked(desk, rc.Flatten), "the command")
        assert asked(desk, rc.Flatten) == [rc.Flatten(words="FLATTEN", account="paper", caller="ada on pts/3")]


async def test_escape_leaves_both_dialogs_and_sends_nothing(open_desk):
    async with open_desk() as desk:
        desk.engine.push(TradingState(state="HALTED"))
        await desk.shown(" HALTED ")
        for key in "RF":
            await desk.press("6", key)
            await desk.until(lambda: isinstance(desk.app.screen, Entries), "the dialog")
            await desk.press(*"FLATTEN", "escape")
            await desk.until(lambda: not isinstance(desk.app.screen, Entries), "the screen")
        assert not asked(desk, rc.Resume)
        assert not asked(desk, rc.Flatten)


async def test_a_read_only_face_neither_resumes_nor_sells(open_desk):
    async with open_desk(read_only=True) as desk:
        desk.engine.push(TradingState(state="HALTED"))
        await desk.shown(" HALTED ")
        await desk.press("6", "R", "F")
        await desk.until(lambda: told(desk, "This face is read-only"), "the words")
        assert not isinstance(desk.app.screen, Entries)
        assert not asked(desk, rc.Resume)
        assert not asked(desk, rc.Flatten)


async def test_the_palette_halts_after_a_question(open_desk, home):
    async with open_desk() as desk:
        await desk.press("colon", *"halt", "enter")
        await desk.shown("No order leaves any more")
        await desk.press("enter")
        assert is_halted(home) is None
        await desk.press("colon", *"halt", "enter")
        await desk.shown("No order leaves any more")
        await desk.press("y")
        await desk.until(lambda: asked(desk, rc.Halt), "the command")
        assert is_halted(home).reason == "the command halt"


async def test_a_refused_resume_is_told_in_the_engines_words(open_desk):
    async with open_desk() as desk:
        desk.engine.fail[rc.Resume] = Refused("The daily-loss latch is set.", next_step="It clears at 00:00 UTC.")
        desk.engine.push(TradingState(state="HALTED"))
        await desk.shown(" HALTED ")
        await desk.press("6", "R", "enter", *"RESUME", "enter")
        await desk.until(lambda: told(desk, "The daily-loss latch is set. It clears at 00:00 UTC."), "the words")


async def test_breaches_are_told_by_a_toast_each_and_not_counted_away(open_desk):
    from polotui.api.events import Fact

    async with open_desk() as desk:
        await desk.press("p")
        facts = [
            Fact(number=n, kind="alert" if n % 2 else "stream", level="error" if n % 2 else "warning", text=f"fact {n}")
            for n in range(1, 13)
        ]
        desk.engine.push(*facts)
        await desk.until(lambda: len(desk.app._notifications) >= 6, "the toasts")
        shown = [note.message for note in desk.app._notifications]
        for n in (1, 3, 5, 7, 9, 11):
            assert f"fact {n}" in shown, shown
