"""Status, stopping, facts, health."""

from __future__ import annotations

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.core.errors import Refused
from polotui.engine import health
from polotui.engine.engine import Engine
from polotui.engine.handlers import handles


@handles(c.GetStatus)
async def status(engine: Engine, command: c.GetStatus) -> r.Status:
    return r.Status(engine=engine.state())


@handles(c.StopEngine)
async def stop(engine: Engine, command: c.StopEngine) -> r.Done:
    busy = engine.busy()
    if busy and not command.force:
        raise Refused(
            f"Still running: {', '.join(busy)}.",
            safe="The engine goes on.",
            next_step="Wait for it, or stop with --force: what is stored stays, the rest can be resumed.",
            code="busy",
        )
    engine.stop("a face asked it to stop")
    return r.Done(text="The engine is stopping.")


@handles(c.GetFacts)
async def facts(engine: Engine, command: c.GetFacts) -> r.Facts:
    limit = min(max(command.limit, 1), 1_000)
    return r.Facts(facts=await engine.facts_after(max(command.after, 0), limit), last=engine.last_fact())


@handles(c.GetHealth)
async def get_health(engine: Engine, command: c.GetHealth) -> r.Health:
    return await health.check(engine, command.part)
