"""Where the money comes from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.metrics.breakdown import breakdowns, by_hour, by_label, by_reason, by_weekday
from polotui.metrics.daily import DAY_MS
from polotui.metrics.figure import unknown
from polotui.metrics.trades import no_trades
from tests.metrics.samples import HOUR, START, UNTIMED, trades


def test_hours_are_those_of_the_entry_in_utc() -> None:
    # Closed two hours after their entries: 23:30 and 00:00.
    rows = by_hour(trades([10.0, -5.0, 7.0], entry_ms=[START + 47 * HOUR // 2, START, START + DAY_MS]))
    assert [row.name for row in rows] == [f"{hour:02d}:00" for hour in range(24)]
    assert {row.name: row.trades for row in rows if row.trades} == {"00:00": 2, "23:00": 1}
    assert rows[0].figures["net_profit"].value == 2.0
    assert rows[0].share == pytest.approx(2 / 3)
    assert rows[12].figures["win_rate"] == unknown("no trades")


def test_the_weekday_is_the_calendar_s() -> None:
    # START is a Monday; 1970-01-01 was a Thursday, and the day before it a Wednesday.
    rows = by_weekday(trades([1.0, 2.0, 4.0, 8.0], entry_ms=[START, START + 6 * DAY_MS, 0, -1]))
    assert {row.name: row.figures["net_profit"].value for row in rows if row.trades} == {
        "Monday": 1.0,
        "Sunday": 2.0,
        "Thursday": 4.0,
        "Wednesday": 8.0,
    }


def test_reasons_and_symbols_that_occur_have_a_row() -> None:
    columns = trades([10.0, -5.0, -5.0], reason=[2, 1, 1], symbols=[0, 2, 0])
    by_name = {row.name: row for row in by_reason(columns)}
    assert list(by_name) == ["stop", "target"]
    assert by_name["stop"].figures["average_loss"].value == -5.0
    assert by_name["target"].figures["profit_factor"] == unknown("no losses")
    assert {row.name: row.trades for row in by_label(columns, "symbol")} == {"BTC_USDT": 2, "SOL_USDT": 1}
    assert by_label(columns, "tag") == ()
    assert list(breakdowns(columns)) == ["hour", "weekday", "reason", "symbol"]


def test_without_trades_the_clock_has_empty_rows_and_names_have_none() -> None:
    found = breakdowns(no_trades())
    assert {name: len(rows) for name, rows in found.items()} == {"hour": 24, "weekday": 7, "reason": 0}


def test_a_code_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="for 3 names"):
        by_reason(trades([1.0], reason=[3]))


@UNTIMED
@given(st.lists(st.tuples(st.integers(-1000, 1000), st.integers(0, 10**12), st.integers(0, 2)), max_size=40))
def test_every_breakdown_adds_up_to_the_whole(rows: list[tuple[int, int, int]]) -> None:
    pnl = [float(row[0]) for row in rows]
    codes = [row[2] for row in rows]
    columns = trades(pnl, entry_ms=[row[1] for row in rows], reason=codes, symbols=codes)
    for name, groups in breakdowns(columns).items():
        assert sum(row.trades for row in groups) == len(rows), name
        assert sum(row.figures["net_profit"].value or 0 for row in groups) == sum(pnl), name
        wins = sum(row.figures["wins"].value or 0 for row in groups)
        assert wins == np.count_nonzero(np.array(pnl) > 0), name
