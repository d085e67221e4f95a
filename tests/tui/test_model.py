"""The parts without a screen: numbers, series, store, rows, candle marks, themes, text that steers nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from polotui.api.events import ChartTail, TradesBatch
from polotui.api.replies import CandleSeries, Source
from polotui.api.values import OverlayLine
from polotui.model.candles import Candle
from polotui.model.market import Trade
from polotui.tui import keys, numbers, themes
from polotui.tui.safety import FOREIGN, NoControls
from polotui.tui.series import Series
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.shell.giving import encoded
from polotui.tui.store import TRADES_KEPT, Store
from polotui.tui.widgets.allocation_bar import allocation
from polotui.tui.widgets.candle_marks import column, line_dots, round_step, scale_for, time_labels
from polotui.tui.widgets.equity_chart import drawdowns
from polotui.tui.widgets.painted import changes, clip, crop, fit, width_of
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.rows import Cell, Column, Row, Rows
from polotui.tui.widgets.sparkline import bar, sparkline

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (numbers.price(61873.41, 2), "61,873.41"),
        (numbers.price(-0.5, 1), "−0.5"),
        (numbers.price(None, 2), "–"),
        (numbers.group("10214.5"), "10,214.5"),
        (numbers.group("10214.567", 2), "10,214.56"),
        (numbers.group("-0.001", 2), "0.00"),
        (numbers.group("123456789012345678901234567890.12"), "123,456,789,012,345,678,901,234,567,890.12"),
        (numbers.group(""), "–"),
        (numbers.signed("125.1", 2), "+125.10"),
        (numbers.signed("-5", 0), "−5"),
        (numbers.signed("0.00"), "0.00"),
        (numbers.percent(0.0214), "+2.14 %"),
        (numbers.percent(-0.0043), "−0.43 %"),
        (numbers.percent(0.0), "0.00 %"),
        (numbers.percent(-0.000001), "0.00 %"),
        (numbers.percent(None), "–"),
        (numbers.age(400), "0.4 s"),
        (numbers.age(12_400), "12 s"),
        (numbers.age(-5), "0 s"),
        (numbers.age(200_000), "3 min"),
        (numbers.compact(1_204_331.0), "1.20 M"),
        (numbers.clock_ms(1_795_269_751_204), "14:02:31.204"),
    ],
)
def test_numbers_read_as_a_trader_reads_them(made, wanted):
    assert made == wanted


def candle(index: int, price: float = 100.0) -> Candle:
    return Candle(index * HOUR, price, price + 1, price - 1, price, 5.0)


def series_of(indices: range) -> Series:
    made = Series("BTC_USDT", "1h", ("ema21",))
    candles = [candle(index) for index in indices]
    line = OverlayLine(name="ema21", overlay="ema21", values=[float(index) for index in indices])
    made.replace(
        CandleSeries(
            symbol="BTC_USDT", timeframe="1h", candles=candles, lines=[line], more=True, source=Source(name="store")
        )
    )
    return made


def tail_of(*indices: int, revision: int = 0) -> ChartTail:
    line = OverlayLine(name="ema21", overlay="ema21", values=[1000.0 + index for index in indices])
    return ChartTail(
        topic="t", symbol="BTC_USDT", timeframe="1h", candles=[candle(i, 7.0) for i in indices], lines=[line],
        revision=revision,
    )  # fmt: skip


def test_a_tail_replaces_the_forming_candle_and_adds_the_next_with_its_lines():
    series = series_of(range(10, 20))
    assert series.merge(tail_of(19, 20))
    assert [c.open_ms // HOUR for c in series.candles] == list(range(10, 21))
    assert series.candles[-2].close == 7.0
    assert series.lines["ema21"] == [*map(float, range(10, 19)), 1019.0, 1020.0]


@pytest.mark.parametrize("tail", [tail_of(22), tail_of(20, revision=1)])
def test_a_tail_after_a_gap_or_of_another_revision_is_refused(tail):
    series = series_of(range(10, 20))
    assert not series.merge(tail)
    assert len(series.candles) == 10


def test_older_pages_go_in_front_without_doubles():
    series = series_of(range(10, 20))
    older = series_of(range(5, 12))
    reply = CandleSeries(
        symbol="BTC_USDT", timeframe="1h", candles=older.candles,
        lines=[OverlayLine(name="ema21", overlay="ema21", values=older.lines["ema21"])], more=False,
        source=Source(name="store"),
    )  # fmt: skip
    assert series.prepend(reply) == 5
    assert [c.open_ms // HOUR for c in series.candles] == list(range(5, 20))
    assert series.lines["ema21"] == [float(index) for index in range(5, 20)]
    assert not series.more


def test_the_tape_is_bounded_and_takes_each_trade_once():
    store = Store()
    trades = [Trade(index, index, 1.0, 1.0, True) for index in range(TRADES_KEPT + 50)]
    store.apply(TradesBatch(symbol="X", trades=trades, missed=3))
    store.apply(TradesBatch(symbol="X", trades=trades[-20:]))
    assert [trade.id for trade in store.tapes["X"].trades] == list(range(50, TRADES_KEPT + 50))
    assert store.tapes["X"].missed == 3


def test_the_store_says_what_changed_once():
    store = Store()
    store.apply(TradesBatch(symbol="X", trades=[]))
    assert store.take_dirty() == {"trades:X"}
    assert not store.is_dirty


def table(*values: float | None) -> Rows:
    made = Rows((Column("name", "name"), Column("value", "value", "point")))
    made.put(
        [
            Row(f"r{i}", {"name": Cell(f"n{i}", order=f"n{i}"), "value": Cell(str(value), order=value)})
            for i, value in enumerate(values)
        ]
    )
    return made


def test_sorting_puts_unknown_values_last_both_ways():
    rows = table(2.0, None, 10.0)
    rows.chosen = 1
    rows.sort()
    assert [row.key for row in rows.shown()] == ["r2", "r0", "r1"]
    rows.reverse()
    assert [row.key for row in rows.shown()] == ["r0", "r2", "r1"]


def test_the_cursor_follows_its_row_and_finds_a_neighbour_when_it_goes():
    rows = table(1.0, 2.0, 3.0)
    rows.move_to(2)
    rows.put([row for row in rows.rows if row.key != "r0"])
    assert rows.current.key == "r2"
    rows.put([row for row in rows.rows if row.key != "r2"])
    assert rows.current.key == "r1"


def test_numbers_are_aligned_on_the_point_and_widths_never_shrink():
    column_ = Column("value", "value", "point")
    rows = Rows((column_,))
    rows.put([Row("a", {"value": Cell("61,873.41")}), Row("b", {"value": Cell("0.6021")})])
    width = rows.width(column_)
    texts = [rows.fitted(column_, text, width) for text in ("61,873.41", "0.6021", "–")]
    assert texts[0].index(".") == texts[1].index(".")
    assert {len(text) for text in texts} == {width}
    rows.put([Row("a", {"value": Cell("1.0")})])
    assert rows.width(column_) == width


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ([("abc", "")], [("abd", "")], [(2, 3)]),
        ([("abc", "")], [("abc", "up")], [(0, 3)]),
        ([("a" + " " * 30 + "b", "")], [("x" + " " * 30 + "y", "")], [(0, 1), (31, 32)]),
        ([("a b", "")], [("x y", "")], [(0, 3)]),
        ([("ab", ""), ("c", "")], [("abc", "")], []),
    ],
)
def test_only_changed_cells_are_sent(old, new, wanted):
    assert changes(old, new) == wanted


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.integers(0, 30))
def test_any_text_fits_exactly(text, width):
    from polotui.core.text import clean

    safe = clean(text)
    assert width_of([(fit(safe, width), "")]) == width
    assert width_of(crop([(safe, "up"), (safe, "")], width)) == width


def test_clipping_drops_cells_from_the_left():
    assert clip([("abc", "x"), ("def", "y")], 4) == [("ef", "y")]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1e-9, 1e9), min_size=4, max_size=4), st.integers(2, 60))
def test_a_candle_has_as_many_cells_as_rows_and_is_seen(prices, rows):
    low, *middle, high = sorted(prices)
    made = column(Candle(0, middle[0], high, low, middle[1], 1.0), low, high, rows)
    assert len(made) == rows
    assert any(cell != " " for cell in made)


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-8, 1e8), st.floats(0, 0.5), st.integers(3, 60))
def test_scales_hold_their_range_on_round_steps(low, reach, rows):
    high = low * (1 + reach)
    scale = scale_for(low, high, rows)
    assert scale.low <= low
    assert scale.high >= high
    assert 0 <= scale.row(low, rows) < rows
    assert 0 <= scale.row(high, rows) < rows
    mantissa = f"{scale.step:e}".split("e")[0].rstrip("0").rstrip(".")
    assert mantissa in {"1", "2", "5"}


def test_a_scale_stays_while_it_fits():
    first = scale_for(100, 110, 20)
    assert scale_for(100.5, 109.5, 20, first) is first
    assert scale_for(100.5, 112.5, 20, first) is not first
    assert scale_for(104, 105, 20, first) is not first
    assert round_step(9.0, 3) == 5.0


def test_time_labels_stand_at_round_times_and_apart():
    labels = time_labels([index * HOUR for index in range(100)], HOUR, 11)
    assert [index for index, _ in labels] == list(range(0, 100, 12))
    assert labels[1][1] == "12:00"


def test_overlay_lines_leave_out_what_is_not_known():
    scale = scale_for(0, 10, 10)
    dots = line_dots([None, 5.0, float("nan"), 500.0], scale, 10, solid=True)
    assert {x for x, _ in dots} == {1}


def test_drawdowns_count_from_the_highest_so_far():
    assert drawdowns([100.0, 110.0, 99.0, 120.0]) == pytest.approx([0.0, 0.0, -0.1, 0.0])


def test_sparklines_and_bars():
    assert sparkline([], 5) == ""
    assert sparkline([1.0, 1.0], 5) == "▄▄"
    assert sparkline([0.0, 7.0], 5) == "▁█"
    assert bar(0.5, 4) == "██  "
    assert len(bar(2.0, 4)) == 4


@pytest.mark.parametrize("width", [8, 20, 60, 200])
def test_an_allocation_names_its_parts_and_fits(width):
    line = allocation([("BTC", 50.0), ("ETH", 30.0), *((f"C{n}", 2.0) for n in range(10))], width)
    assert "BTC" in "".join(text for text, _ in line)
    if width >= 14:
        assert width_of(line) <= width
    assert allocation([("BTC", 0.0)], width) == []


def test_exports_are_sound_csv_and_json_and_no_formulas():
    exported = Exported("x", ["a", "b"], [["=1+1", "-5.5"], ["+SUM(A1)", 'say "hi", you']])
    assert encoded(exported, "csv").decode().splitlines() == ["a,b", "'=1+1,-5.5", '\'+SUM(A1),"say ""hi"", you"']
    assert b'"=1+1"' in encoded(exported, "json")


def test_texts_are_wrapped_without_losing_words():
    text = "alpha beta gamma " + "x" * 50
    lines = wrapped(text, 20)
    assert max(map(len, lines)) <= 20
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_every_packaged_theme_is_sound_and_complete():
    found, faults = themes.load_themes()
    assert faults == []
    assert list(found) == list(themes.ORDER)
    wanted = set(found[themes.DEFAULT].tones)
    for spec in found.values():
        assert set(spec.tones) == wanted, spec.name
        assert spec.textual().to_color_system().generate()


def test_the_ansi_theme_sends_no_rgb():
    found, _ = themes.load_themes()
    tones = themes.Tones(found["terminal"], found[themes.DEFAULT])
    for name in found["terminal"].tones:
        for colour in (tones.style("card", name).color, tones.style("card", name).bgcolor):
            assert colour is None or colour.is_system_defined, name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "base: this section is needed"),
        ("[base]\n", "base.background: missing"),
        ('name = "No Good"\n', "name:"),
        ("dark = 3\n[base]\n", "base.background"),
    ],
)
def test_theme_faults_name_the_key(text, words):
    with pytest.raises(themes.ThemeFault, match=words):
        themes.read_theme(text, "mine")


def test_the_last_defence_replaces_controls_and_keeps_the_rest():
    guard = NoControls()
    style = Style(color="red")
    dirty = [Segment("a\x1b]52;c;x\x07\u202eb\u200b\x9b", style), Segment("ok", style)]
    out = guard.apply(dirty, Color(0, 0, 0))
    assert not any(FOREIGN.search(segment.text) for segment in out)
    assert guard.hits == 1
    clean_ = [Segment("ok", style)]
    assert guard.apply(clean_, Color(0, 0, 0)) is clean_


def test_the_docs_name_every_key():
    file = Path(__file__).resolve().parents[2] / "docs" / "keys.md"
    assert file.read_text() == keys.markdown()


def test_the_face_imports_nothing_heavy():
    heavy = "pandas numpy httpx anthropic numba plotext pydantic typer sqlite3 aiosqlite websockets"
    code = f"import sys, polotui.tui.app, polotui.tui.run; print([m for m in '{heavy}'.split() if m in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"


def test_screens_are_imported_when_they_are_opened():
    code = "import sys, polotui.tui.app; print([m for m in sys.modules if m.startswith('polotui.tui.screens.')])"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert "balance" not in done.stdout
    assert "market" not in done.stdout
