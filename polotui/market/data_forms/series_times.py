"""Do a file's times mean what the person says? The timeframe, the grid, the zone, start or end of the bar.

Decided here:
* The timeframe is checked against the most common step, because a wrong one stores nonsense that looks sound. A thin
  market, where most minutes have no trade, passes while one step in ten is the timeframe's.
* Times off the grid by one constant offset are refused with the option that helps, never moved silently: such a
  series is of another zone's days or names the ends of its bars, and only the person knows which.
* A bar's end that lies on the grid cannot be told from a start. The start is assumed; `--times end` says otherwise.
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np

from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.market.data_forms.kinds import NOTHING_STORED
from polotui.market.data_forms.rows import SLICE, Rows
from polotui.model.candles import DAY_MS, MINUTE_MS, Timeframe
from polotui.storage.columns import Ints

HOUR_MS = 60 * MINUTE_MS
#: A bar's end is written as its last second or millisecond by those that write it so.
_END_MS = 1_000
#: No zone changes its clock within this.
_QUARTER_MS = 15 * MINUTE_MS
_FEWEST_STEPS = 3
_THIN_IN = 10
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?\Z")


async def placed(rows: Rows, frame: Timeframe, *, times: str, zone: str) -> Ints:
    """The open times in UTC of a file's rows. Raises UsageError when they cannot be those of `frame`."""
    if times not in ("start", "end"):
        raise UsageError(f"Times are those of a bar's start or end, not {clean(times, 20)!r}.", safe=NOTHING_STORED)
    found = rows.open_ms()
    if zone:
        found = await _from_zone(found, rows, zone)
    elif rows.zoneless and len(rows):
        rows.notes.append("the times name no zone; UTC is assumed (--zone says otherwise)")
    if not len(found) or rows.findings:
        return found
    _check_step(found, frame, rows)
    if times == "end":
        late = -found % frame.ms
        if len(np.unique(late)) == 1 and late[0] <= _END_MS:
            return found + late - frame.ms
    _check_grid(found, frame, zoneless=rows.zoneless and not zone)
    return found


def zone_of(text: str) -> tzinfo:
    """`+05:30`, `Europe/Berlin`, `UTC`. Raises UsageError."""
    match = _OFFSET.match(text.strip())
    try:
        if match:
            sign, hours, minutes = match.groups()
            offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
            return timezone(-offset if sign == "-" else offset)
        return ZoneInfo(text.strip())
    except (ValueError, OSError, LookupError) as error:
        raise UsageError(
            f"There is no time zone {clean(text, 40)!r}.",
            safe=NOTHING_STORED,
            next_step="Write it as +05:30 or as Europe/Berlin.",
        ) from error


async def _from_zone(clock_ms: Ints, rows: Rows, text: str) -> Ints:
    """UTC of wall-clock times in a zone: one offset is looked up for each quarter of an hour."""
    zone = zone_of(text)
    if len(rows) and not rows.zoneless:
        raise UsageError(
            "The file's times are UTC or name their zone themselves, so --zone has nothing to say.",
            safe=NOTHING_STORED,
            next_step="Import it without --zone.",
        )
    quarters, place = np.unique(clock_ms // _QUARTER_MS, return_inverse=True)
    offsets = np.empty(len(quarters), np.int64)
    for number, quarter in enumerate(quarters.tolist()):
        clock = datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, UTC).replace(tzinfo=None)
        offset = zone.utcoffset(clock if isinstance(zone, timezone) else clock.replace(tzinfo=zone))
        offsets[number] = 0 if offset is None else round(offset.total_seconds() * 1000)
        if number % SLICE == SLICE - 1:
            await asyncio.sleep(0)
    rows.notes.append(f"times taken as those of the zone {clean(text, 40)} and turned into UTC")
    found: Ints = clock_ms - offsets[place]
    return found


def _check_step(times: Ints, frame: Timeframe, rows: Rows) -> None:
    steps = np.diff(np.sort(times))
    steps = steps[steps > 0]
    if len(steps) < _FEWEST_STEPS or np.count_nonzero(steps == frame.ms) * 2 > len(steps):
        return
    kinds, counts = np.unique(steps, return_counts=True)
    common = int(kinds[np.argmax(counts)])
    own = int(counts[kinds == frame.ms].sum())
    if common == frame.ms:
        return
    if common > frame.ms and own * _THIN_IN >= len(steps) and int(kinds[0]) == frame.ms:
        rows.notes.append(f"a thin market: candles are most often {_length(common)} apart")
        return
    right = next((known for known in Timeframe if known.ms == common), None)
    hint = f"Import it with --timeframe {right.value}." if right else "Only " + _names() + " can be stored."
    raise UsageError(
        f"The candles are {_length(common)} apart, so these are not {frame.value} candles.",
        safe=NOTHING_STORED,
        next_step=hint,
        code="wrong-timeframe",
    )


def _check_grid(times: Ints, frame: Timeframe, *, zoneless: bool) -> None:
    """One offset, or the two of a zone with summer time. Anything else is told bar by bar."""
    offsets, counts = np.unique(times % frame.ms, return_counts=True)
    summer = len(offsets) == 2 and offsets[1] - offsets[0] == HOUR_MS
    if offsets[0] == 0 or len(times) < 2 or not (len(offsets) == 1 or summer):
        return
    offset = int(offsets[np.argmax(counts)])
    if frame.ms - offset <= _END_MS:
        raise UsageError(
            f"Every time is {frame.ms - offset} ms before the {frame.value} grid: these are the bars' ends.",
            safe=NOTHING_STORED,
            next_step="Import it with --times end.",
            code="off-grid",
        )
    start = f"{offset // HOUR_MS:02d}:{offset % HOUR_MS // MINUTE_MS:02d}"
    if frame is Timeframe.D1:
        cause = f"Every day begins at {start} UTC: these are the days of another time zone."
    else:
        cause = f"Every time is {_length(offset)} after the {frame.value} grid of UTC."
    if zoneless and offset % _QUARTER_MS == 0:
        help_ = "The times name no zone: say which they are in, such as --zone +05:30."
        if frame is Timeframe.D1:
            help_ = (
                f"The times name no zone: if it is {_zone_name(offset)}, import it with --zone {_zone_name(offset)}."
            )
    else:
        help_ = "Such candles cannot be moved. Import shorter ones, such as 1m: polotui builds the others from them."
    raise UsageError(cause, safe=NOTHING_STORED, next_step=help_, code="off-grid")


def _zone_name(offset: int) -> str:
    """The zone in which a day's time of day is midnight."""
    signed = offset if offset <= 14 * HOUR_MS else offset - DAY_MS
    return f"{'-' if signed < 0 else '+'}{abs(signed) // HOUR_MS:02d}:{abs(signed) % HOUR_MS // MINUTE_MS:02d}"


def _length(ms: int) -> str:
    for unit, name in ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "m"), (1_000, "s")):
        if ms % unit == 0:
            return f"{ms // unit}{name}"
    return f"{ms} ms"


def _names() -> str:
    return ", ".join(frame.value for frame in Timeframe)
