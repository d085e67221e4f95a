"""Strategies as people name them: a stored name, a template, a file, «-»; and what is wrong with a text.

Decided here: a word with a path's separator or the ending .yaml, .yml or .json is a file, any other word a name, so
that a file that happens to lie about never hides a stored strategy. A name that does not exist is answered with those
that are near. Errors in a text are shown as compilers do: where, what, the line, a caret below.
"""

from __future__ import annotations

import difflib
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polotui.api.command import Command
from polotui.api.lab_commands import CheckStrategy, GetStrategy, ListStrategies, SaveStrategy
from polotui.api.lab_replies import CheckedStrategy, Strategies, StrategyDetail, StrategySaved
from polotui.api.lab_values import Diagnostic
from polotui.api.socket_link import SocketLink
from polotui.cli.output import note
from polotui.cli.output import width as cells
from polotui.core.errors import RemoteError, UsageError
from polotui.core.text import clean

ENDINGS = (".yaml", ".yml", ".json")
#: A strategy is a page of text; a file above this is something else.
MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Text:
    """A strategy's text and where it came from."""

    text: str
    form: str
    origin: str


@dataclass(frozen=True)
class Meant:
    """What a word means: a stored strategy or a template by its name, or a text that was read."""

    name: str = ""
    version: int = 0
    text: Text | None = None


def meant(word: str, version: int = 0) -> Meant:
    """Reads the file if the word means one: before an engine is asked for, since it may not be there."""
    if not is_file(word):
        return Meant(name=word, version=version)
    if version:
        raise UsageError("A file has no versions; leave --version out.", safe="Nothing was done.")
    return Meant(text=read_text(word))


def is_file(word: str) -> bool:
    """True when the word means a file and not a name."""
    return word == "-" or "/" in word or word.lower().endswith(ENDINGS)


def read_text(word: str) -> Text:
    """The text of a file, or of standard input for «-». Raises UsageError when there is none to read."""
    if word == "-":
        data, origin = sys.stdin.buffer.read(MOST_BYTES + 1), "standard input"
    else:
        path = Path(word).expanduser()
        origin = clean(word, 300)
        if not path.is_file():
            raise UsageError(f"There is no file {origin}.", safe="Nothing was stored.", next_step="Check the path.")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise UsageError(f"{origin} is too large for a strategy.", safe="Nothing was stored.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{origin} is not text in UTF-8.", safe="Nothing was stored.", next_step="A strategy is YAML or JSON."
        ) from error
    return Text(text, "json" if text.lstrip().startswith("{") else "yaml", origin)


async def text_of(link: SocketLink, strategy: Meant) -> Text:
    """The text that a name, a file or «-» means."""
    if strategy.text is not None:
        return strategy.text
    command = GetStrategy(name=strategy.name, version=strategy.version)
    detail: StrategyDetail = await asking(link, strategy.name, command)
    return Text(detail.text, detail.form, clean(detail.row.name, 60))


async def asking(link: SocketLink, name: str, command: Command, *, deleted: bool = False) -> Any:
    """The reply to a command that names a strategy; when there is none of that name, the names that are near."""
    try:
        return await link.call(command)
    except RemoteError as error:
        if not name or error.remote.exit_code not in (1, 2):
            raise
        known: Strategies = await link.call(ListStrategies(deleted=deleted, templates=not deleted))
        names = [row.name for row in known.strategies]
        if name in names:
            raise
        raise unknown_strategy(name, names) from error


def unknown_strategy(name: str, names: Sequence[str]) -> UsageError:
    """There is no strategy of this name; what is near, or where to look."""
    if Path(name).is_file():
        hint = f"For the file of that name write ./{clean(name, 60)}."
    else:
        hint = near(name, names) or "polotui strategy list shows what there is."
    return UsageError(
        f"There is no strategy {clean(name, 60)!r}.", safe="Nothing was done.", next_step=hint, code="unknown-strategy"
    )


def near(word: str, words: Sequence[str]) -> str:
    """«Did you mean …?» with up to three near words; empty when none is near."""
    by_small = {known.lower(): known for known in words}
    found = difflib.get_close_matches(word.lower(), list(by_small), n=3, cutoff=0.6)
    if not found:
        return ""
    shown = [clean(by_small[small], 60) for small in found]
    return f"Did you mean {' or '.join([', '.join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)}?"


async def stored(link: SocketLink, strategy: Meant) -> tuple[str, int]:
    """The name and version to run for a name or a file; a file with errors is neither stored nor run."""
    source = strategy.text
    if source is None:
        return strategy.name, strategy.version
    checked: CheckedStrategy = await link.call(CheckStrategy(text=source.text, form=source.form))
    if not checked.ok:
        note(diagnosed(source, checked.diagnostics))
        raise UsageError(
            f"{source.origin}: {verdict(checked.diagnostics)}.",
            safe="Nothing was stored or run.",
            next_step="Mend the file; polotui strategy validate checks it again.",
            code="strategy-errors",
        )
    command = SaveStrategy(text=source.text, form=source.form, note=f"from {Path(source.origin).name}")
    saved: StrategySaved = await link.call(command)
    already = ", as it was stored already" if saved.unchanged else ""
    note(f"{source.origin} is imported as {clean(saved.name, 60)} version {saved.version}{already}.")
    return saved.name, saved.version


def diagnosed(source: Text, diagnostics: Sequence[Diagnostic]) -> str:
    """Every finding with its place, its line and a caret below it."""
    lines = source.text.splitlines()
    return "\n".join(line for found in diagnostics for line in _finding(source.origin, lines, found))


def verdict(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`; `no errors` when there is nothing to say."""
    counts = {kind: sum(found.severity == kind for found in diagnostics) for kind in ("error", "warning")}
    words = [f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in counts.items() if count]
    return ", ".join(words) or "no errors"


def turned(text: str, form: str) -> str:
    """The same document as YAML or as JSON; comments stay behind."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise UsageError(
            "The stored text cannot be read, so it cannot be turned into the other form.",
            safe="Nothing was written.",
            next_step="Leave --form out to get it as it is.",
        ) from error
    if form == "json":
        return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"
    writer, out = YAML(), io.StringIO()
    writer.default_flow_style = False
    writer.dump(value, out)
    return out.getvalue()


def _finding(origin: str, lines: Sequence[str], found: Diagnostic) -> list[str]:
    place = f"{origin}:{found.line}:{found.column}"
    told = [f"{place}: {found.severity}: {clean(found.message, 300)} [{clean(found.code, 40)}]"]
    if 1 <= found.line <= len(lines):
        raw = lines[found.line - 1]
        # What `clean` makes of the part before the caret decides where the caret stands.
        before = clean(raw[: max(0, found.column - 1)], 500)
        under = clean(raw[max(0, found.column - 1) : max(found.column, found.end_column - 1)], 500)
        margin = f"{found.line:>5} | "
        told += [margin + clean(raw, 500), " " * 5 + " | " + " " * cells(before) + "^" * max(1, cells(under))]
    if found.suggestion:
        told.append(f"        {clean(found.suggestion, 300)}")
    return told
