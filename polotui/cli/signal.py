"""`polotui signal`: what rules asked for, and how each ended."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from polotui.api.trade_commands import ListSignals
from polotui.api.trade_replies import Signals
from polotui.cli import desk
from polotui.cli.engine_link import ask
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import document, note, say
from polotui.cli.where import symbol_of, where

app = new_app("Signals: what rules asked for, and how each ended.")


class State(Enum):
    """Where a signal stands."""

    NEW = "new"
    ACTIVE = "active"
    CLOSED = "closed"


@app.command("list")
def list_(
    bot: Annotated[int, typer.Option(metavar="BOT", min=0, help="Only this bot's; 0 = all.")] = 0,
    symbol: Annotated[str, typer.Option("--symbol", "-s", help="Only this symbol's.")] = "",
    state: Annotated[State | None, typer.Option(help="Only those that stand so.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="How many.")] = 50,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Signals, newest first. A signal's id goes through fills, journal and audit."""
    command = ListSignals(
        bot=bot,
        symbol=symbol_of(symbol) if symbol else "",
        state=state.value if state is not None else "",
        limit=limit,
    )
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, Signals)
    if as_json:
        say(document("signal.list", reply))
        return
    say(desk.signals_table(reply.signals) if reply.signals else "No signal yet.")
    if reply.more:
        note("There are more; --limit shows them.")


@app.callback()
def _group() -> None:
    """Keeps `list` a word of its own."""
