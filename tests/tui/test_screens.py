"""Every screen is reached and left by keys, at the smallest size and at the usual one; each key does what it says."""

from __future__ import annotations

import pytest

from polotui.api import commands as c
from polotui.api.events import BookState, ChartTail, SafetyState, TradesBatch, WatchState
from polotui.api.safety import SafetyView
from polotui.core.errors import Refused
from polotui.core.face_settings import FaceSettings
from polotui.model.candles import Candle
from polotui.tui.screens.registry import SCREENS
from polotui.tui.widgets.candle_chart import ChartMark
from tests.tui import fake_engine as fe

SIZES = [(80, 24), (120, 36), (160, 48)]


@pytest.mark.parametrize("size", SIZES)
async def test_each_screen_is_reached_by_its_digit_and_left_by_escape(open_desk, size):
    async with open_desk(size) as desk:
        for entry in SCREENS[1:]:
            # The board has a letter of its own.
            await desk.press(entry.digit or "B")
            assert desk.app.current_name == entry.name
            await desk.press("escape")
            assert desk.app.current_name == SCREENS[0].name


async def test_digits_without_a_screen_do_nothing(open_desk):
    async with open_desk((80, 24)) as desk:
        before = desk.text()
        free = sorted(set("123456789") - {entry.digit for entry in SCREENS})
        for digit in free:
            await desk.press(digit)
        assert desk.app.current_name == "market"
        assert desk.text() == before
        assert not [digit for digit in free if f"{digit} " in desk.text().splitlines()[1]]


async def test_market_shows_everything_it_should(open_desk):
    async with open_desk() as desk:
        for words in (
            "DEMO",
            "stream ● 0.4 s",
            "14:02:31 UTC",
            "61,873.41",
            "0.4 bp",
            "spread",
            "sell",
            "ema21",
            "risk 23",
        ):
            await desk.shown(words)


async def test_balance_shows_reasons_in_place_and_never_a_false_zero(open_desk):
    async with open_desk() as desk:
        await desk.press("2")
        await desk.shown("DOGE       unknown · no answer since 13:58 (exchange busy, 429) · r try again")
        for words in (
            "10,214.53 USDT",
            "+125.10 (+1.24 %)",
            "BTC 49 %",
            "2,640.11000000",
            "7 assets under 1 USDT hidden",
        ):
            assert words in desk.text()


async def test_dust_is_folded_and_shown_with_d(open_desk):
    async with open_desk() as desk:
        await desk.press("2")
        assert "DUST7" not in desk.text()
        await desk.press("d")
        await desk.shown("DUST7")
        await desk.press("d")
        await desk.gone("DUST7")


async def test_r_asks_the_exchange_again(open_desk):
    async with open_desk() as desk:
        await desk.press("2", "r")
        await desk.until(lambda: c.GetAccounts(refresh=True) in desk.engine.calls, "the command")


async def test_c_goes_to_the_next_account_and_back(open_desk):
    async with open_desk() as desk:
        await desk.press("2", "c")
        assert desk.app.account.account == "paper"
        await desk.shown("10,000.00 USDT")
        await desk.press("c")
        assert desk.app.account.account == "spot"


async def test_enter_on_a_watched_symbol_shows_it(open_desk):
    async with open_desk() as desk:
        await desk.press("j", "enter")
        await desk.shown("ETH_USDT · 1h")
        assert desk.app.view.symbol == "ETH_USDT"
        await desk.until(lambda: "book:ETH_USDT" in desk.engine.link.topics, "the new topic")
        assert not [topic for topic in desk.engine.link.topics if "BTC" in topic]


async def test_brackets_change_the_timeframe_and_stop_at_the_ends(open_desk):
    async with open_desk() as desk:
        await desk.press("right_square_bracket")
        await desk.shown("BTC_USDT · 4h")
        await desk.press(*["right_square_bracket"] * 5)
        await desk.shown("BTC_USDT · 1d")
        await desk.press(*["left_square_bracket"] * 9)
        await desk.shown("BTC_USDT · 1m")


async def test_overlays_are_chosen_in_a_list(open_desk):
    async with open_desk() as desk:
        await desk.press("o")
        await desk.shown("bb20")
        await desk.press(*"bb20", "enter")
        await desk.until(lambda: desk.app.view.overlays == ("ema21", "ema55", "bb20"), "the overlay")
        await desk.until(lambda: "bb20.upper" in desk.app.store.charts[desk.app.view.topic].lines, "its lines")


async def test_the_crosshair_reads_its_bar_in_the_title_and_escape_hides_it(open_desk):
    async with open_desk() as desk:
        desk.pane("chart").focus()
        await desk.press("h", "h")
        candle = desk.app.store.charts[desk.app.view.topic].candles[-2]
        await desk.shown(f"C {candle.close:,.2f}")
        await desk.press("escape")
        await desk.gone(f"C {candle.close:,.2f}")
        assert desk.app.current_name == "market"


async def test_a_click_sets_the_crosshair_and_the_wheel_scrolls(open_desk):
    async with open_desk() as desk:
        chart = desk.pane("chart")
        await desk.pilot.click(chart, offset=(chart._columns, 5))
        assert chart.cross_back == 0
        await desk.pilot.click(chart, offset=(chart._columns - 9, 5))
        assert chart.cross_back == 9
        candle = chart.series.candles[-10]
        await desk.shown(f"C {candle.close:,.2f}")


async def test_scrolling_left_loads_older_candles_once(open_desk):
    async with open_desk() as desk:
        desk.pane("chart").focus()
        first = desk.app.store.charts[desk.app.view.topic].candles[0].open_ms
        await desk.press("home")
        await desk.until(lambda: len(desk.app.store.charts[desk.app.view.topic].candles) == 600, "an older page")
        asked = [call for call in desk.engine.calls if isinstance(call, c.GetCandles) and call.before_ms]
        assert [call.before_ms for call in asked] == [first]
        opens = [candle.open_ms for candle in desk.app.store.charts[desk.app.view.topic].candles]
        assert opens == list(range(opens[0], opens[-1] + 1, 3_600_000))


async def test_a_view_into_the_past_stands_still_while_candles_arrive(open_desk):
    async with open_desk() as desk:
        chart = desk.pane("chart")
        chart.focus()
        await desk.press("pageup")
        series = desk.app.store.charts[desk.app.view.topic]
        seen = len(series.candles) - chart.back
        last = series.candles[-1]
        new = Candle(last.open_ms + 3_600_000, last.close, last.close, last.close, last.close, 1.0, closed=False)
        desk.engine.push(fe.tail(desk.app.view.topic, [new]))
        await desk.until(lambda: len(series.candles) == 301 and not desk.app.store.is_dirty, "the new candle")
        chart.repaint()
        assert len(series.candles) - chart.back == seen


async def test_a_tail_that_does_not_join_loads_the_series_again(open_desk):
    async with open_desk() as desk:
        asked = len([call for call in desk.engine.calls if isinstance(call, c.GetCandles)])
        series = desk.app.store.charts[desk.app.view.topic]
        last = series.candles[-1]
        far = Candle(last.open_ms + 9 * 3_600_000, 1.0, 1.0, 1.0, 1.0, 1.0, closed=False)
        desk.engine.push(fe.tail(desk.app.view.topic, [far]))
        await desk.until(lambda: len([x for x in desk.engine.calls if isinstance(x, c.GetCandles)]) == asked + 1)
        assert series.candles[-1].open_ms == last.open_ms


async def test_own_trades_are_marked_on_the_chart(open_desk):
    async with open_desk() as desk:
        chart = desk.pane("chart")
        candle = desk.app.store.charts[desk.app.view.topic].candles[-5]
        chart.marks = [ChartMark(candle.open_ms + 60_000, candle.close, True)]
        chart.repaint()
        await desk.shown("▲")


async def test_live_values_reach_their_cells(open_desk):
    async with open_desk() as desk:
        desk.engine.push(WatchState(row=fe.watch_row("ETH_USDT", last=2999.99)), fe.make_book("BTC_USDT", 7, 500.0))
        await desk.shown("2,999.99")
        await desk.shown("62,373.81")


async def test_stale_values_say_so_where_they_stand(open_desk):
    async with open_desk() as desk:
        since = desk.clock.wall_ms() - 12_000
        book = fe.make_book("BTC_USDT", 3)
        desk.engine.push(
            BookState(symbol=book.symbol, id=3, ts_ms=1, bids=book.bids, asks=book.asks, stale_since_ms=since),
            TradesBatch(symbol="BTC_USDT", trades=[], stale_since_ms=since),
            *(WatchState(row=fe.watch_row(symbol, stale_since_ms=since)) for symbol in fe.PRICES),
            ChartTail(topic=desk.app.view.topic, symbol="BTC_USDT", timeframe="1h", candles=[], stale_since_ms=since),
        )
        # The clock stands still but for this step: what came after it would wait for a turn that never comes.
        await desk.until(lambda: desk.app.store.books["BTC_USDT"].id == 3, "the stale book")
        desk.clock.advance(1.0)
        await desk.until(lambda: desk.text().count("stale 13 s") == 4, lambda: desk.text())


async def test_the_safety_score_is_in_the_header_and_yields_to_what_matters_more(open_desk):
    def header(desk):
        return desk.text().splitlines()[0]

    async with open_desk((160, 36)) as desk:
        assert "safety" not in header(desk)
        desk.engine.push(fe.heartbeat(desk.clock, safety=97))
        await desk.until(lambda: "safety 97" in header(desk), "the score")
        assert "✗" not in header(desk)
        desk.engine.push(fe.heartbeat(desk.clock, safety=94, safety_fit=False))
        await desk.until(lambda: "safety 94 ✗" in header(desk), "what blocks")
    async with open_desk((80, 24)) as desk:
        desk.engine.push(fe.heartbeat(desk.clock, safety=97))
        await desk.until(lambda: desk.app.store.engine.safety == 97, "the score")
        await desk.pilot.pause()
        assert "safety" not in header(desk)
        desk.engine.push(fe.heartbeat(desk.clock, safety=62, safety_fit=False))
        await desk.until(lambda: "safety 62 ✗" in header(desk), "what blocks")


async def test_a_look_at_safety_is_kept_and_disturbs_nothing(open_desk):
    view = SafetyView(score=94, vetoes=["latches"], outcomes=[], mode="paper", at_ms=1, may_paper=False, may_live=False)
    async with open_desk() as desk:
        desk.engine.push(SafetyState(safety=view))
        await desk.until(lambda: desk.app.store.safety == view, "the look")


async def test_an_empty_watchlist_says_which_key_helps(open_desk):
    engine = fe.FakeEngine()
    engine.watched = []
    async with open_desk(engine=engine) as desk:
        await desk.shown("Nothing watched yet. a adds a symbol.")


async def test_a_adds_a_symbol_and_x_asks_with_no_in_focus(open_desk):
    async with open_desk() as desk:
        await desk.press("a")
        await desk.shown("Add to the watchlist")
        await desk.press(*"doge", "enter")
        await desk.until(lambda: "DOGE_USDT" in desk.app.store.watched, "the symbol")
        await desk.press("x")
        await desk.shown("Remove BTC_USDT")
        await desk.press("enter")
        assert "BTC_USDT" in desk.engine.watched
        await desk.press("x")
        await desk.shown("Remove BTC_USDT")
        await desk.press("y")
        await desk.until(lambda: "BTC_USDT" not in desk.app.store.watched, "the removal")


async def test_a_refused_command_is_told_in_its_own_words(open_desk):
    async with open_desk() as desk:
        desk.engine.fail[c.Watch] = Refused(
            "The watchlist is full.", safe="Nothing was added.", next_step="x removes one."
        )
        await desk.press("a", *"doge", "enter")
        await desk.until(
            lambda: any("The watchlist is full. Nothing was added." in n.text for n in desk.app.store.notes)
        )


async def test_read_only_hides_and_disarms_what_changes_things(open_desk):
    async with open_desk(read_only=True) as desk:
        assert "add a symbol" not in desk.text()
        assert "read-only" in desk.text()
        await desk.press("a")
        await desk.press("x")
        assert len(desk.app.screen_stack) == 1
        await desk.press("colon")
        await desk.shown("engine status")
        assert "data download" not in desk.text()
        await desk.press(*"paper deposit USDT 5", "enter")
        assert not [call for call in desk.engine.calls if isinstance(call, c.PaperDeposit | c.Watch)]


@pytest.mark.parametrize("size", [(40, 10), (20, 5), (5, 2), (1, 1), (79, 24), (80, 23)])
async def test_a_small_terminal_gets_a_notice_and_no_crash(open_desk, size):
    async with open_desk(size) as desk:
        if size[0] >= 40:
            assert "polotui needs 80x24" in desk.text()
        await desk.pilot.resize_terminal(120, 36)
        await desk.shown("Watchlist")


async def test_at_80x24_tab_goes_between_watchlist_chart_and_book(open_desk):
    async with open_desk((80, 24)) as desk:
        await desk.shown("BTC_USDT · 1h")
        assert "Watchlist" not in desk.text()
        seen = []
        for _ in range(3):
            await desk.press("tab")
            seen.append(desk.app.focused.id)
        assert sorted(seen) == ["chart", "side", "watchlist"]
        desk.pane("chart").focus()
        await desk.press("tab", "tab")
        await desk.shown("Watchlist")
        assert "BTC_USDT · 1h" not in desk.text()


async def test_the_last_tab_of_a_narrow_screen_survives_a_resize(open_desk):
    async with open_desk((120, 36)) as desk:
        desk.pane("tape").focus()
        await desk.pilot.resize_terminal(80, 24)
        await desk.until(lambda: desk.app.focused is not None and desk.app.focused.id == "chart", "another focus")


async def test_zoom_gives_one_pane_all_the_room_and_takes_it_back(open_desk):
    async with open_desk() as desk:
        desk.pane("book").focus()
        await desk.press("z")
        await desk.until(lambda: desk.pane("book").size.width == 120, "the zoom")
        assert "Watchlist" not in desk.text()
        await desk.press("tab")
        await desk.until(lambda: desk.pane("chart").size.width == 120, "the zoom going on")
        await desk.press("escape")
        await desk.shown("Watchlist")


async def test_a_screen_is_found_as_it_was_left(open_desk):
    async with open_desk() as desk:
        await desk.press("j", "j", "2", "slash", *"so", "enter", "1")
        assert desk.pane("watchlist").table.current.key == "SOL_USDT"
        await desk.press("2")
        await desk.shown("/ so")


async def test_deep_links_open_screen_and_symbol(open_desk):
    async with open_desk(screen="balance", symbol="eth_usdt") as desk:
        assert desk.app.current_name == "balance"
        await desk.press("1")
        await desk.shown("ETH_USDT · 1h")


async def test_a_wrong_deep_link_says_what_there_is(open_desk):
    async with open_desk(screen="nonsense", symbol="../x") as desk:
        told = " ".join(note.text for note in desk.app.store.notes)
        assert "There is no screen 'nonsense'" in told
        assert "is not a symbol like BTC_USDT" in told


async def test_the_mode_is_a_word_and_a_border_shape(open_desk):
    corners = {}
    for mode in ("DEMO", "PAPER", "LIVE"):
        engine = fe.FakeEngine()
        engine.state["mode"] = mode
        async with open_desk((80, 24), engine=engine) as desk:
            assert f" {mode} " in desk.text()
            corners[mode] = desk.text().splitlines()[2][0]
    assert len(set(corners.values())) == 3


async def test_the_dust_limit_of_the_settings_is_used(open_desk):
    async with open_desk(settings=FaceSettings(dust_limit=1000)) as desk:
        await desk.press("2")
        await desk.shown("assets under 1000 USDT hidden")
        assert "SOL            4.70" not in desk.text()
