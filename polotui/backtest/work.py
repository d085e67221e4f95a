"""What the engine asks of its worker and what comes back, as messages.

Decided here: a work carries the document's text, never an object of it, and the worker reads candles itself from the
store, read-only. What comes back are plain values and bytes; how they look on a screen is the engine's affair.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from polotui.backtest.settings import Settings

AnalysisKind = Literal["walk-forward", "hold-out", "monte-carlo", "stress", "confirmation"]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy as it is run: its text, values for its params, and what replaces the document's own symbols and
    frame."""

    text: str
    form: str = "yaml"
    params: dict[str, float] = {}
    symbols: list[str] = []
    timeframe: str = ""


class CheckWork(msgspec.Struct, tag="check", frozen=True, kw_only=True):
    """Everything that can be said about a text before it runs."""

    text: str
    form: str = "yaml"


class CompleteWork(msgspec.Struct, tag="complete", frozen=True, kw_only=True):
    text: str
    line: int
    column: int


class PreviewWork(msgspec.Struct, tag="preview", frozen=True, kw_only=True):
    """Signals on the last `shown` of the given candles (a block of `storage.columns`)."""

    document: Document
    frame: str
    candles: bytes
    shown: int


class RunWork(msgspec.Struct, tag="run", frozen=True, kw_only=True):
    """A backtest. `settings.from_ms` and `to_ms` of 0 mean the last 365 days that are stored."""

    document: Document
    settings: Settings
    band: bool = True


class ExamineWork(msgspec.Struct, tag="examine", frozen=True, kw_only=True):
    """Look-ahead by truncation, warm-up, rules that never change; on the newest stored bars."""

    document: Document
    most_bars: int = 20_000


class AnalyseWork(msgspec.Struct, tag="analyse", frozen=True, kw_only=True):
    document: Document
    settings: Settings
    kind: AnalysisKind
    seed: int = 1


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    least: float
    most: float
    step: float


class SweepWork(msgspec.Struct, tag="sweep", frozen=True, kw_only=True):
    """A search. `done` are places whose results exist already, each the JSON of its figures; what is found arrives in
    parts. A row's figures carry a key of all that decides them; one with another key is computed again."""

    document: Document
    settings: Settings
    axes: list[Axis]
    method: Literal["grid", "random", "optuna"]
    trials: int
    objective: str
    holdout: float
    seed: int
    done: dict[int, str] = {}
    threads: int = 0
    cluster: str = ""


class WarmWork(msgspec.Struct, tag="warm", frozen=True, kw_only=True):
    """Loads (at first compiles) the kernels, so that the first run need not wait for them."""


Work = CheckWork | CompleteWork | PreviewWork | RunWork | ExamineWork | AnalyseWork | SweepWork | WarmWork


class Done(msgspec.Struct, tag="done", frozen=True, kw_only=True):
    """The end of a work: plain values, and named bytes."""

    value: dict[str, Any]
    parts: dict[str, bytes] = {}


class Part(msgspec.Struct, tag="part", frozen=True, kw_only=True):
    """Something of a work that goes on."""

    value: dict[str, Any]


class Failed(msgspec.Struct, tag="failed", frozen=True, kw_only=True):
    """A refusal or a fault, in words. `code` is the error's; `fault` is True for what should not happen."""

    code: str
    cause: str
    safe: str = ""
    next_step: str = ""
    fault: bool = False


Answer = Done | Part | Failed
