"""`polotui export`: trades and the journal for a spreadsheet or a program.

Decided here:
* Oldest first, as a book is read. Figures have all their digits; times are ISO 8601 in UTC.
* CSV: a cell that a spreadsheet would take for a formula is made text with a leading apostrophe; a number stays one,
  below zero too. A byte-order mark and another delimiter are there for Excel.
* JSON: a versioned schema; everything that is no time or number of a row is a decimal as text.
* A file is written as a whole or not at all, and never over one that is there without --force.
"""

from __future__ import annotations

import csv
import io
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from polotui.api.socket_link import SocketLink
from polotui.api.trade_commands import GetJournal, GetPositions, ListTrades
from polotui.api.trade_replies import Journal, Positions, Trades
from polotui.api.trade_values import JournalRow, PositionRow, TradeRow
from polotui.cli.engine_link import with_engine
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import document, say
from polotui.cli.paper_past import Since, Until, span
from polotui.cli.where import where
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.model.money import plain

app = new_app("Trades and the journal as CSV or JSON.")
PAGE = 1_000
BOM = "\ufeff"
#: With any of these in front a spreadsheet calculates; full-width forms are folded by some.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z", re.ASCII)
_DELIMITERS = {"tab": "\t", "\\t": "\t"}
Strategy = Annotated[str, typer.Option(metavar="NAME", help="Only this strategy's.")]
Account = Annotated[str, typer.Option(metavar="NAME", help="This account and those below it.")]
WithBom = Annotated[bool, typer.Option("--bom", help="CSV with a byte-order mark, as Excel wants it for UTF-8.")]
Delimiter = Annotated[str, typer.Option(metavar="C", help="CSV: one character, such as ; or tab.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="None: standard output.")]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]

#: Columns of a trade, in the order of the table; those of the journal come after.
TRADE_COLUMNS = (
    *("date", "strategy", "symbol", "direction", "entry", "exit", "stop", "target", "P&L %", "P&L", "fees", "status"),
    *("duration", "quantity", "closed", "reason", "R", "account", "bot", "signal", "trade"),
)
JOURNAL_COLUMNS = ("noted", "note", "tags", *TRADE_COLUMNS, "rules")


class Form(Enum):
    """How it is written."""

    CSV = "csv"
    JSON = "json"


@app.command()
def trades(
    form: Annotated[Form | None, typer.Option("--format", help="None: by the file's ending, else csv.")] = None,
    start: Since = None,
    end: Until = None,
    strategy: Strategy = "",
    account: Account = "paper",
    with_open: Annotated[bool, typer.Option("--open", help="Open positions as well, with status open.")] = False,
    bom: WithBom = False,
    delimiter: Delimiter = ",",
    output: Output = None,
    force: Force = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Closed trades, one a row."""
    sheet = _Sheet.of(form, bom, delimiter, output, force, as_json)
    from_ms, to_ms = span(start, end)

    async def work(link: SocketLink) -> tuple[list[TradeRow], list[PositionRow]]:
        found = await _trades(link, account, strategy, from_ms, to_ms)
        held: Positions = await link.call(GetPositions(account=account))
        return found, held.positions if with_open else []

    found, held = with_engine(where(home, demo=demo), work)
    rows = [_trade(row) for row in found]
    rows += [_held(row) for row in held if not row.dust and strategy in ("", row.strategy)]
    told = {"from_ms": from_ms, "to_ms": to_ms, "strategy": strategy, "account": account}
    sheet.write("trades", TRADE_COLUMNS, rows, told)


@app.command()
def journal(
    form: Annotated[Form | None, typer.Option("--format", help="None: by the file's ending, else csv.")] = None,
    start: Since = None,
    end: Until = None,
    strategy: Strategy = "",
    tag: Annotated[str, typer.Option(metavar="TAG", help="Only notes with this tag.")] = "",
    bom: WithBom = False,
    delimiter: Delimiter = ",",
    output: Output = None,
    force: Force = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Notes with the trades they are about, and trades without a note."""
    sheet = _Sheet.of(form, bom, delimiter, output, force, as_json)
    from_ms, to_ms = span(start, end)

    async def work(link: SocketLink) -> tuple[list[TradeRow], list[JournalRow]]:
        found = [] if tag else await _trades(link, "paper", strategy, from_ms, to_ms)
        command = GetJournal(strategy=strategy, tag=tag, from_ms=from_ms, to_ms=to_ms, limit=PAGE)
        noted: Journal = await link.call(command)
        return found, [row for row in noted.rows if row.id]

    found, notes = with_engine(where(home, demo=demo), work)
    beside = {row.trade.id for row in notes if row.trade is not None}
    dated = [(row.trade.exit_ms if row.trade is not None else row.at_ms, row.at_ms, _noted(row)) for row in notes]
    dated += [(row.exit_ms, 0, _bare(row)) for row in found if row.id not in beside]
    rows = [row for _, _, row in sorted(dated, key=lambda each: each[:2])]
    told = {"from_ms": from_ms, "to_ms": to_ms, "strategy": strategy, "tag": tag}
    sheet.write("journal", JOURNAL_COLUMNS, rows, told)


class _Sheet:
    """Where the rows go and in what form."""

    def __init__(self, form: Form, bom: bool, delimiter: str, path: Path | None, as_json: bool) -> None:
        self._form = form
        self._bom = bom
        self._delimiter = delimiter
        self._path = path
        self._as_json = as_json

    @classmethod
    def of(
        cls, form: Form | None, bom: bool, delimiter: str, output: Path | None, force: bool, as_json: bool
    ) -> _Sheet:
        """Raises UsageError for what does not fit together."""
        path = output.expanduser().absolute() if output is not None else None
        if form is None:
            by_name = path is not None and path.suffix.lower() == ".json"
            form = Form.JSON if by_name or (as_json and path is None) else Form.CSV
        safe = "Nothing was written."
        if as_json and path is None and form is Form.CSV:
            raise UsageError("--json prints a document, --format csv a table; keep one, or add --output.", safe=safe)
        separator = _DELIMITERS.get(delimiter, delimiter)
        if len(separator) != 1 or separator in '"\r\n' or separator.isalnum() or separator in ".-+":
            raise UsageError(f"{clean(delimiter, 20)!r} cannot part cells.", safe=safe, next_step="Write ; or tab.")
        if form is Form.JSON and (bom or separator != ","):
            raise UsageError("--bom and --delimiter belong to CSV.", safe=safe)
        if path is not None and path.exists() and not force:
            raise UsageError(
                f"{clean(path)} is there already.",
                safe="It was not touched.",
                next_step="Add --force, or choose another.",
            )
        return cls(form, bom, separator, path, as_json)

    def write(self, what: str, columns: Sequence[str], rows: list[dict[str, Any]], told: dict[str, Any]) -> None:
        """Writes all rows, to the file or to standard output."""
        if self._form is Form.JSON:
            text = document(f"export.{what}", told | {what: [_jsonable(row) for row in rows]}) + "\n"
        else:
            text = as_csv(columns, rows, self._delimiter, bom=self._bom)
        if self._path is None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        _write_whole(self._path, text)
        if self._as_json:
            say(
                document("export", {"what": what, "path": str(self._path), "form": self._form.value, "rows": len(rows)})
            )
        else:
            say(f"{len(rows):,} {'row is' if len(rows) == 1 else 'rows are'} written to {clean(self._path, 500)}.")


def as_csv(columns: Sequence[str], rows: Sequence[dict[str, Any]], delimiter: str, *, bom: bool) -> str:
    """A table with its heads; no cell of it is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(_text(row.get(name))) for name in columns])
    return (BOM if bom else "") + out.getvalue()


def cell(text: str) -> str:
    """`text` as a spreadsheet shows it: never calculated, and a number stays a number."""
    safe = clean(text, 4_000)
    if _NUMBER.match(safe):
        return safe
    return f"'{safe}" if text.lstrip(" ").startswith(_FORMULA) or safe.lstrip(" ").startswith(_FORMULA) else safe


async def _trades(link: SocketLink, account: str, strategy: str, from_ms: int, to_ms: int) -> list[TradeRow]:
    """All of them, oldest first."""
    found: list[TradeRow] = []
    before = 0
    while True:
        command = ListTrades(
            account=account, strategy=strategy, from_ms=from_ms, to_ms=to_ms, limit=PAGE, before=before
        )
        page: Trades = await link.call(command)
        found += page.trades
        if not page.more or not page.trades:
            return found[::-1]
        before = page.trades[-1].id


def _trade(row: TradeRow) -> dict[str, Any]:
    return {
        "date": _iso(row.entry_ms),
        "strategy": row.strategy,
        "symbol": row.symbol,
        "direction": row.side,
        "entry": row.entry_price,
        "exit": row.exit_price,
        "stop": row.stop,
        "target": row.target,
        "P&L %": _percent(row.ratio),
        "P&L": row.profit,
        "fees": row.fees,
        "status": "closed",
        "duration": duration(row.exit_ms - row.entry_ms),
        "quantity": row.quantity,
        "closed": _iso(row.exit_ms),
        "reason": row.reason,
        "R": _rounded(row.r),
        "account": row.account,
        "bot": row.bot,
        "signal": row.signal,
        "trade": row.id,
    }


def _held(row: PositionRow) -> dict[str, Any]:
    return {
        "date": _iso(row.opened_ms),
        "strategy": row.strategy,
        "symbol": row.symbol,
        "direction": row.side,
        "entry": row.entry_price,
        "exit": "",
        "stop": row.stop,
        "target": row.target,
        "P&L %": _percent(row.result_ratio),
        "P&L": row.result,
        "fees": row.fees,
        "status": "open",
        "duration": duration(row.mark_ms - row.opened_ms) if row.mark_ms else "",
        "quantity": row.quantity,
        "closed": "",
        "reason": "",
        "R": _rounded(row.r),
        "account": row.account,
        "bot": row.bot,
        "signal": "",
        "trade": 0,
    }


def _noted(row: JournalRow) -> dict[str, Any]:
    about = _trade(row.trade) if row.trade is not None else dict.fromkeys(TRADE_COLUMNS, "")
    return {"noted": _iso(row.at_ms), "note": row.note, "tags": " ".join(row.tags)} | about | {"rules": row.snapshot}


def _bare(row: TradeRow) -> dict[str, Any]:
    return {"noted": "", "note": "", "tags": ""} | _trade(row) | {"rules": ""}


def duration(span_ms: int) -> str:
    """`107:15:30`: hours, minutes, seconds, as spreadsheets add them up."""
    minutes, seconds = divmod(max(0, span_ms) // 1000, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _jsonable(row: dict[str, Any]) -> dict[str, Any]:
    """Names that a program can use: `P&L %` becomes pnl_percent."""
    named = {"P&L %": "pnl_percent", "P&L": "pnl", "R": "r"}
    return {named.get(name, name): value for name, value in row.items()}


def _iso(at_ms: int) -> str:
    return "" if at_ms <= 0 else datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _percent(value: float | None) -> str:
    return "" if value is None else plain(round(Decimal(repr(value)) * 100, 4))


def _rounded(value: float | None) -> str:
    return "" if value is None else plain(round(Decimal(repr(value)), 4))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _write_whole(path: Path, text: str) -> None:
    """The file appears with all of its text, readable by its owner only."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
