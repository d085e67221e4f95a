"""Strategies: stored ones with their versions, the templates, and what can be said of a text.

Decided here:
* A text of usual size is read and judged at once (some milliseconds), so that nothing that computes can hold up who
  types; a very long one goes to the desk's worker. Both are the same function.
* A draft with errors is stored like any other, because a text that somebody wrote is never lost; it just cannot be run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api.lab_values import CheckLine, Completion, Diagnostic, ParamField, StrategyRow, StrategyVersion, Token
from polotui.backtest.tasks import check_text, complete_text
from polotui.backtest.work import CheckWork, CompleteWork, Document, ExamineWork
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.engine.backtests import DRIFT
from polotui.strategy.document.templates import templates
from polotui.strategy.document.tokens import did_you_mean
from polotui.trading.strategies import Version

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

MOST_TEXT = 64 * 1024
#: Read in the engine itself: the longest template has 1,500 characters.
USUAL_TEXT = 8_192
MOST_TOKENS = 5_000
_NAME_LINE = re.compile(r"^name:.*$", re.MULTILINE)
#: Names that YAML takes for something else; so it does numbers and dates.
_YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off"})
_GOOD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}\Z")


class Strategies:
    """The library of a home."""

    def __init__(self, engine: Engine) -> None:
        assert engine.stores is not None
        self._engine = engine
        self._log = engine.stores.strategies
        self._archive = engine.stores.archive

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def rows(self, *, with_templates: bool, deleted: bool) -> list[StrategyRow]:
        """Stored strategies by name, then the templates; only those put away when `deleted`."""
        runs: dict[str, int] = {}
        last: dict[str, float | None] = {}
        for stored in await self._archive.runs():
            if not stored.version or _of_drift(stored.summary):
                continue  # a run of the template of that name, or one that a bot is compared with
            runs[stored.strategy] = runs.get(stored.strategy, 0) + 1
            last.setdefault(stored.strategy, _total_return(stored.summary))
        rows = []
        for version in await self._log.newest(deleted=deleted):
            tested = runs.get(version.name, 0)
            facts = facts_of(version.text)
            rows.append(
                StrategyRow(
                    name=version.name,
                    stage="backtested" if tested else "draft",
                    version=version.version,
                    hash=version.hash,
                    updated_ms=version.created_ms,
                    runs=tested,
                    last_return=last.get(version.name),
                    deleted=deleted,
                    **facts,
                )
            )
        if with_templates and not deleted:
            rows += [
                StrategyRow(name=name, stage="template", runs=0, **facts_of(found.text))
                for name, found in templates().items()
            ]
        return rows

    async def text_of(self, name: str, version: int = 0) -> Version:
        """A stored version, or a template (as version 0). Raises UsageError with near names."""
        stored = await self._log.get(name, version)
        if stored is not None:
            return stored
        if name in templates() and version == 0:
            return Version(name, 0, templates()[name].text, "yaml", "", "", 0)
        known = [*{row.name for row in await self._log.newest()}, *templates()]
        if version and any(name == other for other in known):
            raise UsageError(
                f"{clean(name, 64)} has no version {version}.", next_step="polotui strategy show names its versions."
            )
        raise UsageError(
            f"There is no strategy {clean(name, 64)}.",
            next_step=did_you_mean(name, known) or "polotui strategy list shows all.",
            code="unknown-strategy",
        )

    async def detail(self, name: str, version: int) -> lr.StrategyDetail:
        found = await self.text_of(name, version)
        checked = await self.check(found.text, found.form)
        versions = [
            StrategyVersion(version=row.version, created_ms=row.created_ms, hash=row.hash, note=row.note)
            for row in await self._log.versions(name)
        ]
        stored = await self._archive.runs(name) if found.version else []
        runs = sum(1 for run in stored if run.version and not _of_drift(run.summary))
        row = StrategyRow(
            name=name,
            stage="template" if not found.version else "backtested" if runs else "draft",
            version=versions[0].version if versions else 0,
            hash=checked.hash,
            updated_ms=found.created_ms,
            runs=runs,
            **facts_of(found.text),
        )
        return lr.StrategyDetail(
            row=row,
            text=found.text,
            form=found.form,
            version=found.version,
            versions=versions,
            checked=checked,
        )

    # ── judging ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def check(self, text: str, form: str = "yaml") -> lr.CheckedStrategy:
        """Raises UsageError only for a text that is too long to be read."""
        if len(text.encode()) > MOST_TEXT:
            raise UsageError(
                f"The text has more than {MOST_TEXT // 1024} KiB.", safe="Nothing was stored.", code="too-long"
            )
        work = CheckWork(text=text, form=form)
        if len(text) <= USUAL_TEXT:
            return checked_of(check_text(work).value)
        return checked_of((await self._engine.workers.desk.run(work)).value)

    async def complete(self, command: lc.CompleteStrategy) -> lr.Completions:
        work = CompleteWork(text=command.text[:MOST_TEXT], line=command.line, column=command.column)
        if len(command.text) <= USUAL_TEXT:
            value = complete_text(work).value
        else:
            value = (await self._engine.workers.desk.run(work)).value
        return lr.Completions(completions=msgspec.convert(value["completions"], list[Completion]))

    async def examine(self, command: lc.ExamineStrategy) -> lr.Examination:
        text, form = command.text, "yaml"
        if not text:
            found = await self.text_of(command.name, command.version)
            text, form = found.text, found.form
        document = Document(text=text, form=form, symbols=[command.symbol] if command.symbol else [])
        value = (await self._engine.workers.desk.run(ExamineWork(document=document))).value
        return lr.Examination(ok=value["ok"], checks=msgspec.convert(value["checks"], list[CheckLine]))

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def save(self, command: lc.SaveStrategy) -> lr.StrategySaved:
        form = command.form if command.form in ("yaml", "json") else "yaml"
        checked = await self.check(command.text, form)
        name = command.name or checked.name or _named_in(command.text)
        if not _GOOD_NAME.match(name):
            raise UsageError(
                "The text names no strategy." if not name else f"{clean(name, 64)} is no name for a strategy.",
                safe="Nothing was stored; the text is still yours.",
                next_step="Begin it with a line such as name: my-strategy (letters, digits, - _ . and spaces).",
            )
        if name in templates() and await self._log.get(name) is None and command.text == templates()[name].text:
            note = command.note or "from the template"
        else:
            note = command.note
        saved = await self._log.save(name, command.text, form, checked.hash, note, command.after_version)
        if saved.new:
            self._engine.lab_changed(strategies=True)
        return lr.StrategySaved(
            name=name,
            version=saved.version,
            hash=checked.hash,
            unchanged=not saved.new,
            diagnostics=checked.diagnostics,
        )

    async def new(self, command: lc.NewStrategy) -> lr.StrategySaved:
        """A copy under a name of its own."""
        source = await self.text_of(command.source)
        taken = {row.name for row in await self._log.newest()} | {
            row.name for row in await self._log.newest(deleted=True)
        }
        name = command.name or free_name(command.source, taken)
        if command.name in taken:
            raise UsageError(
                f"There is a strategy {clean(command.name, 64)} already.",
                safe="Nothing was changed.",
                next_step=f"Choose another name, such as {free_name(command.name, taken)}.",
            )
        if not _GOOD_NAME.match(name):
            raise UsageError(
                f"{clean(name, 64)} is no name for a strategy.",
                next_step="Letters, digits, spaces, - _ and ., at most 64.",
            )
        text = renamed(source.text, source.form, name)
        return await self.save(
            lc.SaveStrategy(text=text, form=source.form, name=name, note=f"from {clean(command.source, 64)}")
        )

    async def delete(self, name: str, *, undo: bool) -> str:
        if not await self._log.put_away(name, undo=undo):
            if not undo and name in templates():
                raise UsageError(f"{name} is a template and stays.", safe="Nothing was changed.")
            what = "was not put away" if undo else "is not among the stored strategies"
            raise UsageError(
                f"{clean(name, 64)} {what}.",
                safe="Nothing was changed.",
                next_step="polotui strategy list --deleted shows what can be brought back.",
            )
        self._engine.lab_changed(strategies=True)
        if undo:
            return f"{clean(name, 64)} is back with all its versions."
        return f"{clean(name, 64)} is put away; undo brings it back. Its runs stay."


def checked_of(value: dict[str, Any]) -> lr.CheckedStrategy:
    """The worker's plain values as the reply."""
    return lr.CheckedStrategy(
        ok=value["ok"],
        name=value.get("name", ""),
        hash=value.get("hash", ""),
        diagnostics=msgspec.convert(value["diagnostics"], list[Diagnostic]),
        params=msgspec.convert(value.get("params", []), list[ParamField]),
        symbols=value.get("symbols", []),
        timeframe=value.get("timeframe", ""),
        warmup_bars=value.get("warmup_bars", 0),
        tokens=msgspec.convert(value.get("tokens", [])[:MOST_TOKENS], list[Token]),
    )


def facts_of(text: str) -> dict[str, Any]:
    """What the library's list shows of a text, read by line: a draft with errors is listed as well."""
    symbols = re.search(r"symbols:\s*\[([^\]\n]*)\]", text)
    timeframe = re.search(r"^\s*\"?timeframe\"?:\s*\"?(\w+)", text, re.MULTILINE)
    thesis = re.search(r"thesis:\s*[>|]?-?\s*\"?(.+)", text)
    return {
        "symbols": [clean(part.strip(" \"'"), 30) for part in symbols[1].split(",")][:50] if symbols else [],
        "timeframe": clean(timeframe[1], 4) if timeframe else "",
        "thesis": clean(thesis[1].strip().strip("\"'"), 300) if thesis else "",
    }


def _named_in(text: str) -> str:
    """The name that a text with errors gives itself."""
    found = re.search(r"^\s*\"?name\"?:\s*[\"']?([^\"'\n#,]+)", text, re.MULTILINE)
    return found[1].strip() if found else ""


def renamed(text: str, form: str, name: str) -> str:
    """The text under another name; comments stay."""
    if form == "json":
        return re.sub(r'("name"\s*:\s*)"[^"]*"', lambda match: f'{match[1]}"{name}"', text, count=1)
    plain = name[0].isalpha() and name.casefold() not in _YAML_WORDS
    return _NAME_LINE.sub(f"name: {name}" if plain else f'name: "{name}"', text, count=1)


def free_name(wanted: str, taken: set[str]) -> str:
    """`wanted`, or the first of `wanted-2`, `wanted-3`, … that is free."""
    if wanted not in taken:
        return wanted
    number = 2
    while f"{wanted[:60]}-{number}" in taken:
        number += 1
    return f"{wanted[:60]}-{number}"


def _of_drift(summary: str) -> bool:
    return DRIFT in summary and DRIFT in msgspec.json.decode(summary).get("tags", ())


def _total_return(summary: str) -> float | None:
    value = msgspec.json.decode(summary).get("total_return") if summary else None
    return float(value) if value is not None else None
