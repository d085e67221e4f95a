"""`polotui export`: what spreadsheets and programs get, and what they must not take for a formula."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.api import trade_commands as c
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.cli.export import BOM, TRADE_COLUMNS, as_csv, cell, duration
from tests.api.fake_server import FakeEngine
from tests.cli import deskrows as d
from tests.cli.conftest import Shell
from tests.cli.lab import DAY, NOON

NOTES = tr.Journal(
    rows=[
        tv.JournalRow(id=2, at_ms=NOON + DAY, note="-2+3 rain", tags=["mood"]),
        tv.JournalRow(id=1, at_ms=NOON, note="too early", tags=["b", "a"], trade=d.TRADE, snapshot="entry: long"),
    ]
)
ANSWERS: dict[type, Any] = {
    c.ListTrades: d.TRADES,
    c.GetJournal: NOTES,
    c.GetPositions: tr.Positions(positions=[d.POSITION, d.DUST]),
}
HEAD = (
    "date,strategy,symbol,direction,entry,exit,stop,target,P&L %,P&L,fees,status,duration,"
    "quantity,closed,reason,R,account,bot,signal,trade"
)


def rows_of(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


async def test_trades_as_a_table_oldest_first(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, ANSWERS) as engine:
        words = "export trades --strategy ema --from 2024-05-01 --to 2024-05-03 --account paper/bot-3"
        result = await shell.beside(*words.split())
    assert engine.heard[1] == c.ListTrades(
        account="paper/bot-3", strategy="ema", from_ms=NOON - DAY // 2, to_ms=NOON + DAY // 2 + DAY, limit=1_000
    )
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == HEAD
    first, second = rows_of(result.out)
    assert [first["trade"], second["trade"]] == ["212", "213"]
    assert first["date"] == "2024-05-01T12:00:00Z"
    # A loss stays a number, with every digit of the ledger.
    assert (first["P&L"], first["P&L %"], first["duration"]) == ("-20.7456789012345678", "-1.09", "13:00:00")
    assert (first["status"], first["direction"], first["stop"]) == ("closed", "long", "60592.06")
    assert second["reason"] == "'=cmd|' /C calc'!A0"


async def test_open_positions_when_asked_for(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, ANSWERS):
        result = await shell.beside("export", "trades", "--open")
    rows = rows_of(result.out)
    assert [row["status"] for row in rows] == ["closed", "closed", "open"]
    assert (rows[2]["exit"], rows[2]["duration"], rows[2]["P&L"]) == ("", "24:00:00", "20.75")


async def test_json_has_a_schema_and_decimals_as_text(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, ANSWERS):
        by_flag = await shell.beside("export", "trades", "--json")
        by_form = await shell.beside("export", "trades", "--format", "json")
    assert by_flag.out == by_form.out
    document = by_flag.document
    assert document["schema"] == "polotui.export.trades/1"
    first = document["trades"][0]
    assert first["pnl"] == "-20.7456789012345678"
    assert {type(first[name]) for name in ("entry", "exit", "stop", "pnl_percent", "fees", "quantity", "r")} == {str}
    # What is text in JSON is text to every program: it is kept as it was.
    assert document["trades"][1]["reason"] == "=cmd|' /C calc'!A0"


async def test_every_page_is_fetched(shell: Shell) -> None:
    def page(command: c.ListTrades) -> tr.Trades:
        before = command.before or 6
        found = [msgspec.structs.replace(d.TRADE, id=number) for number in range(before - 1, 0, -1)][:2]
        return msgspec.structs.replace(d.TRADES, trades=found, more=bool(found) and found[-1].id > 1)

    async with FakeEngine(shell.home.socket, ANSWERS | {c.ListTrades: page}):
        result = await shell.beside("export", "trades")
    assert [row["trade"] for row in rows_of(result.out)] == ["1", "2", "3", "4", "5"]


async def test_the_journal_has_every_trade_and_every_note(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, ANSWERS) as engine:
        result = await shell.beside("export", "journal", "--strategy", "ema")
        tagged = await shell.beside("export", "journal", "--tag", "mood", "--json")
    assert engine.heard[2] == c.GetJournal(strategy="ema", limit=1_000)
    rows = rows_of(result.out)
    assert [(row["trade"], row["note"]) for row in rows] == [("213", ""), ("212", "too early"), ("", "'-2+3 rain")]
    assert (rows[1]["tags"], rows[1]["rules"]) == ("b a", "entry: long")
    assert tagged.document["tag"] == "mood"
    assert c.ListTrades not in {type(command) for command in engine.heard[4:]}


async def test_a_file_is_written_whole_and_not_over_another(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    async with FakeEngine(shell.home.socket, ANSWERS):
        words = ["export", "trades", "--output", str(file), "--bom", "--delimiter", ";"]
        written = await shell.beside(*words)
        again = await shell.beside(*words)
        forced = await shell.beside(*words, "--force", "--json")
    assert (written.code, again.code, forced.code) == (0, 2, 0)
    assert written.out == f"2 rows are written to {file}.\n"
    text = file.read_bytes().decode("utf-8")
    assert text.startswith(BOM + "date;strategy;")
    assert [row["trade"] for row in rows_of(text.removeprefix(BOM), ";")] == ["212", "213"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert forced.document == {
        "schema": "polotui.export/1",
        "what": "trades",
        "path": str(file),
        "form": "csv",
        "rows": 2,
    }
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.csv"]


async def test_a_file_that_ends_so_is_json(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    async with FakeEngine(shell.home.socket, ANSWERS):
        await shell.beside("export", "journal", "-o", str(file))
    assert json.loads(file.read_text())["schema"] == "polotui.export.journal/1"


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(
    "words",
    [
        "--format csv --json",
        "--format json --bom",
        "--format json --delimiter ;",
        "--delimiter ab",
        '--delimiter "',
        "--delimiter 5",
        "--delimiter -",
        "--from 2024-05-02 --to 2024-05-01",
        "--output .",
    ],
)
def test_what_does_not_fit_together_is_wrong_usage(shell: Shell, words: str) -> None:
    assert shell("export", "trades", *words.split()).code == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-20.5", "-20.5"),
        ("+3", "+3"),
        ("0", "0"),
        ("=1+1", "'=1+1"),
        ("-1+2", "'-1+2"),
        ("+cmd", "'+cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\r=1", "' =1"),
        ("  =1", "'  =1"),
        ("＝1+1", "'＝1+1"),
        ("-٣", "'-٣"),
        ("1e5", "1e5"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_no_cell_is_a_formula(text: str, shown: str) -> None:
    assert cell(text) == shown


@given(st.text(max_size=30))
def test_no_text_at_all_becomes_a_formula(text: str) -> None:
    made = cell(text)
    number = made.removeprefix("-").removeprefix("+").replace(".", "", 1)
    assert not made.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) or (number.isascii() and number.isdigit())


@given(st.lists(st.fixed_dictionaries({"reason": st.text(max_size=12), "bot": st.integers(0, 9)}), max_size=4))
def test_a_table_reads_back_as_it_was_written(rows: list[dict[str, Any]]) -> None:
    found = rows_of(as_csv(TRADE_COLUMNS, rows, ";", bom=False), ";")
    assert [(row["reason"], row["bot"]) for row in found] == [(cell(row["reason"]), str(row["bot"])) for row in rows]


def test_durations_add_up_in_a_spreadsheet() -> None:
    assert [duration(ms) for ms in (0, 61_000, 386_130_000, -5)] == ["0:00:00", "0:01:01", "107:15:30", "0:00:00"]
