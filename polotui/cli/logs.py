"""`polotui logs`: the JSON lines of engine, face and simulator, read for people.

Decided here: nothing but the files is needed, so it works when everything else is down. A line that is not JSON is
shown as it is: a broken log is when one reads logs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from polotui.cli.options import AsJson, Demo, HomeDir
from polotui.cli.output import document, moment, say
from polotui.cli.where import where
from polotui.core.errors import UsageError
from polotui.core.text import clean

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
Line = dict[str, Any]
RANK = {"debug": 0, "info": 1, "warning": 2, "error": 3, "critical": 4}
FOLLOW_SECONDS = 0.3
#: Fields that stand in a line's head or would drown it.
_HEAD = ("ts", "level", "logger", "message", "process", "traceback")


class Level(Enum):
    """Levels from quiet to loud."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@app.command()
def logs(
    search: Annotated[list[str] | None, typer.Argument(metavar="[search TEXT]", help="Only lines with TEXT.")] = None,
    level: Annotated[Level, typer.Option(help="This level and above.")] = Level.INFO,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=100_000, help="How many, counted back.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until ctrl+c.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """The newest lines of all logs, oldest first; polotui logs search TEXT keeps those with TEXT."""
    wanted = _Wanted(RANK[level.value], _text(search or []))
    folder = where(home, demo=demo).home.logs
    # Marked before reading, so that a line written meanwhile is followed rather than lost.
    follower = Follower(folder)
    found = newest(folder, wanted, lines)
    if as_json and not follow:
        say(document("logs", {"folder": str(folder), "lines": found}))
        return
    for line in found:
        say(document("log", line) if as_json else worded(line))
    if not found and not follow:
        say(f"No such lines in {folder}.")
    if follow:
        try:
            asyncio.run(_follow(follower, wanted, as_json=as_json))
        except KeyboardInterrupt:
            pass  # ctrl+c is how one stops following


class _Wanted:
    def __init__(self, rank: int, text: str) -> None:
        self._rank = rank
        self._text = text.casefold()

    def __call__(self, line: Line, raw: str) -> bool:
        return RANK.get(str(line.get("level")), 4) >= self._rank and self._text in raw.casefold()


def parse(raw: str, process: str) -> Line:
    """One line of a log; what is not JSON becomes the message of a line without a time."""
    try:
        line = json.loads(raw)
    except ValueError:
        line = None
    if not isinstance(line, dict):
        line = {"ts": 0, "level": "error", "logger": "", "message": raw}
    return {"process": process, **line}


def newest(folder: Path, wanted: _Wanted, count: int) -> list[Line]:
    """The last `count` wanted lines over all processes, oldest first."""
    found: list[Line] = []
    for log in sorted(folder.glob("*.log")):
        mine: list[Line] = []
        for line in _backwards(log, wanted):
            mine.append(line)
            if len(mine) == count:
                break
        found += reversed(mine)
    found.sort(key=_ts)
    return found[-count:]


def worded(line: Line) -> str:
    """A log line for a person."""
    extras = {name: value for name, value in line.items() if name not in _HEAD}
    words = "  ".join(f"{name}={value}" for name, value in extras.items())
    head = f"{moment(_ts(line))}  {line['process']:<9}  {clean(line.get('level', '?'), 8):<7}"
    text = f"{head}  {clean(line.get('message', ''), 500)}  {clean(words, 300)}".rstrip()
    trace = str(line.get("traceback", ""))
    return "\n".join([text, *(f"    {clean(part, 300)}" for part in trace.splitlines())])


class Follower:
    """Reads what is appended to the logs from now on; survives rotation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._at: dict[str, tuple[int, int]] = {}
        for log in folder.glob("*.log"):
            info = log.stat()
            self._at[log.name] = (info.st_ino, info.st_size)

    def read(self) -> list[Line]:
        """Whole lines since the last call."""
        found: list[Line] = []
        for log in sorted(self._folder.glob("*.log")):
            try:
                found += self._new(log)
            except FileNotFoundError:
                continue  # rotated at this very moment; the next call sees its successor
        found.sort(key=_ts)
        return found

    def _new(self, log: Path) -> Iterator[Line]:
        inode, at = self._at.get(log.name, (0, 0))
        info = log.stat()
        if info.st_ino != inode or info.st_size < at:
            at = 0
        with log.open("rb") as file:
            file.seek(at)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._at[log.name] = (info.st_ino, at + len(whole))
        return (parse(raw, log.stem) for raw in whole.decode("utf-8", "replace").splitlines() if raw)


async def _follow(follower: Follower, wanted: _Wanted, *, as_json: bool) -> None:
    while True:
        for line in follower.read():
            if wanted(line, json.dumps(line, ensure_ascii=False)):
                say(document("log", line) if as_json else worded(line))
        await asyncio.sleep(FOLLOW_SECONDS)


def _backwards(log: Path, wanted: _Wanted) -> Iterator[Line]:
    """Wanted lines of one process, newest first, through the rotated files."""
    for file in [log, *(log.with_name(f"{log.name}.{number}") for number in range(1, 6))]:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue
        for raw in reversed(text.splitlines()):
            line = parse(raw, log.stem)
            if raw and wanted(line, raw):
                yield line


def _ts(line: Line) -> int:
    at = line.get("ts")
    return at if isinstance(at, int) else 0


def _text(words: list[str]) -> str:
    if words and words[0] != "search":
        raise UsageError(
            f"{clean(words[0], 40)!r} is not known here.", next_step=f"polotui logs search {clean(' '.join(words), 40)}"
        )
    if words == ["search"]:
        raise UsageError("Search for what?", next_step="polotui logs search TEXT")
    return " ".join(words[1:])
