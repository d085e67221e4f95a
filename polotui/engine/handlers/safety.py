"""The safety score."""

from __future__ import annotations

from polotui.api.safety import GetSafety, SafetyReport
from polotui.engine.engine import Engine
from polotui.engine.handlers import handles


@handles(GetSafety)
async def safety(engine: Engine, command: GetSafety) -> SafetyReport:
    return await engine.safety.report(refresh=command.refresh)
