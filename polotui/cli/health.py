"""`polotui health`: how each part of the running engine is.

Decided here: it looks and starts nothing. Exit code 0 online, 1 degraded, 3 offline or no engine, so that a
container or a monitor can ask without reading.
"""

from __future__ import annotations

from typing import Annotated

import typer

from polotui.api.commands import GetHealth
from polotui.api.replies import Health
from polotui.cli.engine_link import ask
from polotui.cli.options import AsJson, Demo, HomeDir
from polotui.cli.output import document, say, table
from polotui.cli.where import where
from polotui.core.errors import UsageError
from polotui.core.text import clean

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
CODES = {"online": 0, "degraded": 1, "offline": 3}


@app.command()
def health(
    part: Annotated[str | None, typer.Argument(metavar="[PART]", help="Only one: engine, exchange, database …")] = None,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """How each part is. Exit code 0 online, 1 degraded, 3 offline."""
    reply = ask(where(home, demo=demo), GetHealth(part=part or ""), start=False)
    assert isinstance(reply, Health)
    if part and not reply.parts:
        raise UsageError(
            f"There is no part {clean(part, 40)!r}.",
            safe="Nothing was changed.",
            next_step="polotui health lists them.",
        )
    if as_json:
        say(document("health", reply))
    else:
        rows = [[clean(row.name, 30), row.state, clean(row.text), _figures(row.figures)] for row in reply.parts]
        say(table(["part", "state", "what", "figures"], rows, "llll"))
        say(f"All in all: {reply.state}.")
    raise typer.Exit(CODES[reply.state])


def _figures(figures: dict[str, str | int | float | bool | None]) -> str:
    return clean(", ".join(f"{name} {'unknown' if value is None else value}" for name, value in figures.items()))
