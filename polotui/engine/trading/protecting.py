"""The monitor of stops and targets as a person sees it: what it watches, and stopping and starting it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from polotui.api import replies as r
from polotui.api import trade_commands as c
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.engine.trading import shapes

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading


def protection(trading: Trading) -> tr.Protections:
    """What protects the positions now."""

    def level(symbol: str, price: float | None) -> str:
        exact = Decimal(str(price)) if price is not None else None
        return shapes.on_scale(exact, trading.scales(symbol)[0])

    status = trading.guards.protector.status()
    halted = "Trading is halted: stops and targets are watched, and sell nothing until it is resumed."
    note = halted if trading.halting.state() == "HALTED" else status.blocks
    return tr.Protections(
        running=status.running,
        positions=[
            tv.ProtectionRow(
                account=one.account,
                bot=one.bot,
                symbol=one.symbol,
                level=one.level,
                stop=level(one.symbol, one.stop),
                target=level(one.symbol, one.target),
                last_check_ms=status.last_check_ms,
                price_age_ms=one.price_age_ms,
            )
            for one in status.watched
        ],
        last_check_ms=status.last_check_ms,
        oldest_price_ms=status.oldest_price_age_ms,
        worst_latency_ms=status.worst_latency_ms,
        note=note,
    )


async def set_protection(trading: Trading, command: c.SetProtection) -> r.Done:
    """Stops the monitor with typed words, or starts it."""
    protector = trading.guards.protector
    if command.running:
        protector.start(command.caller or "person")
        await trading.note("protection", "the stop and target monitor runs again", command.caller)
        return r.Done(text="The monitor runs.")
    protector.stop(command.words, command.caller or "person")
    await trading.note("protection", "the stop and target monitor was stopped", command.caller)
    return r.Done(text="The monitor is stopped: nothing watches stops and targets, and entries are blocked.")
