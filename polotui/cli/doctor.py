"""`polotui doctor`: is this machine fit, and what to do where it is not.

Decided here: it looks and changes nothing, starts no engine, asks no exchange. Each line is ok, warn or fail with the
exact remedy; one fail means exit code 4. Secrets are named, never printed.
"""

from __future__ import annotations

from dataclasses import asdict

import typer

from polotui.cli.checks import Check, all_checks
from polotui.cli.options import AsJson, Demo, HomeDir
from polotui.cli.output import document, say
from polotui.cli.where import where
from polotui.core.text import clean

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
UNFIT = 4


@app.command()
def doctor(home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Is this machine fit? Each line ok, warn or fail with what to do. Exit code 4 when something fails."""
    checks = all_checks(where(home, demo=demo))
    fit = all(check.state != "fail" for check in checks)
    if as_json:
        say(document("doctor", {"fit": fit, "checks": [asdict(check) for check in checks]}))
    else:
        say("\n".join(_line(check) for check in checks))
        warnings = sum(check.state == "warn" for check in checks)
        failures = sum(check.state == "fail" for check in checks)
        say(f"{'Fit' if fit else 'Not fit'}: {failures} failures, {warnings} warnings.")
    raise typer.Exit(0 if fit else UNFIT)


def _line(check: Check) -> str:
    text = f"{check.state:<5} {check.name:<14} {clean(check.text, 400)}"
    return f"{text}\n{'':<20} → {clean(check.remedy, 400)}" if check.remedy else text
