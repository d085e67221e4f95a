"""Bots, orders, positions, results and the journal."""

from __future__ import annotations

from polotui.api import replies as r
from polotui.api import trade_commands as c
from polotui.api import trade_replies as tr
from polotui.engine.engine import Engine
from polotui.engine.handlers import handles
from polotui.engine.trading import protecting
from polotui.engine.trading.service import Trading


async def trading_of(engine: Engine) -> Trading:
    """The trading service, once it runs."""
    await engine.ready()
    assert engine.trading is not None
    return engine.trading


@handles(c.ListBots)
async def list_bots(engine: Engine, command: c.ListBots) -> tr.Bots:
    return await (await trading_of(engine)).bots.listed(ended=command.ended)


@handles(c.PlanBot)
async def plan_bot(engine: Engine, command: c.PlanBot) -> tr.BotPlan:
    return await (await trading_of(engine)).bots.plan(command)


@handles(c.StartBot)
async def start_bot(engine: Engine, command: c.StartBot) -> tr.BotStarted:
    trading = await trading_of(engine)
    return await trading.supervisor.whole(trading.bots.start_bot(command))


@handles(c.PauseBot)
async def pause_bot(engine: Engine, command: c.PauseBot) -> tr.BotStarted:
    trading = await trading_of(engine)
    return await trading.supervisor.whole(trading.bots.pause(command.bot, resume=command.resume, caller=command.caller))


@handles(c.StopBot)
async def stop_bot(engine: Engine, command: c.StopBot) -> tr.BotStarted:
    trading = await trading_of(engine)
    return await trading.supervisor.whole(trading.bots.stop(command.bot, close=command.close, caller=command.caller))


@handles(c.GetDrift)
async def drift(engine: Engine, command: c.GetDrift) -> tr.Drift:
    return await (await trading_of(engine)).drift.report(command.bot)


@handles(c.GetPositions)
async def positions(engine: Engine, command: c.GetPositions) -> tr.Positions:
    return (await trading_of(engine)).rows.positions(command.account, command.bot)


@handles(c.ListOrders)
async def list_orders(engine: Engine, command: c.ListOrders) -> tr.Orders:
    return await (await trading_of(engine)).rows.orders(command)


@handles(c.ListFills)
async def list_fills(engine: Engine, command: c.ListFills) -> tr.Fills:
    return await (await trading_of(engine)).rows.fills(command)


@handles(c.ListTrades)
async def list_trades(engine: Engine, command: c.ListTrades) -> tr.Trades:
    return await (await trading_of(engine)).rows.trades(command)


@handles(c.ListSignals)
async def list_signals(engine: Engine, command: c.ListSignals) -> tr.Signals:
    return await (await trading_of(engine)).rows.signals(command)


@handles(c.GetFeed)
async def feed(engine: Engine, command: c.GetFeed) -> tr.Feed:
    return await (await trading_of(engine)).rows.feed(command)


@handles(c.GetResults)
async def results(engine: Engine, command: c.GetResults) -> tr.Results:
    return await (await trading_of(engine)).rows.results(command)


@handles(c.PlaceOrder)
async def place_order(engine: Engine, command: c.PlaceOrder) -> tr.OrderPlaced:
    trading = await trading_of(engine)
    return await trading.supervisor.whole(trading.hand.place(command))


@handles(c.AssessOrder)
async def assess_order(engine: Engine, command: c.AssessOrder) -> tr.Assessed:
    return await (await trading_of(engine)).hand.assess(command)


@handles(c.CancelOrder)
async def cancel_order(engine: Engine, command: c.CancelOrder) -> r.Done:
    trading = await trading_of(engine)
    return await trading.supervisor.whole(trading.hand.cancel(command))


@handles(c.ClosePosition)
async def close_position(engine: Engine, command: c.ClosePosition) -> tr.OrderPlaced:
    trading = await trading_of(engine)
    return await trading.supervisor.whole(trading.hand.close(command))


@handles(c.EditProtection)
async def edit_protection(engine: Engine, command: c.EditProtection) -> r.Done:
    trading = await trading_of(engine)
    return await trading.supervisor.whole(trading.hand.edit(command))


@handles(c.ResolveOrder)
async def resolve_order(engine: Engine, command: c.ResolveOrder) -> r.Done:
    trading = await trading_of(engine)
    return await trading.supervisor.whole(trading.hand.resolve(command))


@handles(c.GetProtection)
async def protection(engine: Engine, command: c.GetProtection) -> tr.Protections:
    return protecting.protection(await trading_of(engine))


@handles(c.SetProtection)
async def set_protection(engine: Engine, command: c.SetProtection) -> r.Done:
    return await protecting.set_protection(await trading_of(engine), command)


@handles(c.GetJournal)
async def journal(engine: Engine, command: c.GetJournal) -> tr.Journal:
    return await (await trading_of(engine)).rows.journal(command)


@handles(c.AddNote)
async def add_note(engine: Engine, command: c.AddNote) -> r.Done:
    return await (await trading_of(engine)).rows.add_note(command)
