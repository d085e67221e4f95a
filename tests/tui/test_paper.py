"""Screen 5 by keys: bots, positions, orders, feed, result, journal, wizard and ticket, each with what it sends."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from polotui.api import trade_commands as tc
from polotui.api.events import BotsState, OrdersState, PositionsState, TradingState
from polotui.api.lab_commands import GetStrategy
from polotui.core.errors import Refused, UsageError
from tests.tui import fake_engine as fe
from tests.tui import fake_paper as fp

SIZES = [(80, 24), (120, 36), (160, 48)]
CHANGING = (
    tc.StartBot, tc.PauseBot, tc.StopBot, tc.PlaceOrder, tc.CancelOrder, tc.ClosePosition, tc.EditProtection,
    tc.ResolveOrder, tc.AddNote,
)  # fmt: skip
NAMES = {" ": "space", ".": "full_stop", ",": "comma", "%": "percent_sign", "_": "underscore", "-": "minus"}


@pytest.fixture
def open_desk(open_desk):
    """A desk whose engine has the backtest's strategies."""

    def opened_with(*size, engine=None, **options):
        engine = engine or fe.FakeEngine()
        engine.bench.stand_alone()
        return open_desk(*size, engine=engine, **options)

    return opened_with


def asked(desk, kind):
    """The commands of a kind, without who asked: one test is about that."""
    found = [command for command in desk.engine.calls if isinstance(command, kind)]
    return [replace(command, caller="") if hasattr(command, "caller") else command for command in found]


def told(desk, words):
    return any(words in note.text for note in desk.app.store.notes)


def typed(text):
    return [NAMES.get(letter, letter) for letter in text]


async def rested(desk):
    """Nothing is on its way: every question was answered and is painted."""
    screen = desk.app.desk_screen
    await desk.until(
        lambda: screen.work.asking.at_rest and screen._wanted is None and not desk.app.store.is_dirty, "a desk at rest"
    )
    await desk.pilot.pause()


async def at_paper(desk, *pressed):
    await desk.press("5")
    await desk.until(lambda: desk.app.store.bots is not None and desk.app.store.orders is not None, "the topics")
    await rested(desk)
    for key in pressed:
        await desk.press(key)
        await rested(desk)


async def focused_on(desk, name):
    await desk.until(lambda: desk.app.focused is desk.pane(name), f"the focus on {name}")


# bots


@pytest.mark.parametrize("size", SIZES)
async def test_a_bot_shows_state_result_and_what_was_expected(open_desk, size):
    async with open_desk(size) as desk:
        await at_paper(desk)
        for words in ("ema-pullback v4", "BTC_USDT 1h", "● running 3 d 04:11", "+1.24 %", "● ok", "2 need a look"):
            await desk.shown(words)
        await desk.shown("paused: stale data since 13:41")
        await desk.shown("no entries: 4th pair above 0.70")
        if size[0] > 100:
            await desk.shown("−0.8 … +2.1 %")
            await desk.shown("at exchange")


async def test_the_topics_are_listened_to_and_stop_with_the_screen(open_desk):
    async with open_desk() as desk:
        await at_paper(desk)
        await desk.until(
            lambda: {"bots", "positions", "orders", "trading"} <= set(desk.engine.link.topics), "the topics"
        )
        await desk.press("1")
        await desk.until(lambda: "bots" not in desk.engine.link.topics, "other topics")


async def test_enter_shows_the_bot_and_d_compares_it_with_a_backtest(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "enter")
        for words in ("Bot #3 · ema-pullback v4", "2,000.00 USDT", "8 of 14 (57 %)", "fast_len", "d compares it"):
            await desk.shown(words)
        assert not asked(desk, tc.GetDrift)
        await desk.press("d")
        await desk.shown("difference +1.90 USDT")
        await desk.shown("fills 1.6 bp worse")
        assert asked(desk, tc.GetDrift) == [tc.GetDrift(bot=3)]
        await desk.press("d", "escape")
        await desk.gone("difference")
        assert len(asked(desk, tc.GetDrift)) == 1


async def test_a_comparison_that_fails_says_why_and_can_be_asked_again(open_desk):
    async with open_desk() as desk:
        desk.engine.fail[tc.GetDrift] = UsageError("No candles of that span are stored.")
        await at_paper(desk, "d")
        await desk.shown("No candles of that span are stored.")
        del desk.engine.fail[tc.GetDrift]
        await desk.press("d")
        await desk.shown("difference +1.90 USDT")


async def test_space_pauses_at_once_and_asks_before_it_resumes(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "space")
        assert asked(desk, tc.PauseBot) == [tc.PauseBot(bot=3)]
        await desk.shown("paused: by hand")
        assert told(desk, "Bot #3 is paused. Its positions stay protected.")
        await desk.press("space")
        await desk.shown("It was paused: by hand.")
        await desk.press("enter")
        await desk.gone("may enter again")
        assert len(asked(desk, tc.PauseBot)) == 1
        await desk.press("space", "y")
        await desk.until(lambda: asked(desk, tc.PauseBot)[-1] == tc.PauseBot(bot=3, resume=True), "the command")


@pytest.mark.parametrize(("letter", "close"), [("k", False), ("c", True)])
async def test_ending_a_bot_asks_what_becomes_of_its_positions(open_desk, letter, close):
    async with open_desk() as desk:
        await at_paper(desk, "x")
        await desk.shown("0.0310 BTC_USDT, worth 1,918.08")
        await desk.shown("sell them, then end it")
        await desk.press(letter)
        await desk.until(lambda: asked(desk, tc.StopBot), "the command")
        assert asked(desk, tc.StopBot) == [tc.StopBot(bot=3, close=close)]
        await desk.shown("◌ stopping")


async def test_no_number_of_enters_ends_a_bot_or_sells_a_position(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "x", "enter", "enter", "escape", "tab")
        await focused_on(desk, "positions")
        await desk.press("c", "enter", "enter", "escape")
        await rested(desk)
        assert not asked(desk, CHANGING)


async def test_a_bot_that_holds_nothing_ends_after_one_question(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "j", "x")
        await desk.shown("holds nothing")
        await desk.gone("sell them")
        await desk.press("k")
        await desk.until(lambda: asked(desk, tc.StopBot) == [tc.StopBot(bot=4)], "the command")


async def test_ended_bots_are_shown_on_u(open_desk):
    engine = fe.FakeEngine()
    engine.paper.ended = [replace(fp.make_bots()[1], id=1, state="stopped", ended_ms=fp.NOW - fp.HOUR, reason="")]
    async with open_desk(engine=engine) as desk:
        await at_paper(desk)
        assert "stopped" not in desk.text()
        await desk.press("u")
        await desk.shown("○ stopped 60 min ago")
        await desk.press("u")
        await desk.gone("stopped 60 min")


async def test_an_empty_desk_says_which_keys_help(open_desk):
    engine = fe.FakeEngine()
    engine.paper.stand_empty()
    async with open_desk(engine=engine) as desk:
        await at_paper(desk)
        for words in (
            "No bots yet. a starts one",
            "Nothing is held",
            "The first closed trade",
            "Nothing has happened yet",
        ):
            await desk.shown(words)
        await desk.press("space", "x", "d", "enter")
        assert not asked(desk, CHANGING)


# positions


@pytest.mark.parametrize("size", SIZES)
async def test_a_position_shows_its_distance_from_stop_and_target(open_desk, size):
    async with open_desk(size) as desk:
        await at_paper(desk)
        for words in (
            "61,873.41",
            "+20.75",
            "+1.09 %",
            "+1.03",
            "stop 60,592.06",
            "target 62,428.18",
            "protected locally",
        ):
            await desk.shown(words)
        await desk.shown("no target")
        bar = next(line for line in desk.text().splitlines() if "target 62,428.18" in line)
        assert bar.index("├─") < bar.index("┼") < bar.index("●") < bar.index("┤ target")


async def test_an_unprotected_and_a_stale_position_say_so(open_desk):
    async with open_desk() as desk:
        await at_paper(desk)
        row = replace(
            desk.engine.paper.positions[0], stop="", target="", protection="none", stale=True, mark_ms=fp.NOW - 41_000
        )
        desk.engine.push(PositionsState(positions=[row]))
        for words in ("1 unprotected", "no stop, no target: nothing limits its loss", "mark is 41 s old"):
            await desk.shown(words)


async def test_selling_names_what_is_sold_and_needs_a_y(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "tab")
        await focused_on(desk, "positions")
        await desk.press("c")
        await desk.shown("Sell 0.0310 BTC at the market, about 61,873.41, worth 1,918.08 USDT.")
        await desk.shown("Its stop and its target end with it.")
        await desk.shown("By the book now it fills at 61,874.80 or better")
        what = tc.AssessOrder(symbol="BTC_USDT", side="SELL", account="paper/bot-3", quantity="0.0310")
        assert asked(desk, tc.AssessOrder) == [what]
        await desk.press("n")
        await rested(desk)
        assert not asked(desk, tc.ClosePosition)
        await desk.press("c")
        await desk.shown("Sell 0.0310 BTC")
        await desk.press("y")
        await desk.until(lambda: asked(desk, tc.ClosePosition), "the command")
        assert asked(desk, tc.ClosePosition) == [tc.ClosePosition(account="paper/bot-3", symbol="BTC_USDT")]
        await desk.until(lambda: told(desk, "Selling at the market."), "the words")


async def test_a_refused_sale_says_which_check(open_desk):
    async with open_desk() as desk:
        refusal = fp.tr.OrderPlaced(placed=False, decision=fp.refused(), text="The market is stale.")
        desk.engine.more_answers[tc.ClosePosition] = lambda command: refusal
        await at_paper(desk, "tab", "c")
        await desk.shown("Sell 0.0310 BTC")
        await desk.press("y")
        await desk.until(lambda: told(desk, "Refused (RISK-EXP), nothing was sent. The market is stale."), "the words")


async def test_stop_and_target_are_checked_against_the_mark_while_typing(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "tab", "enter")
        await desk.shown("Stop and target · BTC_USDT long")
        await desk.shown("−2.07 % from the mark")
        await desk.press("ctrl+u", *typed("61900"))
        await desk.shown("✗ must be below the mark, 61,873.41")
        await desk.press("tab", "ctrl+u", *typed("61000"), "enter", "enter")
        await desk.shown("✗ must be above the mark")
        assert not asked(desk, tc.EditProtection)
        await desk.press("ctrl+u", *typed("61,250.5"))
        await desk.shown("−1.01 % from the mark   +0.07 R   +1.43 USDT")
        await desk.press("tab", "ctrl+u", *typed("3%"))
        await desk.shown("= 63,729.61")
        await desk.press("enter", "enter")
        await desk.until(lambda: asked(desk, tc.EditProtection), "the command")
        command = tc.EditProtection(account="paper/bot-3", symbol="BTC_USDT", stop="61250.5", target="63729.61")
        assert asked(desk, tc.EditProtection) == [command]


async def test_the_mark_moves_under_the_form(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "tab", "enter")
        await desk.shown("mark 61,873.41")
        desk.engine.push(PositionsState(positions=[replace(desk.engine.paper.positions[0], mark="60500.00")]))
        await desk.shown("mark 60,500.00")
        await desk.shown("✗ must be below the mark, 60,500.00")
        desk.engine.push(PositionsState(positions=[]))
        await desk.shown("This position is closed meanwhile")


async def test_taking_the_stop_away_asks_once_more(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "tab", "enter")
        await desk.press("ctrl+u", *"none", "down", "down", "enter")
        await desk.shown("Without a stop nothing limits")
        await desk.press("enter")
        await desk.gone("Without a stop")
        assert not asked(desk, tc.EditProtection)
        await desk.press("enter")
        await desk.shown("Without a stop nothing limits")
        await desk.press("y")
        await desk.until(lambda: asked(desk, tc.EditProtection), "the command")
        assert asked(desk, tc.EditProtection) == [
            tc.EditProtection(account="paper/bot-3", symbol="BTC_USDT", stop="none", target="")
        ]


async def test_nothing_changed_sends_nothing(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "tab", "enter")
        await desk.press("enter", "enter", "enter")
        await desk.gone("Stop and target ·")
        await rested(desk)
        assert not asked(desk, tc.EditProtection)


async def test_w_shows_the_chart_of_what_is_held(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "tab", "j")
        await desk.press("w")
        assert desk.app.current_name == "market"
        assert desk.app.view.symbol == "SOL_USDT"


# orders


async def test_x_cancels_the_order_under_the_cursor(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "v")
        await focused_on(desk, "orders")
        await desk.shown("partial")
        await desk.press("j", "x")
        await desk.until(lambda: asked(desk, tc.CancelOrder), "the command")
        assert asked(desk, tc.CancelOrder) == [tc.CancelOrder(order="pt-000009")]
        assert told(desk, "it may still fill until the exchange says so")


async def test_cancelling_all_orders_asks_first(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "v", "X")
        await desk.shown("Cancel all 2 open orders, of bots as well?")
        await desk.press("enter")
        await desk.gone("Cancel all 2")
        await desk.press("X", "y")
        await desk.until(lambda: asked(desk, tc.CancelOrder) == [tc.CancelOrder(all=True)], "the command")


async def test_an_unknown_order_says_what_happens_and_is_settled_with_a_note(open_desk):
    engine = fe.FakeEngine()
    engine.paper.orders = [fp.unknown_order(), *fp.make_orders()]
    async with open_desk(engine=engine) as desk:
        await at_paper(desk)
        await desk.shown("orders 3, 1 UNKNOWN")
        await desk.press("v")
        await desk.shown("? UNKNOWN")
        await desk.shown("Outcome unknown. It is not sent again. The exchange is asked for it by its id, for 8 s.")
        await desk.press("r")
        await desk.shown("The exchange is still asked for it")
        await desk.press("tab", "tab", "enter")
        await desk.shown("✗ how you know")
        assert not asked(desk, tc.ResolveOrder)
        await desk.press(*typed("not in the history"), "up", "right", "tab", "tab", "enter")
        await desk.until(lambda: asked(desk, tc.ResolveOrder), "the command")
        assert asked(desk, tc.ResolveOrder) == [
            tc.ResolveOrder(order="pt-000011", state="REJECTED", note="not in the history")
        ]


async def test_only_an_unknown_order_is_settled_by_hand(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "v", "r")
        assert told(desk, "Only an UNKNOWN order is settled by hand")


async def test_enter_on_an_order_shows_its_signal(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "v", "enter")
        for words in ("Order · BTC_USDT", "target at 2 R", "Its signal", "crosses_above(rsi, 30)"):
            await desk.shown(words)
        assert asked(desk, tc.ListSignals) == [tc.ListSignals(bot=3, symbol="BTC_USDT", id="s-41", limit=200)]


# the feed


async def test_facts_come_into_the_feed_as_they_happen(open_desk):
    async with open_desk() as desk:
        await at_paper(desk)
        await desk.shown("4th pair above 0.70 with ETH_USDT")
        desk.engine.push(desk.engine.paper.fact("fill", "buy 0.0300 @ 61,900.00 · entry", ref="pt-000013"))
        await desk.shown("buy 0.0300 @ 61,900.00")
        feed = desk.pane("feed")
        assert feed.table.place == 0
        assert feed.table.current.cells["kind"].text == "fill"


async def test_whoever_reads_further_down_stays_there(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "f")
        await focused_on(desk, "feed")
        await desk.press("j", "j")
        assert desk.pane("feed").table.current.key == "4998"
        desk.engine.push(desk.engine.paper.fact("signal", "long"))
        await desk.until(lambda: desk.pane("feed").table.place == 3, "the place")
        assert desk.pane("feed").table.current.key == "4998"


async def test_scrolling_past_the_end_loads_older_lines(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "f", "G")
        await desk.until(lambda: len(asked(desk, tc.GetFeed)) == 2, "the second page")
        first, second = asked(desk, tc.GetFeed)
        assert (first.before, second.before) == (0, 4901)
        await desk.until(lambda: len(desk.app.desk_screen.work.feed) == 200, "both pages")
        await rested(desk)
        await desk.press("G")
        await desk.until(lambda: len(desk.app.desk_screen.work.feed) == 250, "all")
        await rested(desk)
        await desk.press("G", "G")
        await rested(desk)
        assert len(asked(desk, tc.GetFeed)) == 3
        numbers = [item.number for item in desk.app.desk_screen.work.items()]
        assert numbers == list(range(5000, 4750, -1))


async def test_a_page_that_cannot_be_had_is_asked_for_once(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "f")
        desk.engine.fail[tc.GetFeed] = UsageError("The database is busy.")
        await desk.press("G")
        await desk.until(lambda: told(desk, "The database is busy."), "the words")
        await rested(desk)
        assert len(asked(desk, tc.GetFeed)) == 2


async def test_the_feed_is_filtered_by_kind_and_by_bot(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "f", "c")
        await desk.press(*"refused", "enter")
        await desk.shown("only refused")
        await rested(desk)
        assert asked(desk, tc.GetFeed)[-1] == tc.GetFeed(kinds=["refused"], limit=100)
        assert {item.kind for item in desk.app.desk_screen.work.items()} == {"refused"}
        desk.engine.push(
            desk.engine.paper.fact("fill", "not of this kind"), desk.engine.paper.fact("refused", "another")
        )
        await desk.shown("another")
        assert "not of this kind" not in desk.text()
        await desk.press("c", "enter", "b")
        await desk.shown("#4 rsi-reversion v2")
        await desk.press(*"rsi", "enter")
        await desk.shown("only #4 rsi-reversion")
        await rested(desk)
        assert asked(desk, tc.GetFeed)[-1] == tc.GetFeed(bot=4, limit=100)
        assert asked(desk, tc.GetResults)[-1].bot == 4
        assert {item.bot for item in desk.app.desk_screen.work.items()} == {4}


async def test_orders_by_hand_are_a_filter_of_their_own(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "v", "b")
        await desk.press(*typed("by hand"), "enter")
        await rested(desk)
        await desk.shown("ETH_USDT")
        assert [row.key for row in desk.pane("orders").table.shown()] == ["pt-000009"]


async def test_enter_on_a_fill_shows_its_order_and_its_signal(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "f", "j", "j", "enter")
        for words in ("Feed · fill", "Its order", "pt-000007", "Its signal", "s-41"):
            await desk.shown(words)
        assert asked(desk, tc.ListOrders) == [tc.ListOrders(symbol="BTC_USDT", id="pt-000007", limit=200)]


async def test_enter_on_a_refusal_shows_its_signal(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "f", "j", "enter")
        await desk.shown("Its signal")
        await desk.shown("refused: RISK-CORR")


async def test_a_lost_engine_leaves_the_feed_and_a_new_one_is_asked_again(open_desk):
    async with open_desk() as desk:
        await at_paper(desk)
        count = len(asked(desk, tc.GetFeed))
        desk.engine.die()
        await desk.until(lambda: desk.app.store.link == "gone", "a lost engine")
        await desk.shown("4th pair above 0.70 with ETH_USDT")
        desk.engine.alive = True
        desk.engine.paper.fact("bot", "the engine was started again")
        desk.app.session.retry_now()
        await desk.until(lambda: desk.app.store.link == "live", "the engine again")
        await desk.shown("the engine was started again")
        assert len(asked(desk, tc.GetFeed)) == count + 1


async def test_fills_are_told_on_other_screens_and_not_over_the_feed(open_desk):
    async with open_desk() as desk:
        toasts = []
        desk.app.notify = lambda text, **more: toasts.append((text, more["severity"]))
        await at_paper(desk)
        desk.engine.push(desk.engine.paper.fact("fill", "sell 0.1"))
        await desk.shown("sell 0.1")
        assert toasts == []
        await desk.press("2")
        desk.engine.push(desk.engine.paper.fact("fill", "sell 0.2"))
        await desk.until(lambda: toasts == [("sell 0.2", "information")], "the toast")


# the result


async def test_the_result_is_shown_by_day_week_and_month(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "tab", "tab")
        await focused_on(desk, "result")
        await desk.shown("today +125.10")
        for key, period in (("w", "week"), ("M", "month"), ("d", "day")):
            await desk.press(key)
            await rested(desk)
            assert desk.app.desk_screen.work.period == period
        assert [command.period for command in asked(desk, tc.GetResults)][:3] == ["day", "week", "month"]


async def test_comma_and_full_stop_page_through_time(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "tab", "tab")
        chart = desk.pane("result")
        newest = chart._shown[-1].start_ms
        room = len(chart._shown)
        await desk.press("comma")
        await rested(desk)
        assert chart._shown[-1].start_ms == newest - room * fp.DAY
        await desk.press("full_stop")
        assert chart._shown[-1].start_ms == newest
        for _ in range(20):
            await desk.press("comma")
            await rested(desk)
        assert chart._shown[0].start_ms >= fp.MIDNIGHT - 200 * fp.DAY
        pages = [command.before_ms for command in asked(desk, tc.GetResults)]
        assert len(pages) == len(set(pages)) == 4
        assert told(desk, "Nothing is older.")


async def test_a_bar_is_read_in_the_title(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "tab", "tab", "h")
        await desk.shown("Sat 21 Nov")
        await desk.press("h")
        await desk.shown("Fri 20 Nov")
        await desk.press("escape")
        await desk.shown("Result · day week month")


async def test_a_closed_trade_brings_a_new_result(open_desk):
    async with open_desk() as desk:
        await at_paper(desk)
        count = len(asked(desk, tc.GetResults))
        desk.engine.push(replace(desk.engine.paper.counts, trades=15))
        await desk.until(lambda: len(asked(desk, tc.GetResults)) == count + 1, "the question")


# journal and signals


async def test_the_journal_shows_trades_notes_and_their_sum(open_desk):
    async with open_desk() as desk:
        await at_paper(desk)
        assert not asked(desk, tc.GetJournal)
        await desk.press("i")
        for words in ("+0.58", "#news  news at noon", "✎ Fed day", "in all 14 trades", "8 won", "+48.20 USDT"):
            await desk.shown(words)
        await desk.press("enter")
        for words in ("Trade · BTC_USDT", "The rules as they stood at the entry", "crosses_above(rsi14, 30)"):
            await desk.shown(words)


async def test_the_rules_at_entry_are_read_alone(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "i", "r")
        await desk.shown("name: ema-pullback")
        await desk.press("escape", "j", "j", "r")
        assert told(desk, "No rules are kept for this row")


async def test_a_note_with_tags_is_written_beside_a_trade(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "i", "w")
        await desk.shown("Note · BTC_USDT, closed 21 Nov 13:41")
        await desk.press(*typed("left too early"), "enter", *typed("late, Exit"), "enter", "enter")
        await desk.until(lambda: asked(desk, tc.AddNote), "the command")
        assert asked(desk, tc.AddNote) == [tc.AddNote(trade=40, note="left too early", tags=["late", "exit"])]
        await desk.shown("#late #exit  left too early")


async def test_a_note_needs_words_and_tags_of_letters(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "i", "W")
        await desk.shown("Note · of its own")
        await desk.press("tab", *typed("a/b"), "enter", "enter")
        await desk.shown("✗ a few words")
        await desk.shown("✗ a/b is no tag")
        assert not asked(desk, tc.AddNote)
        await desk.press(*typed("no trade today"), "tab", "ctrl+u", "tab", "enter")
        await desk.until(lambda: asked(desk, tc.AddNote), "the command")
        assert asked(desk, tc.AddNote) == [tc.AddNote(trade=0, note="no trade today", tags=[])]


async def test_the_journal_is_filtered_by_tag(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "i", "c")
        await desk.shown("#fed")
        await desk.press(*"news", "enter")
        await desk.shown("only #news")
        await rested(desk)
        assert asked(desk, tc.GetJournal)[-1] == tc.GetJournal(tag="news")
        assert len(desk.pane("journal").table.shown()) == 1


async def test_signals_show_how_each_ended(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "v", "v", "v")
        await focused_on(desk, "signals")
        for words in ("refused: RISK-CORR", "active", "new"):
            await desk.shown(words)
        await desk.press("c", *"active", "enter")
        await rested(desk)
        assert asked(desk, tc.ListSignals)[-1] == tc.ListSignals(state="active")
        await desk.press("enter")
        await desk.shown("12 ms after the bar's close")


# the wizard


async def test_the_wizard_starts_a_bot_with_what_was_chosen(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "a")
        await desk.shown("donchian-20")
        await desk.press(*"ema", "enter")
        await desk.shown("capital")
        await desk.press("ctrl+u", *typed("eth_usdt"), "enter", "right", "enter", *typed("1,500"), "enter", "enter")
        await desk.shown("slow_len")
        await desk.press("right", "enter", "enter", "enter", "enter")
        await desk.shown("y Start on paper")
        words = {"strategy": "ema-pullback", "version": 4, "symbols": ["ETH_USDT"], "capital": "1500"}
        words |= {"timeframe": asked(desk, tc.PlanBot)[0].timeframe, "params": {"fast_len": 26}}
        assert words["timeframe"] not in ("", "1h")
        assert asked(desk, tc.PlanBot) == [tc.PlanBot(**words)]
        await desk.press("enter")
        await desk.shown("← → step a value")
        assert not asked(desk, tc.StartBot)
        await desk.press("G", "backspace")
        await desk.press(*["tab"] * 3, "enter")
        await desk.shown("y Start on paper")
        await desk.press("y")
        await desk.until(lambda: asked(desk, tc.StartBot), "the command")
        assert asked(desk, tc.StartBot) == [tc.StartBot(**words)]
        await desk.until(lambda: told(desk, "Bot #6 runs."), "the words")
        await focused_on(desk, "bots")
        await desk.until(
            lambda: desk.pane("bots").chosen is not None and desk.pane("bots").chosen.id == 6, "the new bot"
        )


async def test_problems_stand_on_the_last_page_and_nothing_can_be_started(open_desk):
    async with open_desk() as desk:
        desk.engine.paper.plan = {"ok": False, "problems": fp.PROBLEMS, "warnings": ["It has no stop."]}
        await at_paper(desk, "a", "enter")
        await desk.shown("capital")
        await desk.press(*["tab"] * 3, "enter", *["tab"] * 3, "enter")
        await desk.shown("Not yet: this must be mended first.")
        await desk.shown("Safety score 84 of 100")
        await desk.shown("! It has no stop.")
        await desk.press("y", "right", "enter")
        await desk.until(lambda: len(asked(desk, tc.PlanBot)) == 2, "the plan again")
        assert not asked(desk, tc.StartBot)
        desk.engine.paper.plan = {}
        await desk.press("tab", "enter")
        await desk.shown("y Start on paper")


async def test_a_refused_start_says_what_to_mend_and_stays_open(open_desk):
    async with open_desk() as desk:
        refusal = Refused("Safety score 84, bots need more than 90.", next_step="polotui doctor says what to mend.")
        desk.engine.fail[tc.StartBot] = refusal
        await at_paper(desk, "a", "enter")
        await desk.shown("capital")
        await desk.press(*["tab"] * 3, "enter", *["tab"] * 3, "enter")
        await desk.shown("y Start on paper")
        await desk.press("y")
        await desk.shown("polotui doctor says what to mend.")
        del desk.engine.fail[tc.StartBot]
        await desk.press("y")
        await desk.until(lambda: told(desk, "Bot #6 runs."), "the words")


async def test_a_wrong_field_holds_the_wizard_on_its_page(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "a", "enter")
        await desk.shown("capital")
        await desk.press("ctrl+u", *typed("nope_usdt"), "tab", "tab", *typed("1,5"), "tab", "enter")
        await desk.shown("✗ NOPE_USDT is not traded here")
        await desk.shown("✗ a point for decimals")
        assert not asked(desk, tc.PlanBot)
        await desk.press("escape")
        await desk.shown("donchian-20")
        await desk.press("escape")
        await desk.gone("Start a bot ·")


async def test_a_parameter_out_of_range_holds_the_wizard(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "a", "enter")
        await desk.shown("capital")
        await desk.press(*["tab"] * 3, "enter")
        await desk.shown("slow_len")
        await desk.press("ctrl+u", *"500", "down", "down", "down", "enter")
        await desk.shown("✗ at most 50")
        assert not asked(desk, tc.PlanBot)


async def test_the_lab_starts_the_wizard_with_what_is_open(open_desk):
    async with open_desk() as desk:
        desk.engine.library = "lab"
        await desk.press("3")
        await desk.until(lambda: desk.app.desk_screen.work.rows is not None, "the library")
        await desk.shown("donchian-20")
        chosen = desk.pane("strategies").chosen
        await desk.press("P")
        await desk.until(lambda: desk.app.current_name == "paper", "the paper screen")
        await desk.shown("2 market and money")
        assert asked(desk, GetStrategy)[-1] == GetStrategy(name=chosen.name)
        await desk.shown(chosen.name)
        await desk.press("escape", "escape", "1", "5")
        await rested(desk)
        assert "market and money" not in desk.text()


async def test_a_result_starts_the_wizard_with_what_it_ran_with(open_desk):
    async with open_desk() as desk:
        await desk.press("4")
        await desk.until(lambda: desk.app.desk_screen.bench.runs is not None, "the runs")
        await desk.press("i")
        await desk.until(lambda: desk.app.focused is desk.pane("history"), "the history")
        await desk.press("enter")
        await desk.until(lambda: desk.app.focused is desk.pane("trades"), "the result")
        await desk.press("P")
        await desk.shown("2 market and money")
        assert asked(desk, GetStrategy)[-1] == GetStrategy(name="ema-pullback", version=4)


# the ticket


async def test_a_ticket_is_assessed_while_typing_and_sent_after_a_question(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "o")
        await desk.shown("The gate answers here when the order is whole.")
        await desk.press(*["tab"] * 4, *typed("120"), "tab", *typed("60,500"), "tab", *typed("2%"))
        await desk.shown("✓ would pass · 6 checks")
        await desk.shown("exposure per asset · 31 % of 40 %")
        assert asked(desk, tc.AssessOrder)[-1] == tc.AssessOrder(
            symbol="BTC_USDT", side="BUY", amount="120", stop="60500", target="63110.88"
        )
        await desk.press("tab", *typed("by feel"), "enter", "enter")
        await desk.shown("Buy BTC for 120 USDT at the market.")
        await desk.shown("Protected by stop 60,500 and target 63,110.88.")
        await desk.press("enter")
        await desk.gone("Protected by stop")
        assert not asked(desk, tc.PlaceOrder)
        await desk.press("enter", "y")
        await desk.until(lambda: asked(desk, tc.PlaceOrder), "the command")
        assert asked(desk, tc.PlaceOrder) == [
            tc.PlaceOrder(symbol="BTC_USDT", side="BUY", amount="120", stop="60500", target="63110.88", note="by feel")
        ]
        await desk.until(lambda: told(desk, "Order pt-000012 is sent."), "the words")
        await desk.gone("size by")


async def test_a_limit_to_sell_is_by_quantity_and_has_a_time_in_force(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "o", "tab", "s", "tab", "l", "tab", "tab")
        await desk.press(*typed("0.03"), "tab", *typed("62,500.5"), "tab", "right", "tab", "tab", "enter")
        await desk.shown("Sell 0.03 BTC at 62,500.5 or better.")
        await desk.press("y")
        await desk.until(lambda: asked(desk, tc.PlaceOrder), "the command")
        assert asked(desk, tc.PlaceOrder) == [
            tc.PlaceOrder(
                symbol="BTC_USDT", side="SELL", type="LIMIT", quantity="0.03", price="62500.5", time_in_force="IOC"
            )
        ]  # fmt: skip


async def test_a_refused_order_shows_each_check_and_sends_nothing(open_desk):
    async with open_desk() as desk:
        desk.engine.paper.decision = fp.refused()
        await at_paper(desk, "o", *["tab"] * 4, *typed("2000"))
        await desk.shown("✗ refused: RISK-EXP")
        await desk.shown("At most 890.00 USDT of BTC keeps to the limit.")
        await desk.shown("✗ exposure per asset · BTC would be 47 % of the equity")
        await desk.shown("! stop · no stop protects this position")
        await desk.press(*["tab"] * 4, "enter")
        await desk.shown("Send this order?")
        await desk.press("y")
        await desk.until(lambda: told(desk, "Refused, nothing was sent."), "the words")
        await desk.shown("✗ refused: RISK-EXP")
        assert len(asked(desk, tc.PlaceOrder)) == 1


async def test_a_gate_that_wants_a_second_look_gets_it(open_desk):
    async with open_desk() as desk:
        desk.engine.paper.decision = fp.refused(confirmable=True)
        await at_paper(desk, "o", *["tab"] * 4, *typed("120"))
        await desk.shown("would pass when it is confirmed")
        await desk.press(*["tab"] * 4, "enter", "y")
        await desk.shown("The gate asks again")
        await desk.shown("no stop protects this position")
        await desk.press("enter")
        await desk.gone("The gate asks again")
        assert [command.confirmed for command in asked(desk, tc.PlaceOrder)] == [False]
        await desk.press("enter", "y")
        await desk.shown("The gate asks again")
        await desk.press("y")
        await desk.until(lambda: asked(desk, tc.PlaceOrder)[-1].confirmed, "the confirmed order")
        await desk.until(lambda: told(desk, "Order pt-000012 is sent."), "the words")


async def test_wrong_fields_of_a_ticket_are_told_and_nothing_is_asked(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "o", "ctrl+u", *typed("zzz_usdt"), *["tab"] * 7, "tab", "enter")
        await desk.shown("✗ not traded here")
        await desk.shown("✗ how much?")
        assert not asked(desk, (tc.AssessOrder, tc.PlaceOrder))


async def test_an_answer_to_an_older_text_is_not_taken_for_the_newer_one(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "o", *["tab"] * 4, *typed("120"))
        await desk.shown("✓ would pass")
        await desk.press("5")
        assert "would pass" not in desk.text()
        await desk.shown("The gate is asked …")
        await desk.shown("✓ would pass")
        assert asked(desk, tc.AssessOrder)[-1].amount == "1205"


async def test_the_order_of_a_position_starts_with_its_symbol(open_desk):
    async with open_desk() as desk:
        await at_paper(desk, "tab", "j", "o")
        await desk.shown("SOL_USDT ")
        assert desk.app.screen.pane.text("symbol") == "SOL_USDT"


# the frame


async def test_read_only_hides_the_changing_keys_and_sends_nothing(open_desk):
    async with open_desk(read_only=True) as desk:
        await at_paper(desk)
        assert "start a bot" not in desk.text()
        await desk.press("a", "o", "space", "x", "tab")
        await focused_on(desk, "positions")
        await desk.press("enter", "c", "v")
        await desk.press("x", "X", "i", "w", "W", "3")
        await desk.until(lambda: desk.app.current_name == "lab", "the lab")
        await desk.press("P")
        assert desk.app.current_name == "lab"
        assert not asked(desk, CHANGING)
        assert told(desk, "read-only")


@pytest.mark.parametrize("size", SIZES)
async def test_tab_reaches_every_pane_and_v_every_table(open_desk, size):
    async with open_desk(size) as desk:
        await at_paper(desk)
        met = []
        for _ in range(8):
            met.append(desk.app.focused.id)
            await desk.press("tab")
            await rested(desk)
        assert {"bots", "positions", "result"} <= set(met)
        tables = set()
        for _ in range(4):
            await desk.press("v")
            await rested(desk)
            tables.add(desk.app.focused.id)
            assert desk.app.focused.size.height > 3
        assert {"orders", "journal", "signals"} <= tables
        await desk.press("f")
        await focused_on(desk, "feed")


@pytest.mark.parametrize("size", SIZES)
async def test_every_pane_can_be_zoomed_and_given_back(open_desk, size):
    async with open_desk(size) as desk:
        await at_paper(desk)
        for name in ("bots", "positions", "result", "feed", "orders", "journal", "signals"):
            desk.app.desk_screen.focus_on(desk.pane(name))
            await focused_on(desk, name)
            await desk.press("z")
            await desk.until(lambda name=name: desk.pane(name).size.height == size[1] - 3, f"{name} alone")
            await desk.press("z")
            await desk.until(lambda name=name: desk.pane(name).size.height < size[1] - 3, f"{name} with the others")


async def test_a_smaller_terminal_keeps_the_focus_in_sight(open_desk):
    async with open_desk((160, 48)) as desk:
        await at_paper(desk, "i")
        await focused_on(desk, "journal")
        await desk.pilot.resize_terminal(80, 24)
        await desk.until(lambda: desk.pane("journal").size.width == 80, "the room")
        await focused_on(desk, "journal")


async def test_text_from_outside_cannot_steer_the_terminal(open_desk):
    evil = "[bold]evil[/]\x1b[31m\u202e"
    engine = fe.FakeEngine()
    engine.paper.bots = [replace(fp.make_bots()[1], strategy=evil, reason=evil, symbols=[evil])]
    engine.paper.positions = [replace(fp.make_positions()[0], symbol=evil, protection_note=evil)]
    engine.paper.orders = [replace(fp.unknown_order(), symbol=evil, words=evil, reason=evil)]
    engine.paper.feed = [replace(fp.make_feed()[0], text=evil, symbol=evil, kind=evil)]
    engine.paper.journal = [replace(fp.make_journal()[2], note=evil, tags=[evil])]
    engine.paper.signals = [replace(fp.make_signals()[0], symbol=evil, ending=evil)]
    async with open_desk(engine=engine) as desk:
        await at_paper(desk)
        seen = desk.text()
        for pressed in ("v", "v", "v", "f", "enter", "escape", "tab", "enter", "escape", "tab", "c", "escape"):
            await desk.press(pressed)
            await desk.pilot.pause()
            seen += desk.text()
        assert "[bold]evil[/]‹1b›" in seen
        assert "\x1b" not in seen
        assert "\u202e" not in seen


async def test_who_asks_is_sent_for_the_audit(open_desk):
    async with open_desk(caller="ada@pts/3") as desk:
        await at_paper(desk, "space", "v", "x", "tab")
        desk.app.desk_screen.focus_on(desk.pane("positions"))
        await focused_on(desk, "positions")
        await desk.press("c")
        await desk.shown("Sell 0.0310 BTC")
        await desk.press("y")
        await desk.until(lambda: asked(desk, tc.ClosePosition), "the command")
        sent = [command for command in desk.engine.calls if isinstance(command, CHANGING)]
        assert {type(command) for command in sent} == {tc.PauseBot, tc.CancelOrder, tc.ClosePosition}
        assert {command.caller for command in sent} == {"ada@pts/3"}


async def test_many_facts_at_once_are_all_there_and_ask_nothing(open_desk):
    async with open_desk() as desk:
        await at_paper(desk)
        facts = [desk.engine.paper.fact("decision", f"fact {number}") for number in range(400)]
        for start in range(0, 400, 50):
            desk.engine.push(*facts[start : start + 50])
        await desk.shown("fact 399")
        work = desk.app.desk_screen.work
        assert len(work.feed) == 500
        assert len(asked(desk, tc.GetFeed)) == 1


async def test_what_is_not_told_yet_is_waited_for(open_desk):
    async with open_desk() as desk:
        desk.engine.paper.events = lambda topics: []
        await desk.press("5")
        await desk.shown("Waiting for the engine to tell which bots there are.")
        await desk.shown("Waiting for the engine to tell what is held.")
        desk.engine.push(BotsState(bots=[]), PositionsState(positions=[]), OrdersState(orders=[]), TradingState())
        await desk.shown("No bots yet.")
