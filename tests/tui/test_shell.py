"""The shell: palette, help, dialogs, themes, keys, copy, export, leaving, losing the engine and finding it again."""

from __future__ import annotations

import json
import stat

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static
from textual.widgets._toast import Toast

from polotui.api import commands as c
from polotui.api.events import EngineState, Fact, JobState, Notice
from polotui.core.errors import EngineGone, Refused
from polotui.core.face_settings import FaceSettings
from polotui.tui import keys
from polotui.tui.shell.modal import Modal
from tests.tui import fake_engine as fe


async def test_question_mark_shows_the_keys_of_the_focused_pane(open_desk):
    async with open_desk((80, 24)) as desk:
        await desk.press("question_mark")
        await desk.shown("Help · Chart")
        assert "crosshair left" in desk.text()
        await desk.press("G")
        await desk.shown("shift+drag selects")
        await desk.press("escape")
        await desk.gone("Help · Chart")


async def test_the_palette_knows_the_command_lines_verbs(open_desk):
    async with open_desk() as desk:
        names = {verb.name for verb in desk.app.verbs()}
        wanted = "market balance health events jobs quit help engine_status data_list data_download data_verify"
        assert {name.replace("_", " ") for name in wanted.split()} <= names


@pytest.mark.parametrize("opener", ["colon", "ctrl+p"])
async def test_the_palette_runs_a_verb(open_desk, opener):
    async with open_desk() as desk:
        await desk.press(opener, *"bal", "enter")
        assert desk.app.current_name == "balance"


async def test_the_palette_takes_arguments(open_desk):
    async with open_desk() as desk:
        await desk.press("colon", *"market sol_usdt", "enter")
        await desk.shown("SOL_USDT · 1h")
        await desk.press("colon", *"data download ETH_USDT 7", "enter")
        week_ago = fe.NOW - 7 * 86_400_000
        wanted = c.DataDownload(symbol="ETH_USDT", from_ms=week_ago)
        await desk.until(lambda: wanted in desk.engine.calls, "the command")
        await desk.until(lambda: any("Job 1 started" in note.text for note in desk.app.store.notes), "the word")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("health", "overall online"),
        ("events", "Nothing has happened yet."),
        ("jobs", "No jobs yet."),
        ("data list", "No candles stored."),
        ("engine status", "120,331 messages"),
        ("config show", "face.frame_rate"),
        ("notifications", "Notifications"),
    ],
)
async def test_verbs_open_texts_that_escape_closes(open_desk, typed, words):
    async with open_desk() as desk:
        await desk.press("colon", *typed, "enter")
        await desk.shown(words)
        await desk.press("escape")
        await desk.gone(words)


async def test_engine_stop_asks_first(open_desk):
    async with open_desk() as desk:
        await desk.press("colon", *"engine stop", "enter")
        await desk.shown("Running now: nothing")
        await desk.press("enter")
        assert not [call for call in desk.engine.calls if isinstance(call, c.StopEngine)]
        await desk.press("colon", *"engine stop", "enter", "y")
        await desk.until(lambda: c.StopEngine(force=True) in desk.engine.calls, "the command")


async def test_the_charts_address_is_copied(open_desk):
    async with open_desk() as desk:
        desk.app.run_typed("market link")
        assert desk.app.clipboard.endswith("POLONIEX:BTCUSDT")


async def test_a_chart_that_cannot_be_loaded_says_why_and_is_tried_again_later(open_desk):
    engine = fe.FakeEngine()
    engine.fail[c.GetCandles] = Refused("The exchange is in maintenance.")
    async with open_desk(engine=engine, ready=False) as desk:
        await desk.shown("The exchange is in maintenance.")
        asked = len([call for call in engine.calls if isinstance(call, c.GetCandles)])
        desk.engine.push(fe.tail(desk.app.view.topic, []))
        await desk.until(lambda: not desk.app.store.is_dirty, "a frame")
        assert len([call for call in engine.calls if isinstance(call, c.GetCandles)]) == asked
        engine.fail.clear()
        for _ in range(6):
            desk.clock.advance(1)
            desk.engine.push(fe.heartbeat(desk.clock))
            await desk.until(lambda: not desk.app.store.is_dirty, "a frame")
        await desk.shown("300 bars")


async def test_an_unknown_command_is_told(open_desk):
    async with open_desk() as desk:
        desk.app.run_typed("make money")
        assert any("no command «make money»" in note.text for note in desk.app.store.notes)


async def test_t_changes_the_theme_and_remembers_it(open_desk):
    async with open_desk() as desk:
        assert desk.app.theme == "polotui-dark"
        await desk.press("t")
        assert desk.app.theme == "polotui-light"
        assert desk.saved == {"face.theme": "polotui-light"}
        segments = [segment for line in desk.app.screen._compositor.render_strips() for segment in line]
        grounds = {segment.style.bgcolor.name for segment in segments if segment.style and segment.style.bgcolor}
        assert "#1f2937" not in grounds
        assert "#ffffff" in grounds


async def test_a_theme_reaches_the_screens_that_were_not_open(open_desk):
    async with open_desk() as desk:
        await desk.press("2")
        await desk.shown("demo exchange account")
        await desk.press("1", "t", "2")
        await desk.shown("demo exchange account")

        def grounds() -> set[str]:
            segments = [segment for line in desk.app.screen._compositor.render_strips() for segment in line]
            return {segment.style.bgcolor.name for segment in segments if segment.style and segment.style.bgcolor}

        await desk.until(lambda: "#1f2937" not in grounds() and "#1a1a2e" not in grounds(), "no dark cell")


async def test_every_theme_can_be_switched_to_and_opens_its_dialogs(open_desk):
    async with open_desk((80, 24)) as desk:
        for _ in range(5):
            await desk.press("t")
            await desk.press("question_mark")
            await desk.shown("Help · Chart")
            await desk.press("escape")
            await desk.gone("Help · Chart")
        assert desk.app.theme == "polotui-dark"


async def test_the_default_theme_carries_exactly_its_five_colours(open_desk):
    async with open_desk() as desk:
        theme = desk.app.current_theme
        found = (theme.background, theme.surface, theme.foreground, theme.primary, theme.success)
        assert found == ("#1a1a2e", "#1f2937", "#e2e8f0", "#60a5fa", "#10b981")


async def test_plus_and_minus_change_the_rate(open_desk):
    async with open_desk() as desk:
        await desk.press("minus")
        assert desk.app.frame_rate == 5.0
        await desk.press("plus", "plus")
        assert desk.app.frame_rate == 20.0
        await desk.until(lambda: desk.engine.link.rate == 10.0, "the engine's rate")


async def test_over_ssh_the_rate_is_lower(open_desk):
    async with open_desk(ssh=True) as desk:
        assert desk.app.frame_rate == 4.0


async def test_p_pauses_with_a_mark_and_its_age_then_shows_what_came(open_desk):
    async with open_desk() as desk:
        await desk.press("p")
        await desk.shown("PAUSED")
        desk.engine.push(fe.WatchState(row=fe.watch_row("ETH_USDT", last=2999.99)))
        await desk.until(lambda: desk.app.store.rows["ETH_USDT"].last == 2999.99, "the event")
        desk.clock.advance(1.5)
        await desk.shown("PAUSED 2 s")
        assert "2,999.99" not in desk.text()
        await desk.press("p")
        await desk.shown("2,999.99")


async def test_y_copies_the_cell_and_says_what(open_desk):
    async with open_desk() as desk:
        await desk.press("l", "y")
        assert desk.app.clipboard == "61,873.41"
        assert any("Copied BTC_USDT last: 61,873.41" in note.text for note in desk.app.store.notes)


@pytest.mark.parametrize("pane", ["watchlist", "book", "chart", "tape"])
async def test_each_pane_of_the_market_copies_and_exports(open_desk, pane):
    async with open_desk() as desk:
        desk.pane(pane).focus()
        await desk.press("y")
        assert desk.app.clipboard
        await desk.press("e", "enter")
        await desk.until(lambda: desk.exports.exists() and any(desk.exports.iterdir()), "the file")
        path = next(desk.exports.iterdir())
        assert path.suffix == ".csv"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(path.read_text().splitlines()) > 3


@pytest.mark.parametrize("pane", ["summary", "equity", "assets"])
async def test_each_pane_of_the_balance_copies_and_exports_json(open_desk, pane):
    async with open_desk() as desk:
        await desk.press("2")
        desk.pane(pane).focus()
        await desk.press("y")
        assert desk.app.clipboard
        await desk.press("e", "down", "enter")
        await desk.until(lambda: desk.exports.exists() and any(desk.exports.iterdir()), "the file")
        assert json.loads(next(desk.exports.iterdir()).read_text())["rows"]


async def test_the_table_sorts_and_filters_and_moves(open_desk):
    async with open_desk() as desk:
        table = desk.pane("watchlist").table
        await desk.press("G")
        assert table.current.key == "XRP_USDT"
        await desk.press("g", "l", "s")
        assert table.shown()[0].key == "BTC_USDT"
        await desk.press("S")
        assert table.shown()[0].key == "XRP_USDT"
        await desk.press("slash", *"jhq", "backspace", "backspace", "backspace", *"eth", "enter")
        assert [row.key for row in table.shown()] == ["ETH_USDT"]
        await desk.press("escape")
        assert len(table.shown()) == 4
        await desk.press("ctrl+d", "ctrl+u", "k", "j")
        assert desk.app.current_name == "market"


async def test_q_leaves_and_says_what_goes_on(open_desk):
    async with open_desk() as desk:
        await desk.press("q")
        assert desk.app.return_code == 0
        assert "the engine ends by itself" in desk.app.farewell


async def test_q_asks_when_something_runs_and_stays_by_default(open_desk):
    engine = fe.FakeEngine()
    engine.state["busy"] = ["download BTC_USDT 1m"]
    async with open_desk(engine=engine) as desk:
        await desk.press("q")
        await desk.shown("download BTC_USDT 1m")
        await desk.press("enter")
        await desk.gone("leave it running")
        assert desk.app.is_running
        await desk.press("q")
        await desk.shown("leave it running")
        await desk.press("l")
        assert "The engine goes on: download BTC_USDT 1m" in desk.app.farewell
        assert not [call for call in engine.calls if isinstance(call, c.StopEngine)]


async def test_q_can_stop_what_runs(open_desk):
    engine = fe.FakeEngine()
    engine.state["busy"] = ["download BTC_USDT 1m"]
    async with open_desk(engine=engine) as desk:
        await desk.press("q")
        await desk.shown("leave it running")
        await desk.press("x")
        await desk.until(lambda: c.StopEngine(force=True) in engine.calls, "the command")


async def test_ctrl_c_leaves_only_when_pressed_twice_in_time(open_desk):
    async with open_desk() as desk:
        await desk.press("ctrl+c")
        assert desk.app.return_code is None
        desk.clock.advance(3)
        await desk.press("ctrl+c")
        assert desk.app.return_code is None
        await desk.press("ctrl+c")
        assert desk.app.return_code == 0


async def test_the_shell_is_painted_before_there_is_an_engine(open_desk):
    engine = fe.FakeEngine()
    engine.alive = False
    async with open_desk(engine=engine, ready=False) as desk:
        await desk.shown("Waiting for the engine.")
        await desk.shown("1 Market")
        engine.alive = True
        await desk.shown("61,873.41")


async def test_a_lost_engine_is_told_at_once_and_found_again_in_the_same_place(open_desk):
    async with open_desk() as desk:
        await desk.press("j", "enter")
        await desk.shown("ETH_USDT · 1h")
        desk.engine.push(Fact(number=41, kind="engine", level="info", text="hello"))
        await desk.until(lambda: desk.app.store.last_fact == 41, "the fact")
        desk.engine.die()
        await desk.shown("Engine gone since 14:02:31")
        desk.clock.advance(5)
        await desk.until(lambda: desk.text().count("stale 5 s") >= 3, lambda: desk.text())
        links = len(desk.engine.links)
        desk.engine.alive = True
        desk.app.session.retry_now()
        await desk.gone("Engine gone")
        assert len(desk.engine.links) > links
        assert desk.engine.link.facts_after == 41
        assert "book:ETH_USDT" in desk.engine.link.topics
        await desk.gone("stale 5 s")
        assert desk.app.view.symbol == "ETH_USDT"


async def test_an_engine_that_is_not_heard_for_two_seconds_is_gone(open_desk):
    async with open_desk() as desk:
        desk.clock.advance(1.9)
        await desk.until(lambda: not desk.app.store.is_dirty, "a frame")
        assert "Engine gone" not in desk.text()
        desk.clock.advance(0.2)
        await desk.shown("Engine gone since 14:02:31")
        desk.engine.push(fe.heartbeat(desk.clock))
        await desk.gone("Engine gone")


async def test_ctrl_r_starts_the_engine(open_desk):
    started = []

    async def start() -> None:
        started.append(True)
        engine.alive = True

    engine = fe.FakeEngine()
    async with open_desk(engine=engine, start_engine=start) as desk:
        engine.die()
        await desk.shown("ctrl+r starts it")
        await desk.press("ctrl+r")
        await desk.gone("Engine gone")
        assert started == [True]


async def test_a_start_that_fails_is_told(open_desk):
    async def start() -> None:
        raise EngineGone("The engine did not start.", next_step="polotui logs shows why.")

    engine = fe.FakeEngine()
    async with open_desk(engine=engine, start_engine=start) as desk:
        engine.die()
        await desk.shown("ctrl+r starts it")
        await desk.press("ctrl+r")
        words = "The engine did not start. polotui logs shows why."
        await desk.until(lambda: any(note.text == words for note in desk.app.store.notes), "the words")


async def test_a_refused_link_is_told(open_desk):
    async def refused() -> None:
        raise Refused("The engine is version 9.", next_step="Restart it.")

    engine = fe.FakeEngine()
    async with open_desk(engine=engine, ready=False) as desk:
        desk.app.session._connect = refused
        engine.die()
        await desk.until(lambda: desk.app.store.gone_words == "The engine is version 9.", "the words")
        await desk.shown("The engine is version 9.")


async def test_the_stored_snapshot_is_marked_with_its_age(open_desk):
    engine = fe.FakeEngine()
    engine.state |= {"snapshot": True, "at_ms": fe.NOW - 3_600_000}
    async with open_desk(engine=engine) as desk:
        await desk.shown("stored 60 min ago")
        await desk.shown("Stored state from 13:02:31 UTC")


async def test_a_note_of_the_engine_stands_in_the_banner(open_desk):
    async with open_desk() as desk:
        desk.engine.push(fe.heartbeat(desk.clock, note="Poloniex is in maintenance. Prices are as of 14:00."))
        await desk.shown("Poloniex is in maintenance.")
        desk.engine.push(fe.heartbeat(desk.clock))
        await desk.gone("Poloniex is in maintenance.")


async def test_facts_jobs_and_notices_reach_the_notification_centre(open_desk):
    async with open_desk() as desk:
        desk.engine.push(
            Fact(number=1, kind="stream", level="warning", text="stream lost, try 1", at_ms=fe.NOW),
            Fact(number=1, kind="stream", level="warning", text="stream lost, try 1", at_ms=fe.NOW),
            # A job's end is told once, by its fact; old jobs that a face hears of when it comes are no news.
            JobState(id=3, title="download BTC_USDT 1m", done=1.0, end="failed", reason="offline", at_ms=fe.NOW),
            Fact(number=2, kind="job", level="error", text="download BTC_USDT 1m: failed. offline", at_ms=fe.NOW),
            Notice(kind="slow", text="This face was too slow and is caught up.", at_ms=fe.NOW),
        )
        await desk.until(lambda: len(desk.app.store.notes) == 3, "three notes")
        await desk.press("n")
        await desk.shown("download BTC_USDT 1m: failed. offline")
        told = [line for line in desk.text().splitlines() if "stream lost, try 1" in line and "│ " in line]
        assert len(told) == 1


async def test_a_burst_of_warnings_is_three_toasts_and_a_count(open_desk):
    async with open_desk() as desk:
        facts = [Fact(number=n, kind="x", level="warning", text=f"fault {n}", at_ms=fe.NOW) for n in range(1, 11)]
        desk.engine.push(*facts)
        # run_test shows no toasts; that they are drawn safely is seen in the pty.
        await desk.until(lambda: len(desk.app._notifications) == 4, "four toasts")
        told = [toast.message for toast in desk.app._notifications]
        assert told == ["fault 8", "fault 9", "fault 10", "7 more: n shows all."]


async def test_a_running_job_is_seen_beside_the_tabs(open_desk):
    async with open_desk() as desk:
        desk.engine.push(JobState(id=3, title="download BTC_USDT 1m", done=0.41))
        await desk.shown("download BTC_USDT 1m ▕████")
        desk.engine.push(JobState(id=3, title="download BTC_USDT 1m", done=1.0, end="completed"))
        await desk.gone("download BTC_USDT 1m ▕")


async def test_a_pane_that_cannot_be_drawn_leaves_the_others_alone(open_desk):
    async with open_desk() as desk:
        desk.pane("tape").body = lambda width, height: 1 / 0
        desk.pane("tape").repaint()
        await desk.shown("This pane cannot be drawn: ZeroDivisionError")
        assert "61,873.41" in desk.text()
        desk.app.failed_panes.clear()


async def test_keys_move_by_settings_and_conflicts_are_told(open_desk):
    settings = FaceSettings(keymap={"zoom": "f5", "pause": "y", "nonsense": "f6", "table.down": "f7"})
    async with open_desk(settings=settings) as desk:
        told = " ".join(note.text for note in desk.app.store.notes)
        assert "face.keymap.pause = y: the key is taken by «copy» (copy)" in told
        assert "face.keymap.nonsense: there is no such key id" in told
        await desk.press("z")
        assert desk.app.desk_screen.zoomed is None
        await desk.press("f5")
        assert desk.app.desk_screen.zoomed is not None
        await desk.press("f5", "f7")
        assert desk.pane("watchlist").table.current.key == "ETH_USDT"


async def test_every_key_of_the_table_has_its_action(open_desk):
    async with open_desk() as desk:
        market = desk.app.desk_screen
        await desk.press("3")
        lab = desk.app.desk_screen
        await desk.press("4")
        backtest = desk.app.desk_screen
        await desk.press("5")
        paper = desk.app.desk_screen
        await desk.press("6")
        risk = desk.app.desk_screen
        await desk.press("B")
        board = desk.app.desk_screen
        await desk.press("2", "question_mark")
        places = {
            "paper": paper,
            "bots": paper.query_one("#bots"),
            "held": paper.query_one("#positions"),
            "profit": paper.query_one("#result"),
            "feed": paper.query_one("#feed"),
            "orders": paper.query_one("#orders"),
            "journal": paper.query_one("#journal"),
            "signals": paper.query_one("#signals"),
            "risk": risk,
            "protects": risk.query_one("#protects"),
            "alerts": risk.query_one("#alerts"),
            "latches": risk.query_one("#latches"),
            "locks": risk.query_one("#locks"),
            "board": board,
            "stage": board.query_one("#paper"),
            "backtest": backtest,
            "form": backtest.query_one("#form"),
            "runs": backtest.query_one("#history"),
            "running": backtest.query_one("#jobs"),
            "joblist": backtest.query_one("#jobs"),
            "result": backtest.query_one("#tiles"),
            "figures": backtest.query_one("#tiles"),
            "curve": backtest.query_one("#curve"),
            "sweeps": backtest.query_one("#best"),
            "global": desk.app,
            "market": market,
            "balance": desk.app.desk_screen,
            "table": market.query_one("#watchlist"),
            "watchlist": market.query_one("#watchlist"),
            "chart": market.query_one("#chart"),
            "text": desk.app.screen.pane,
            "lab": lab,
            "strategies": lab.query_one("#strategies"),
            "document": lab.query_one("#document"),
            "editor": lab.query_one("#document"),
            "checks": lab.query_one("#checks"),
            "preview": lab.query_one("#preview"),
        }
        for key in keys.KEYS:
            assert callable(getattr(places[key.scope], f"action_{key.action.partition('(')[0]}")), key.id


def test_the_key_table_has_no_conflicts_of_its_own():
    _, faults = keys.checked_keymap({key.id: key.keys for key in keys.KEYS if key.id != "back"})
    assert faults == []
    assert len({key.id for key in keys.KEYS}) == len(keys.KEYS)


PAPER_PANES = ("bots", "held", "feed", "orders", "journal", "signals")


def test_no_pane_takes_a_letter_of_the_global_table():
    reserved = set("hjklgGypetzmsS123456789") | {"slash", "colon", "question_mark", "plus", "minus"}
    for key in keys.KEYS:
        if key.scope in ("market", "watchlist", "balance", "lab", "strategies", "paper", *PAPER_PANES):
            assert not set(key.keys.split(",")) & reserved, key.id


async def test_m_switches_the_mouse_and_says_so(open_desk):
    async with open_desk() as desk:
        await desk.press("m")
        assert not desk.app.mouse_on
        assert "Mouse off" in desk.app.store.notes[-1].text


async def test_f1_opens_the_guides_when_there_are_any(open_desk, tmp_path):
    (tmp_path / "first-steps.md").write_text("# First steps\n\nPress 1.\n")
    async with open_desk(guides=tmp_path) as desk:
        await desk.press("f1", "enter")
        await desk.shown("Press 1.")


async def test_a_theme_file_with_a_fault_is_told_and_left_out(open_desk, tmp_path):
    (tmp_path / "mine.toml").write_text('name = "mine"\n[base]\nbackground = "blu"\n')
    (tmp_path / "broken.toml").write_text("= =")
    async with open_desk(user_themes=tmp_path, settings=FaceSettings(theme="mine")) as desk:
        told = " ".join(note.text for note in desk.app.store.notes)
        assert "Theme file mine.toml: base.background: 'blu' is no colour" in told
        assert "Theme file broken.toml: not TOML" in told
        assert desk.app.theme == "polotui-dark"


async def test_frames_are_skipped_while_the_terminal_has_not_taken_the_last_ones(open_desk):
    async with open_desk() as desk:
        desk.app._driver.backlog = 3
        desk.engine.push(fe.WatchState(row=fe.watch_row("ETH_USDT", last=2999.99)))
        await desk.until(lambda: desk.app.skipped_frames >= 3, "skipped frames")
        assert "2,999.99" not in desk.text()
        desk.app._driver.backlog = 0
        await desk.shown("2,999.99")


async def test_red_up_swaps_the_colours_only(open_desk):
    async with open_desk(settings=FaceSettings(red_up=True)) as desk:
        style = desk.app.tones.style("card", "up")
        assert style.color.name == "#f87171"
        assert isinstance(desk.app.store.engine, EngineState)


@pytest.mark.parametrize("opener", ["question_mark", "colon"])
async def test_what_closes_a_dialog_twice_closes_nothing_else(open_desk, opener):
    async with open_desk() as desk:
        await desk.press(opener)
        dialog = desk.app.screen
        assert dialog is not desk.app.desk_screen

        def twice() -> None:
            # Both before the first has taken effect, as two keys on a slow line.
            dialog.dismiss(None)
            dialog.dismiss(None)

        desk.app.call_later(twice)
        await desk.until(lambda: desk.app.screen is desk.app.desk_screen, "the screen beneath")
        await desk.pilot.pause()
        assert desk.app.screen is desk.app.desk_screen


class Tall(Modal[None]):
    """A dialog that leaves little of 24 rows."""

    CSS = "Tall { align: center middle; } #dialog { width: 70; height: 18; }"

    def compose(self) -> ComposeResult:
        yield Static("sell everything?", id="dialog")


async def test_a_toast_covers_the_head_of_a_dialog_and_not_its_answer():
    app: App[None] = App()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await app.push_screen(Tall())
        app.notify("words " * 20, timeout=60)
        while not app.screen.query(Toast):
            await pilot.pause()
        await pilot.pause()
        toast, dialog = app.screen.query_one(Toast).region, app.screen.query_one("#dialog").region
        assert toast.height
        assert toast.bottom < dialog.y + dialog.height // 2
