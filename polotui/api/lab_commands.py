"""The use cases of the strategy lab and the backtest runner."""

from __future__ import annotations

from typing import ClassVar, Literal

from polotui.api import lab_replies as lr
from polotui.api import replies as r
from polotui.api.command import Command, Role
from polotui.api.lab_values import RunDetail, RunSpec, StrategyPreview, SweepDetail, SweepSpec


class ListStrategies(Command, tag="strategies", frozen=True, kw_only=True):
    """Stored strategies and, unless left out, the templates."""

    reply: ClassVar[type] = lr.Strategies
    templates: bool = True
    deleted: bool = False


class GetStrategy(Command, tag="strategy", frozen=True, kw_only=True):
    """One strategy or template with its text. `version` 0 = the newest."""

    reply: ClassVar[type] = lr.StrategyDetail
    name: str
    version: int = 0


class CheckStrategy(Command, tag="strategy-check", frozen=True, kw_only=True):
    """Parses and checks a text: diagnostics with positions, parameters, colours. Stores nothing."""

    reply: ClassVar[type] = lr.CheckedStrategy
    text: str
    form: str = "yaml"


class CompleteStrategy(Command, tag="strategy-complete", frozen=True, kw_only=True):
    """What fits at the cursor (line and column from 1)."""

    reply: ClassVar[type] = lr.Completions
    text: str
    line: int
    column: int


class SaveStrategy(Command, tag="strategy-save", frozen=True, kw_only=True):
    """Stores a text as the next version of the strategy it names. A draft with errors is stored too, never run."""

    reply: ClassVar[type] = lr.StrategySaved
    role: ClassVar[Role] = "operator"
    text: str
    form: str = "yaml"
    note: str = ""
    name: str = ""
    """The strategy to add a version to; empty = the name in the text."""
    after_version: int = -1
    """The version that was edited: refused when a newer one exists meanwhile. -1 = do not ask."""


class NewStrategy(Command, tag="strategy-new", frozen=True, kw_only=True):
    """A new strategy from a template or as a copy of a stored one."""

    reply: ClassVar[type] = lr.StrategySaved
    role: ClassVar[Role] = "operator"
    source: str
    name: str = ""
    """Empty = the source's name, with a number when it is taken."""


class DeleteStrategy(Command, tag="strategy-delete", frozen=True, kw_only=True):
    """Puts a strategy away with all its versions; `undo` brings it back. Its runs stay."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "operator"
    name: str
    undo: bool = False


class PreviewStrategy(Command, tag="strategy-preview", frozen=True, kw_only=True):
    """Where a text would have entered and left on the newest `bars` bars."""

    reply: ClassVar[type] = StrategyPreview
    text: str
    form: str = "yaml"
    symbol: str = ""
    timeframe: str = ""
    bars: int = 300
    params: dict[str, float] = {}


class ExamineStrategy(Command, tag="strategy-examine", frozen=True, kw_only=True):
    """Checks a stored strategy (or a text) on data: look-ahead by truncation, warm-up, rules that never change."""

    reply: ClassVar[type] = lr.Examination
    name: str = ""
    version: int = 0
    text: str = ""
    symbol: str = ""


class StartBacktest(Command, tag="backtest", frozen=True, kw_only=True):
    """Runs a backtest as a job. The same run again is answered from what is stored, unless `again`."""

    reply: ClassVar[type] = lr.BacktestStarted
    role: ClassVar[Role] = "operator"
    spec: RunSpec
    again: bool = False


class ListRuns(Command, tag="runs", frozen=True, kw_only=True):
    """Stored runs. `sort` is a field of RunRow, with a leading «-» for descending."""

    reply: ClassVar[type] = lr.Runs
    strategy: str = ""
    text: str = ""
    """Only runs whose strategy, symbols or tags contain it."""
    sort: str = "-run"
    deleted: bool = False
    limit: int = 200


class GetRun(Command, tag="run", frozen=True, kw_only=True):
    """One run's result; the curve thinned to `points`."""

    reply: ClassVar[type] = RunDetail
    run: int
    points: int = 600


class GetRunTrades(Command, tag="run-trades", frozen=True, kw_only=True):
    """A page of a run's trades. `sort` is a field of TradeRow, with a leading «-» for descending."""

    reply: ClassVar[type] = lr.RunTrades
    run: int
    offset: int = 0
    limit: int = 200
    sort: str = "-number"


class GetRunChart(Command, tag="run-chart", frozen=True, kw_only=True):
    """The bars around a trade, with marks; `trade` 0 = the last bars of the first symbol."""

    reply: ClassVar[type] = lr.RunChart
    run: int
    trade: int = 0
    bars: int = 300


class CompareRuns(Command, tag="runs-compare", frozen=True, kw_only=True):
    """Two to five runs side by side."""

    reply: ClassVar[type] = lr.Comparison
    runs: list[int]
    points: int = 300


class DeleteRun(Command, tag="run-delete", frozen=True, kw_only=True):
    """Puts a run away; `undo` brings it back."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "operator"
    run: int
    undo: bool = False


class ExportRun(Command, tag="run-export", frozen=True, kw_only=True):
    """Writes a run to a file: its trades or equity as CSV, or all of it as JSON. Empty path = the exports folder."""

    reply: ClassVar[type] = lr.Exported
    role: ClassVar[Role] = "operator"
    run: int
    what: Literal["trades", "equity", "fills", "all"] = "trades"
    path: str = ""
    force: bool = False


class AnalyseRun(Command, tag="run-analyse", frozen=True, kw_only=True):
    """A further look at a run, as a job; its table appears in the run's `analyses`."""

    reply: ClassVar[type] = r.JobStarted
    role: ClassVar[Role] = "operator"
    run: int
    kind: Literal["walk-forward", "hold-out", "monte-carlo", "stress", "confirmation"]


class GetDefinitions(Command, tag="definitions", frozen=True, kw_only=True):
    """What each figure means and how it is computed."""

    reply: ClassVar[type] = lr.Definitions


class StartSweep(Command, tag="sweep-start", frozen=True, kw_only=True):
    """Searches the document's parameters on all cores, as a job."""

    reply: ClassVar[type] = lr.SweepStarted
    role: ClassVar[Role] = "operator"
    spec: SweepSpec


class ResumeSweep(Command, tag="sweep-resume", frozen=True, kw_only=True):
    """Goes on with a sweep that was cancelled or interrupted; what was computed is kept."""

    reply: ClassVar[type] = lr.SweepStarted
    role: ClassVar[Role] = "operator"
    number: int


class ListSweeps(Command, tag="sweeps", frozen=True, kw_only=True):
    """Sweeps, newest first, without their tables."""

    reply: ClassVar[type] = lr.Sweeps
    limit: int = 50


class GetSweep(Command, tag="sweep", frozen=True, kw_only=True):
    """One sweep with its best results and its heat map."""

    reply: ClassVar[type] = SweepDetail
    number: int


AnyLabCommand = (
    ListStrategies
    | GetStrategy
    | CheckStrategy
    | CompleteStrategy
    | SaveStrategy
    | NewStrategy
    | DeleteStrategy
    | PreviewStrategy
    | ExamineStrategy
    | StartBacktest
    | ListRuns
    | GetRun
    | GetRunTrades
    | GetRunChart
    | CompareRuns
    | DeleteRun
    | ExportRun
    | AnalyseRun
    | GetDefinitions
    | StartSweep
    | ResumeSweep
    | ListSweeps
    | GetSweep
)
