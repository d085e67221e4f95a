"""Trade and candle logs: exactly once, in order, nothing missed unnoticed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.market.candle_log import CandleLog, MinuteCounts
from polotui.market.trade_log import TradeLog
from polotui.model.candles import Candle
from polotui.model.market import Trade


def trade(number: int) -> Trade:
    return Trade(number, number * 10, 100.0 + number, 0.1, number % 2 == 0)


def ids(trades: list[Trade]) -> list[int]:
    return [one.id for one in trades]


def test_live_trades_wait_for_the_first_backfill() -> None:
    log = TradeLog()
    assert log.add(trade(7)) == []
    assert log.high_water() is None
    assert ids(log.backfill([trade(5), trade(4), trade(6)])) == [4, 5, 6, 7]
    assert ids(log.add(trade(8))) == [8]
    assert (log.duplicates, log.lost) == (0, 0)


def test_the_mark_is_contiguous_and_not_the_highest_id() -> None:
    log = TradeLog()
    log.backfill([trade(1)])
    assert log.add(trade(3)) == []
    assert (log.high_water(), log.gap) == (1, True)
    assert ids(log.add(trade(2))) == [2, 3]
    assert (log.high_water(), log.gap) == (3, False)


def test_repeats_are_counted_and_dropped() -> None:
    log = TradeLog()
    log.backfill([trade(1), trade(2)])
    log.add(trade(4))
    assert (log.add(trade(2)), log.add(trade(4))) == ([], [])
    assert log.duplicates == 2
    assert ids(log.backfill([trade(1), trade(2), trade(3), trade(4)])) == [3, 4]
    assert log.duplicates == 2


def test_what_can_not_be_had_is_counted_as_lost() -> None:
    log = TradeLog()
    log.backfill([trade(1)])
    log.add(trade(5))
    log.add(trade(8))
    assert ids(log.give_up()) == [5, 8]
    assert (log.lost, log.high_water(), log.gap) == (5, 8, False)


def test_waiting_trades_are_bounded() -> None:
    log = TradeLog(most_waiting=10)
    log.backfill([trade(1)])
    told = [one for number in range(3, 30) for one in log.add(trade(number))]
    assert ids(told) == list(range(3, 30))
    assert log.lost == 1


def test_a_symbol_that_never_traded_begins_with_its_first_trade() -> None:
    log = TradeLog()
    assert log.backfill([]) == []
    assert ids(log.add(trade(1))) == [1]
    assert not log.gap


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_order_with_losses_and_repeats_gives_each_trade_once_in_order(data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 40))
    stream = data.draw(st.lists(st.integers(1, total), max_size=120))
    log = TradeLog()
    told = ids(log.backfill([trade(1)]))
    for number in stream:
        told += ids(log.add(trade(number)))
        if log.gap and data.draw(st.booleans()):
            told += ids(log.backfill([trade(known) for known in range(1, max(number, log.high_water() or 0) + 1)]))
    told += ids(log.backfill([trade(number) for number in range(1, total + 1)]))
    assert told == list(range(1, total + 1))
    assert log.lost == 0


MINUTE = 60_000


def candle(minute: int, close: float = 1.0, *, closed: bool = False) -> Candle:
    return Candle(minute * MINUTE, 1.0, 2.0, 0.5, close, 1.0, 1.0, 1, closed)


def test_a_candle_closes_when_a_later_one_begins() -> None:
    log = CandleLog()
    assert log.add(candle(1)) == [candle(1)]
    assert log.add(candle(1, 1.5)) == [candle(1, 1.5)]
    assert log.add(candle(2)) == [candle(1, 1.5, closed=True), candle(2)]
    assert log.add(candle(5)) == [candle(2, closed=True), candle(5)]


def test_repeated_and_older_candles_are_ignored() -> None:
    log = CandleLog()
    log.add(candle(1))
    log.add(candle(2))
    assert log.add(candle(2)) == []
    assert log.add(candle(1, 9.0)) == []
    assert log.forming == candle(2)


def test_a_minute_that_was_interrupted_is_asked_for_and_told_in_order() -> None:
    log = CandleLog()
    log.add(candle(1))
    log.interrupt()
    assert log.missing_from() == 1 * MINUTE
    assert log.add(candle(4)) == []
    assert log.add(candle(4, 1.5)) == []
    assert log.add(candle(5)) == []
    assert log.missing_from() == 1 * MINUTE
    rows = [candle(1, 1.1, closed=True), candle(2, closed=True), candle(3, closed=True), candle(4, 1.2, closed=True)]
    assert log.backfill(rows) == [*rows[:3], candle(4, 1.2, closed=True), candle(5)]
    assert log.missing_from() is None
    assert log.add(candle(6)) == [candle(5, closed=True), candle(6)]


def test_a_minute_that_went_on_after_the_interruption_is_whole() -> None:
    log = CandleLog()
    log.add(candle(1))
    log.interrupt()
    assert log.add(candle(1, 1.5)) == [candle(1, 1.5)]
    assert log.missing_from() is None
    assert log.add(candle(2)) == [candle(1, 1.5, closed=True), candle(2)]


def test_the_last_row_of_rest_forms_whatever_it_says() -> None:
    log = CandleLog()
    log.add(candle(1))
    log.interrupt()
    told = log.backfill([candle(1, 1.5, closed=True), candle(2, 1.6, closed=True)])
    assert told == [candle(1, 1.5, closed=True), candle(2, 1.6)]
    assert log.add(candle(3)) == [candle(2, 1.6, closed=True), candle(3)]


def test_what_closed_while_the_hole_was_open_is_not_lost() -> None:
    log = CandleLog()
    log.add(candle(1))
    log.interrupt()
    log.add(candle(3))
    log.add(candle(4))
    assert log.backfill([candle(1, closed=True), candle(2, closed=True)]) == [
        candle(1, closed=True),
        candle(2, closed=True),
        candle(3, closed=True),
        candle(4),
    ]


def counted(minute: int, trades: int, close: float = 1.0) -> Candle:
    return Candle(minute * MINUTE, 1.0, 2.0, 0.5, close, 1.0, 1.0, trades, False)


def traded(minute: int, number: int) -> Trade:
    return Trade(number, minute * MINUTE + 5, 1.0, 1.0, True)


def test_a_minute_that_counts_other_trades_than_arrived_is_asked_for() -> None:
    counts = MinuteCounts()
    log = CandleLog(counts.confirms)
    counts.note([traded(0, 1)])
    log.add(counted(1, 1))
    counts.note([traded(1, 2), traded(1, 3)])
    assert log.add(counted(2, 1)) == []
    assert log.missing_from() == 1 * MINUTE
    whole = counted(1, 2, 1.7)
    assert log.backfill([whole, counted(2, 1)])[0].close == 1.7
    counts.note([traded(2, 4)])
    assert [one.closed for one in log.add(counted(3, 1))] == [True, False]


def test_the_first_minute_is_never_sure_and_a_candle_without_a_count_always() -> None:
    counts = MinuteCounts()
    assert not counts.confirms(counted(1, 5))
    counts.note([traded(1, 1)])
    assert not counts.confirms(counted(1, 5))
    assert not counts.confirms(counted(1, 1))
    assert not counts.confirms(counted(2, 5))
    assert counts.confirms(counted(2, 0))
    assert counts.confirms(counted(2, -1))


def test_rest_knows_the_forming_minute_better_after_an_interruption() -> None:
    log = CandleLog()
    log.add(counted(1, 3))
    log.interrupt()
    assert log.backfill([counted(1, 7, 1.9)]) == [counted(1, 7, 1.9)]
    assert log.add(counted(2, 1))[0].close == 1.9


def test_a_minute_that_ended_unsure_while_the_hole_was_open_is_asked_for_again() -> None:
    counts = MinuteCounts()
    log = CandleLog(counts.confirms)
    counts.note([traded(0, 1), traded(1, 2), traded(2, 3), traded(2, 4), traded(3, 5)])
    log.add(counted(1, 1))
    log.interrupt()
    log.add(counted(2, 1))
    log.add(counted(3, 1))
    log.add(counted(4, 1))
    told = log.backfill([counted(1, 1)])
    assert [one.open_ms // MINUTE for one in told] == [1]
    assert log.missing_from() == 2 * MINUTE
    told = log.backfill([counted(2, 2)])
    assert [(one.open_ms // MINUTE, one.trades, one.closed) for one in told] == [
        (2, 2, True),
        (3, 1, True),
        (4, 1, False),
    ]


def test_what_rest_never_has_is_told_in_the_end_as_the_stream_had_it() -> None:
    counts = MinuteCounts()
    counts.note([traded(0, 1), traded(1, 2), traded(1, 3)])
    log = CandleLog(counts.confirms)
    log.add(counted(1, 1))
    assert log.add(counted(2, 0)) == []
    assert log.backfill([]) == []
    assert log.missing_from() == 1 * MINUTE
    assert [one.open_ms // MINUTE for one in log.backfill([], final=True)] == [1, 2]
    assert log.missing_from() is None
