"""Candles in and out through the use cases: files of each form, exports, the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.api.wire import Request, encode
from polotui.core.errors import PolotuiError
from polotui.engine.local_link import LocalLink
from polotui.model.candles import Timeframe
from tests.engine.conftest import Stage, eventually

pytestmark = pytest.mark.usefixtures("no_correlations")

START = 1_700_006_400_000
HOUR = 3_600_000


def rows(count: int) -> list[list[float]]:
    return [[START + n * 60_000, 100.0 + n, 102.0 + n, 99.0 + n, 101.0 + n, 1.5] for n in range(count)]


async def imported(link: LocalLink, folder: Path, symbol: str = "SOL_USDT", count: int = 180) -> r.DataImported:
    (folder / "in.json").write_text(json.dumps(rows(count)))
    return await link.call(c.DataImport(path=str(folder / "in.json"), symbol=symbol))


async def test_out_and_in_again_is_the_same_series(stage: Stage, tmp_path: Path) -> None:
    link = LocalLink(await stage.start())
    done = await imported(link, tmp_path)
    assert (done.candles, done.new) == (180, 180)
    original = await link.call(c.DataVerify(symbol="SOL_USDT"))
    assert original.ok
    for name in ("a.csv", "a.json.gz", "a.parquet", "a.feather"):
        if name.endswith(("parquet", "feather")):
            pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        sent = await link.call(c.DataExport(path=str(tmp_path / name), symbol="SOL_USDT"))
        assert (sent.candles, sent.from_ms, sent.to_ms) == (180, START, START + 180 * 60_000)
        assert (sent.source, sent.hash, sent.warnings) == ("stored 1m", original.hash, [])
        assert sent.size == (tmp_path / name).stat().st_size
        copy = f"COPY{len(name)}_USDT"
        await link.call(c.DataImport(path=str(tmp_path / name), symbol=copy))
        assert (await link.call(c.DataVerify(symbol=copy))).hash == original.hash
        with pytest.raises(PolotuiError, match="exists"):
            await link.call(c.DataExport(path=str(tmp_path / name), symbol="SOL_USDT"))
        await link.call(c.DataExport(path=str(tmp_path / name), symbol="SOL_USDT", force=True))


async def test_hours_are_built_from_minutes_for_an_export(stage: Stage, tmp_path: Path) -> None:
    link = LocalLink(await stage.start())
    await imported(link, tmp_path, count=170)
    path = str(tmp_path / "h.csv")
    sent = await link.call(c.DataExport(path=path, symbol="SOL_USDT", timeframe="1h", plain=True))
    assert (sent.candles, sent.source, sent.to_ms) == (2, "built from 1m", START + 2 * HOUR)
    assert Path(path).read_text().splitlines()[1] == f"{START},100.0,161.0,99.0,160.0,90.0"
    await link.call(c.DataImport(path=path, symbol="COPY_USDT", timeframe="1h"))
    assert (await link.call(c.DataVerify(symbol="COPY_USDT", timeframe="1h"))).hash == sent.hash


async def test_an_export_writes_nothing_where_it_should_not(stage: Stage, tmp_path: Path) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    await imported(link, tmp_path)
    before = engine.home.market.stat().st_ino
    wrong = [
        (str(engine.home.market), "csv", "keeps its own files"),
        (str(engine.home.config / "polotui.toml"), "csv", "keeps its own files"),
        (str(tmp_path / ".." / engine.home.data / "x.csv"), "", "keeps its own files"),
        ("relative.csv", "", "no absolute path"),
        (str(tmp_path / "a\0.csv"), "", "no absolute path"),
        (str(tmp_path / "nowhere" / "a.csv"), "", "no folder"),
        (str(tmp_path), "csv", "no ordinary file"),
        (str(tmp_path / "a.xlsx"), "", "format"),
    ]
    for path, form, words in wrong:
        with pytest.raises(PolotuiError, match=words) as caught:
            await link.call(c.DataExport(path=path, symbol="SOL_USDT", format=form, force=True))
        assert caught.value.record().exit_code == 2
        assert caught.value.safe
        assert caught.value.next_step
    assert engine.home.market.stat().st_ino == before
    with pytest.raises(PolotuiError, match="No 1m candles of ADA_USDT"):
        await link.call(c.DataExport(path=str(tmp_path / "a.csv"), symbol="ADA_USDT"))
    with pytest.raises(PolotuiError, match="No 1m candles"):
        await link.call(c.DataExport(path=str(tmp_path / "a.csv"), symbol="SOL_USDT", from_ms=START + 9 * HOUR))
    assert [path.name for path in tmp_path.iterdir()] == ["in.json"]


async def test_the_report_counts_and_places(stage: Stage, tmp_path: Path) -> None:
    link = LocalLink(await stage.start())
    series = [row for number, row in enumerate(rows(300)) if number not in (50, 51, 52, 200)]
    series[10][2] = 900.0
    series[20][5] = 0.0
    (tmp_path / "in.json").write_text(json.dumps(series))
    done = await link.call(c.DataImport(path=str(tmp_path / "in.json"), symbol="SOL_USDT"))
    assert sum("missing" in text for text in done.warnings) == 2
    told = await link.call(c.DataVerify(symbol="SOL_USDT"))
    assert (told.ok, told.gaps, told.longest_gap, told.missing) == (True, 2, 3, 4)
    assert (told.zero_volume, told.spikes, told.duplicates, told.disorder, told.impossible) == (1, 1, 0, 0, 0)
    assert [(f.kind, f.level, f.place) for f in told.findings] == [
        ("gap", "warning", 50),
        ("gap", "warning", 197),
        ("spike", "info", 11),
    ]


async def test_bars_named_by_their_end_are_suspected_beside_the_minutes(stage: Stage, tmp_path: Path) -> None:
    link = LocalLink(await stage.start())
    await imported(link, tmp_path, count=60 * 40)
    path = str(tmp_path / "h.csv")
    await link.call(c.DataExport(path=path, symbol="SOL_USDT", timeframe="1h"))
    head, *lines = Path(path).read_text().splitlines()
    moved = [f"{int(line.split(',')[0]) + HOUR},{line.split(',', 1)[1]}" for line in lines]
    Path(path).write_text("\n".join([head, *moved]))
    await link.call(c.DataImport(path=path, symbol="SOL_USDT", timeframe="1h"))
    told = await link.call(c.DataVerify(symbol="SOL_USDT", timeframe="1h"))
    assert [found.kind for found in told.findings] == ["zone"]
    assert "the bars' ends" in told.findings[0].text
    # Named so, they come to where they belong.
    await link.call(c.DataImport(path=path, symbol="SOL_USDT", timeframe="1h", times="end"))
    assert (await link.call(c.DataVerify(symbol="SOL_USDT", timeframe="1h"))).candles == 41


async def test_a_download_of_hours(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    now = engine.clock.wall_ms() // HOUR * HOUR
    command = c.DataDownload(symbol="BTC_USDT", from_ms=now - 60 * HOUR, to_ms=now - 10 * HOUR, timeframe="1h")
    started = await link.call(command)
    assert started.title == "download BTC_USDT 1h"

    async def ended() -> bool:
        return (await link.call(c.GetJobs())).jobs[0].end == "completed"

    await eventually(ended)
    stored = await engine.stores.candles.load_arrays("BTC_USDT", Timeframe.H1, now - 60 * HOUR, now - 10 * HOUR)
    assert len(stored) == 50
    with pytest.raises(PolotuiError, match="unknown timeframe"):
        await link.call(c.DataDownload(symbol="BTC_USDT", from_ms=now - HOUR, timeframe="7m"))


def test_the_export_crosses_the_socket() -> None:
    assert b"data-export" in encode(Request(id=1, command=c.DataExport(path="/a.csv", symbol="BTC_USDT")))
