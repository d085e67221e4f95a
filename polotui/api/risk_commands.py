"""The use cases of risk, the strategies board and the audit trail. `caller` says who asks, for the audit."""

from __future__ import annotations

from typing import ClassVar, Literal

from polotui.api import replies as r
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.api.command import Command, Role


class GetRisk(Command, tag="risk", frozen=True, kw_only=True):
    """The whole desk of risk now."""

    reply: ClassVar[type] = tr.Risk


class GetLimits(Command, tag="risk-limits", frozen=True, kw_only=True):
    """The limits in force, and those that wait to be."""

    reply: ClassVar[type] = tr.Limits


class PreviewLimits(Command, tag="risk-limits-preview", frozen=True, kw_only=True):
    """What a preset, or single changes as a person writes them, would change."""

    reply: ClassVar[type] = tr.LimitsPreview
    preset: str = ""
    changes: dict[str, str] = {}


class SetLimits(Command, tag="risk-limits-set", frozen=True, kw_only=True):
    """Tightening counts at once; loosening after a delay, with a reason, audited."""

    reply: ClassVar[type] = tr.LimitsSet
    role: ClassVar[Role] = "trader"
    preset: str = ""
    changes: dict[str, str] = {}
    reason: str = ""
    caller: str = ""
    withdraw: bool = False
    """Takes back a loosening that is not in force yet."""


class GetSize(Command, tag="risk-size", frozen=True, kw_only=True):
    """How much by which rule. Percentages as fractions."""

    reply: ClassVar[type] = tv.SizeResult
    method: Literal["fixed_fractional", "kelly", "vol_target", "fixed_quote"]
    equity: str = ""
    """Empty = of the paper account now."""
    symbol: str = ""
    price: str = ""
    risk: float = 0.02
    stop_distance: float | None = None
    target_distance: float | None = None
    win_rate: float | None = None
    average_win: float | None = None
    average_loss: float | None = None
    kelly_fraction: float = 0.25
    trades: int | None = None
    target_volatility: float | None = None
    volatility: float | None = None
    amount: str = ""


class GetCorrelations(Command, tag="risk-correlations", frozen=True, kw_only=True):
    """Of what is held and asked for; `symbols` adds more."""

    reply: ClassVar[type] = tr.Correlations
    symbols: list[str] = []


class GetRiskHistory(Command, tag="risk-history", frozen=True, kw_only=True):
    """Equity, drawdown and the meter over time."""

    reply: ClassVar[type] = tr.RiskHistory
    days: int = 30
    points: int = 300


class ListAlerts(Command, tag="alerts", frozen=True, kw_only=True):
    """Alerts, newest first."""

    reply: ClassVar[type] = tr.Alerts
    open: bool = True
    limit: int = 100


class AcknowledgeAlert(Command, tag="alert-acknowledge", frozen=True, kw_only=True):
    """Seen. A breach stays until it is cured. 0 = all."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "operator"
    alert: int = 0
    caller: str = ""


class LockPair(Command, tag="pair-lock", frozen=True, kw_only=True):
    """Locks a pair against entries, or lifts its locks (`lift`), with a reason."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "operator"
    symbol: str
    hours: float = 24.0
    reason: str = ""
    lift: bool = False
    caller: str = ""


class ClearLatch(Command, tag="latch-clear", frozen=True, kw_only=True):
    """Acknowledges a latch whose time has come, or overrides one with its typed words."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "trader"
    name: str
    words: str = ""
    reason: str = ""
    caller: str = ""


class Halt(Command, tag="halt", frozen=True, kw_only=True):
    """No order leaves any more; everything that rests is cancelled. Positions stay."""

    reply: ClassVar[type] = tr.Halted
    role: ClassVar[Role] = "viewer"
    reason: str = ""
    caller: str = ""


class Resume(Command, tag="resume", frozen=True, kw_only=True):
    """Trading goes on. `words` must be RESUME."""

    reply: ClassVar[type] = tr.Halted
    role: ClassVar[Role] = "trader"
    words: str = ""
    reducing: bool = False
    """Only orders that reduce."""
    caller: str = ""


class Flatten(Command, tag="flatten", frozen=True, kw_only=True):
    """Cancels everything and sells all positions. `words` must be FLATTEN."""

    reply: ClassVar[type] = tr.Halted
    role: ClassVar[Role] = "trader"
    words: str = ""
    account: str = "paper"
    caller: str = ""


class GetRiskReport(Command, tag="risk-report", frozen=True, kw_only=True):
    """The desk of risk in words and figures; with what the protections prevented."""

    reply: ClassVar[type] = tr.RiskReport
    prevented: bool = False


# The strategies board


class GetBoard(Command, tag="board", frozen=True, kw_only=True):
    """Strategies by stage with their evidence. Nothing goes live by itself."""

    reply: ClassVar[type] = tr.Board


class SetPromotion(Command, tag="promotion-rule", frozen=True, kw_only=True):
    """Opts a strategy in to promotion into paper by rule, or out (`least_trades` 0)."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "trader"
    strategy: str
    least_trades: int = 30
    least_return: float = 0.0
    most_drawdown: float = 0.25
    capital: str = ""
    caller: str = ""


# Audit


class VerifyAudit(Command, tag="audit-verify", frozen=True, kw_only=True):
    """Computes every chain of the ledger anew and compares balances with an independent sum."""

    reply: ClassVar[type] = tr.Verified


class ListAudit(Command, tag="audit", frozen=True, kw_only=True):
    """Rows of the audit trail, newest first."""

    reply: ClassVar[type] = tr.Audit
    kind: str = ""
    caller: str = ""
    limit: int = 100
    before: int = 0


AnyRiskCommand = (
    GetRisk
    | GetLimits
    | PreviewLimits
    | SetLimits
    | GetSize
    | GetCorrelations
    | GetRiskHistory
    | ListAlerts
    | AcknowledgeAlert
    | LockPair
    | ClearLatch
    | Halt
    | Resume
    | Flatten
    | GetRiskReport
    | GetBoard
    | SetPromotion
    | VerifyAudit
    | ListAudit
)
