"""What is typed on screen 5, and what is drawn from numbers: amounts, levels, ticket, bars. Without a screen."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from polotui.api.trade_values import DecisionRow
from polotui.tui.widgets.backtest.form_fields import Wrong
from polotui.tui.widgets.paper import amounts, ticket_fields
from polotui.tui.widgets.paper.base import r_words, running_words
from polotui.tui.widgets.paper.bots_pane import expected_words, state_words, trouble
from polotui.tui.widgets.paper.positions_pane import distance_bar, distance_line, ends
from polotui.tui.widgets.paper.profit_chart import heights, sides
from polotui.tui.widgets.paper.protect_dialog import first_risk, level, sent
from polotui.tui.widgets.paper.small_dialogs import tags_of, wrong_tag
from polotui.tui.widgets.paper.ticket import decision_lines
from polotui.tui.widgets.paper.ticket_fields import Grid
from tests.tui import fake_paper as fp

BTC, SOL = fp.make_positions()
GRID = Grid(2, 6, 2, Decimal("61873.41"), known=True, listed=True)
TICKET = {
    "symbol": "BTC_USDT", "side": "BUY", "type": "MARKET", "by": "amount", "size": "120", "price": "", "stop": "",
    "target": "", "force": "GTC", "note": "",
}  # fmt: skip


def words(line):
    return "".join(text for text, _ in line)


# amounts


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.031", "0.031"), ("1,500", "1500"), (" 1,234,567.5 ", "1234567.5"), (".5", "0.5"), ("7.", "7")],
)
def test_amounts_are_exact(text, value):
    assert amounts.amount(text) == Decimal(value)


@pytest.mark.parametrize("text", ["9" * 40, "9" * 16, "9" * 40 + "%"])
def test_an_amount_beyond_anything_is_wrong_and_ends_nothing(text):
    """It has more digits than can be put on a grid, and the error of that was nobody's."""
    with pytest.raises(Wrong):
        amounts.price(text, 8, Decimal("61873.41"), 1)


def test_many_decimals_are_no_large_number():
    with pytest.raises(Wrong, match="decimals"):
        amounts.price("0." + "1" * 60, 8, None, 1)
    assert amounts.price("999999999999999", 8, None, 1) == 999999999999999


@pytest.mark.parametrize(
    "text", ["", "0", "0.00", "-1", "1,5", "1,50.0", "1e5", "nan", "inf", "0x1", "1 000", "٣", "²"]
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(Wrong):
        amounts.amount(text)


@given(st.decimals(min_value="0.000001", max_value="1e9", places=6))
def test_what_is_sent_is_what_was_typed(value):
    assert Decimal(amounts.written(amounts.amount(f"{value:f}"))) == value
    assert "e" not in amounts.written(value).lower()


def test_a_percentage_is_a_distance_from_the_mark_on_the_grid():
    mark = Decimal("61873.41")
    assert amounts.price("2%", 2, mark, -1) == Decimal("60635.94")
    assert amounts.price("-2 %", 2, mark, -1) == Decimal("60635.94")
    assert amounts.price("2%", 2, mark, 1) == Decimal("63110.88")
    with pytest.raises(Wrong, match="the mark is not known"):
        amounts.price("2%", 2, None, -1)
    with pytest.raises(Wrong, match="less than 100"):
        amounts.price("100%", 2, mark, -1)
    with pytest.raises(Wrong, match="at most 2 decimals"):
        amounts.price("60000.001", 2, mark, -1)


# stop and target


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("stop", "60000", ""),
        ("stop", "61873.41", "must be below the mark, 61,873.41"),
        ("stop", "70000", "must be below the mark, 61,873.41"),
        ("target", "61873.42", ""),
        ("target", "61873.41", "must be above the mark, 61,873.41"),
        ("target", "none", ""),
        ("stop", "", "a price, a distance such as 2%, or none"),
        ("stop", "abc", "a number, such as 0.03 or 1,500"),
    ],
)
def test_levels_of_a_long_stand_on_their_side_of_the_mark(name, text, fault):
    assert level(name, text, BTC).fault == fault


def test_without_a_mark_a_level_cannot_be_compared():
    assert level("stop", "70000", replace(BTC, mark="")).fault == ""


def test_only_what_changed_is_sent():
    assert sent("stop", "60592.06", BTC) == ""
    assert sent("stop", "60592.060", BTC) == ""
    assert sent("stop", "60,600", BTC) == "60600"
    assert sent("stop", "none", BTC) == "none"
    assert sent("target", "none", SOL) == ""
    assert sent("target", "160", SOL) == "160"


def test_one_r_is_the_engines_own_or_else_the_stop():
    assert first_risk(BTC, None) == pytest.approx(Decimal("20.145631"))
    unknown = replace(BTC, r=None)
    assert first_risk(unknown, Decimal("61104.10")) == Decimal("3.1")
    assert first_risk(unknown, Decimal("62000")) is None
    assert first_risk(unknown, None) is None


# the distance bar


@given(
    stop=st.floats(1, 90),
    target=st.floats(110, 300),
    mark=st.floats(0.5, 400),
    width=st.integers(5, 60),
    kept=st.sampled_from(["both", "stop", "target", "none"]),
)
def test_the_bar_always_fits_and_always_shows_the_mark(stop, target, mark, width, kept):
    row = replace(
        BTC, entry_price="100", mark=str(mark), stop=str(stop) if kept in ("both", "stop") else "",
        target=str(target) if kept in ("both", "target") else "",
    )  # fmt: skip
    bar = words(distance_bar(row, width))
    assert len(bar) == width
    assert bar.count("●") == 1


def test_the_mark_moves_from_the_stop_to_the_target():
    places = []
    for mark in ("90", "95", "100", "105", "110"):
        bar = words(distance_bar(replace(BTC, entry_price="100", stop="90", target="110", mark=mark), 23))
        places.append(bar.index("●"))
    assert places == [1, 6, 11, 16, 21]


def test_an_end_that_is_not_set_is_as_far_as_the_other():
    assert ends(90.0, None, 100.0, 101.0) == (90.0, 110.0)
    assert ends(None, 110.0, 100.0, 101.0) == (90.0, 110.0)
    assert ends(90.0, None, 100.0, 130.0) == (90.0, 130.0)


@pytest.mark.parametrize("width", range(30, 140, 7))
def test_the_distance_line_fits_its_pane(width):
    for row in (BTC, SOL, replace(BTC, stop="", target="", protection="none")):
        line = distance_line(row, width)
        assert len(words(line)) < max(width, 52)


# bots


def test_a_bot_in_trouble_says_which():
    running, paused, blocked = fp.make_bots()
    assert trouble(running) == ("", "")
    assert trouble(paused) == ("paused: stale data since 13:41", "warn")
    assert trouble(blocked)[0].startswith("no entries: 4th pair")
    assert trouble(replace(running, fresh=False)) == ("no entries: its data is stale", "stale")
    assert trouble(replace(running, state="failed", reason="no memory")) == ("failed: no memory", "bad")
    assert state_words(replace(running, fresh=False), fp.NOW).startswith("◐ running")
    assert expected_words(replace(running, expected_low=None)) == "–"


MINUTES = [(0, "0 min"), (0.9, "0 min"), (41, "41 min"), (251, "4:11 h"), (4_571, "3 d 04:11")]


@pytest.mark.parametrize(("minutes", "shown"), MINUTES)
def test_running_time_reads_like_a_clock(minutes, shown):
    assert running_words(int(minutes * 60_000)) == shown


def test_r_has_its_sign_and_zero_has_none():
    assert (r_words(1.034), r_words(-0.4), r_words(0.0), r_words(-0.001), r_words(None)) == (
        "+1.03", "−0.40", "0.00", "0.00", "–"
    )  # fmt: skip


# bars of the result


@given(st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 2)), min_size=1, max_size=40), st.integers(2, 20))
def test_bars_fit_their_side_and_none_that_earned_vanishes(values, rows):
    up, down = sides(values, rows)
    assert up + down == rows
    for value, size in zip(values, heights(values, up, down), strict=True):
        assert -down * 2 <= size <= up * 2 or (abs(size) == 1)
        assert (size > 0) == (value > 0)
        assert (size < 0) == (value < 0)


# the ticket


def ticket(**more):
    return TICKET | more


def test_the_fields_follow_the_kind_of_order():
    def names(**more):
        return [entry.name for entry in ticket_fields.entries(ticket(**more))]

    assert names() == ["symbol", "side", "type", "by", "size", "stop", "target", "note"]
    assert names(type="LIMIT") == ["symbol", "side", "type", "by", "size", "price", "stop", "target", "force", "note"]
    assert names(side="SELL") == ["symbol", "side", "type", "by", "size", "note"]
    assert names(side="SELL", type="STOP") == ["symbol", "side", "type", "by", "size", "stop", "note"]
    assert "force" not in names(type="LIMIT_MAKER")


def test_a_market_buy_names_its_amount_everything_else_its_quantity():
    assert ticket_fields.natural_size("BUY", "MARKET") == "amount"
    assert ticket_fields.natural_size("SELL", "MARKET") == "quantity"
    assert ticket_fields.natural_size("BUY", "LIMIT") == "quantity"


@pytest.mark.parametrize(
    ("name", "more", "fault"),
    [
        ("symbol", {"symbol": "btc_usdt"}, ""),
        ("symbol", {"symbol": "btc"}, "a symbol like BTC_USDT"),
        ("size", {"size": ""}, "how much?"),
        ("size", {"size": "120.001"}, "at most 2 decimals"),
        ("size", {"by": "quantity", "size": "0.0000001"}, "at most 6 decimals"),
        ("price", {"type": "LIMIT", "price": ""}, "a limit needs a price"),
        ("stop", {"stop": "62000"}, "must be below 61873.41"),
        ("stop", {"type": "LIMIT", "price": "60000", "stop": "60500"}, "must be below 60000"),
        ("target", {"target": "61000"}, "must be above 61873.41"),
        ("stop", {"side": "SELL", "type": "STOP", "stop": "62000"}, "must be below 61873.41"),
        ("stop", {"side": "BUY", "type": "STOP", "stop": "61000"}, "must be above 61873.41"),
        ("stop", {"side": "SELL", "type": "STOP", "stop": ""}, "a stop order needs its trigger"),
        ("stop", {"stop": ""}, ""),
    ],
)
def test_each_field_says_what_is_wrong_with_it(name, more, fault):
    assert ticket_fields.fault(name, ticket(**more), GRID) == fault


def test_terms_are_only_what_this_kind_of_order_has():
    leftover = ticket(side="SELL", by="quantity", size="0.03", price="1", stop="2", target="3")
    assert ticket_fields.terms(leftover, GRID) == {
        "symbol": "BTC_USDT", "side": "SELL", "type": "MARKET", "quantity": "0.03"
    }  # fmt: skip
    assert ticket_fields.terms(ticket(size=""), GRID) is None
    assert ticket_fields.terms(ticket(), Grid(listed=True)) is None


def test_a_decision_lists_every_check_once_with_its_mark():
    lines = [words(line) for line in decision_lines(fp.refused(), 80)]
    assert lines[0].strip() == "✗ refused: RISK-EXP"
    marks = [line.strip()[0] for line in lines[2:]]
    assert marks == ["✗", "!", "✓", "✓", "✓", "✓", "✓"]
    passing = decision_lines(DecisionRow(approved=True), 80)
    assert [words(line).strip() for line in passing] == ["✓ would pass · 0 checks"]


# tags


def test_tags_are_words_each_once():
    assert tags_of("late, #News news  half-size") == ["late", "news", "half-size"]
    assert tags_of("") == []
    assert wrong_tag("a/b, c") == "a/b"
    assert wrong_tag("#ok two_3") == ""
