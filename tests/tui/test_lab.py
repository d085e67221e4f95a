"""The lab's screen by keys: library, typing with faults where they are, completion, saving, drafts, preview, form."""

from __future__ import annotations

import asyncio
import contextlib
import stat
import sys
from pathlib import Path

import pytest

from polotui.api import lab_commands as lc
from polotui.api.events import LabState
from polotui.core.errors import EngineGone, Refused
from polotui.tui.widgets.lab.documents import Documents
from tests.tui import fake_engine as fe
from tests.tui.fake_lab import EMA_PULLBACK, FakeLab, check, lab_engine

OPEN = ("j", "enter")
RULE = 14


@pytest.fixture
def open_lab(open_desk, tmp_path):
    """The lab with its list; `opened=True` with ema-pullback in the editor and its preview."""

    @contextlib.asynccontextmanager
    async def made(size=(120, 36), *, opened=True, lab=None, **options):
        engine = lab_engine(lab)
        options.setdefault("drafts", tmp_path / "drafts")
        async with open_desk(size, engine=engine, screen="lab", **options) as desk:
            work = desk.app.desk_screen.work
            await desk.until(lambda: work.rows is not None, "the list")
            if opened:
                await desk.press(*OPEN)
                await desk.until(lambda: work.document is not None and work.preview is not None, "the document")
                await desk.until(lambda: desk.app.focused is desk.pane("document"), "the editor")
            yield desk

    return made


def work_of(desk):
    return desk.app.desk_screen.work


def buffer_of(desk):
    return work_of(desk).document.buffer


async def type_into_rule(desk, text):
    """Begins typing at the end of the entry rule, inside its quotes."""
    buffer_of(desk).move_to(RULE - 1, len(buffer_of(desk).lines[RULE - 1]) - 1)
    await desk.press("enter")
    await desk.press(*("space" if letter == " " else letter for letter in text))


def sent(desk, kind):
    return [command for command in desk.engine.calls if isinstance(command, kind)]


async def told(desk, words):
    """A toast may break its words over lines; the notification centre has them whole."""
    await desk.until(
        lambda: any(words in note.text for note in desk.app.store.notes),
        lambda: f"«{words}» among {[note.text for note in desk.app.store.notes]}",
    )


async def checked(desk):
    await desk.until(lambda: work_of(desk).up_to_date, "the check of what was typed")


# the library


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 36), (160, 48)])
async def test_the_library_shows_where_each_strategy_stands(open_lab, size):
    async with open_lab(size, opened=False) as desk:
        for words in ("ema-pullback", "backtested", "rsi-calm", "paper", "donchian-20", "template"):
            await desk.shown(words)


async def test_an_empty_library_says_so_and_which_key_helps(open_lab):
    async with open_lab(opened=False, lab=FakeLab(fe.NOW, empty=True)) as desk:
        await desk.shown("Nothing here yet. a new")
        await desk.shown("Nothing is open.")
        await desk.press("a")
        await told(desk, "There is no template yet")


async def test_the_list_is_asked_for_again_when_the_engine_counts_a_change(open_lab):
    async with open_lab(opened=False) as desk:
        before = len(sent(desk, lc.ListStrategies))
        desk.engine.lab.answer(lc.NewStrategy(source="donchian-20"))
        desk.engine.push(desk.engine.lab.state())
        await desk.until(lambda: len(sent(desk, lc.ListStrategies)) == before + 1, "the question")
        await desk.until(lambda: len(work_of(desk).rows) == 7, "the new one")
        desk.engine.push(LabState(strategies=desk.engine.lab.changes, runs=5))
        await desk.press("tab")
        assert len(sent(desk, lc.ListStrategies)) == before + 1


async def test_filter_and_sort_work_as_in_all_tables(open_lab):
    async with open_lab(opened=False) as desk:
        await desk.press("slash", *"don", "enter")
        await desk.gone("rsi-calm")
        await desk.press("escape")
        await desk.shown("rsi-calm")


async def test_a_new_strategy_comes_from_a_template_and_is_typed_in_at_once(open_lab):
    async with open_lab(opened=False) as desk:
        await desk.press("a")
        await desk.shown("New highs go on")
        await desk.press("enter")
        await desk.until(lambda: work_of(desk).document is not None, "the document")
        await desk.until(lambda: desk.pane("document").typing, "typing")
        assert work_of(desk).document.name == "donchian-20"
        assert work_of(desk).document.version == 1
        await desk.shown("donchian-20 · v1 · draft")


async def test_a_copy_gets_a_name_of_its_own(open_lab):
    async with open_lab(opened=False) as desk:
        await desk.press("j", "c")
        await desk.until(lambda: work_of(desk).document is not None, "the copy")
        assert work_of(desk).document.name == "ema-pullback-2"


async def test_delete_asks_puts_away_and_u_brings_back(open_lab):
    async with open_lab(opened=False) as desk:
        await desk.press("j", "delete")
        await desk.shown("Put ema-pullback away with its 4 versions?")
        await desk.press("enter")
        assert not sent(desk, lc.DeleteStrategy)
        await desk.press("delete", "y")
        await desk.until(lambda: len(work_of(desk).rows) == 5, "the shorter list")
        await desk.press("u")
        await desk.until(lambda: len(work_of(desk).rows) == 6, "the whole list")
        await desk.press("u")
        await told(desk, "Nothing was put away")


async def test_templates_stay(open_lab):
    async with open_lab(opened=False) as desk:
        await desk.press("G", "delete")
        await told(desk, "Templates stay")


# opening


async def test_enter_opens_the_strategy_with_its_preview_and_checks(open_lab):
    async with open_lab() as desk:
        await desk.shown("ema-pullback · v4 · backtested")
        await desk.shown("13 entries · 13 exits · 61 % in market")
        assert "▲" in desk.text()
        assert "▼" in desk.text()
        await desk.shown("✓ can be read · 2 parameters")
        await desk.shown("no fault · warm-up 220 bars")
        assert desk.app.view.strategy == "ema-pullback"
        assert "Esc ends typing" not in desk.text()


async def test_a_list_that_cannot_be_had_says_why(open_desk):
    engine = lab_engine()
    engine.fail[lc.ListStrategies] = Refused("The ledger is locked.", next_step="Try again later.")
    async with open_desk(engine=engine, screen="lab") as desk:
        await desk.shown("The ledger is")


async def test_a_document_that_opens_late_does_not_take_the_place_of_a_newer_one(open_lab):
    async with open_lab(opened=False) as desk:
        gate = asyncio.Event()
        link, call = desk.engine.link, desk.engine.link.call

        async def slow(command):
            if isinstance(command, lc.GetStrategy) and command.name == "rsi-calm":
                await gate.wait()
            return await call(command)

        link.call = slow
        await desk.press("enter", "j", "enter")
        await desk.until(lambda: work_of(desk).document is not None, "a document")
        gate.set()
        await desk.press("j")
        assert work_of(desk).document.name == "ema-pullback"


# typing


async def test_faults_are_told_where_they_are_while_one_types(open_lab):
    async with open_lab() as desk:
        await type_into_rule(desk, " and rsx > 3")
        await checked(desk)
        await desk.shown("line 14:68 'rsx' is not declared.")
        await desk.shown("cannot run · 1 error")
        assert work_of(desk).document.unsaved
        await desk.shown("ema-pullback · v4 · backtested*")
        strip = desk.app.screen._compositor.render_strips()
        underlined = "".join(part.text for line in strip for part in line if part.style and part.style.underline)
        assert "rsx" in underlined


async def test_the_screen_waits_for_a_pause_before_it_asks(open_lab):
    async with open_lab() as desk:
        before = len(sent(desk, lc.CheckStrategy))
        await type_into_rule(desk, " and close > open")
        await checked(desk)
        assert 1 <= len(sent(desk, lc.CheckStrategy)) - before < 10
        assert sent(desk, lc.CheckStrategy)[-1].text == buffer_of(desk).text


async def test_letters_and_digits_are_text_while_one_types(open_lab):
    async with open_lab() as desk:
        await desk.press("enter", *"q2zbx?:", "space", "n")
        assert buffer_of(desk).lines[0] == "q2zbx?: nspec: 1"
        assert desk.app.current_name == "lab"
        assert desk.app.screen is desk.app.desk_screen
        assert "leave" not in desk.text().splitlines()[-1]
        assert "ctrl+s save" in desk.text().splitlines()[-1]


async def test_escape_ends_typing_and_the_desk_has_its_keys_again(open_lab):
    async with open_lab() as desk:
        await desk.press("enter")
        await desk.shown("Esc ends typing")
        await desk.press("escape")
        await desk.gone("Esc ends typing")
        await desk.press("j", "j")
        assert buffer_of(desk).row == 2
        await desk.press("2")
        assert desk.app.current_name == "balance"


async def test_undo_wins_over_suspending_while_one_types(open_lab):
    async with open_lab() as desk:
        await desk.press("enter", *"abc", "ctrl+z")
        assert buffer_of(desk).text == EMA_PULLBACK
        await desk.press("ctrl+y")
        assert buffer_of(desk).lines[0].startswith("abc")
        await desk.press("ctrl+z", "ctrl+z")
        await told(desk, "nothing more to undo")


async def test_cut_paste_indent_and_selection(open_lab):
    async with open_lab() as desk:
        await desk.press("enter", "ctrl+x", "down", "ctrl+v")
        assert buffer_of(desk).lines[:3] == ["name: ema-pullback", "spec: 1", EMA_PULLBACK.split("\n")[2]]
        await desk.press("home", "tab")
        assert buffer_of(desk).line.startswith("  market")
        await desk.press("shift+tab")
        assert buffer_of(desk).line.startswith("market")
        await desk.press("shift+end", "delete")
        assert buffer_of(desk).line == ""
        await desk.press("ctrl+end", "enter")
        assert buffer_of(desk).lines[-1] == ""


async def test_f8_goes_from_fault_to_fault(open_lab):
    async with open_lab() as desk:
        await type_into_rule(desk, " and aaa > bbb")
        await checked(desk)
        await desk.press("f8")
        assert buffer_of(desk).place == (13, 67)
        await desk.press("f8")
        assert buffer_of(desk).place == (13, 73)
        await desk.press("f9")
        assert buffer_of(desk).place == (13, 67)


async def test_enter_on_a_check_goes_to_its_place(open_lab):
    async with open_lab() as desk:
        await type_into_rule(desk, " and aaa > 1")
        await checked(desk)
        await desk.press("escape", "tab", "tab")
        assert desk.app.focused is desk.pane("checks")
        buffer_of(desk).move_to(0, 0)
        await desk.press("j", "enter")
        await desk.until(lambda: desk.app.focused is desk.pane("document"), "the editor")
        assert buffer_of(desk).place == (13, 67)


async def test_faults_below_move_with_their_lines_until_the_next_check(open_lab):
    async with open_lab() as desk:
        await type_into_rule(desk, " and aaa > 1")
        await checked(desk)
        desk.engine.fail[lc.CheckStrategy] = EngineGone("The connection to the engine ended.")
        await desk.press("ctrl+home", "enter", "enter")
        assert [one.line for one in work_of(desk).problems] == [16]
        await desk.shown("not checked: The connection to the engine")


async def test_a_very_long_document_is_shown_by_its_lines(open_lab):
    async with open_lab() as desk:
        long = EMA_PULLBACK + "# word and word\n" * 5000
        buffer_of(desk).replace_all(long[: 64 * 1024])
        await desk.press("enter", "ctrl+end", "x")
        await told(desk, "A document has at most 64 KiB")
        await desk.press("backspace", "x")
        assert buffer_of(desk).text.endswith("x")


async def test_pasting_brings_lines_of_any_system(open_lab):
    from textual import events

    async with open_lab() as desk:
        await desk.press("enter")
        desk.pane("document").post_message(events.Paste("a: 1\r\nb: 2\r\n"))
        await desk.until(lambda: buffer_of(desk).lines[:2] == ["a: 1", "b: 2"], "the paste")


# completion


async def test_words_are_offered_in_a_rule_and_taken_with_tab(open_lab):
    async with open_lab() as desk:
        await type_into_rule(desk, " and cr")
        await desk.shown("crosses_above")
        await desk.press("o")
        await desk.shown("crosses_below")
        await desk.press("down", "tab")
        assert buffer_of(desk).line.endswith(' and crosses_below"')
        assert desk.pane("document").popup is None


async def test_escape_closes_the_list_first_and_nothing_opens_outside_rules(open_lab):
    async with open_lab() as desk:
        await type_into_rule(desk, " and r")
        await desk.shown("rising")
        await desk.press("escape")
        assert desk.pane("document").typing
        assert desk.pane("document").popup is None
        before = len(sent(desk, lc.CompleteStrategy))
        await desk.press("ctrl+home", "c", "r")
        await checked(desk)
        assert len(sent(desk, lc.CompleteStrategy)) == before
        await desk.press("ctrl+@")
        await desk.shown("crosses_above")


async def test_asking_where_nothing_fits_says_so(open_lab):
    async with open_lab() as desk:
        await desk.press("enter", *"zzz", "ctrl+@")
        await told(desk, "Nothing fits here.")


# saving


async def test_ctrl_s_stores_the_next_version(open_lab):
    async with open_lab() as desk:
        await type_into_rule(desk, " and close > open")
        await desk.press("ctrl+s")
        await told(desk, "ema-pullback v5 is stored.")
        assert sent(desk, lc.SaveStrategy)[-1].after_version == 4
        assert not work_of(desk).document.unsaved
        await desk.shown("ema-pullback · v5 · draft")


async def test_the_same_text_makes_no_version(open_lab):
    async with open_lab() as desk:
        await desk.press("ctrl+s")
        await told(desk, "no version was made")


async def test_a_newer_version_is_told_and_nothing_is_lost(open_lab):
    async with open_lab() as desk:
        desk.engine.lab.kept["ema-pullback"].texts.append(EMA_PULLBACK + "# theirs\n")
        desk.engine.lab.kept["ema-pullback"].notes.append("")
        await type_into_rule(desk, " or close > 1")
        await desk.press("ctrl+s")
        await desk.shown("newer version, v5. You edited v4.")
        await desk.press("escape")
        assert work_of(desk).document.unsaved
        await desk.press("ctrl+s")
        await desk.shown("save it as the newest anyway")
        await desk.press("s")
        await told(desk, "ema-pullback v6 is stored.")
        assert desk.engine.lab.kept["ema-pullback"].texts[-1] == buffer_of(desk).text


async def test_a_template_becomes_a_strategy_and_never_a_version_of_another(open_lab):
    async with open_lab(opened=False) as desk:
        await desk.press("G", "enter")
        await desk.until(lambda: work_of(desk).document is not None, "the template")
        assert work_of(desk).document.is_template
        await desk.press("ctrl+s")
        await told(desk, "rsi-reversion v1 is stored.")
        assert sent(desk, lc.SaveStrategy)[-1].after_version == 0


async def test_another_name_in_the_text_makes_another_strategy(open_lab):
    async with open_lab() as desk:
        buffer_of(desk).move_to(1, 6)
        await desk.press("enter", "x")
        await checked(desk)
        await desk.press("ctrl+s")
        await told(desk, "xema-pullback v1 is stored.")
        assert len(desk.engine.lab.kept["ema-pullback"].texts) == 4


async def test_two_quick_keys_save_once(open_lab):
    async with open_lab() as desk:
        await type_into_rule(desk, " or close > 1")
        await desk.press("ctrl+s", "ctrl+s")
        await desk.until(lambda: not work_of(desk).document.saving, "the save")
        assert len(desk.engine.lab.kept["ema-pullback"].texts) == 5


async def test_read_only_types_nothing_into_the_engine(open_lab):
    async with open_lab(read_only=True) as desk:
        await type_into_rule(desk, " or close > 1")
        await desk.press("ctrl+s")
        await told(desk, "read-only")
        assert not sent(desk, lc.SaveStrategy)
        assert "ctrl+s save" not in desk.text()


# versions


async def test_an_older_version_is_read_and_brought_back_unsaved(open_lab):
    async with open_lab() as desk:
        await desk.press("v")
        await desk.shown("wider stop")
        await desk.press(*"v2", "enter")
        await desk.shown("only in the editor")
        assert any("multiple: 3" in line and "+ " in line for line in desk.text().splitlines())
        await desk.press("enter")
        await desk.until(lambda: "multiple: 3" in buffer_of(desk).text, "the old text")
        assert work_of(desk).document.unsaved
        await desk.press("enter", "ctrl+z")
        assert buffer_of(desk).text == EMA_PULLBACK


# drafts


def draft_files(tmp_path):
    folder = tmp_path / "drafts"
    return sorted(folder.glob("*.json")) if folder.is_dir() else []


async def test_leaving_the_screen_keeps_the_text_and_says_so(open_lab, tmp_path):
    async with open_lab() as desk:
        await type_into_rule(desk, " or close > 1")
        await desk.press("escape", "1")
        await told(desk, "The unsaved text of ema-pullback is kept")
        (file,) = draft_files(tmp_path)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        await desk.press("3", "ctrl+s")
        await told(desk, "v5 is stored")
        await desk.until(lambda: not draft_files(tmp_path), "the draft's end")


async def test_unsaved_text_is_back_in_the_next_session_and_r_throws_it_away(open_lab, tmp_path):
    async with open_lab() as desk:
        await type_into_rule(desk, " or close > 1")
        await desk.press("escape", "q")
        assert "The unsaved text of ema-pullback is kept" in desk.app.farewell
    async with open_lab(opened=False) as desk:
        await desk.shown("ema-pullback*")
        await desk.press(*OPEN)
        await told(desk, "The unsaved text of 21 Nov 14:02 is back.")
        assert "or close > 1" in buffer_of(desk).text
        await checked(desk)
        await desk.until(lambda: desk.app.focused is desk.pane("document"), "the editor")
        await desk.press("r")
        await desk.shown("Throw away what was typed since v4?")
        await desk.press("y")
        await desk.until(lambda: work_of(desk).document and not work_of(desk).document.unsaved, "the stored text")
        assert buffer_of(desk).text == EMA_PULLBACK
        assert not draft_files(tmp_path)


async def test_a_draft_upon_an_older_version_meets_the_conflict_when_saved(open_lab):
    async with open_lab() as desk:
        await type_into_rule(desk, " or close > 1")
    engine_lab = FakeLab(fe.NOW)
    engine_lab.answer(lc.SaveStrategy(text=EMA_PULLBACK + "# theirs\n"))
    async with open_lab(opened=False, lab=engine_lab) as desk:
        await desk.press(*OPEN)
        await told(desk, "is back")
        await desk.press("ctrl+s")
        await desk.shown("newer version, v5. You edited v4.")


async def test_opening_another_strategy_keeps_the_first_ones_text(open_lab, tmp_path):
    async with open_lab() as desk:
        await type_into_rule(desk, " or close > 1")
        await desk.press("escape", "shift+tab")
        await desk.until(lambda: desk.app.focused is desk.pane("strategies"), "the list")
        await desk.press("j", "enter")
        await desk.until(lambda: work_of(desk).document.name == "weekend", "the other")
        assert len(draft_files(tmp_path)) == 1
        await desk.shown("ema-pullback*")


async def test_the_text_is_on_disk_soon_after_the_last_key(open_lab, tmp_path, monkeypatch):
    monkeypatch.setattr("polotui.tui.widgets.lab.documents.KEEP_AFTER", 0.01)
    async with open_lab() as desk:
        await type_into_rule(desk, " or close > 1")
        await desk.until(lambda: bool(draft_files(tmp_path)), "the file")


async def test_a_draft_that_cannot_be_read_is_told_and_left(open_lab, tmp_path):
    async with open_lab() as desk:
        await type_into_rule(desk, " or x")
    (file,) = draft_files(tmp_path)
    file.write_bytes(b"{broken")
    async with open_lab(opened=False) as desk:
        await desk.press(*OPEN)
        await desk.until(lambda: work_of(desk).document is not None, "the document")
        assert any("cannot be read" in note.text for note in desk.app.store.notes)
        assert buffer_of(desk).text == EMA_PULLBACK


# preview, examination, form


async def test_brackets_and_i_choose_the_bars_of_the_preview(open_lab):
    async with open_lab() as desk:
        await desk.press("right_square_bracket")
        await desk.shown("BTC_USDT 4h")
        await desk.press("i")
        await desk.shown("in the document")
        await desk.press(*"SOL", "enter")
        await desk.shown("SOL_USDT 4h")
        command = sent(desk, lc.PreviewStrategy)[-1]
        assert (command.symbol, command.timeframe) == ("SOL_USDT", "4h")


async def test_all_bars_are_in_the_picture_and_a_shows_each_by_itself(open_lab):
    async with open_lab() as desk:
        chart = desk.pane("preview")
        await desk.shown(" × 12 bars")
        assert 25 <= len(chart.series.candles) <= 27
        assert desk.text().count("▲") == desk.text().count("▼") == 13
        whole = work_of(desk).preview.candles
        assert max(candle.high for candle in chart.series.candles) == max(candle.high for candle in whole)
        assert chart.series.candles[-1].close == whole[-1].close
        total = sum(candle.volume for candle in whole)
        assert sum(candle.volume for candle in chart.series.candles) == pytest.approx(total)
        await desk.press("tab", "a")
        await desk.gone(" × 12 bars")
        assert len(chart.series.candles) == 300
        assert desk.text().count("▲") < 13
        await desk.press("h", "h")
        await desk.until(lambda: chart.cross_back == 1, "the crosshair")


async def test_while_the_text_has_errors_the_picture_stays_with_a_word(open_lab):
    async with open_lab() as desk:
        answer = desk.engine.lab._preview

        def without_candles(command):
            if check(command.text).ok:
                return answer(command)
            from polotui.api.lab_values import StrategyPreview

            return StrategyPreview(symbol="BTC_USDT", timeframe="1h", note="The text has errors.")

        desk.engine.more_answers[lc.PreviewStrategy] = without_candles
        await type_into_rule(desk, " and zzz")
        await desk.shown("The text has errors. The picture is of")
        assert desk.pane("preview").series.candles


async def test_x_examines_the_text_on_data(open_lab):
    async with open_lab() as desk:
        await desk.press("x")
        await desk.shown("look-ahead: The first 412 signals")
        await desk.shown("! warm-up")
        await type_into_rule(desk, " or close > 1")
        await desk.shown("changed since it was")


async def test_a_refused_examination_says_why(open_lab):
    async with open_lab() as desk:
        desk.engine.fail[lc.ExamineStrategy] = Refused("No candles of BTC_USDT are stored.")
        await desk.press("x")
        await desk.shown("not examined: No candles of")


async def test_the_form_checks_follows_and_changes_the_defaults_alone(open_lab):
    async with open_lab() as desk:
        await desk.press("f")
        await desk.shown("5 … 40, 1")
        await desk.press("right", "right")
        await desk.until(lambda: sent(desk, lc.PreviewStrategy)[-1].params.get("fast_len") == 23, "the preview")
        await desk.press("ctrl+u", *"99")
        await desk.shown("fast_len: at most 40.")
        await desk.press("enter")
        await desk.shown("✗ at most 40")
        await desk.press("ctrl+u", *"25", "down", "left", "enter")
        await desk.until(lambda: "default: 25" in buffer_of(desk).text, "the new default")
        expected = EMA_PULLBACK.replace("default: 21", "default: 25").replace("default: 30", "default: 27.5")
        assert buffer_of(desk).text == expected
        await checked(desk)
        assert [field.default for field in work_of(desk).checked.params] == [25, 27.5]


async def test_leaving_the_form_changes_nothing(open_lab):
    async with open_lab() as desk:
        await desk.press("f", "right", "q", "escape")
        assert buffer_of(desk).text == EMA_PULLBACK
        await desk.until(lambda: sent(desk, lc.PreviewStrategy)[-1].params == {}, "the document's own preview")


async def test_a_document_without_parameters_has_no_form(open_lab):
    lab = FakeLab(fe.NOW)
    lab.kept["ema-pullback"].texts[-1] = "spec: 1\nname: ema-pullback\n"
    async with open_lab(lab=lab) as desk:
        await desk.press("f")
        await told(desk, "declares no parameters")


# elsewhere


async def test_b_names_the_strategy_for_the_backtest(open_lab):
    async with open_lab() as desk:
        desk.app.view.strategy = ""
        await desk.press("b")
        assert desk.app.view.strategy == "ema-pullback"
        assert desk.app.current_name == "backtest"


async def test_b_asks_when_the_text_is_not_saved(open_lab):
    async with open_lab() as desk:
        await type_into_rule(desk, " or close > 1")
        await desk.press("escape", "b")
        await desk.shown("is not saved; a backtest runs")
        work = work_of(desk)
        await desk.press("s")
        await desk.until(lambda: not work.document.unsaved, "the save")
        assert work.document.version == 5
        await desk.shown("ema-pullback v5")
        assert desk.app.current_name == "backtest"


def editor_that(tmp_path: Path, code: str) -> str:
    script = tmp_path / "editor.py"
    script.write_text(f"import sys, pathlib\nfile = pathlib.Path(sys.argv[1])\n{code}\n")
    return f"{sys.executable} {script}"


async def test_the_own_editor_gets_a_private_file_and_its_text_comes_back(open_lab, tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    code = (
        f"pathlib.Path({str(seen)!r}).write_text(str(file) + ' ' + oct(file.stat().st_mode & 0o777))\n"
        "file.write_text(file.read_text().replace('multiple: 2', 'multiple: 4'))"
    )
    monkeypatch.setenv("VISUAL", editor_that(tmp_path, code))
    async with open_lab() as desk:
        monkeypatch.setattr(desk.app, "suspend", contextlib.nullcontext)
        await desk.press("o")
        await desk.until(lambda: "multiple: 4" in buffer_of(desk).text, "the text")
        assert work_of(desk).document.unsaved
    name, mode = seen.read_text().rsplit(" ", 1)
    assert mode == "0o600"
    assert not Path(name).exists()


async def test_a_failing_editor_changes_nothing(open_lab, tmp_path, monkeypatch):
    monkeypatch.setenv("VISUAL", editor_that(tmp_path, "sys.exit(3)"))
    async with open_lab() as desk:
        monkeypatch.setattr(desk.app, "suspend", contextlib.nullcontext)
        await desk.press("o")
        assert any("ended with 3" in note.text for note in desk.app.store.notes)
        assert buffer_of(desk).text == EMA_PULLBACK


async def test_what_cannot_be_taken_back_stays_in_its_file(open_lab, tmp_path, monkeypatch):
    monkeypatch.setenv("VISUAL", editor_that(tmp_path, "file.write_bytes(b'\\xff\\xfe')"))
    async with open_lab() as desk:
        monkeypatch.setattr(desk.app, "suspend", contextlib.nullcontext)
        await desk.press("o")
        told = next(note.text for note in desk.app.store.notes if "not UTF-8" in note.text)
        kept = Path(told.split("What you wrote is in ")[1].rstrip("."))
        assert kept.read_bytes() == b"\xff\xfe"
        kept.unlink()
        kept.parent.rmdir()


@pytest.mark.parametrize(("value", "words"), [("", "No editor is named"), ("no-such-editor-here", "is not found")])
async def test_without_an_editor_the_variables_are_named(open_lab, monkeypatch, value, words):
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.setenv("VISUAL", value)
    async with open_lab() as desk:
        await desk.press("o")
        assert any(words in note.text and "VISUAL" in note.text for note in desk.app.store.notes)


async def test_y_copies_the_selection_after_typing(open_lab):
    async with open_lab() as desk:
        await desk.press("enter", "shift+end", "escape", "y")
        await told(desk, "Copied the selection: spec: 1")
        assert desk.app.clipboard == "spec: 1"
        await desk.press("escape")
        assert buffer_of(desk).selection is None


async def test_what_was_not_answered_is_asked_again_when_the_engine_is_back(open_lab):
    async with open_lab() as desk:
        desk.engine.fail[lc.CheckStrategy] = EngineGone("The connection to the engine ended.")
        await type_into_rule(desk, " or close > 1")
        await desk.until(lambda: bool(work_of(desk).check_fault), "the fault")
        desk.engine.fail.clear()
        before = len(sent(desk, lc.ListStrategies))
        desk.engine.die()
        await desk.until(lambda: desk.app.store.link == "gone", "the loss")
        desk.engine.alive = True
        desk.app.session.retry_now()
        await checked(desk)
        await desk.until(lambda: len(sent(desk, lc.ListStrategies)) > before, "the list")
        assert not work_of(desk).check_fault


async def test_the_lab_outlives_the_engine(open_lab):
    async with open_lab() as desk:
        desk.engine.die()
        await desk.until(lambda: desk.app.store.link == "gone", "the loss")
        await type_into_rule(desk, " or close > 1")
        await desk.press("ctrl+s")
        await told(desk, "Nothing was sent")
        assert work_of(desk).document.unsaved
        assert isinstance(desk.app.desk_screen, Documents)
