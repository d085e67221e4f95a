"""Every form of file: read alike, refused with a reason, bounded, without holding up other tasks."""

from __future__ import annotations

import asyncio
import gzip
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from polotui.core.errors import UsageError
from polotui.market.data_files import import_file, read_file
from polotui.market.data_forms import arrow_rows, json_rows, kinds, rows
from polotui.market.data_forms.kinds import FileKind, kind_of
from polotui.model.candles import DAY_MS, Candle, Timeframe
from polotui.storage.candles import CandleStore
from tests.market.candle_samples import SYMBOL, at
from tests.market.test_data_files import ASSUMED

M1, M5, H1, D1 = Timeframe.M1, Timeframe.M5, Timeframe.H1, Timeframe.D1
EXPECTED = [Candle(at(n), 10.0, 12.5, 9.0, 11.0, 5.0 + n) for n in range(7)]
LISTS = [[c.open_ms, c.open, c.high, c.low, c.close, c.volume] for c in EXPECTED]


def frame_of_pandas(zone: str | None = "UTC") -> Any:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = pd.DataFrame(LISTS, columns=["date", "open", "high", "low", "close", "volume"])
    table["date"] = pd.to_datetime(table["date"], unit="ms", utc=True)
    if zone is None:
        table["date"] = table["date"].dt.tz_localize(None)
    elif zone != "UTC":
        table["date"] = table["date"].dt.tz_convert(zone)
    return table


def written(folder: Path, name: str) -> Path:
    """EXPECTED in the form that the name says, as other programs write it."""
    path = folder / name
    if name.endswith(".json"):
        path.write_text(json.dumps(LISTS))
    elif name.endswith(".json.gz"):
        with gzip.open(path, "wt") as file:
            json.dump(LISTS, file)
    elif name.endswith(".parquet"):
        frame_of_pandas().to_parquet(path)
    elif name.endswith(".feather"):
        # As freqtrade stores it.
        frame_of_pandas().to_feather(path, compression_level=9, compression="lz4")
    return path


NAMES = ["BTC_USDT-1m.json", "BTC_USDT-1m.json.gz", "btc.parquet", "BTC_USDT-1m.feather"]


@pytest.mark.parametrize("name", NAMES)
async def test_other_programs_files_are_the_same_candles(store: CandleStore, tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    done = await import_file(path, SYMBOL, M1, store)
    assert (done.candles, done.new, done.warnings) == (7, 7, [])
    assert await store.load(SYMBOL, M1, 0, 2**62) == EXPECTED
    before = await store.hash(SYMBOL, M1)
    again = await import_file(path, SYMBOL, M1, store)
    assert (again.candles, again.new) == (7, 0)
    assert await store.hash(SYMBOL, M1) == before
    assert len(await store.provenance(SYMBOL, M1)) == 1


async def test_what_ccxt_fetches_is_read(tmp_path: Path) -> None:
    # ccxt gives ints where a price is whole, and the milliseconds first.
    path = tmp_path / "ohlcv.json"
    path.write_text(json.dumps([[at(0), 10, 12, 9, 11, 5], [at(1), 11, 12.25, 9, 11, 0]], indent=2))
    reading = await read_file(path, SYMBOL, M1)
    assert [c.high for c in reading.candles.candles()] == [12.0, 12.25]


async def test_a_binance_kline_list_is_read(tmp_path: Path) -> None:
    row = [at(0), "10.0", "12.0", "9.0", "11.0", "5.0", at(1) - 1, "55.5", 77, "2", "20", "0"]
    (tmp_path / "k.json").write_text(json.dumps([row]))
    assert (await read_file(tmp_path / "k.json", SYMBOL, M1)).candles.candles() == [
        Candle(at(0), 10.0, 12.0, 9.0, 11.0, 5.0, 55.5, 77)
    ]


@pytest.mark.parametrize("size", [64, 100, 251])
async def test_pieces_cut_anywhere_are_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(json_rows, "_PIECE", size)
    for text in (json.dumps(LISTS), json.dumps(LISTS, indent=1), f" \n{json.dumps(LISTS)}\n\n", "[]", "[ ]\n"):
        (tmp_path / "a.json").write_text(text)
        reading = await read_file(tmp_path / "a.json", SYMBOL, M1)
        assert reading.errors == []
        assert reading.candles.candles() == (EXPECTED if len(text) > 5 else [])


JSON_REFUSED = {
    "does not begin with a list": '{"data": []}',
    "does not end with a list's bracket": json.dumps(LISTS)[:-1] + ",",
    "has 5 values": "[[1,2,3,4,5]]",
    "is no list": '[{"time": 1}]',
    "after row 0": "[[1,2,3,4,5,]]",
    "a row does not end": "[[" + "1" * 700_000,
    "row 2: not a row of 6 numbers": json.dumps([LISTS[0], LISTS[1][:5], LISTS[2]]),
    "row 3: could not convert": json.dumps([LISTS[0], LISTS[1], [at(2), "ten", 1, 1, 1, 1]]),
    "row 1: a number is not finite": json.dumps([[at(0), None, 12, 9, 11, 5], *LISTS[1:]]),
    "row 2: not a time": json.dumps([LISTS[0], [-5, 10, 12, 9, 11, 5]]),
    "row 1: not a count of trades": "[[1,2,3,4,5,6,7,1e300]]",
}


@pytest.mark.parametrize("words", JSON_REFUSED)
async def test_json_that_is_no_series_is_refused(store: CandleStore, tmp_path: Path, words: str) -> None:
    (tmp_path / "a.json").write_text(JSON_REFUSED[words])
    with pytest.raises(UsageError) as caught:
        await import_file(tmp_path / "a.json", SYMBOL, M1, store)
    assert words in caught.value.cause
    assert (caught.value.safe, bool(caught.value.next_step)) == ("Nothing was stored.", True)
    assert await store.coverage() == []


# ── Parquet and feather ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["parquet", "feather"])
async def test_a_zone_is_turned_into_utc_and_none_is_told(tmp_path: Path, kind: str) -> None:
    for zone, notes in (("Asia/Kolkata", []), (None, [ASSUMED])):
        getattr(frame_of_pandas(zone), f"to_{kind}")(tmp_path / f"a.{kind}")
        reading = await read_file(tmp_path / f"a.{kind}", SYMBOL, M1)
        assert reading.notes == notes
        assert reading.candles.candles() == EXPECTED


async def test_an_index_of_times_is_the_time(tmp_path: Path) -> None:
    table = frame_of_pandas()
    table.index = table.pop("date").rename(None)
    table.to_parquet(tmp_path / "a.parquet")
    assert (await read_file(tmp_path / "a.parquet", SYMBOL, M1)).candles.candles() == EXPECTED


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
async def test_every_unit_of_time(tmp_path: Path, unit: str) -> None:
    table = frame_of_pandas()
    table["date"] = table["date"].dt.as_unit(unit)
    table.to_feather(tmp_path / "a.feather")
    assert (await read_file(tmp_path / "a.feather", SYMBOL, M1)).candles.candles() == EXPECTED
    table["date"] = table["date"].astype("int64")
    table.to_parquet(tmp_path / "a.parquet")
    assert (await read_file(tmp_path / "a.parquet", SYMBOL, M1)).candles.candles() == EXPECTED


async def test_texts_decimals_dictionaries_and_nulls(tmp_path: Path) -> None:
    table = frame_of_pandas()
    table["date"] = table["date"].astype(str).astype("category")
    table["open"] = table["open"].astype(str)
    table["trades"] = [1, None, 3, 4, 5, 6, 7]
    table.to_parquet(tmp_path / "a.parquet")
    candles = (await read_file(tmp_path / "a.parquet", SYMBOL, M1)).candles.candles()
    assert [(c.open_ms, c.open) for c in candles] == [(c.open_ms, 10.0) for c in EXPECTED]
    assert [c.trades for c in candles] == [1, -1, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("kind", ["parquet", "feather"])
async def test_a_file_of_tables_that_is_no_series_is_refused(store: CandleStore, tmp_path: Path, kind: str) -> None:
    table = frame_of_pandas()
    path = tmp_path / f"a.{kind}"
    cases = [
        (table.rename(columns={"open": "first"}), "has no columns open"),
        (table.rename(columns={"date": "when"}), "No column is named as the time"),
        (table.assign(open="ten"), "rows 1 to 7"),
        (table.assign(date=[None, *table["date"][1:]]), "a time is missing"),
        (table.assign(close=[None, *table["close"][1:]]), "row 1: a number is not finite"),
        (table.assign(high=1.0), "row 1: the high is below the low"),
        (table.iloc[:0], "holds no candles"),
    ]
    for wrong, words in cases:
        getattr(wrong, f"to_{kind}")(path)
        with pytest.raises(UsageError, match=words) as caught:
            await import_file(path, SYMBOL, M1, store)
        assert caught.value.safe == "Nothing was stored."
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="cannot be read"):
        await import_file(path, SYMBOL, M1, store)
    assert await store.coverage() == []


@pytest.mark.parametrize("name", ["a.parquet", "a.feather"])
async def test_without_pyarrow_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_bytes(b"PAR1...." if name.endswith("parquet") else b"ARROW1....")
    real = importlib.import_module

    def without(module: str, *rest: Any) -> Any:
        if module.startswith("pyarrow"):
            raise ImportError(module)
        return real(module, *rest)

    monkeypatch.setattr(kinds.importlib, "import_module", without)
    with pytest.raises(UsageError, match="need the library pyarrow") as caught:
        await read_file(tmp_path / name, SYMBOL, M1)
    assert "polotui[parquet]" in caught.value.next_step
    assert caught.value.instance_code == "needs-pyarrow"
    # The other forms do not need it.
    (tmp_path / "a.json").write_text(json.dumps(LISTS))
    assert len((await read_file(tmp_path / "a.json", SYMBOL, M1)).candles) == 7


async def test_rows_are_bounded_before_they_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_ROWS", 6)
    taken: list[int] = []
    monkeypatch.setattr(arrow_rows, "_take", lambda *_: taken.append(1))
    (tmp_path / "a.csv").write_text("time,open,high,low,close,volume\n" + "1700000040,1,1,1,1,1\n" * 7)
    for name in (*NAMES, "a.csv"):
        path = tmp_path / name if name == "a.csv" else written(tmp_path, name)
        with pytest.raises(UsageError, match="more than 6 rows"):
            await read_file(path, SYMBOL, M1)
    assert taken == []


async def test_a_line_without_an_end_is_refused(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.csv.gz", "wb") as file:
        file.write(b"1" * 3_000_000)
    with pytest.raises(UsageError, match="a line of more than"):
        await read_file(tmp_path / "a.csv.gz", SYMBOL, M1)


@pytest.mark.parametrize("name", ["a.csv", *NAMES])
async def test_reading_lets_other_tasks_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """So many turns for so many rows, whatever the machine's speed."""
    monkeypatch.setattr(json_rows, "_PIECE", 90)
    monkeypatch.setattr(arrow_rows, "_BATCH", 2)
    monkeypatch.setattr("polotui.market.data_forms.csv_rows.SLICE", 2)
    path = written(tmp_path, name)
    if name == "a.csv":
        lines = [f"{at(n)},10,12,9,11,5" for n in range(20)]
        path.write_text("\n".join(["time,open,high,low,close,volume", *lines]))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await read_file(path, SYMBOL, M1)
    task.cancel()
    assert turns >= 3


# ── kinds ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_content_counts_and_a_name_that_belies_it_is_refused(tmp_path: Path) -> None:
    def kind(name: str, content: bytes) -> FileKind:
        (tmp_path / name).write_bytes(content)
        return kind_of(tmp_path / name)

    assert kind("a.csv", b"\xef\xbb\xbf [[1]]") is FileKind.JSON
    assert kind("a.csv", b"PAR1....") is FileKind.PARQUET
    assert kind("a", b"ARROW1..") is FileKind.FEATHER
    assert kind("a.dat", gzip.compress(b"[[1]]")) is FileKind.JSON
    assert kind("a.json", b"time,open") is FileKind.JSON
    for name, content, words in (
        ("a.parquet", b"time,open", "named as a parquet file"),
        ("a.feather", b"", "named as a feather file"),
        ("a.feather", b"FEA1....", "feather version 1"),
        ("a.parquet.gz", gzip.compress(b"PAR1...."), "packed with gzip"),
        ("a.gz", b"\x1f\x8b nothing", "cannot be read"),
    ):
        with pytest.raises(UsageError, match=words):
            kind(name, content)


# ── what the times mean ──────────────────────────────────────────────────────────────────────────────────────────


def csv_of(folder: Path, times: list[str] | list[int]) -> Path:
    path = folder / "a.csv"
    path.write_text("time,open,high,low,close,volume\n" + "".join(f"{time},10,12,9,11,5\n" for time in times))
    return path


@pytest.mark.parametrize(
    ("step", "right"), [(M5.ms, "--timeframe 5m"), (H1.ms, "--timeframe 1h"), (180_000, "Only 1m")]
)
async def test_a_wrong_timeframe_is_named_with_the_right_one(tmp_path: Path, step: int, right: str) -> None:
    path = csv_of(tmp_path, [at(0) + n * step for n in range(9)])
    for frame in (M1, D1):
        with pytest.raises(UsageError, match=f"not {frame.value} candles") as caught:
            await read_file(path, SYMBOL, frame)
        assert right in caught.value.next_step
        assert caught.value.instance_code == "wrong-timeframe"


async def test_a_thin_market_is_no_wrong_timeframe(tmp_path: Path) -> None:
    minutes = [0, 2, 4, 6, 7, 9, 11, 14, 16, 18, 19]
    reading = await read_file(csv_of(tmp_path, [at(n) for n in minutes]), SYMBOL, M1)
    assert reading.errors == []
    assert reading.notes == ["a thin market: candles are most often 2m apart"]


async def test_bar_ends_are_refused_and_taken_when_named(tmp_path: Path) -> None:
    for late in (1, 1_000):
        path = csv_of(tmp_path, [at(0) + (n + 1) * H1.ms - late for n in range(5)])
        with pytest.raises(UsageError, match="the bars' ends") as caught:
            await read_file(path, SYMBOL, H1)
        assert "--times end" in caught.value.next_step
        reading = await read_file(path, SYMBOL, H1, times="end")
        assert reading.candles.open_ms.tolist() == [at(0) + n * H1.ms for n in range(5)]
    on_the_grid = csv_of(tmp_path, [at(0) + (n + 1) * H1.ms for n in range(5)])
    assert (await read_file(on_the_grid, SYMBOL, H1, times="end")).candles.open_ms[0] == at(0)
    with pytest.raises(UsageError, match="start or end"):
        await read_file(on_the_grid, SYMBOL, H1, times="middle")


async def test_days_of_another_zone_are_refused(tmp_path: Path) -> None:
    path = csv_of(tmp_path, [at(0) + 16 * H1.ms + n * DAY_MS for n in range(5)])
    with pytest.raises(UsageError, match="begins at 16:00 UTC") as caught:
        await read_file(path, SYMBOL, D1)
    assert "Import shorter ones" in caught.value.next_step
    with pytest.raises(UsageError, match="--zone has nothing to say"):
        await read_file(path, SYMBOL, D1, zone="+08:00")
    # With summer time: two offsets, an hour apart.
    days = [at(0) + (22 if n < 3 else 23) * H1.ms + n * DAY_MS for n in range(9)]
    with pytest.raises(UsageError, match="the days of another time zone"):
        await read_file(csv_of(tmp_path, days), SYMBOL, D1)


async def test_local_times_are_turned_with_their_zone(tmp_path: Path) -> None:
    texts = [f"2024-01-01 {n // 60:02d}:{n % 60:02d}:00" for n in range(30, 330, 60)]
    path = csv_of(tmp_path, texts)
    with pytest.raises(UsageError, match="30m after the 1h grid") as caught:
        await read_file(path, SYMBOL, H1)
    assert "--zone +05:30" in caught.value.next_step
    for zone in ("+05:30", "+0530", "Asia/Kolkata"):
        reading = await read_file(path, SYMBOL, H1, zone=zone)
        assert reading.candles.open_ms[0] == 1_704_049_200_000
        assert f"zone {zone}" in reading.notes[0]
    with pytest.raises(UsageError, match="no time zone 'Mars/Olympus'"):
        await read_file(path, SYMBOL, H1, zone="Mars/Olympus")
    for wrong in ("../../etc/passwd", "+99:00", "\x00"):
        with pytest.raises(UsageError, match="no time zone"):
            await read_file(path, SYMBOL, H1, zone=wrong)


async def test_summer_time_moves_local_hours_by_their_own_offset(tmp_path: Path) -> None:
    texts = [f"2024-03-31 {hour:02d}:00:00" for hour in (0, 1, 3, 4, 5)]
    path = csv_of(tmp_path, texts)
    reading = await read_file(path, SYMBOL, H1, zone="Europe/Berlin")
    assert reading.candles.open_ms.tolist() == [1_711_839_600_000 + n * H1.ms for n in range(5)]
    assert reading.findings == []


@pytest.mark.parametrize("name", ["a.parquet", "a.feather"])
def test_pandas_is_not_loaded_to_read_or_write(tmp_path: Path, name: str) -> None:
    """It takes longer to load than a year of minutes takes to read, and the engine would stand still meanwhile."""
    written(tmp_path, name)
    program = f"""
import asyncio, sys
from pathlib import Path
from polotui.market.data_files import read_file
from polotui.market.data_forms.writing import kind_to_write, write_file
from polotui.model.candles import Timeframe
path = Path({str(tmp_path / name)!r})
assert not [module for module in sys.modules if module.startswith(("pandas", "pyarrow"))]
reading = asyncio.run(read_file(path, "BTC_USDT", Timeframe.M1))
asyncio.run(write_file(path, kind_to_write(path), reading.candles, plain=False, force=True))
print(len(reading.candles), "pyarrow" in sys.modules, "pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7", "True", "False"]
