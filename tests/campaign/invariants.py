"""What must hold after a run. Each returns the sentences of what does not; the name of the function names the
finding."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from polotui.engine.hub import RING
from polotui.poloniex.limits import Pool
from polotui.poloniex.rest import pool_of
from tests.campaign.faults import SILENCE_SECONDS
from tests.campaign.scenario import Seen

DETECTED_SECONDS = 15.0
RESUBSCRIBED_SECONDS = 20.0
RESYNC_P99_SECONDS = 2.0
ATTEMPTS_PER_MINUTE = 12
#: Pauses before a reconnect without any jitter.
CEILINGS = {500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000}


def run_ends(seen: Seen) -> list[str]:
    """No deadlock, no livelock, no task left behind, no error that nobody took."""
    return [seen.error] if seen.error else []


def book_equals_the_exchanges(seen: Seen) -> list[str]:
    """After settling, at equal id, to the last digit."""
    return [f"{symbol}: {what}" for symbol, what in seen.books.items()]


def no_stale_book_shown_as_live(seen: Seen) -> list[str]:
    return seen.stale_shown


def silence_is_seen(seen: Seen) -> list[str]:
    """A book that fell silent is not called live past its bound."""
    return seen.silent_shown


def everything_is_live_again(seen: Seen) -> list[str]:
    wrong = [f"{symbol} is {phase}" for symbol, phase in seen.phases.items() if phase != "live"]
    return wrong + [f"{symbol} is not fresh" for symbol, fresh in seen.fresh.items() if not fresh]


def half_open_found(seen: Seen) -> list[str]:
    """Detected within 15 s and subscribed again within 20 s, when nothing else was wrong meanwhile."""
    wrong = []
    for at in seen.plan.half_open:
        others = [window for window in seen.plan.windows if window.start != at]
        if any(window.start <= at + RESUBSCRIBED_SECONDS and at <= window.end for window in others):
            continue
        if any(abs(step - at) < RESUBSCRIBED_SECONDS for step in seen.plan.steps):
            pass  # a stepped wall clock is no excuse
        lost = next((when for when, state in seen.states if when >= at and state.phase == "waiting"), None)
        if lost is None or lost - at > DETECTED_SECONDS + 0.01:
            wrong.append(f"half-open at {at:.1f} s found after {'never' if lost is None else f'{lost - at:.1f} s'}")
            continue
        again = next((when for when, state in seen.states if when >= lost and state.phase == "open"), None)
        if again is None or again - at > RESUBSCRIBED_SECONDS:
            wrong.append(f"half-open at {at:.1f} s subscribed again after {again and again - at}")
    return wrong


def resyncs_are_quick(seen: Seen) -> list[str]:
    """p99 of the time from a gap to the next snapshot, where the network was well."""
    took = judged_resyncs(seen)
    # One run has too few for a percentile: one in fifty may be slow (its snapshot was dropped), none very slow.
    slow = [seconds for seconds in took if seconds > RESYNC_P99_SECONDS]
    if len(slow) > 1 + len(took) // 50 or any(seconds > 3 * RESYNC_P99_SECONDS for seconds in slow):
        return [f"{len(slow)} of {len(took)} resyncs took over {RESYNC_P99_SECONDS} s, the worst {max(slow):.1f} s"]
    return []


def judged_resyncs(seen: Seen) -> list[float]:
    """Seconds from a gap to the next snapshot, where nothing else was wrong with the network or the book's channel."""

    def well(start: float, end: float) -> bool:
        silent = any(at - 1 <= end and start <= at + SILENCE_SECONDS for at, _, _ in seen.plan.silences)
        return seen.plan.quiet(start, end) and not silent

    return [seconds for at, seconds in seen.resyncs if well(at - seconds, at)]


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else 0.0


def trades_once_and_in_order(seen: Seen) -> list[str]:
    """Every public trade since the first one seen: once, in order, with its price and quantity."""
    wrong = []
    for symbol, trades in seen.trades.items():
        ids = [trade.id for trade in trades]
        if ids != list(range(ids[0], ids[0] + len(ids))):
            doubled, missing = len(ids) - len(set(ids)), ids[-1] - ids[0] + 1 - len(set(ids))
            wrong.append(f"{symbol}: {doubled} trades twice, {missing} missing, or out of order")
        theirs = {trade.id: trade for trade in seen.exchange_trades[symbol]}
        last = max(theirs, default=0)
        if last > ids[-1]:
            wrong.append(f"{symbol}: the tape ends {last - ids[-1]} trades before the exchange's")
        if any(trade.id in theirs and theirs[trade.id].created_ms != trade.ts_ms for trade in trades):
            wrong.append(f"{symbol}: a trade has another's time")
    if seen.counters is not None and seen.counters.trades_lost:
        wrong.append(f"{seen.counters.trades_lost} trades lost")
    return wrong


def faces_get_every_trade_or_are_told(seen: Seen) -> list[str]:
    """Conflation drops states, never trades: what a face did not get, it was told that it missed."""
    wrong = []
    for symbol, ids in seen.face_trades.items():
        if ids != sorted(set(ids)):
            wrong.append(f"{symbol}: a face got trades twice or out of order")
    held = sum(ids[-1] - ids[0] + 1 - len(ids) for ids in seen.face_trades.values() if ids)
    if held != seen.face_missed:
        wrong.append(f"{held} trades did not reach the face, {seen.face_missed} were said to be missed")
    return wrong


def retry_after_is_obeyed(seen: Seen) -> list[str]:
    """After a 429 nothing of that class leaves before the stated time."""
    wrong = []
    for entry in seen.sent:
        if entry.status == 429 and entry.retry_after:
            pool = _pool(entry.target)
            early = [
                other
                for other in seen.sent
                if entry.answered < other.at < entry.answered + entry.retry_after - 0.001
                and _pool(other.target) is pool
            ]
            if early:
                wrong.append(f"{early[0].target} left {early[0].at - entry.answered:.2f} s after a 429 of {pool.value}")
    return wrong


def attempts_are_bounded(seen: Seen) -> list[str]:
    """At most twelve attempts to connect in any minute."""
    times = seen.attempts
    for number, at in enumerate(times[ATTEMPTS_PER_MINUTE:], ATTEMPTS_PER_MINUTE):
        if at - times[number - ATTEMPTS_PER_MINUTE] < 60.0 - 0.001:
            return [f"more than {ATTEMPTS_PER_MINUTE} attempts in the minute before {at:.1f} s"]
    return []


def pauses_are_jittered(seen: Seen) -> list[str]:
    """Many clients that lost one server must not come back together."""
    pauses = [state.wait_ms for _, state in seen.states if state.phase == "waiting"]
    if len(pauses) >= 3 and all(pause in CEILINGS for pause in pauses):
        return [f"all {len(pauses)} pauses are the ceiling itself: {pauses[:6]}"]
    return []


def no_reconnect_without_cause(seen: Seen) -> list[str]:
    """A connection is given up only after something happened to it: the machine's wall clock is no cause."""
    wrong = []
    for at, state in seen.states:
        disturbed = any(0 <= at - cause <= 60.0 for cause in seen.plan.disturbances)
        # A channel that stays silent after it was asked for again is a cause: another connection may serve it.
        silent = any(0 <= at - cause <= SILENCE_SECONDS + 60.0 for cause, _, _ in seen.plan.silences)
        if state.phase == "waiting" and not disturbed and not silent:
            wrong.append(f"reconnected at {at:.1f} s without a cause: {state.reason}")
    return wrong


def signed_reads_pass(seen: Seen) -> list[str]:
    """With the clock off by minutes, and after each step of it, at most one request is refused for its time."""
    refused = [what for what in seen.refused if what[1] in ("AuthRefused", "ClockSkewed")]
    if len(refused) > len(seen.plan.steps):
        return [f"{len(refused)} signed reads refused, clock stepped {len(seen.plan.steps)} times; first {refused[0]}"]
    return []


def memory_is_bounded(seen: Seen) -> list[str]:
    return [f"a ring of {seen.ring:,} trades"] if seen.ring > RING else []


def ends_when_told(seen: Seen) -> list[str]:
    return [f"took {seen.close_seconds:.0f} s to end"] if seen.close_seconds > 5 else []


def _pool(target: str) -> Pool:
    path = target.partition("?")[0]
    known = pool_of("GET", path)
    if known is not None:
        return known
    heavy = path.endswith(("/trades", "/ticker24h", "/markets"))
    return Pool.PUBLIC_HEAVY if heavy else Pool.PUBLIC_LIGHT


ALL: tuple[Callable[[Seen], list[str]], ...] = (
    run_ends,
    book_equals_the_exchanges,
    no_stale_book_shown_as_live,
    silence_is_seen,
    everything_is_live_again,
    half_open_found,
    resyncs_are_quick,
    trades_once_and_in_order,
    faces_get_every_trade_or_are_told,
    retry_after_is_obeyed,
    attempts_are_bounded,
    pauses_are_jittered,
    no_reconnect_without_cause,
    signed_reads_pass,
    memory_is_bounded,
    ends_when_told,
)


def judge(seen: Seen) -> dict[str, list[str]]:
    """What does not hold, by the invariant's name. A run that broke is judged by that alone."""
    if seen.error:
        return {"run_ends": run_ends(seen)}
    return {check.__name__: found for check in ALL if (found := check(seen))}
