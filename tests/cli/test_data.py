"""`polotui data` import, export and verify: what is asked of the engine, and what is shown of its answer."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.core.errors import UsageError
from tests.api.fake_server import FakeEngine
from tests.cli.conftest import Shell

NOON = 1_714_564_800_000
LINES = "timestamp,open\n1,2.5\n"


def exported(command: c.DataExport) -> r.DataExported:
    """What an engine does: the file is there when the answer comes."""
    Path(command.path).write_text(LINES)
    return r.DataExported(
        path=command.path,
        symbol=command.symbol,
        timeframe=command.timeframe,
        format=command.format or "csv",
        candles=1_440,
        from_ms=NOON,
        to_ms=NOON + 86_400_000,
        size=len(LINES),
        source="built from 1m",
        hash="ab" * 32,
        warnings=["1 gap"],
    )


async def test_an_export_names_the_whole_path_and_the_span(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.root.mkdir()
    monkeypatch.chdir(shell.root)
    words = (
        "data export btc/usdt -t 1h --to out.json --from 2024-05-01 --until 2024-05-03 --plain --from-minutes --force"
    )
    async with FakeEngine(shell.home.socket, {c.DataExport: exported}) as engine:
        result = await shell.beside(*words.split())
        as_json = await shell.beside(*words.split(), "--json")
    assert engine.heard[1] == c.DataExport(
        path=str(shell.root / "out.json"),
        symbol="BTC_USDT",
        timeframe="1h",
        from_ms=1_714_521_600_000,
        to_ms=1_714_694_400_000,
        plain=True,
        from_minutes=True,
        force=True,
    )
    assert result.code == 0
    assert "BTC_USDT 1h: 1,440 candles (built from 1m), 2024-05-01 12:00 to 2024-05-02 12:00 UTC" in result.out
    assert f"sha256 {'ab' * 32}" in result.out
    assert result.err == "1 gap\n"
    assert as_json.document["schema"] == "polotui.data.export/1"
    assert as_json.document["hash"] == "ab" * 32


async def test_standard_output_holds_the_candles_and_nothing_else(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.DataExport: exported}) as engine:
        result = await shell.beside("data", "export", "BTC_USDT", "--to", "-")
    command = engine.heard[1]
    assert isinstance(command, c.DataExport)
    assert (command.format, Path(command.path).suffix) == ("csv", ".csv")
    assert (result.code, result.out) == (0, LINES)
    assert "1,440 candles" in result.err
    assert not Path(command.path).parent.exists()


async def test_a_reader_that_leaves_is_no_fault(shell: Shell) -> None:
    def large(command: c.DataExport) -> r.DataExported:
        done = exported(command)
        Path(command.path).write_text(LINES * 100_000)
        return done

    async with FakeEngine(shell.home.socket, {c.DataExport: large}):
        arguments = ["-m", "polotui", "data", "export", "BTC_USDT", "--to", "-", "--home", str(shell.root)]
        reader, writer = os.pipe()
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=writer, stderr=asyncio.subprocess.PIPE, env=dict(os.environ)
        )
        os.close(writer)
        os.close(reader)
        _, err = await process.communicate()
    assert b"Traceback" not in err


async def test_a_refused_export_says_what_helps(shell: Shell) -> None:
    taken = UsageError("The file a.csv exists.", safe="It is unchanged.", next_step="Give --force.", code="exists")
    async with FakeEngine(shell.home.socket, {c.DataExport: taken}):
        result = await shell.beside("data", "export", "BTC_USDT", "--to", "a.csv")
        stdout = await shell.beside("data", "export", "BTC_USDT", "--to", "-")
    assert (result.code, result.out) == (2, "")
    assert result.err == "The file a.csv exists. It is unchanged. Give --force.\n"
    assert (stdout.code, stdout.out) == (2, "")


def test_json_and_candles_cannot_share_standard_output(shell: Shell) -> None:
    result = shell("data", "export", "BTC_USDT", "--to", "-", "--json")
    assert (result.code, result.document["code"]) == (2, "usage")


async def test_an_import_passes_on_what_its_times_mean(shell: Shell) -> None:
    shell.root.mkdir()
    (shell.root / "a.feather").write_text("x")
    answer = r.DataImported(symbol="BTC_USDT", timeframe="1h", candles=9, new=0, from_ms=NOON, to_ms=NOON)
    words = ["-t", "1h", "--times", "end", "--zone", "Europe/Berlin"]
    async with FakeEngine(shell.home.socket, {c.DataImport: answer}) as engine:
        result = await shell.beside("data", "import", str(shell.root / "a.feather"), "BTC_USDT", *words)
    assert engine.heard[1] == c.DataImport(
        path=str(shell.root / "a.feather"), symbol="BTC_USDT", timeframe="1h", times="end", zone="Europe/Berlin"
    )
    assert "9 candles, 0 of them new" in result.out


async def test_the_report_shows_counts_levels_and_positions(shell: Shell) -> None:
    answer = r.DataReport(
        symbol="BTC_USDT",
        timeframe="1m",
        candles=1_000,
        ok=False,
        findings=[
            r.Finding(
                kind="impossible", at_ms=NOON, text="candle 3: the high is below the low", level="error", place=3
            ),
            r.Finding(kind="gap", at_ms=NOON, text="7 candles missing", place=9),
        ],
        hash="cd" * 32,
        gaps=4,
        longest_gap=7,
        missing=12,
        impossible=1,
        zero_volume=50,
        spikes=2,
    )
    async with FakeEngine(shell.home.socket, {c.DataVerify: answer}):
        result = await shell.beside("data", "verify", "BTC_USDT")
        as_json = await shell.beside("data", "verify", "BTC_USDT", "--json")
    assert (result.code, as_json.code) == (1, 1)
    lines = result.out.splitlines()
    assert lines[0] == "BTC_USDT 1m: 1,000 candles, not sound, 1 error."
    assert lines[1] == "gaps 4: 12 candles missing, at most 7 in a row"
    assert lines[2] == "duplicates 0, out of order 0, impossible 1; spikes 2; 50 without volume (5.0 %)"
    assert lines[4].split() == [
        "2024-05-01",
        "12:00",
        "error",
        "impossible",
        *["candle", "3:", "the", "high", "is", "below", "the", "low"],
    ]
    assert as_json.document["longest_gap"] == 7
    assert as_json.document["findings"][0]["place"] == 3
