"""Out and in again is the same; nothing is overwritten, nothing is half-written; what is built says so."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest

from polotui.core.errors import PolotuiError, StorageError, UsageError
from polotui.market.data_export import collect, plain
from polotui.market.data_files import import_file
from polotui.market.data_forms import writing
from polotui.market.data_forms.kinds import FileKind
from polotui.market.data_forms.writing import kind_to_write, write_file
from polotui.market.frames import resampled
from polotui.model.candles import DAY_MS, Timeframe
from polotui.storage.candles import CandleStore
from polotui.storage.columns import CandleArrays
from tests.market.candle_samples import DAY0, SYMBOL, at, candle, minutes

M1, H1 = Timeframe.M1, Timeframe.H1
COPY = "COPY_USDT"
FORMS = ["a.csv", "a.csv.gz", "a.json", "a.json.gz", "a.parquet", "a.feather"]


def needs_arrow(name: str) -> None:
    if name.endswith(("parquet", "feather")):
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")


async def write(path: Path, candles: CandleArrays, *, short: bool = False, force: bool = False) -> int:
    return await write_file(path, kind_to_write(path), candles, plain=short, force=force)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("slice_", [3, 100_000])
async def test_out_and_in_again_is_the_same_hash(
    store: CandleStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, slice_: int
) -> None:
    needs_arrow(name)
    monkeypatch.setattr(writing, "_SLICE", slice_)
    monkeypatch.setattr(writing, "_GROUP", slice_)
    await store.put(SYMBOL, M1, [*minutes(0, 400), *minutes(500, 700)], "test")
    found = await collect(store, SYMBOL, M1)
    assert (found.source, found.warnings[0][:5]) == ("stored 1m", "1 gap")
    size = await write(tmp_path / name, found.candles)
    assert size == (tmp_path / name).stat().st_size
    done = await import_file(tmp_path / name, COPY, M1, store)
    assert done.new == 600
    assert await store.hash(COPY, M1) == await store.hash(SYMBOL, M1) == found.candles.sha256()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith((".", "a."))) == [name]


@pytest.mark.parametrize("name", FORMS)
async def test_plain_is_what_other_programs_expect(store: CandleStore, tmp_path: Path, name: str) -> None:
    needs_arrow(name)
    candles = plain(CandleArrays.of(minutes(0, 50)))
    path = tmp_path / name
    await write(path, candles, short=True)
    done = await import_file(path, COPY, M1, store)
    assert done.candles == 50
    assert await store.hash(COPY, M1) == candles.sha256()
    first = candle(0)
    expected = [first.open_ms, first.open, first.high, first.low, first.close, first.volume]
    if "json" in name:
        text = gzip.decompress(path.read_bytes()) if name.endswith("gz") else path.read_bytes()
        assert json.loads(text)[0] == expected
    elif "csv" in name:
        text = gzip.decompress(path.read_bytes()) if name.endswith("gz") else path.read_bytes()
        table = list(csv.reader(text.decode().splitlines()))
        assert table[0] == ["timestamp", "open", "high", "low", "close", "volume"]
        assert [float(cell) for cell in table[1]] == expected
    else:
        pd = pytest.importorskip("pandas", reason="pandas is not installed")
        table = pd.read_parquet(path) if name.endswith("parquet") else pd.read_feather(path)
        assert list(table.columns) == ["date", "open", "high", "low", "close", "volume"]
        assert str(table["date"].dt.tz) == "UTC"
        assert table["date"].iloc[0].value == first.open_ms * 1_000_000
        assert table.iloc[0].tolist()[1:] == expected[1:]


@pytest.mark.parametrize("name", FORMS)
async def test_the_same_candles_are_the_same_file(tmp_path: Path, name: str) -> None:
    needs_arrow(name)
    candles = CandleArrays.of(minutes(0, 50))
    await write(tmp_path / name, candles)
    first = (tmp_path / name).read_bytes()
    await write(tmp_path / name, candles, force=True)
    assert (tmp_path / name).read_bytes() == first


async def test_nothing_is_replaced_without_force(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists") as caught:
        await write(path, CandleArrays.of(minutes(0, 3)))
    assert (path.read_text(), caught.value.instance_code) == ("mine", "exists")
    assert "--force" in caught.value.next_step
    await write(path, CandleArrays.of(minutes(0, 3)), force=True)
    assert path.read_text().startswith("timestamp,")


async def test_a_file_made_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    real = writing._write

    async def slow(*arguments: object, **more: object) -> None:
        await real(*arguments, **more)  # type: ignore[arg-type]
        path.write_text("somebody else's")

    monkeypatch.setattr(writing, "_write", slow)
    with pytest.raises(UsageError, match="exists"):
        await write(path, CandleArrays.of(minutes(0, 3)))
    assert path.read_text() == "somebody else's"
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file() and "market.db" not in entry.name] == [
        "a.csv"
    ]


@pytest.mark.parametrize("name", FORMS)
async def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    needs_arrow(name)
    path = tmp_path / name
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(StorageError, match="No space left") as caught:
        await write(path, CandleArrays.of(minutes(0, 30)), force=True)
    assert "unchanged" in caught.value.safe
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".new")] == []


async def test_two_exports_to_one_file_do_not_mix(tmp_path: Path) -> None:
    import os

    path = tmp_path / "a.csv"
    (tmp_path / f".a.csv.{os.getpid()}.new").write_text("being written")
    with pytest.raises(PolotuiError, match="another export"):
        await write(path, CandleArrays.of(minutes(0, 3)))
    assert not path.exists()


async def test_targets_that_are_no_ordinary_files_are_refused(tmp_path: Path) -> None:
    candles = CandleArrays.of(minutes(0, 3))
    (tmp_path / "link.csv").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "folder.csv").mkdir()
    for name, words in (
        ("link.csv", "no ordinary file"),
        ("folder.csv", "no ordinary file"),
        ("nowhere/a.csv", "no folder"),
    ):
        with pytest.raises(UsageError, match=words):
            await write(tmp_path / name, candles, force=True)
    for name, form in (("a.xlsx", ""), ("a", ""), ("a.csv", "excel")):
        with pytest.raises(UsageError, match="format") as caught:
            kind_to_write(Path(name), form)
        assert "--format csv" in caught.value.next_step
    assert kind_to_write(Path("a.dat"), "feather") is FileKind.FEATHER


# ── what is exported ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_hours_are_built_from_minutes_and_say_what_lacks(store: CandleStore) -> None:
    await store.put(SYMBOL, M1, [c for c in minutes(0, 600) if c.open_ms not in (at(65), at(66), at(130))], "test")
    await store.mark_gap(SYMBOL, M1, at(130), at(131), "none there")
    found = await collect(store, SYMBOL, H1)
    assert found.source == "built from 1m"
    assert len(found.candles) == 10
    assert found.warnings == [
        "1 of 10 candles are built without all their minutes (2 lack), the first at 2026-05-29 01:00 UTC"
    ]
    everything = await store.load_arrays(SYMBOL, M1)
    assert found.candles.sha256() == resampled(everything, H1).sha256()


async def test_a_span_holds_what_opens_in_it(store: CandleStore) -> None:
    await store.put(SYMBOL, M1, minutes(0, 600), "test")
    built = await collect(store, SYMBOL, H1, at(30), at(150))
    assert built.candles.open_ms.tolist() == [at(60), at(120)]
    whole = await collect(store, SYMBOL, H1)
    assert built.candles.candles() == whole.candles.candles()[1:3]
    own = await collect(store, SYMBOL, M1, at(30), at(32))
    assert own.candles.open_ms.tolist() == [at(30), at(31)]
    assert len((await collect(store, SYMBOL, H1, DAY0 + DAY_MS)).candles) == 0
    assert len((await collect(store, "NONE_USDT", H1)).candles) == 0


async def test_stored_hours_come_first_and_more_minutes_are_told(store: CandleStore) -> None:
    await store.put(SYMBOL, M1, minutes(0, 600), "test")
    await store.put(SYMBOL, H1, [candle(0, H1), candle(1, H1)], "venue")
    found = await collect(store, SYMBOL, H1)
    assert (found.source, len(found.candles)) == ("stored 1h", 2)
    assert "--from-minutes" in found.warnings[0]
    built = await collect(store, SYMBOL, H1, from_minutes=True)
    assert (built.source, len(built.candles)) == ("built from 1m", 10)
