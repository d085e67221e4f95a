"""Risk, halting, the strategies board and the audit trail."""

from __future__ import annotations

from polotui.api import replies as r
from polotui.api import risk_commands as c
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.engine.engine import Engine
from polotui.engine.handlers import handles
from polotui.engine.handlers.trade import trading_of


@handles(c.GetRisk)
async def risk(engine: Engine, command: c.GetRisk) -> tr.Risk:
    return (await trading_of(engine)).desk.risk()


@handles(c.GetLimits)
async def limits(engine: Engine, command: c.GetLimits) -> tr.Limits:
    return (await trading_of(engine)).limits.shown()


@handles(c.PreviewLimits)
async def preview_limits(engine: Engine, command: c.PreviewLimits) -> tr.LimitsPreview:
    return (await trading_of(engine)).limits.preview(command.preset, command.changes)


@handles(c.SetLimits)
async def set_limits(engine: Engine, command: c.SetLimits) -> tr.LimitsSet:
    trading = await trading_of(engine)
    if command.withdraw:
        reply, number = await trading.limits.withdraw(command.caller)
    else:
        reply, number = await trading.limits.set(command.preset, command.changes, command.reason, command.caller)
    trading.told(number)
    trading.monitor.limits_changed()
    return reply


@handles(c.GetSize)
async def size(engine: Engine, command: c.GetSize) -> tv.SizeResult:
    return await (await trading_of(engine)).desk.size(command)


@handles(c.GetCorrelations)
async def correlations(engine: Engine, command: c.GetCorrelations) -> tr.Correlations:
    return await (await trading_of(engine)).correlations.shown(command.symbols)


@handles(c.GetRiskHistory)
async def history(engine: Engine, command: c.GetRiskHistory) -> tr.RiskHistory:
    return await (await trading_of(engine)).desk.history(command.days, command.points)


@handles(c.ListAlerts)
async def alerts(engine: Engine, command: c.ListAlerts) -> tr.Alerts:
    return await (await trading_of(engine)).alerts.listed(open=command.open, limit=command.limit)


@handles(c.AcknowledgeAlert)
async def acknowledge(engine: Engine, command: c.AcknowledgeAlert) -> r.Done:
    return await (await trading_of(engine)).alerts.acknowledge(command.alert, command.caller)


@handles(c.LockPair)
async def lock_pair(engine: Engine, command: c.LockPair) -> r.Done:
    return await (await trading_of(engine)).locks.by_hand(command)


@handles(c.ClearLatch)
async def clear_latch(engine: Engine, command: c.ClearLatch) -> r.Done:
    trading = await trading_of(engine)
    return await trading.supervisor.whole(trading.monitor.clear_latch(command))


@handles(c.Halt)
async def halt(engine: Engine, command: c.Halt) -> tr.Halted:
    return await (await trading_of(engine)).halting.halt(command.reason, command.caller)


@handles(c.Resume)
async def resume(engine: Engine, command: c.Resume) -> tr.Halted:
    return await (await trading_of(engine)).halting.resume(command.words, command.reducing, command.caller)


@handles(c.Flatten)
async def flatten(engine: Engine, command: c.Flatten) -> tr.Halted:
    trading = await trading_of(engine)
    return await trading.supervisor.whole(trading.hand.flatten(command))


@handles(c.GetRiskReport)
async def report(engine: Engine, command: c.GetRiskReport) -> tr.RiskReport:
    return await (await trading_of(engine)).desk.report(prevented=command.prevented)


@handles(c.GetBoard)
async def board(engine: Engine, command: c.GetBoard) -> tr.Board:
    return await (await trading_of(engine)).board.shown()


@handles(c.SetPromotion)
async def promotion(engine: Engine, command: c.SetPromotion) -> r.Done:
    return await (await trading_of(engine)).board.set_rule(command)


@handles(c.VerifyAudit)
async def verify(engine: Engine, command: c.VerifyAudit) -> tr.Verified:
    return await (await trading_of(engine)).audit.verify()


@handles(c.ListAudit)
async def audit(engine: Engine, command: c.ListAudit) -> tr.Audit:
    return await (await trading_of(engine)).audit.listed(command)
