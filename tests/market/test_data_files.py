"""Candles from files."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import pytest

from polotui.core.errors import UsageError
from polotui.market.data_checks import report
from polotui.market.data_files import import_file, read_file
from polotui.market.file_forms import time_of
from polotui.model.candles import MINUTE_MS, Candle, Timeframe
from polotui.storage.candles import CandleStore
from polotui.storage.columns import CandleArrays
from tests.market.candle_samples import SYMBOL, at, minutes

M1, H1 = Timeframe.M1, Timeframe.H1
HEADER = "timestamp,open,high,low,close,volume\n"
ASSUMED = "the times name no zone; UTC is assumed (--zone says otherwise)"
DATA = Path(os.environ.get("POLOTUI_DATA") or Path(__file__).parents[3] / "shared" / "data")


def row(minute: int, numbers: str = "10,12,9,11,5") -> str:
    return f"{at(minute)},{numbers}\n"


def written(folder: Path, text: str, name: str = "candles.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def real(*parts: str) -> Path:
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no market data at {DATA}; POLOTUI_DATA names the folder")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1640991660", 1_640_991_660_000),
        ("1640991660000", 1_640_991_660_000),
        ("1640991660000000", 1_640_991_660_000),
        ("1640991660000000000", 1_640_991_660_000),
        ("1640991660.0", 1_640_991_660_000),
        ("2021-12-31 23:01:00.000000", 1_640_991_660_000),
        ("2021-12-31T23:01:00Z", 1_640_991_660_000),
        ("2022-01-01T00:01:00+01:00", 1_640_991_660_000),
        ('"2021-12-31 11-PM"', 1_640_991_600_000),
        ("2021-12-31 12-AM", 1_640_908_800_000),
        ("2021-12-31", 1_640_908_800_000),
    ],
)
def test_times_in_many_forms(text: str, expected: int) -> None:
    assert time_of(text) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "-5", "nan", "inf", "1e30", "2021-13-01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        time_of(text)


async def test_a_sound_file_is_stored(store: CandleStore, tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + row(0) + row(1) + row(2))
    done = await import_file(path, SYMBOL, M1, store)
    assert (done.candles, done.new, done.from_ms, done.to_ms, done.warnings) == (3, 3, at(0), at(3), [])
    assert await store.load(SYMBOL, M1, 0, 2**62) == [
        Candle(at(n), 10.0, 12.0, 9.0, 11.0, 5.0, 0.0, -1) for n in range(3)
    ]
    assert [c.sources for c in await store.coverage()] == [("file candles.csv",)]
    assert (await import_file(path, SYMBOL, M1, store)).new == 0


async def test_gaps_and_equal_repetitions_are_warnings(store: CandleStore, tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + row(0) + row(1) + row(1) + "\n" + row(5))
    done = await import_file(path, SYMBOL, M1, store)
    assert done.candles == 3
    assert any("line 4: the same time as line 3, equal numbers" in text for text in done.warnings)
    assert any("3 candles missing" in text for text in done.warnings)


BAD = {
    "line 3: the high is below the low": row(0) + row(1, "10,8,9,10,5"),
    "line 3: the open is outside": row(0) + row(1, "13,12,9,11,5"),
    "line 3: the close is outside": row(0) + row(1, "10,12,9,8,5"),
    "line 2: a number is not finite": row(0, "10,inf,9,11,5"),
    "line 2: the volume is negative": row(0, "10,12,9,11,-5"),
    "line 2: the time is not on the 1m grid": f"{at(0) + 1},10,12,9,11,5\n",
    "line 4: its time is before that of line 3": row(0) + row(3) + row(2),
    "line 3: the same time as line 2, other numbers": row(0) + row(0, "10,12,9,11,6"),
    "line 3: could not convert string to float": row(0) + row(1, "ten,12,9,11,5"),
    "line 3: 3 columns instead of 6": row(0) + f"{at(1)},10,12\n",
    "line 3: Invalid isoformat": row(0) + "soon,10,12,9,11,5\n",
}


@pytest.mark.parametrize("words", BAD)
async def test_one_bad_line_stores_nothing_and_is_named(store: CandleStore, tmp_path: Path, words: str) -> None:
    path = written(tmp_path, HEADER + BAD[words] + row(20))
    with pytest.raises(UsageError) as caught:
        await import_file(path, SYMBOL, M1, store)
    assert words in caught.value.cause
    assert caught.value.safe == "Nothing was stored."
    assert await store.coverage() == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("letter.csv", b"Dear reader,\nthis is no file of candles.\n"),
        ("empty.csv", b""),
        ("header.csv", HEADER.encode()),
        ("broken.gz", b"\x1f\x8b\x08\x00 not gzip at all"),
        ("broken.zip", b"PK\x03\x04 not a zip at all"),
        ("timeless.csv", b"when,open,high,low,close,volume\n1,2,3,4,5,6\n"),
        ("binary.csv", bytes(range(256)) * 20),
    ],
)
async def test_what_is_no_file_of_candles_is_told(
    store: CandleStore, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError):
        await import_file(path, SYMBOL, M1, store)
    with pytest.raises(UsageError, match="cannot be read"):
        await import_file(tmp_path / "absent.csv", SYMBOL, M1, store)
    with pytest.raises(UsageError, match="not a symbol"):
        await import_file(path, "BITCOIN", M1, store)


async def test_newest_first_notes_and_named_volumes(tmp_path: Path) -> None:
    text = (
        "Timestamps are UTC timezone,https://example.org\n"
        "date,symbol,open,high,low,close,volume_btc,volume\n"
        "2019-10-17 10-AM,BTCUSD,10,12,9,11,5,55\n"
        "2019-10-17 09-AM,BTCUSD,9,12,9,10,4,40\n"
    )
    reading = await read_file(written(tmp_path, text), "BTC_USD", H1)
    assert reading.errors == []
    assert reading.notes == ["newest first; turned around"]
    first, second = reading.candles.candles()
    assert (first.open_ms, first.volume, first.amount) == (1_571_302_800_000, 4.0, 40.0)
    assert second.open_ms - first.open_ms == H1.ms


async def test_zip_gzip_and_klines_without_a_header(tmp_path: Path) -> None:
    line = f"{at(0)},10,12,9,11,5,{at(1) - 1},55,77,2,20,0\n"
    with zipfile.ZipFile(tmp_path / "k.zip", "w") as archive:
        archive.writestr("k.csv", line)
    with gzip.open(tmp_path / "k.csv.gz", "wt") as file:
        file.write(line)
    expected = [Candle(at(0), 10.0, 12.0, 9.0, 11.0, 5.0, 55.0, 77)]
    for name in ("k.zip", "k.csv.gz"):
        assert (await read_file(tmp_path / name, SYMBOL, M1)).candles.candles() == expected
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", line)
        archive.writestr("b.csv", line)
    with pytest.raises(UsageError, match="holds 2 files"):
        await read_file(tmp_path / "two.zip", SYMBOL, M1)


def test_verifying_stored_candles_tells_known_gaps() -> None:
    arrays = CandleArrays.of([*minutes(0, 5), *minutes(8, 10), *minutes(12, 13)])
    found = report(arrays, M1, [(at(5), at(8))]).findings
    assert [(f.kind, f.at_ms, "none at the source" in f.text) for f in found if f.kind == "gap"] == [
        ("gap", at(5), True),
        ("gap", at(10), False),
    ]
    assert not any(finding.error for finding in found)


async def test_real_minutes_of_january_2022(store: CandleStore) -> None:
    path = real("bars-1m", "btc-perp-20211231-20220201_1m.csv.gz")
    done = await import_file(path, SYMBOL, M1, store)
    assert (done.candles, done.new, done.warnings) == (45_031, 45_031, [ASSUMED])
    assert done.to_ms - done.from_ms == 45_031 * MINUTE_MS
    stored = await store.load(SYMBOL, M1, done.from_ms, done.from_ms + MINUTE_MS)
    assert (stored[0].open, stored[0].high, stored[0].volume) == (46319.0, 46385.0, 2300413.7295)


async def test_real_hours_of_coinbase(store: CandleStore) -> None:
    done = await import_file(real("bars-1h", "Coinbase_BTCUSD_1h.csv.gz"), "BTC_USD", H1, store)
    assert done.candles == 20_111
    assert done.to_ms - done.from_ms == 20_111 * H1.ms
    assert done.warnings[0] == "newest first; turned around"
    assert sum("its time is before that of line" in text for text in done.warnings) == 5
    assert len(done.warnings) == 6
    (first,) = await store.load("BTC_USD", H1, done.from_ms, done.from_ms + 1)
    assert (first.open_ms, first.volume, first.amount) == (1_498_906_800_000, 114.6, 287000.32)


async def test_real_minutes_of_coinbase_zip_and_its_quotes(store: CandleStore) -> None:
    done = await import_file(real("coinbase-2018-04", "btcusd", "20180405_trade.zip"), "BTC_USD", M1, store)
    assert 949 <= done.candles <= 1440
    assert done.from_ms == 1_522_886_400_000
    with pytest.raises(UsageError, match="may hold quotes"):
        await import_file(real("coinbase-2018-04", "btcusd", "20180405_quote.zip"), "BTC_USD", M1, store)
