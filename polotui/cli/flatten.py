"""`polotui flatten`: cancels everything and sells every position.

Decided here: the word is typed, so that no key and no alias does it; the exit code says whether all is sold.
"""

from __future__ import annotations

from typing import Annotated

import typer

from polotui.api.risk_commands import Flatten
from polotui.api.trade_replies import Halted
from polotui.cli.decisions import FAILED
from polotui.cli.engine_link import ask
from polotui.cli.options import AsJson, Demo, HomeDir
from polotui.cli.output import document, say
from polotui.cli.where import where
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.core.who import who_asks

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
WORD = "FLATTEN"


@app.command()
def flatten(
    word: Annotated[str, typer.Option("--yes", metavar=WORD, help=f"The word {WORD}.")] = "",
    account: Annotated[str, typer.Option("--account", metavar="NAME", help="paper, with all its bots.")] = "paper",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Cancels everything and sells every position at the market. Exit code 1 when something is left."""
    if word != WORD:
        raise UsageError(
            f"Everything is sold only with the word {WORD}.",
            safe="Nothing was sent.",
            next_step=f"polotui flatten --yes {WORD}.",
        )
    reply = ask(where(home, demo=demo), Flatten(words=word, account=account, caller=who_asks()))
    assert isinstance(reply, Halted)
    say(document("flatten", reply) if as_json else clean(reply.text, 1_000))
    if reply.left:
        raise typer.Exit(FAILED)
