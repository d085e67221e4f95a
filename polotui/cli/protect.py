"""`polotui protect`: the monitor that watches stops and targets.

Decided here: it always starts with the engine; stopping it needs typed words, blocks entries and is audited.
"""

from __future__ import annotations

from typing import Annotated

import typer

from polotui.api.replies import Done
from polotui.api.trade_commands import GetProtection, SetProtection
from polotui.api.trade_replies import Protections
from polotui.cli.engine_link import ask
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import NONE, document, note, number, say, table
from polotui.cli.where import where
from polotui.core.text import clean
from polotui.core.who import who_asks

app = new_app("The monitor of stops and targets: status, stop, start.")
#: What must be typed to stop it; the engine has the last word.
WORDS = "stop protecting"


@app.command()
def status(home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """What it watches, how old its prices are, its worst latency."""
    reply = ask(where(home, demo=demo), GetProtection())
    assert isinstance(reply, Protections)
    if as_json:
        say(document("protect.status", reply))
        return
    latency = "none yet" if reply.worst_latency_ms is None else f"{reply.worst_latency_ms:.1f} ms"
    runs = (
        "The monitor runs." if reply.running else "The monitor is STOPPED: nothing watches stops, entries are blocked."
    )
    price = _age(reply.oldest_price_ms)
    say(f"{runs}\n{len(reply.positions)} positions watched, oldest price {price}, worst latency {latency}.")
    if reply.note:
        note(clean(reply.note, 300))
    rows = [
        [
            clean(row.account, 30),
            clean(row.symbol, 30),
            row.level,
            number(row.stop),
            number(row.target),
            _age(row.price_age_ms),
        ]
        for row in reply.positions
    ]
    if rows:
        say("\n" + table(["account", "symbol", "protection", "stop", "target", "price age"], rows, "lllddr"))


@app.command()
def stop(
    words: Annotated[str, typer.Option("--yes", metavar=f"'{WORDS}'", help="The words that stop it.")] = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Stops the monitor: nothing watches stops and targets then, and entries are blocked."""
    _set(SetProtection(running=False, words=words, caller=who_asks()), home, demo, as_json, "protect.stop")


@app.command()
def start(home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Lets the monitor watch again."""
    _set(SetProtection(running=True, caller=who_asks()), home, demo, as_json, "protect.start")


def _set(command: SetProtection, home: HomeDir, demo: bool, as_json: bool, name: str) -> None:
    done = ask(where(home, demo=demo), command)
    assert isinstance(done, Done)
    say(document(name, done) if as_json else clean(done.text, 400))


def _age(age_ms: int | None) -> str:
    return NONE if age_ms is None else f"{age_ms / 1000:.1f} s"
