"""`polotui resume`: trading goes on after a halt. The word is typed, so that no key and no alias does it."""

from __future__ import annotations

from typing import Annotated

import typer

from polotui.api.risk_commands import Resume
from polotui.api.trade_replies import Halted
from polotui.cli.decisions import REFUSED
from polotui.cli.engine_link import ask
from polotui.cli.options import AsJson, Demo, HomeDir
from polotui.cli.output import document, say
from polotui.cli.where import where
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.core.who import who_asks

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
WORD = "RESUME"


@app.command()
def resume(
    word: Annotated[str, typer.Option("--yes", metavar=WORD, help=f"The word {WORD}.")] = "",
    reducing: Annotated[bool, typer.Option("--reducing", help="Only orders that reduce positions.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Trading goes on. Exit code 4 when it does not: the flag was set again, or a limit lets only exits pass."""
    if word != WORD:
        raise UsageError(
            f"Trading goes on only with the word {WORD}.",
            safe="Nothing was changed.",
            next_step=f"polotui resume --yes {WORD}.",
        )
    reply = ask(where(home, demo=demo), Resume(words=word, reducing=reducing, caller=who_asks()))
    assert isinstance(reply, Halted)
    say(document("resume", reply) if as_json else clean(reply.text, 400))
    if reply.state != ("REDUCING" if reducing else "ACTIVE"):
        raise typer.Exit(REFUSED)
