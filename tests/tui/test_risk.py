"""Screen 6 by keys: what is shown of the live state, and the exact command of everything that can be done there."""

from __future__ import annotations

import json

import msgspec
import pytest

from polotui.api import risk_commands as rc
from polotui.api import trade_commands as tc
from polotui.api import trade_values as tv
from polotui.api.events import RiskState
from polotui.core.errors import Refused, UsageError
from polotui.tui import keys
from polotui.tui.screens.risk import VIEWS
from polotui.tui.shell.entries import Entries
from tests.tui import fake_engine as fe
from tests.tui import fake_risk as fr

SIZES = [(80, 24), (120, 36), (160, 48)]
WHO = "ada on pts/3"


@pytest.fixture
def open_desk(open_desk):
    def opened_with(*size, engine=None, **options):
        engine = engine or fe.FakeEngine()
        engine.risk.assessed = fr.accepted()
        return open_desk(*size, engine=engine, screen="risk", caller=WHO, **options)

    return opened_with


def asked(desk, kind):
    return [command for command in desk.engine.calls if isinstance(command, kind)]


def told(desk, words):
    return any(words in note.text for note in desk.app.store.notes)


def replaced(risk, **changes):
    return msgspec.structs.replace(risk, **changes)


async def at(desk, pane, *keys_before):
    """The focus on a pane."""
    for key in keys_before:
        await desk.press(key)
    found = desk.pane(pane)
    desk.app.desk_screen.focus_on(found)
    await desk.until(lambda: desk.app.focused is found, f"the focus on {pane}")
    await desk.pilot.pause()


async def pushed(desk, risk, **trading):
    desk.engine.push(*desk.engine.risk.now_is(risk, **trading))
    await desk.until(lambda: desk.app.store.risk == risk and not desk.app.store.is_dirty, "the new figures")


# what is shown


@pytest.mark.parametrize("size", SIZES)
async def test_the_meter_prints_its_number_its_biggest_part_and_its_formula(open_desk, size):
    async with open_desk(size) as desk:
        for words in ("Risk 23 of 100 · moderate", "exposure BTC 11 of 23", "40 × exposure", "11.0 of 40"):
            await desk.shown(words)


async def test_limits_say_how_near_they_are_in_words_and_by_bars(open_desk):
    async with open_desk() as desk:
        await pushed(desk, fr.stressed(fe.NOW))
        await desk.shown("Limits · 2 breach · 2 near · 1 unknown")
        lines = {
            line.split("│")[1].strip(" ▸")[:14].strip(): line for line in desk.text().splitlines()[12:] if "│" in line
        }
        assert "▕████████▏  breach" in lines["daily loss"]
        assert "near" in lines["drawdown"]
        assert "−21.4 %" in lines["drawdown"]
        assert "−25 %" in lines["drawdown"]
        assert "▕········▏  unknown" in lines["orders a minut"]
        assert " – " in lines["orders a minut"]
        await desk.shown("daily loss · 0.2 % beyond")


async def test_what_protects_says_where_stops_are_and_what_is_without(open_desk):
    async with open_desk() as desk:
        await desk.shown("0 at the exchange · 2 local · 0 without")
        await desk.shown("97 of 100")
        await desk.shown("none tripped")
        await pushed(desk, replaced(fr.stressed(fe.NOW), latches=[fr.latch(fe.NOW)]))
        for words in ("1 without", "88 of 100", "daily loss since 13:01:31", "to clear: acknowledge it", "no stop"):
            await desk.shown(words)
        await pushed(desk, replaced(fr.calm(fe.NOW), safety=None))
        await desk.shown("– · not computed yet")


async def test_exposure_by_asset_and_by_strategy_with_what_is_unknown(open_desk):
    async with open_desk((160, 48)) as desk:
        for words in ("BTC", "31 %", "cash 57 %", "ema-pullback", "rsi-reversion", "by hand"):
            await desk.shown(words)
        line = next(line for line in desk.text().splitlines() if "DOGE" in line)
        assert " – " in line
        assert "0 %" not in line.split("DOGE")[1].split("▕")[0]
        await pushed(desk, replaced(fr.calm(fe.NOW), exposure=[], cash_share=1.0))
        await desk.shown("Nothing is held")


@pytest.mark.parametrize("size", SIZES)
async def test_every_pane_says_what_it_waits_for(open_desk, size):
    engine = fe.FakeEngine()
    engine.risk.risk = None
    for kind in (rc.GetLimits, rc.GetCorrelations, rc.GetRiskHistory, rc.GetRiskReport, rc.GetSize):
        engine.fail[kind] = UsageError("The ledger is not open.", next_step="polotui health says why.")
    async with open_desk(size, engine=engine) as desk:
        await desk.shown("Waiting for the first figures of risk.")
        for view in VIEWS:
            desk.app.desk_screen.action_open_view(view)
            await desk.pilot.pause()
            for name in VIEWS[view]:
                pane = desk.pane(name)
                await desk.until(lambda pane=pane: pane.size.height > 0, f"room for {name}")
                text = "\n".join("".join(part for part, _ in line) for line in pane.body(70, 12)).strip()
                assert len(text) > 10, name
                assert "0 %" not in text.replace("10 %", ""), name
        for view in ("correlation", "curve", "prevented", "limits"):
            desk.app.desk_screen.action_open_view(view)
            await desk.shown("The ledger is not open")


async def test_without_an_engine_the_figures_are_marked_stale(open_desk):
    async with open_desk() as desk:
        desk.engine.die()
        await desk.until(lambda: desk.app.store.link == "gone", "the loss")
        desk.clock.advance(12)
        await desk.shown("stale 12 s")
        desk.clock.advance(1)
        # Each pane that shows figures says it, and none of them lags behind.
        await desk.until(lambda: desk.text().count("stale 13 s") >= 4, desk.text)
        assert "stale 12 s" not in desk.text()


async def test_a_hostile_text_cannot_reach_the_terminal(open_desk):
    evil = "a\x1b[31mb\x07‮c[bold]d"
    async with open_desk((160, 48)) as desk:
        risk = fr.stressed(fe.NOW)
        risk = replaced(
            risk, preset=evil, state="HALTED", state_reason=evil, latches=[fr.latch(fe.NOW, reason=evil, title=evil)],
            locks=[fr.lock(fe.NOW, reason=evil, symbol=evil)], ladder=[evil],
            meter=replaced(risk.meter, formula=evil, biggest=evil),
            limits=[replaced(row, title=evil, value_text=evil) for row in risk.limits],
            alerts=[replaced(row, text=evil, code=evil) for row in risk.alerts],
            exposure=[replaced(row, name=evil) for row in risk.exposure],
        )  # fmt: skip
        await pushed(desk, risk)
        for view in VIEWS:
            desk.app.desk_screen.action_open_view(view)
            await desk.pilot.pause()
            text = desk.text()
            assert not [sign for sign in text if ord(sign) < 32 and sign != "\n"]
            assert "‮" not in text
        assert desk.app._guard.hits == 0


# moving about


@pytest.mark.parametrize("size", SIZES)
async def test_each_view_has_its_letter_and_escape_comes_back(open_desk, size):
    letters = {"f": "limits", "w": "whatif", "i": "size", "c": "correlation", "d": "curve", "L": "locks",
               "b": "prevented", "o": "now"}  # fmt: skip
    async with open_desk(size) as desk:
        for letter, view in letters.items():
            await desk.press(letter)
            await desk.until(lambda view=view: desk.app.focused is desk.pane(VIEWS[view][0]), view)
            assert desk.app.desk_screen.view == view
        await desk.press("c", "escape")
        await desk.until(lambda: desk.app.desk_screen.view == "now", "the overview")
        await desk.press("escape")
        assert desk.app.desk_screen.view == "now"


@pytest.mark.parametrize("size", SIZES)
async def test_v_goes_through_all_views_and_tab_through_the_panes_of_one(open_desk, size):
    async with open_desk(size) as desk:
        seen = []
        for _ in VIEWS:
            await desk.press("v")
            await desk.pilot.pause()
            seen.append(desk.app.desk_screen.view)
        assert sorted(seen) == sorted(VIEWS)
        await desk.press("V")
        assert desk.app.desk_screen.view == seen[-2]
        await desk.press("o")
        await desk.until(lambda: desk.app.focused is desk.pane("protects"), "the overview")
        visited = set()
        for _ in range(8):
            visited.add(desk.app.focused.id)
            await desk.press("tab")
            await desk.pilot.pause()
        assert {"meter", "limits", "protects", "exposure", "alerts"} <= visited
        assert not visited & {"sizeform", "whatif", "correlation", "pending"}


async def test_each_key_that_a_pane_offers_acts_there(open_desk):
    async with open_desk((160, 48)) as desk:
        screen = desk.app.desk_screen
        for pane in screen.panes():
            for key in keys.KEYS:
                if key.scope in pane.SCOPES:
                    name = f"action_{key.action.partition('(')[0]}"
                    assert any(hasattr(place, name) for place in (pane, screen)), (pane.id, key.id)


async def test_the_overview_of_a_tall_terminal_has_the_curve(open_desk):
    async with open_desk((160, 48)) as desk:
        await desk.until(lambda: asked(desk, rc.GetRiskHistory), "the question")
        await desk.shown("pause −25 %")
    async with open_desk((120, 36)) as desk:
        assert not asked(desk, rc.GetRiskHistory)


# limits


async def test_a_limit_is_changed_with_its_fault_at_the_field_and_the_difference_beside_it(open_desk):
    async with open_desk() as desk:
        await desk.press("j", "j", "enter")
        form = desk.pane("limitsform")
        await desk.until(lambda: desk.app.focused is form, "the form")
        assert form.current().name == "positions"
        await desk.press("enter", "ctrl+u", *"abc")
        await desk.shown("! a number, such as")
        await desk.press("ctrl+u", *"900")
        await desk.shown("! at most 500")
        await desk.press("enter", "G", "enter")
        assert told(desk, "Nothing was asked. positions: at most 500")
        await desk.press("enter", "ctrl+u", *"40", "enter")
        await desk.shown("What would change · 1 tighter · 0 looser")
        await desk.shown("only tightens: counts at once")
        assert asked(desk, rc.PreviewLimits)[-1] == rc.PreviewLimits(preset="", changes={"positions": "40"})
        assert not asked(desk, rc.SetLimits)
        await desk.press("G", "j", "enter")
        await desk.shown("Apply these limits")
        await desk.press("enter")
        await desk.until(lambda: asked(desk, rc.SetLimits), "the command")
        assert asked(desk, rc.SetLimits) == [rc.SetLimits(changes={"positions": "40"}, caller=WHO)]
        await desk.shown("nothing is changed yet")


async def test_the_engines_own_word_stands_at_the_field(open_desk):
    async with open_desk() as desk:
        fields = [
            tv.LimitField(name="drawdown", title="drawdown", unit="%", value="25", low="", high="", help="", group="g")
        ]
        from polotui.api import trade_replies as tr

        desk.engine.more_answers[rc.GetLimits] = lambda _: tr.Limits(preset="custom", fields=fields, presets=["custom"])
        desk.engine.more_answers[rc.PreviewLimits] = lambda _: tr.LimitsPreview(
            changes=[], errors={"drawdown": "not below the warning (15 %)"}
        )
        desk.app.desk_screen.work._count.clear()
        await desk.press("f")
        await desk.until(lambda: len(desk.pane("limitsform").fields()) == 2, "the other fields")
        await desk.press("j", "enter", "ctrl+u", *"9")
        await desk.shown("! not below the warning (15 %)")


async def test_a_preset_is_shown_before_it_is_applied_and_loosening_wants_a_reason(open_desk):
    async with open_desk() as desk:
        await desk.press("r")
        await desk.shown("in force")
        await desk.press(*"aggr", "enter")
        await desk.shown("Change limits · aggressive")
        await desk.shown("looser")
        await desk.shown("loosens: counts only after 30:00, with a reason")
        assert asked(desk, rc.PreviewLimits)[-1] == rc.PreviewLimits(preset="aggressive")
        assert desk.pane("limitsform").value("daily-loss") == "8"
        await desk.press("G", "j", "enter")
        await desk.until(lambda: isinstance(desk.app.screen, Entries), "the dialog")
        for words in ("daily loss", "5 % →", "in 30:00"):
            await desk.shown(words)
        await desk.press("enter")
        await desk.shown("! needed: a few words")
        await desk.press("x", "enter")
        assert not asked(desk, rc.SetLimits)
        await desk.press("backspace", *"a wider market", "enter")
        await desk.until(lambda: asked(desk, rc.SetLimits), "the command")
        assert asked(desk, rc.SetLimits) == [rc.SetLimits(preset="aggressive", reason="a wider market", caller=WHO)]
        assert told(desk, "0 tightened now, 12 loosened in 30 min.")


async def test_a_wish_that_the_engine_refuses_stays_as_it_was_typed(open_desk):
    async with open_desk() as desk:
        desk.engine.fail[rc.SetLimits] = Refused(
            "The safety score is 88.", next_step="polotui doctor says what to mend."
        )
        await desk.press("f", "j", "enter", "ctrl+u", "3", "enter", "G", "j", "enter")
        await desk.until(lambda: isinstance(desk.app.screen, Entries), "the dialog")
        await desk.press("enter")
        await desk.until(lambda: told(desk, "The safety score is 88."), "the refusal")
        assert desk.pane("limitsform").value("daily-loss") == "3"


async def test_a_limit_that_is_a_switch_is_stepped_and_never_a_number(open_desk):
    from polotui.api import trade_replies as tr

    async with open_desk() as desk:
        field = tv.LimitField(
            name="market_orders",
            title="Market orders",
            unit="on/off",
            value="on",
            low="off",
            high="on",
            help="",
            group="g",
        )
        desk.engine.more_answers[rc.GetLimits] = lambda _: tr.Limits(preset="m", fields=[field], presets=["m"])
        desk.engine.more_answers[rc.PreviewLimits] = lambda _: tr.LimitsPreview(changes=[])
        desk.app.desk_screen.work._count.clear()
        await desk.press("f")
        await desk.until(lambda: len(desk.pane("limitsform").fields()) == 2, "the other field")
        await desk.press("j", "l")
        await desk.until(lambda: asked(desk, rc.PreviewLimits), "the question")
        assert asked(desk, rc.PreviewLimits)[-1].changes == {"market_orders": "off"}
        assert desk.pane("limitsform").faults() == {}


@pytest.mark.parametrize(
    ("row", "field"),
    [("daily-loss", "daily_loss"), ("drawdown", "drawdown_warn"), ("positions-total", "positions_total"), ("what", "")],
)
async def test_enter_on_a_limit_finds_its_field_by_the_words_of_its_name(open_desk, row, field):
    from polotui.api import trade_replies as tr

    names = ["daily_loss", "drawdown_warn", "drawdown_pause", "positions_per_strategy", "positions_total"]
    async with open_desk() as desk:
        fields = [
            tv.LimitField(name=name, title=name, unit="", value="1", low="", high="", help="", group="g")
            for name in names
        ]
        desk.engine.more_answers[rc.GetLimits] = lambda _: tr.Limits(preset="m", fields=fields, presets=["m"])
        desk.app.desk_screen.work._count.clear()
        desk.app.store.mark("trading")
        form = desk.pane("limitsform")
        await desk.until(lambda: len(form.fields()) == 6, "the fields")
        place = form.nearest(row)
        assert (form.fields()[place].name if field else "") == field


async def test_a_preset_with_a_field_changed_sends_both(open_desk):
    async with open_desk() as desk:
        await desk.press("r", *"cons", "enter")
        await desk.shown("Change limits · conservative")
        await desk.press("j", "enter", "ctrl+u", *"1", "enter")
        await desk.until(
            lambda: asked(desk, rc.PreviewLimits)[-1].changes == {"daily-loss": "1"}, "the question with both"
        )
        await desk.press("G", "j", "enter")
        await desk.until(lambda: isinstance(desk.app.screen, Entries), "the dialog")
        await desk.press("enter")
        await desk.until(lambda: asked(desk, rc.SetLimits), "the command")
        assert asked(desk, rc.SetLimits) == [
            rc.SetLimits(preset="conservative", changes={"daily-loss": "1"}, caller=WHO)
        ]


async def test_the_newest_preview_wins_over_a_slow_one(open_desk):
    import asyncio

    async with open_desk() as desk:
        await desk.press("f")
        slow = asyncio.Event()
        real = desk.app.session.call

        async def call(command):
            if isinstance(command, rc.PreviewLimits) and command.changes == {"daily-loss": "4"}:
                await slow.wait()
            return await real(command)

        desk.app.session.call = call
        await desk.press("j", "enter", "ctrl+u", "4", "ctrl+u", "3")
        await desk.shown("5 % → 3 %")
        slow.set()
        for _ in range(5):
            await desk.pilot.pause()
        await desk.shown("5 % → 3 %")
        await desk.gone("5 % → 4 %")


async def test_escape_in_the_form_forgets_the_wish_before_it_leaves(open_desk):
    async with open_desk() as desk:
        await desk.press("r", *"aggr", "enter")
        await desk.shown("Change limits · aggressive")
        await desk.press("escape")
        await desk.shown("Change limits · moderate")
        await desk.press("escape")
        await desk.until(lambda: desk.app.desk_screen.view == "now", "the overview")


async def test_a_pending_loosening_counts_down_and_is_withdrawn(open_desk):
    async with open_desk() as desk:
        change = tv.LimitChange(name="positions", title="positions", old="50", new="80", loosens=True)
        await pushed(desk, replaced(fr.calm(fe.NOW), pending=[change], pending_ms=fe.NOW + 1_800_000))
        await desk.shown("Limits change in 30:00")
        await desk.shown("50 → 80")
        desk.clock.advance(61)
        await desk.shown("Limits change in 28:59")
        await desk.press("u")
        await desk.until(lambda: asked(desk, rc.SetLimits), "the command")
        assert asked(desk, rc.SetLimits) == [rc.SetLimits(withdraw=True, caller=WHO)]
        await pushed(desk, fr.calm(fe.NOW))
        await desk.gone("Limits change in")
        await desk.press("u")
        assert told(desk, "No loosening waits")


async def test_times_count_by_the_clock_of_trading_where_that_runs_ahead(open_desk):
    async with open_desk() as desk:
        ahead = fe.NOW + 5 * fr.HOUR
        change = tv.LimitChange(name="positions", title="positions", old="50", new="80", loosens=True)
        risk = replaced(
            fr.calm(fe.NOW), now_ms=ahead, pending=[change], pending_ms=ahead + 60_000,
            locks=[fr.lock(fe.NOW, until_ms=ahead + 3 * fr.HOUR)],
        )  # fmt: skip
        await pushed(desk, risk)
        await desk.shown("Limits change in 1:00")
        await desk.press("L")
        await desk.until(lambda: desk.pane("locks").table.rows[0].cells["left"].text == "3 h", "the time left")


async def test_limits_are_read_again_when_a_loosening_came_into_force_by_itself(open_desk):
    async with open_desk() as desk:
        await desk.until(lambda: asked(desk, rc.GetLimits), "the limits")
        before = len(asked(desk, rc.GetLimits))
        desk.engine.risk.risk = replaced(fr.calm(fe.NOW), preset="aggressive")
        desk.engine.push(RiskState(risk=desk.engine.risk.risk))
        await desk.until(lambda: len(asked(desk, rc.GetLimits)) == before + 1, "the limits again")


# sizing


async def test_sizing_shows_uncapped_capped_and_what_is_really_risked(open_desk):
    async with open_desk() as desk:
        await desk.press("i")
        for words in ("4,000.00", "2,000.00", "capped", "100.00", "1.00 %  of the equity", "The cap halves the risk"):
            await desk.shown(words)
        assert asked(desk, rc.GetSize)[-1] == rc.GetSize(
            method="fixed_fractional", symbol="BTC_USDT", risk=0.02, stop_distance=0.05
        )
        await desk.press("j", "j", "enter", "ctrl+u", "1", "tab", "j", "enter", *"10,000", "enter")
        await desk.until(lambda: asked(desk, rc.GetSize)[-1].equity == "10000", "the equity")
        await desk.until(lambda: asked(desk, rc.GetSize)[-1].risk == 0.01, "the risk")


async def test_kelly_asks_for_what_it_needs_and_sends_fractions(open_desk):
    async with open_desk() as desk:
        await desk.press("i", "l")
        await desk.shown("Waits for win rate: needed.")
        before = len(asked(desk, rc.GetSize))
        await desk.press("j", "j", "enter", *"65", "tab", "enter", *"150", "tab", "enter", *"80", "enter")
        await desk.until(lambda: len(asked(desk, rc.GetSize)) > before, "the command")
        assert asked(desk, rc.GetSize)[-1] == rc.GetSize(
            method="kelly", symbol="BTC_USDT", win_rate=0.65, average_win=150.0, average_loss=80.0, kelly_fraction=0.25,
            stop_distance=0.05,
        )  # fmt: skip
        await desk.shown("1,158.00")
        await desk.gone("· capped")


@pytest.mark.parametrize(("steps", "typed", "wanted"), [
    (2, (("vol", "40"),), {"method": "vol_target", "target_volatility": 0.2, "volatility": 0.4, "stop_distance": 0.05}),
    (3, (("amount", "500"),), {"method": "fixed_quote", "amount": "500", "stop_distance": 0.05}),
])  # fmt: skip
async def test_the_other_two_methods(open_desk, steps, typed, wanted):
    async with open_desk() as desk:
        await desk.press("i", *["l"] * steps)
        form = desk.pane("sizeform")
        for name, text in typed:
            form.place = [item.name for item in form.fields()].index(name)
            await desk.press("enter", *text, "enter")
        await desk.until(
            lambda: asked(desk, rc.GetSize)[-1] == rc.GetSize(symbol="BTC_USDT", **wanted),
            lambda: str(desk.engine.calls[-1]),
        )


async def test_a_wrong_size_field_is_named_and_nothing_is_asked(open_desk):
    async with open_desk() as desk:
        await desk.press("i")
        await desk.shown("4,000.00")
        before = len(asked(desk, rc.GetSize))
        await desk.press("j", "j", "enter", "ctrl+u", *"-1")
        await desk.shown("! above 0")
        await desk.gone("4,000.00")
        assert len(asked(desk, rc.GetSize)) == before


# what if


async def test_what_if_shows_each_check_and_sends_nothing(open_desk):
    async with open_desk() as desk:
        await desk.press("w")
        await desk.shown("Waits for quantity: needed, or an amount.")
        assert not asked(desk, tc.AssessOrder)
        await desk.press("j", "j", "j", "enter", *"0.031", "enter")
        await desk.shown("✓ would pass")
        assert asked(desk, tc.AssessOrder)[-1] == tc.AssessOrder(symbol="BTC_USDT", side="BUY", quantity="0.031")
        for words in ("✓ daily loss", "0.4 % of 5 %", "61,891.20", "fee 3.84", "exposure then 49 %", "3,914.10"):
            await desk.shown(words)
        assert not asked(desk, tc.PlaceOrder)


async def test_what_if_refused_names_the_checks_first_and_what_would_pass(open_desk):
    async with open_desk() as desk:
        desk.engine.risk.assessed = fr.refused()
        await desk.press("w", "j", "j", "j", "j", "enter", *"6,189.12", "enter")
        await desk.shown("✗ refused · RISK-POSITION-SIZE")
        assert asked(desk, tc.AssessOrder)[-1] == tc.AssessOrder(symbol="BTC_USDT", side="BUY", amount="6189.12")
        for words in ("✗ position size", "62 % of 40 %", "✗ correlation", "! risk a trade", "→ 0.0200 BTC would pass"):
            await desk.shown(words)
        text = desk.text()
        assert text.index("✗ correlation") < text.index("! risk a trade") < text.index("✓ daily loss")


async def test_a_limit_order_needs_its_price_and_a_stop_its_trigger(open_desk):
    async with open_desk() as desk:
        await desk.press("w", "j", "l", "j", "l", "j", "enter", *"1", "enter")
        await desk.shown("Waits for price: needed.")
        form = desk.pane("whatif")
        form.place = [item.name for item in form.fields()].index("price")
        await desk.press("enter", *"61,000.5", "enter")
        await desk.until(lambda: asked(desk, tc.AssessOrder), "the command")
        assert asked(desk, tc.AssessOrder)[-1] == tc.AssessOrder(
            symbol="BTC_USDT", side="SELL", type="LIMIT", quantity="1", price="61000.5"
        )
        form.place = 2
        await desk.press("l", "l")
        await desk.shown("Waits for trigger: needed.")
        form.place = [item.name for item in form.fields()].index("stop")
        await desk.press("enter", *"60000", "enter")
        await desk.until(lambda: asked(desk, tc.AssessOrder)[-1].type == "STOP", "the command")
        # What was typed for another type of order is not sent with this one.
        assert asked(desk, tc.AssessOrder)[-1] == tc.AssessOrder(
            symbol="BTC_USDT", side="SELL", type="STOP", quantity="1", stop="60000"
        )


async def test_quantity_and_amount_exclude_each_other(open_desk):
    async with open_desk() as desk:
        await desk.press("w", "j", "j", "j", "enter", "1", "enter", "enter", "5", "enter")
        await desk.shown("! one of both")
        before = len(asked(desk, tc.AssessOrder))
        await desk.press("G", "j", "enter")
        assert told(desk, "Nothing was asked. or amount: one of both")
        assert len(asked(desk, tc.AssessOrder)) == before


async def test_what_if_that_only_wants_confirmation_says_so(open_desk):
    async with open_desk() as desk:
        refusal = fr.refused()
        desk.engine.risk.assessed = replaced(refusal, decision=replaced(refusal.decision, needs_confirmation=True))
        await desk.press("w", "j", "j", "j", "enter", "1", "enter")
        await desk.shown("would pass when it is confirmed")


async def test_a_gate_that_does_not_answer_says_why(open_desk):
    async with open_desk() as desk:
        desk.engine.fail[tc.AssessOrder] = Refused(
            "No fresh price of BTC_USDT.", next_step="Watch it: a on the market."
        )
        await desk.press("w", "j", "j", "j", "enter", "1", "enter")
        await desk.shown("No fresh price of BTC_USDT.")


# alerts, latches, locks


async def test_alerts_are_acknowledged_one_by_one_and_all_at_once(open_desk):
    async with open_desk() as desk:
        await pushed(desk, fr.stressed(fe.NOW))
        await at(desk, "alerts")
        await desk.shown("Alerts · 1 breach · 2 near · 1 unusual")
        await desk.press("g", "a")
        await desk.until(lambda: asked(desk, rc.AcknowledgeAlert), "the command")
        assert asked(desk, rc.AcknowledgeAlert) == [rc.AcknowledgeAlert(alert=9, caller=WHO)]
        await desk.until(lambda: told(desk, "Alert 9 acknowledged."), "the answer")
        await desk.press("j", "j", "a")
        assert told(desk, "It was acknowledged before")
        await desk.press("A")
        await desk.until(lambda: len(asked(desk, rc.AcknowledgeAlert)) == 2, "the second")
        assert asked(desk, rc.AcknowledgeAlert)[1] == rc.AcknowledgeAlert(alert=0, caller=WHO)


async def test_the_past_of_alerts_and_the_whole_of_one(open_desk):
    async with open_desk() as desk:
        await at(desk, "alerts")
        await desk.press("H")
        await desk.shown("Alerts of all time")
        await desk.shown("correlated pairs 4 of 3")
        assert asked(desk, rc.ListAlerts) == [rc.ListAlerts(open=False, limit=200)]
        await desk.press("j", "enter")
        await desk.shown("RISK-CORRELATION")
        await desk.shown("cured")
        await desk.press("escape", "escape")
        await desk.gone("of all time")


async def test_there_is_nothing_to_acknowledge(open_desk):
    async with open_desk() as desk:
        await pushed(desk, replaced(fr.calm(fe.NOW), alerts=[]))
        await desk.shown("No open alert.")
        await at(desk, "alerts")
        await desk.press("a", "A")
        assert not asked(desk, rc.AcknowledgeAlert)


async def test_a_latch_is_overridden_by_its_words_and_a_reason(open_desk):
    async with open_desk() as desk:
        await pushed(desk, replaced(fr.calm(fe.NOW), latches=[fr.latch(fe.NOW)]))
        await desk.press("L")
        await desk.shown("Latches · 1 tripped")
        await desk.press("a")
        await desk.shown("Override a latch")
        await desk.shown("OVERRIDE DAILY LOSS")
        await desk.press(*"override daily loss", "enter", *"a test", "enter")
        await desk.shown("! type OVERRIDE DAILY LOSS to go on")
        assert not asked(desk, rc.ClearLatch)
        await desk.press("ctrl+u", *"OVERRIDE DAILY LOSS", "enter", "enter")
        await desk.until(lambda: asked(desk, rc.ClearLatch), "the command")
        assert asked(desk, rc.ClearLatch) == [
            rc.ClearLatch(name="daily-loss", words="OVERRIDE DAILY LOSS", reason="a test", caller=WHO)
        ]


async def test_a_latch_whose_time_has_come_is_acknowledged_from_the_overview(open_desk):
    async with open_desk() as desk:
        await pushed(desk, replaced(fr.calm(fe.NOW), latches=[fr.latch(fe.NOW, clearable=True)]))
        await at(desk, "protects")
        await desk.press("a")
        await desk.shown("Acknowledge a latch")
        await desk.press("enter")
        await desk.until(lambda: asked(desk, rc.ClearLatch), "the command")
        assert asked(desk, rc.ClearLatch) == [rc.ClearLatch(name="daily-loss", caller=WHO)]


async def test_a_latch_without_words_cannot_be_cleared_here_and_says_how(open_desk):
    async with open_desk() as desk:
        await pushed(desk, replaced(fr.calm(fe.NOW), latches=[fr.latch(fe.NOW, override_words="")]))
        await desk.press("L", "a")
        await desk.until(
            lambda: told(desk, "This latch cannot be cleared here: acknowledge it from 00:00"), "the words"
        )
        assert not isinstance(desk.app.screen, Entries)


async def test_a_pair_is_locked_with_hours_and_a_reason(open_desk):
    async with open_desk() as desk:
        await at(desk, "locks", "L")
        await desk.press("a")
        await desk.shown("Lock a pair")
        await desk.press("ctrl+u", *"nonsense", "enter", "ctrl+u", "0", "enter", "enter")
        await desk.shown("! a symbol such as BTC_USDT")
        await desk.shown("! at least 0.1")
        await desk.shown("! needed")
        assert not asked(desk, rc.LockPair)
        await desk.press("ctrl+u", *"eth_usdt", "enter", "ctrl+u", *"12.5", "enter", *"news", "enter")
        await desk.until(lambda: asked(desk, rc.LockPair), "the command")
        assert asked(desk, rc.LockPair) == [rc.LockPair(symbol="ETH_USDT", hours=12.5, reason="news", caller=WHO)]


async def test_a_lock_is_lifted_after_a_question(open_desk):
    async with open_desk() as desk:
        await at(desk, "locks", "L")
        await desk.shown("4 losses in a row")
        await desk.press("x", "enter")
        assert not asked(desk, rc.LockPair)
        await desk.press("x", "y")
        await desk.until(lambda: asked(desk, rc.LockPair), "the command")
        assert asked(desk, rc.LockPair) == [
            rc.LockPair(symbol="SOL_USDT", lift=True, reason="lifted by hand", caller=WHO)
        ]


# curve, correlation, prevented


async def test_the_correlation_map_has_numbers_marks_the_unknown_and_counts_pairs(open_desk):
    async with open_desk() as desk:
        await desk.press("c")
        await desk.shown("Correlation · 2 above 0.70 · 4 unknown")
        await desk.shown("+0.84")
        await desk.shown("?")
        await desk.shown("ETH_USDT · BTC_USDT  +0.84  720 bars: counts")
        await desk.press("j", "j", "j")
        await desk.shown("DOGE_USDT · BTC_USDT  ?  only 31 bars: counts as well")
        await desk.press("l", "l", "k")
        await desk.shown("XRP_USDT · SOL_USDT  −0.12  720 bars")


async def test_a_correlation_map_wider_than_the_terminal_follows_the_cursor(open_desk):
    from polotui.api import trade_replies as tr

    names = [f"S{n:02}_USDT" for n in range(40)]
    matrix = [[1.0 if a == b else (a * b % 19) / 20 for b in range(40)] for a in range(40)]
    engine = fe.FakeEngine()
    engine.risk.correlations = tr.Correlations(
        symbols=names, matrix=matrix, held=[False] * 40, threshold=0.7, bars=[[500] * 40] * 40, text="how"
    )
    async with open_desk((80, 24), engine=engine) as desk:
        await desk.press("c", *["l"] * 39)
        await desk.shown("S39")
        await desk.press(*["j"] * 38)
        await desk.shown("S39 ")
        await desk.gone(" S00 ")


async def test_the_curve_says_how_deep_and_shows_both_lines(open_desk):
    async with open_desk() as desk:
        await desk.press("d")
        for words in ("deepest −25.7 %", "warn −15 %", "pause −25 %", "meter 18"):
            await desk.shown(words)
        await desk.press("h", "g")
        await desk.shown("23 Oct 05:02 · 9,518.14 · drawdown 0.0 %")
        await desk.press("escape")
        await desk.shown("deepest")


async def test_prevented_is_marked_as_an_estimate_and_asked_for_only_when_shown(open_desk):
    async with open_desk() as desk:
        assert not asked(desk, rc.GetRiskReport)
        await desk.press("b")
        await desk.shown("an estimate in USDT")
        await desk.shown("stop and target")
        assert asked(desk, rc.GetRiskReport) == [rc.GetRiskReport(prevented=True)]
        desk.engine.risk.prevented = []
        await pushed(desk, fr.calm(fe.NOW))
        await desk.shown("Nothing was prevented yet")


# giving out


async def test_the_report_is_copied_and_written_as_text_and_json(open_desk):
    async with open_desk() as desk:
        await at(desk, "meter")
        await desk.press("y")
        await desk.until(lambda: desk.app.clipboard.startswith("Risk 23 of 100, moderate"), "the copy")
        assert asked(desk, rc.GetRiskReport) == [rc.GetRiskReport()]
        await desk.press("e", "enter")
        await desk.until(lambda: list(desk.exports.glob("risk-report-*.txt")), "the text")
        text = next(desk.exports.glob("*.txt")).read_text()
        assert text.startswith("Risk 23 of 100, moderate")
        await desk.press("e", "down", "enter")
        await desk.until(lambda: list(desk.exports.glob("risk-report-*.json")), "the JSON")
        written = json.loads(next(desk.exports.glob("*.json")).read_text())
        assert written["risk"]["meter"]["score"] == 23
        assert len(written["prevented"]) == 5


@pytest.mark.parametrize(
    ("key", "pane", "words"),
    [
        ("o", "limits", "daily loss"),
        ("o", "exposure", "asset,BTC"),
        ("o", "protects", "paper/bot-1,BTC_USDT,local"),
        ("o", "alerts", "risk a trade 0.9 %"),
        ("c", "correlation", "ETH_USDT,0.8400,1.0000"),
        ("d", "curve", "time_ms,equity,drawdown,meter"),
        ("i", "size", "4000.00,2000.00"),
        ("b", "prevented", "stop and target,2026-11,14"),
        ("L", "locks", "4 losses in a row"),
    ],
)
async def test_every_pane_gives_itself_out(open_desk, key, pane, words):
    async with open_desk() as desk:
        await at(desk, pane, key)
        await desk.until(lambda: desk.pane(pane).export() is not None, "something to export")
        await desk.press("e", "enter")
        await desk.until(lambda: list(desk.exports.glob("*.csv")), "the file")
        assert words in next(desk.exports.glob("*.csv")).read_text()
        assert desk.pane(pane).copied() is not None


# read-only


async def test_a_read_only_face_changes_nothing(open_desk):
    async with open_desk(read_only=True) as desk:
        change = tv.LimitChange(name="positions", title="positions", old="50", new="80", loosens=True)
        risk = replaced(
            fr.stressed(fe.NOW), latches=[fr.latch(fe.NOW)], pending=[change], pending_ms=fe.NOW + 1_800_000
        )
        await pushed(desk, risk)
        await at(desk, "alerts")
        await desk.press("a", "A", "u")
        await at(desk, "protects")
        await desk.press("a")
        await at(desk, "locks", "L")
        await desk.press("a", "x")
        await at(desk, "limitsform", "f")
        await desk.press("j", "enter", "ctrl+u", "3", "enter", "G", "j", "enter")
        await desk.pilot.pause()
        changing = (rc.SetLimits, rc.AcknowledgeAlert, rc.LockPair, rc.ClearLatch, rc.Resume, rc.Flatten)
        assert not [command for command in desk.engine.calls if isinstance(command, changing)]
        assert told(desk, "This face is read-only")


async def test_lists_are_asked_for_again_when_the_engine_says_they_changed(open_desk):
    async with open_desk() as desk:
        await desk.until(lambda: asked(desk, rc.GetLimits), "the limits")
        before = len(asked(desk, rc.GetLimits))
        await pushed(desk, fr.stressed(fe.NOW))
        await desk.until(lambda: len(asked(desk, rc.GetLimits)) == before + 1, "the limits again")
