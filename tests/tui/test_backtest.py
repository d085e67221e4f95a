"""Screen 4 by keys: the form and its checks, jobs, history, a result, comparison, sweeps."""

from __future__ import annotations

import pytest

from polotui.api import commands as c
from polotui.api import lab_commands as lc
from polotui.api.events import LabState
from polotui.api.lab_values import SweepAxis
from polotui.core.errors import Refused, UsageError
from polotui.tui import keys
from tests.tui import fake_backtests as fb
from tests.tui import fake_engine as fe

SIZES = [(80, 24), (120, 36), (160, 48)]


@pytest.fixture
def open_desk(open_desk):
    """A desk whose engine has this screen's own strategies."""

    def opened_with(*size, engine=None, **options):
        engine = engine or fe.FakeEngine()
        engine.bench.stand_alone()
        return open_desk(*size, engine=engine, **options)

    return opened_with


def asked(desk, kind):
    return [command for command in desk.engine.calls if isinstance(command, kind)]


def told(desk, words):
    return any(words in note.text for note in desk.app.store.notes)


async def at_backtest(desk):
    await desk.press("4")
    await desk.shown("ema-pullback v4")
    await desk.until(lambda: desk.app.desk_screen.bench.runs is not None, "the runs")
    await desk.shown("fast_len")


async def opened(desk, *keys):
    """The newest run's result, and then `keys`."""
    await at_backtest(desk)
    await desk.press("i")
    await desk.until(lambda: desk.app.focused is desk.pane("history"), "the history")
    await desk.press("enter")
    await desk.until(lambda: desk.app.focused is desk.pane("trades"), "the result")
    await desk.shown("Trades · 212")
    for key in keys:
        await desk.press(key)


async def test_a_field_is_typed_without_any_letter_acting_as_a_key(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("j", "enter", "ctrl+u", *"eth_usdt, btc_usdt", "enter")
        form = desk.pane("form")
        assert form.value("symbols") == "eth_usdt, btc_usdt"
        assert desk.app.current_name == "backtest"
        assert not form.typing
        await desk.press("r")
        await desk.until(lambda: asked(desk, lc.StartBacktest), "the command")
        assert asked(desk, lc.StartBacktest)[0].spec.symbols == ["ETH_USDT", "BTC_USDT"]


async def test_faults_stand_at_their_field_while_typing_and_nothing_is_started(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("j", "j", "j", "enter", "ctrl+u", *"2026-02-30")
        await desk.shown("! a day as YYYY-MM-DD, or last N")
        await desk.press("enter", "r")
        await desk.shown("1 field to mend")
        assert told(desk, "Nothing was started. from: a day as YYYY-MM-DD")
        assert not asked(desk, lc.StartBacktest)
        await desk.press("delete")
        await desk.gone("to mend")


async def test_escape_puts_back_what_stood_in_the_field(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press(*"jjjjj", "enter", "backspace", *"7x")
        await desk.shown("! a number, such as")
        await desk.press("escape")
        assert desk.pane("form").value("capital") == "10,000"
        assert desk.app.current_name == "backtest"


async def test_a_parameter_out_of_its_range_is_named_with_the_bound(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("G", "k", "enter", "ctrl+u", *"0.5")
        await desk.shown("! at most 0.1")
        await desk.press("ctrl+u", *"0.03", "enter", "r")
        await desk.until(lambda: asked(desk, lc.StartBacktest), "the command")
        spec = asked(desk, lc.StartBacktest)[0].spec
        assert spec.params == {"stop_pct": 0.03}
        assert (spec.from_ms, spec.to_ms, spec.capital) == (0, 0, 10_000.0)
        assert (spec.costs.maker_fee, spec.costs.taker_fee) == (0.002, 0.002)


async def test_another_strategy_brings_its_own_parameters(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("enter", *"donch", "enter")
        await desk.shown("length")
        await desk.gone("stop_pct")
        assert desk.pane("form").value("timeframe") == "4h"
        assert desk.app.view.strategy == "donchian-20"


async def test_a_document_with_errors_is_not_run(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("enter", *"brok", "enter")
        await desk.shown("! line 9: `rsi` is not declared.")
        await desk.press("r")
        assert not asked(desk, lc.StartBacktest)


async def test_the_strategy_that_the_lab_chose_is_in_the_form(open_desk):
    async with open_desk() as desk:
        desk.app.view.strategy = "donchian-20"
        await desk.press("4")
        await desk.shown("strategy   donchian-20")
        await desk.press("1")
        desk.app.view.strategy = "ema-pullback"
        await desk.press("4")
        await desk.shown("ema-pullback v4")


async def test_a_running_backtest_locks_the_form_and_starts_nothing_twice(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("r", "r", "G", "enter")
        await desk.shown("Running… 0 %")
        desk.engine.push(desk.engine.bench.progress(0.41))
        await desk.shown("Running… 41 %")
        await desk.press("r", "enter", "g", "j", "enter", "x", "y")
        assert len(asked(desk, lc.StartBacktest)) == 1
        assert desk.pane("form").value("symbols") == "BTC_USDT"
        desk.engine.bench.runs[42] = fb.run_row(42)
        desk.engine.push(desk.engine.bench.progress(1.0, end="completed"))
        await desk.shown("#42 ema-pullback v4 · BTC_USDT 1h")
        assert not desk.app.desk_screen.bench.locked
        await desk.until(lambda: desk.app.focused is desk.pane("trades"), "the focus on the trades")


async def test_every_tenth_of_a_second_the_bar_moves_and_only_its_cells_are_sent(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        jobs = desk.pane("jobs")
        desk.engine.push(desk.engine.bench.progress(0.0))
        await desk.shown("#7 ema-pullback")
        drawn, sent = [], []
        refresh = jobs.refresh

        def counted(*regions, **more):
            sent.append(sum(region.area for region in regions))
            return refresh(*regions, **more)

        jobs.refresh = counted
        for step in range(1, 11):
            desk.engine.push(desk.engine.bench.progress(step / 10))
            await desk.shown(f"{step * 10:3} %")
            drawn.append(desk.text())
        assert len(set(drawn)) == 10
        assert len(sent) == 10
        assert max(sent) <= 40
        assert 0 not in sent


async def test_a_failed_job_says_why_and_frees_the_form(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("r")
        await desk.shown("Running… 0 %")
        desk.engine.push(
            desk.engine.bench.progress(0.2, end="failed", reason="No candles of BTC_USDT before 2024-03-01 are stored.")
        )
        await desk.shown("✗ failed")
        await desk.shown("No candles of BTC_USDT")
        await desk.shown("[ Run ]")


async def test_a_refused_start_frees_the_form(open_desk):
    async with open_desk() as desk:
        desk.engine.fail[lc.StartBacktest] = UsageError("There is no data of BTC_USDT 1h.", next_step="Download it.")
        await at_backtest(desk)
        await desk.press("r")
        await desk.until(lambda: told(desk, "There is no data"), "the words")
        await desk.shown("[ Run ]")
        del desk.engine.fail[lc.StartBacktest]
        await desk.press("r")
        await desk.shown("Running… 0 %")


async def test_an_engine_started_anew_frees_the_form(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("r")
        await desk.shown("Running… 0 %")
        desk.engine.push(fe.heartbeat(desk.clock, pid=4343))
        await desk.until(lambda: told(desk, "The engine was started anew"), "the words")
        await desk.shown("[ Run ]")


async def test_the_same_run_is_served_again_and_said_so(open_desk):
    async with open_desk() as desk:
        desk.engine.bench.cached = 41
        await at_backtest(desk)
        await desk.press("r")
        await desk.until(lambda: told(desk, "Same run as #41, served again."), "the words")
        await desk.shown("#41 ema-pullback v4 ·")
        await desk.press("R")
        await desk.until(lambda: asked(desk, lc.StartBacktest)[-1].again, "the run anew")


async def test_x_cancels_the_job_under_the_cursor(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        desk.engine.push(desk.engine.bench.progress(0.3), desk.engine.bench.progress(0.1, id=6, kind="sweep"))
        await desk.shown("24 M bars/s")
        await desk.press("tab")
        await desk.until(lambda: desk.app.focused is desk.pane("jobs"), "the jobs")
        await desk.press("j", "x")
        await desk.until(lambda: c.CancelJob(id=6) in desk.engine.calls, "the command")


async def test_read_only_starts_and_removes_nothing(open_desk):
    async with open_desk(read_only=True) as desk:
        await at_backtest(desk)
        await desk.press("r", "i", "delete", "w", "r")
        changing = (lc.StartBacktest, lc.DeleteRun, lc.StartSweep)
        assert not asked(desk, changing)
        assert told(desk, "read-only")


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_is_opened_from_the_history(open_desk, size):
    async with open_desk(size) as desk:
        await opened(desk)
        for words in ("#41 ema-pullback v4", "+18.42 %", "band +15.9 … +21.0", "hold +31.07 %", "target"):
            await desk.shown(words)


async def test_the_history_is_asked_for_again_when_runs_were_added(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        count = len(asked(desk, lc.ListRuns))
        desk.engine.bench.runs[43] = fb.run_row(43)
        desk.engine.push(LabState(strategies=3, runs=3))
        await desk.shown("#43")
        assert len(asked(desk, lc.ListRuns)) == count + 1


async def test_a_run_is_removed_and_brought_back(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("i")
        await desk.press("j", "delete")
        await desk.gone("#40")
        assert lc.DeleteRun(run=40) in desk.engine.calls
        await desk.press("u")
        await desk.shown("#40")
        assert lc.DeleteRun(run=40, undo=True) in desk.engine.calls


async def test_marked_runs_are_compared_with_what_was_not_the_same(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("i", "c")
        assert told(desk, "Mark two to five runs")
        await desk.press("space", "space", "c")
        await desk.shown("! not the same data")
        for words in ("bars: 1h, 4h", "━ #41", "┄ #40", "max drawdown"):
            await desk.shown(words)
        assert asked(desk, lc.CompareRuns)[0].runs == [41, 40]


async def test_at_most_five_runs_are_marked(open_desk):
    engine = fe.FakeEngine()
    engine.bench.runs |= {run: fb.run_row(run) for run in range(50, 60)}
    async with open_desk(engine=engine) as desk:
        await at_backtest(desk)
        await desk.press("i", *["space"] * 7)
        assert len(desk.app.desk_screen.bench.marked) == 5
        assert told(desk, "At most 5 runs")


async def test_v_goes_through_the_tables_and_back(open_desk):
    async with open_desk() as desk:
        await opened(desk)
        for words in ("12 months above zero", "0.0 …", "profit USDT", "No further look yet", "decided by detail"):
            await desk.press("v")
            await desk.shown(words)
        await desk.press("v")
        await desk.until(lambda: desk.app.focused is desk.pane("trades"), "the trades")
        await desk.press("V")
        await desk.shown("decided by detail")


async def test_trades_of_several_symbols_name_theirs(open_desk):
    engine = fe.FakeEngine()
    engine.bench.runs[41] = fb.run_row(41, symbols=["BTC_USDT", "ETH_USDT", "SOL_USDT"], trades=212)
    async with open_desk(engine=engine) as desk:
        await opened(desk)
        await desk.shown("BTC_USDT and 2 more 1h")
        shown = [column.name for column, _ in desk.pane("trades")._columns_for(78)]
        assert "symbol" in shown


async def test_trades_come_in_pages_and_are_sorted_by_the_engine(open_desk):
    async with open_desk() as desk:
        await opened(desk)
        assert len(asked(desk, lc.GetRunTrades)) == 1
        await desk.press("G")
        await desk.until(lambda: len(asked(desk, lc.GetRunTrades)) == 2, "the second page")
        assert asked(desk, lc.GetRunTrades)[1].offset == 200
        await desk.until(lambda: desk.pane("trades").current is not None, "the row")
        assert desk.pane("trades").current.number == 1
        table = desk.pane("trades")
        table.table.chosen = [column.name for column in table.COLUMNS].index("result")
        await desk.press("s")
        await desk.until(lambda: asked(desk, lc.GetRunTrades)[-1].sort == "-result", "the order")
        await desk.press("S")
        await desk.until(lambda: asked(desk, lc.GetRunTrades)[-1].sort == "result", "the other order")
        await desk.until(lambda: table.trade(0) is not None and table.trade(1) is not None, "the rows")
        assert table.trade(0).result <= table.trade(1).result


@pytest.mark.parametrize("size", SIZES)
async def test_enter_shows_the_trade_on_its_bars_and_escape_closes_it(open_desk, size):
    async with open_desk(size) as desk:
        await opened(desk, "j", "enter")
        await desk.shown("trade 211")
        chart = desk.pane("chart")
        crossed = chart._crossed(chart.series)
        assert crossed is not None
        assert crossed.open_ms == fb.make_trade(211).entry_ms
        assert "▲" in desk.text()
        assert "▼" in desk.text()
        chart.focus()
        await desk.press("escape")
        await desk.gone("trade 211")
        assert desk.app.current_name == "backtest"


async def test_the_crosshair_reads_date_equity_hold_and_drawdown(open_desk):
    async with open_desk() as desk:
        await opened(desk, "shift+tab")
        await desk.until(lambda: desk.app.focused is desk.pane("curve"), "the curve")
        await desk.press("left")
        await desk.shown("hold 1")
        await desk.shown("drawdown −")
        first = desk.text()
        await desk.press("left")
        await desk.until(lambda: desk.text() != first, "the next column")
        await desk.press("escape")
        await desk.shown("━ equity")


async def test_an_undefined_figure_says_why_and_d_defines_it(open_desk):
    async with open_desk() as desk:
        await opened(desk)
        tiles = desk.pane("tiles")
        tiles.focus()
        tiles.place = 18
        tiles.repaint()
        await desk.shown("Kelly: no trade has a stop")
        await desk.press("d")
        await desk.shown("from trades in R")
        await desk.press("escape")
        assert desk.app.current_name == "backtest"


async def test_an_analysis_is_a_job_whose_table_appears(open_desk):
    async with open_desk() as desk:
        await opened(desk, "a")
        await desk.shown("Analyse run #41")
        await desk.press(*"monte", "enter")
        await desk.until(lambda: lc.AnalyseRun(run=41, kind="monte-carlo") in desk.engine.calls, "the command")
        desk.engine.bench.analyses.append(fb.monte_carlo())
        desk.engine.push(desk.engine.bench.progress(1.0, id=9, kind="analysis", end="completed"))
        await desk.until(lambda: bool(desk.app.desk_screen.bench.result.analyses), "the table")
        await desk.press("v", "v", "v", "v")
        await desk.shown("deeper than 21.4 %: size for that")


async def test_e_lets_the_engine_write_and_says_the_path(open_desk):
    async with open_desk() as desk:
        await opened(desk, "e", "down", "enter")
        await desk.until(lambda: lc.ExportRun(run=41, what="equity") in desk.engine.calls, "the command")
        await desk.until(lambda: told(desk, "Wrote 212 rows to /exports/run-41-equity.csv"), "the path")


@pytest.mark.parametrize("pane", ["form", "tiles", "curve", "trades", "history"])
async def test_y_copies_in_each_pane(open_desk, pane):
    async with open_desk() as desk:
        await opened(desk)
        desk.app.desk_screen.focus_on(desk.pane(pane))
        await desk.until(lambda: desk.app.focused is desk.pane(pane), "the pane")
        await desk.press("y")
        assert desk.app.clipboard


async def test_a_late_answer_does_not_overwrite_a_newer_one(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        bench = desk.app.desk_screen.bench
        bench.open(41)
        bench.open(40)
        await desk.until(lambda: bench.result is not None, "a result")
        await desk.until(lambda: not desk.app.store.is_dirty, "rest")
        assert bench.result.row.run == 40


async def test_a_sweep_is_made_from_the_documents_parameters(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("w")
        await desk.shown("5 … 50 step 5")
        await desk.shown("10 × 10 = 100 runs")
        await desk.press("enter", "ctrl+u", *"10..30/10")
        await desk.shown("3 × 10 = 30 runs")
        await desk.press("ctrl+u", *"30 10")
        await desk.shown("! the second end must be above")
        await desk.press("ctrl+u", *"10 30 10", "enter", "j", "right", "r")
        await desk.until(lambda: asked(desk, lc.StartSweep), "the command")
        spec = asked(desk, lc.StartSweep)[0].spec
        assert spec.axes[0] == SweepAxis(name="fast_len", least=10, most=30, step=10)
        assert [axis.name for axis in spec.axes] == ["fast_len", "slow_len", "stop_pct"]
        assert (spec.method, spec.holdout) == ("grid", 0.3)
        assert spec.run.strategy == "ema-pullback"


async def test_a_running_sweep_is_live_and_can_be_cancelled_and_gone_on_with(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("w", "r")
        await desk.shown("running 0/100")
        await desk.until(lambda: "sweep:4" in desk.engine.link.topics, "the topic")
        desk.engine.push(fe.SweepState(sweep=fb.make_sweep(4, 41)))
        await desk.shown("running 41/100")
        await desk.shown("fast_len 20, slow_len 60")
        await desk.shown("Running… 41 %")
        await desk.until(lambda: desk.app.focused is desk.pane("best"), "the focus on the table")
        await desk.press("x")
        await desk.until(lambda: c.CancelJob(id=8) in desk.engine.calls, "the command")
        desk.engine.push(fe.SweepState(sweep=fb.make_sweep(4, 41, state="cancelled")))
        await desk.shown("cancelled 41/100")
        await desk.press("c")
        await desk.until(lambda: lc.ResumeSweep(number=4) in desk.engine.calls, "going on")


async def test_enter_on_a_line_of_a_sweep_runs_it_in_full(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("w", "tab", "tab", "enter")
        await desk.shown("Sweep #3")
        await desk.shown("fast_len 20, slow_len 100")
        await desk.press("enter")
        await desk.until(lambda: asked(desk, lc.StartBacktest), "the command")
        assert asked(desk, lc.StartBacktest)[0].spec.params == {"fast_len": 20, "slow_len": 100}


async def test_the_map_of_a_sweep_is_read_by_arrows(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("w", "tab", "tab", "enter")
        await desk.shown("Sweep #3")
        await desk.press("tab")
        await desk.until(lambda: desk.app.focused is desk.pane("map"), "the map")
        await desk.press("right", "right", "down")
        await desk.shown("10, 40: ")


@pytest.mark.parametrize("size", SIZES)
async def test_tab_reaches_each_pane_and_comes_round(open_desk, size):
    async with open_desk(size) as desk:
        await opened(desk)
        seen = []
        for _ in range(6):
            await desk.press("tab")
            await desk.pilot.pause()
            seen.append(desk.app.focused.id)
        assert set(seen) == {"form", "jobs", "tiles", "curve", "trades", "history"}
        for pane in desk.app.desk_screen.query("JobList"):
            assert pane.id == "jobs"


async def test_lists_are_asked_for_again_after_a_fault(open_desk):
    engine = fe.FakeEngine()
    engine.fail[lc.ListRuns] = Refused("The store is busy.")
    async with open_desk(engine=engine) as desk:
        await desk.press("4", "i")
        await desk.shown("The store is busy.")
        del engine.fail[lc.ListRuns]
        for _ in range(6):
            desk.clock.advance(1)
            engine.push(fe.heartbeat(desk.clock))
            await desk.until(lambda: not desk.app.store.is_dirty, "a frame")
        await desk.shown("#41")


async def test_each_key_that_a_pane_offers_acts_there(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        screen = desk.app.desk_screen
        for pane in screen.panes():
            for key in keys.KEYS:
                if key.scope in pane.SCOPES:
                    name = f"action_{key.action.partition('(')[0]}"
                    assert any(hasattr(place, name) for place in (pane, screen)), (pane.id, key.id)
                    bound = [
                        found for name in key.keys.split(",") for found in pane._bindings.key_to_bindings.get(name, [])
                    ]
                    assert key.scope == "backtest" or any(item.id == key.id for item in bound), (pane.id, key.id)


async def test_a_run_that_ends_while_one_types_takes_nothing_away(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("r")
        await desk.shown("Running… 0 %")
        await desk.press("i", "slash", *"ema")
        desk.engine.bench.runs[42] = fb.run_row(42)
        desk.engine.push(desk.engine.bench.progress(1.0, end="completed"))
        await desk.until(lambda: desk.app.desk_screen.bench.result is not None, "the result")
        await desk.shown("Esc ends typing")
        await desk.press(*"-p")
        assert desk.pane("history").table.needle == "ema-p"
        await desk.press("enter", "o")
        await desk.shown("#42 ema-pullback v4 ·")


async def test_a_run_that_ended_while_another_screen_was_open_is_shown_on_return(open_desk):
    async with open_desk() as desk:
        await at_backtest(desk)
        await desk.press("r")
        await desk.shown("Running… 0 %")
        await desk.press("1")
        desk.engine.bench.runs[42] = fb.run_row(42)
        desk.engine.push(desk.engine.bench.progress(1.0, end="completed"))
        await desk.until(lambda: bool(desk.app.store.jobs.get(7) and desk.app.store.jobs[7].end), "the end")
        await desk.press("4")
        await desk.shown("#42 ema-pullback v4 ·")


async def test_the_form_runs_what_it_shows_also_where_it_has_no_room(open_desk):
    async with open_desk((80, 24)) as desk:
        await at_backtest(desk)
        await desk.press("i")
        desk.app.desk_screen.bench.choose("donchian-20")
        await desk.until(lambda: desk.app.desk_screen.bench.strategy is not None, "the document")
        await desk.press("r")
        await desk.until(lambda: asked(desk, lc.StartBacktest), "the command")
        assert asked(desk, lc.StartBacktest)[0].spec.strategy == "donchian-20"


async def test_hostile_words_from_the_engine_stay_words(open_desk):
    engine = fe.FakeEngine()
    engine.bench.runs[41] = fb.run_row(41, strategy="[bold]evil[/]\x1b[2J\u202e", trades=3)
    async with open_desk(engine=engine) as desk:
        await desk.press("4", "i")
        await desk.shown("[bold]evil[/]‹1b›")
        assert "\x1b" not in desk.text()
        assert "\u202e" not in desk.text()
