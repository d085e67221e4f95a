"""What is wrong, missing or odd in a series of candles, with positions.

Decided here:
* An error is what cannot be: impossible bars, one time with two numbers, a heap without order. A warning is what
  lacks: gaps, equal repetitions, a few lines out of place. Information is what may be right and deserves a look:
  spikes, many bars without volume, a clock that seems to change with summer time.
* Counts cover the whole series; findings are bounded, errors first, so that ten thousand gaps cannot hide one bad bar.
* A bar stored under another hour than its minutes is found by comparing with the minutes, when both are stored: it is
  the one way to tell bars named by their end, whose times lie on the grid like any others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from polotui.model.candles import DAY_MS, MINUTE_MS, Timeframe
from polotui.storage.columns import CandleArrays, Ints, impossible

MOST_FINDINGS = 200
#: Of each kind that is only told for information.
_MOST_INFOS = 20
#: One line in so many may be out of place.
_DISORDER_IN = 100
_SPIKE = 20.0
#: A share of bars without volume that is worth a word.
_MANY_EMPTY = 0.05
_HOUR_MS = 60 * MINUTE_MS
#: So many bars have to agree before another hour is suspected.
_FEWEST_ALIKE = 24

Level = Literal["error", "warning", "info"]
_RANK: dict[Level, int] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Finding:
    """Something to say about a series. `kind`: gap, duplicate, disorder, impossible, unreadable, zone, spike, volume.
    `place` is the line, row or candle it is at, from 1; 0 when it concerns no single one."""

    kind: str
    at_ms: int
    text: str
    level: Level
    place: int = 0

    @property
    def error(self) -> bool:
        return self.level == "error"


@dataclass
class Report:
    """A whole series: the counts are complete, the findings at most MOST_FINDINGS. Gaps are in candles."""

    gaps: int = 0
    longest_gap: int = 0
    missing: int = 0
    duplicates: int = 0
    disorder: int = 0
    impossible: int = 0
    zero_volume: int = 0
    spikes: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not any(finding.error for finding in self.findings)


def report(
    candles: CandleArrays,
    frame: Timeframe,
    known_gaps: Sequence[tuple[int, int]] = (),
    minutes: CandleArrays | None = None,
) -> Report:
    """Checks stored candles. `known_gaps` are those the source has, `minutes` the stored 1m candles of the symbol."""
    place = np.arange(1, len(candles) + 1)
    told = Report()
    wrong = impossible(candles, frame)
    told.impossible = len({at for at, _ in wrong})
    told.findings = _told(wrong, candles, place, "candle") + order(candles, place, "candle")
    steps = np.diff(candles.open_ms)
    told.disorder = int(np.count_nonzero(steps < 0))
    told.duplicates = int(np.count_nonzero(np.diff(np.sort(candles.open_ms)) == 0))
    lacking = (steps[steps > frame.ms] - 1) // frame.ms
    told.gaps, told.missing, told.longest_gap = len(lacking), int(lacking.sum()), int(lacking.max(initial=0))
    told.findings += gaps_in(candles, frame, known_gaps)
    told.findings += _clock_changes(candles, frame) + _spikes(candles, told) + _volume(candles, told)
    if minutes is not None:
        told.findings += another_hour(candles, frame, minutes)
    told.findings = sorted(told.findings, key=lambda found: _RANK[found.level])[:MOST_FINDINGS]
    return told


def bars(candles: CandleArrays, frame: Timeframe, place: Ints, word: str) -> list[Finding]:
    """Bars that cannot be. `place` names each candle's line, `word` says what it is."""
    return _told(impossible(candles, frame), candles, place, word)


def _told(wrong: list[tuple[int, str]], candles: CandleArrays, place: Ints, word: str) -> list[Finding]:
    return [
        Finding("impossible", int(candles.open_ms[at]), f"{word} {place[at]}: {reason}", "error", int(place[at]))
        for at, reason in wrong[:MOST_FINDINGS]
    ]


def order(candles: CandleArrays, place: Ints, word: str) -> list[Finding]:
    """Times that go back, times that come twice."""
    findings = []
    steps = np.diff(candles.open_ms)
    backwards = np.flatnonzero(steps < 0)
    heap: Level = "error" if len(backwards) * _DISORDER_IN > len(candles) else "warning"
    for at in backwards[:MOST_FINDINGS].tolist():
        words = f"{word} {place[at + 1]}: its time is before that of {word} {place[at]}"
        findings.append(Finding("disorder", int(candles.open_ms[at + 1]), words, heap, int(place[at + 1])))
    sorting = np.argsort(candles.open_ms, kind="stable")
    for at in np.flatnonzero(np.diff(candles.open_ms[sorting]) == 0)[:MOST_FINDINGS].tolist():
        first, second = int(sorting[at]), int(sorting[at + 1])
        equal = bool(np.array_equal(candles.block[:, first], candles.block[:, second]))
        words = f"{word} {place[second]}: the same time as {word} {place[first]}"
        words += ", equal numbers" if equal else ", other numbers"
        level: Level = "warning" if equal else "error"
        findings.append(Finding("duplicate", int(candles.open_ms[second]), words, level, int(place[second])))
    return findings


def gaps_in(candles: CandleArrays, frame: Timeframe, known: Sequence[tuple[int, int]] = ()) -> list[Finding]:
    """Windows without candles between the first and the last. Those in `known` are told as the source's own."""
    steps = np.diff(candles.open_ms)
    found = []
    for at in np.flatnonzero(steps > frame.ms)[:MOST_FINDINGS].tolist():
        start = int(candles.open_ms[at]) + frame.ms
        lacking = (int(steps[at]) - 1) // frame.ms
        words = f"{lacking} candle{'s' if lacking != 1 else ''} missing from {moment(start)}"
        words += ", none at the source" if any(first <= start < end for first, end in known) else ""
        found.append(Finding("gap", start, words, "warning", at + 1))
    return found


def another_hour(candles: CandleArrays, frame: Timeframe, minutes: CandleArrays) -> list[Finding]:
    """Do these bars hold what the minutes have one bar earlier or later? Then their times name something else."""
    if frame is Timeframe.M1 or not len(minutes):
        return []
    ends = minutes.open_ms % frame.ms == frame.ms - MINUTE_MS
    opens, closes = minutes.open_ms[ends] + MINUTE_MS - frame.ms, minutes.close[ends]
    alike: dict[int, tuple[int, int]] = {}
    for bars_late in (0, 1, -1):
        _, own, theirs = np.intersect1d(candles.open_ms - bars_late * frame.ms, opens, return_indices=True)
        alike[bars_late] = (int(np.count_nonzero(candles.close[own] == closes[theirs])), len(own))
    right = alike[0][0]
    for bars_late, word in ((1, "ends"), (-1, "earlier times")):
        same, compared = alike[bars_late]
        if same >= _FEWEST_ALIKE and same * 2 > compared and same > 4 * right:
            words = f"{same} of {compared} bars close as the minutes do {abs(bars_late)} bar "
            words += f"{'before' if bars_late > 0 else 'after'}: the times seem to be the bars' {word}"
            return [Finding("zone", int(candles.open_ms[0]), words, "warning", 1)]
    return []


def _clock_changes(candles: CandleArrays, frame: Timeframe) -> list[Finding]:
    """An hour that lacks on Sunday nights of March or April: what local times taken as UTC look like."""
    if frame.ms > _HOUR_MS:
        return []
    found = []
    steps = np.diff(candles.open_ms)
    for at in np.flatnonzero(steps == _HOUR_MS + frame.ms).tolist():
        when = datetime.fromtimestamp((int(candles.open_ms[at]) + frame.ms) / 1000, UTC)
        if when.month in (3, 4) and when.weekday() == 6 and when.hour <= 3 and when.minute == 0:
            words = "one hour lacks as when summer time begins: the times may be local and not UTC"
            found.append(Finding("zone", round(when.timestamp() * 1000), words, "info", at + 1))
    return found[:_MOST_INFOS]


def _spikes(candles: CandleArrays, told: Report) -> list[Finding]:
    ranges = candles.high - candles.low
    moved = ranges[np.isfinite(ranges) & (ranges > 0)]
    if not len(moved):
        return []
    median = float(np.median(moved))
    places = np.flatnonzero(ranges > _SPIKE * median)
    told.spikes = len(places)
    return [
        Finding(
            "spike",
            int(candles.open_ms[at]),
            f"candle {at + 1}: its range is {ranges[at] / median:.0f} times the median one",
            "info",
            at + 1,
        )
        for at in places[:_MOST_INFOS].tolist()
    ]


def _volume(candles: CandleArrays, told: Report) -> list[Finding]:
    empty = np.flatnonzero(candles.volume == 0)
    told.zero_volume = len(empty)
    if len(empty) <= _MANY_EMPTY * len(candles):
        return []
    first = int(empty[0])
    words = f"{len(empty) / len(candles) * 100:.1f} % of the candles have no volume, the first is candle {first + 1}"
    return [Finding("volume", int(candles.open_ms[first]), words, "info", first + 1)]


def moment(at_ms: int) -> str:
    if not 0 <= at_ms < 100_000 * DAY_MS:
        return f"{at_ms} ms"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
