"""`polotui audit`: the trail of what was done, by whom, and whether anybody changed it since.

Decided here: a broken chain is exit code 1, so that a timer can ask.
"""

from __future__ import annotations

from typing import Annotated

import typer

from polotui.api.risk_commands import ListAudit, VerifyAudit
from polotui.api.trade_replies import Audit, Verified
from polotui.cli.decisions import FAILED
from polotui.cli.desk import second
from polotui.cli.engine_link import ask
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import NONE, document, note, say, table
from polotui.cli.where import where
from polotui.core.text import clean

app = new_app("The audit trail: verify, show.")


@app.command()
def verify(home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Computes every chain of the ledger anew, and what the balances must be. Exit code 1 when something is wrong."""
    reply = ask(where(home, demo=demo), VerifyAudit())
    assert isinstance(reply, Verified)
    if as_json:
        say(document("audit.verify", reply))
    else:
        rows = [
            [
                "✓" if chain.ok else "✗",
                clean(chain.chain, 40),
                f"{chain.rows:,}",
                clean(chain.head, 64)[:16] or NONE,
                "" if chain.ok else f"row {chain.bad_row}: {clean(chain.reason, 200)}",
            ]
            for chain in reply.chains
        ]
        say(table(["", "chain", "rows", "head", ""], rows, "llrll"))
        for problem in reply.problems:
            say(f"✗ {clean(problem, 300)}")
        say(clean(reply.text, 400))
    if not reply.ok:
        raise typer.Exit(FAILED)


@app.command()
def show(
    kind: Annotated[str, typer.Option(metavar="KIND", help="Only of this kind: order, limits, latch, bot …")] = "",
    caller: Annotated[str, typer.Option(metavar="WHO", help="Only what this caller did, as the trail names it.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="How many.")] = 30,
    before: Annotated[int, typer.Option("--before", metavar="ROW", min=0, help="Only rows before this one.")] = 0,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Rows of the audit trail, newest first."""
    reply = ask(where(home, demo=demo), ListAudit(kind=kind, caller=caller, limit=limit, before=before))
    assert isinstance(reply, Audit)
    if as_json:
        say(document("audit.show", reply))
        return
    rows = [
        [
            str(row.number),
            second(row.at_ms),
            clean(row.kind, 20),
            clean(row.caller, 40) or NONE,
            clean(row.account, 30),
            clean(row.symbol, 30),
            clean(row.code, 30),
            clean(row.text, 300),
        ]
        for row in reply.rows
    ]
    heads = ["row", "at (UTC)", "kind", "caller", "account", "symbol", "code", "what"]
    say(table(heads, rows, "rlllllll") if rows else "No row of that kind.")
    if reply.more:
        note(f"There are more; --before {reply.rows[-1].number} goes on.")
