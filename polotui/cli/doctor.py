"""`polotui doctor`: is this machine fit, and what to do where it is not.

Decided here: it looks and changes nothing, starts no engine, asks no exchange. Each line is ok, warn or fail with the
exact remedy. The safety score is the running engine's; without one the doctor looks itself and says what only an engine
knows. One fail, a score that is not above 90, a veto, or a record that is not this home's means exit code 4. Secrets
are named, never printed.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import typer

from polotui.cli.checks import Check, engine, own_checks
from polotui.cli.options import AsJson, Demo, HomeDir
from polotui.cli.output import document, say
from polotui.cli.readiness import Point, readiness
from polotui.cli.safety import Judged, judged
from polotui.cli.where import where
from polotui.core.clock import SystemClock
from polotui.core.text import clean
from polotui.security.score import PAPER_ABOVE, RULES, Outcome

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
UNFIT = 4


@app.command()
def doctor(home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Is this machine fit? The safety score, and each line ok, warn or fail with what to do. Exit code 4: not fit."""
    place = where(home, demo=demo)
    own = own_checks(place.home)
    asked = asyncio.run(engine(place.home))
    checks = [*own, *asked.lines]
    now = SystemClock().wall_ms()
    safety = judged(place, asked.safety, now)
    points = readiness(safety, asked, own, now)
    fit = safety.holds and all(check.state != "fail" for check in checks)
    if as_json:
        say(
            document(
                "doctor",
                {
                    "fit": fit,
                    "checks": [asdict(check) for check in checks],
                    "safety": safety.document(),
                    "readiness": [asdict(point) for point in points],
                },
            )
        )
    else:
        say("\n".join(_line(check.state, check.name, check.text, check.remedy) for check in checks))
        say("\n" + "\n".join(_safety(safety)))
        say("\n" + "\n".join(_readiness(points)))
        say("\n" + _verdict(fit, checks, safety))
    raise typer.Exit(0 if fit else UNFIT)


def _line(state: str, name: str, text: str, remedy: str) -> str:
    line = f"{state:<5} {name:<20} {clean(text, 400)}"
    return f"{line}\n{'':<26} → {clean(remedy, 400)}" if remedy else line


def _safety(safety: Judged) -> list[str]:
    head = f"Safety {safety.score.score} of 100, {safety.source_words()}"
    return [head, *(_outcome(outcome) for outcome in safety.score.outcomes)]


def _outcome(outcome: Outcome) -> str:
    rule = RULES[outcome.name]
    state = {"ok": "ok", "bad": "fail", "does not apply": "–"}[outcome.state]
    points = f" (-{rule.weight}{', veto' if rule.veto == 'always' else ''})" if outcome.state == "bad" else ""
    return _line(state, outcome.name.replace("-", " "), outcome.text + points, outcome.advice)


def _readiness(points: list[Point]) -> list[str]:
    words = {"ok": "ok", "bad": "fail", "not there yet": "–"}
    lines = []
    for point in points:
        age = f", {point.age_ms / 1000:.0f} s ago" if point.age_ms is not None else ""
        text = f"not there yet: {point.text}" if point.state == "not there yet" else point.text
        lines.append(_line(words[point.state], point.name, text + age, ""))
    return ["Ready for real money? Ten points", *lines]


def _verdict(fit: bool, checks: list[Check], safety: Judged) -> str:
    failures = sum(check.state == "fail" for check in checks)
    warnings = sum(check.state == "warn" for check in checks)
    score = safety.score
    vetoes = f", vetoes: {', '.join(score.vetoes)}" if score.vetoes else ""
    needs = "" if score.may_paper else f" (trading needs above {PAPER_ABOVE} and no veto)"
    needs += " (its record is not this home's)" if safety.signed is False else ""
    return (
        f"{'Fit' if fit else 'Not fit'}: safety {score.score}{vetoes}{needs}, {failures} failures, {warnings} warnings."
    )
