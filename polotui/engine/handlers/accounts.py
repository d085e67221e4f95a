"""Accounts and the paper account's virtual money."""

from __future__ import annotations

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.core.errors import UsageError
from polotui.engine.engine import Engine
from polotui.engine.handlers import handles
from polotui.model.money import plain, typed_decimal


@handles(c.GetAccounts)
async def accounts(engine: Engine, command: c.GetAccounts) -> r.Accounts:
    await engine.ready()
    assert engine.accounts is not None
    if command.account not in ("", "spot", "paper"):
        raise UsageError(f"There is no account {command.account[:20]!r}.", next_step="There are spot and paper.")
    if command.refresh or not engine.accounts.states():
        await engine.accounts.refresh()
    found = [state for state in engine.accounts.states() if command.account in ("", state.account)]
    if not found:
        raise UsageError(
            "There is no spot account here: no API keys.",
            safe="The paper account is there.",
            next_step="polotui balance --account paper.",
            code="no-keys",
        )
    return r.Accounts(accounts=found)


@handles(c.PaperDeposit)
async def deposit(engine: Engine, command: c.PaperDeposit) -> r.Done:
    await engine.ready()
    assert engine.accounts is not None
    try:
        amount = typed_decimal(command.amount)
    except ValueError as error:
        raise UsageError(f"The amount is {error}.", safe="Nothing was deposited.") from error
    if amount <= 0:
        raise UsageError("The amount must be above zero.", safe="Nothing was deposited.")
    await engine.accounts.deposit(command.currency.upper(), amount)
    return r.Done(text=f"Deposited {plain(amount)} {command.currency.upper()} of virtual money in the paper account.")
