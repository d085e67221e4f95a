"""`polotui risk`: what protects the account, and its limits, alerts, latches and locks.

Decided here: a change of limits is shown as a diff before it counts, and applied only when it is said (`set`,
`--apply`). Values are written as people write them: 5 for 5 %. What a rule refuses ends with 4.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from polotui.api.replies import Done
from polotui.api.risk_commands import (
    AcknowledgeAlert,
    ClearLatch,
    GetLimits,
    GetRisk,
    ListAlerts,
    LockPair,
    PreviewLimits,
    SetLimits,
)
from polotui.api.trade_replies import Alerts, Limits, LimitsPreview, LimitsSet, Risk
from polotui.api.trade_values import LatchRow
from polotui.cli import risk_looks, risk_words
from polotui.cli.engine_link import ask
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import document, note, say
from polotui.cli.run_options import named_values
from polotui.cli.strategies import near
from polotui.cli.where import Where, symbol_of, where
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.core.who import who_asks

app = new_app("The risk desk: limits, exposure, alerts, latches, locks, sizing, what-if.")
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the audit; loosening needs one.")]
NOTHING_CHANGED = "The limits are as they were."


class Work(Enum):
    """What to do with the limits."""

    GET = "get"
    SET = "set"
    WITHDRAW = "withdraw"


@app.command()
def status(home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """The desk now: the meter with its formula, use of each limit, stops, latches, locks, alerts."""
    reply = _risk(where(home, demo=demo))
    say(document("risk.status", reply) if as_json else risk_words.desk(reply))


@app.command()
def limits(
    work: Annotated[Work, typer.Argument(metavar="get|set|withdraw", help="withdraw: what waits to count.")] = (
        Work.GET
    ),
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME|NAME=VALUE]...", help="daily_loss=3 means 3 %; on and off.")
    ] = None,
    what_if: Annotated[bool, typer.Option("--what-if", help="With set: only show what would change.")] = False,
    reason: Reason = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """The limits, or changes to them. Tightening counts at once, loosening after a delay and with a reason."""
    place, given = where(home, demo=demo), words or []
    if work is Work.SET:
        changes = _changes(given)
        if what_if:
            _preview(place, PreviewLimits(changes=changes), "risk.limits.preview", as_json=as_json)
        else:
            command = SetLimits(changes=changes, reason=reason, caller=who_asks())
            _set(place, command, "risk.limits.set", as_json=as_json)
    elif work is Work.WITHDRAW:
        if given:
            raise UsageError("withdraw takes no names: it takes back all that waits.", safe=NOTHING_CHANGED)
        _set(place, SetLimits(withdraw=True, caller=who_asks()), "risk.limits.withdraw", as_json=as_json)
    else:
        _show(place, given, as_json=as_json)


@app.command()
def preset(
    name: Annotated[str, typer.Argument(metavar="NAME", help="None: which there are.")] = "",
    apply: Annotated[bool, typer.Option("--apply", help="Let it count; else only the difference is shown.")] = False,
    reason: Reason = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Presets of limits: conservative, moderate, aggressive. Shows the difference before anything counts."""
    place = where(home, demo=demo)
    if not name:
        if apply:
            raise UsageError("Say which preset to apply.", safe=NOTHING_CHANGED)
        reply = ask(place, GetLimits())
        assert isinstance(reply, Limits)
        if as_json:
            say(document("risk.presets", {"preset": reply.preset, "presets": reply.presets}))
        else:
            say("\n".join(f"{'▸' if each == reply.preset else ' '} {clean(each, 40)}" for each in reply.presets))
            if reply.preset not in reply.presets:
                say(f"▸ {clean(reply.preset, 40)}")
    elif apply:
        _set(place, SetLimits(preset=name, reason=reason, caller=who_asks()), "risk.preset.apply", as_json=as_json)
    else:
        _preview(place, PreviewLimits(preset=name), "risk.preset", as_json=as_json)
        if not as_json:
            note(f"Nothing was changed. polotui risk preset {clean(name, 40)} --apply lets it count.")


@app.command()
def alerts(
    all_: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="How many.")] = 50,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Alerts: near a limit, breached, unusual, safety. Newest first."""
    reply = ask(where(home, demo=demo), ListAlerts(open=not all_, limit=limit))
    assert isinstance(reply, Alerts)
    if as_json:
        say(document("risk.alerts", reply))
    elif reply.alerts:
        say(risk_words.alerts(reply.alerts))
    else:
        say("There was no alert." if all_ else "No alert is open.")


@app.command()
def ack(
    alert: Annotated[str, typer.Argument(metavar="ID|all", help="An alert's number, or all.")],
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Acknowledges alerts. A breach stays until it is cured."""
    number = 0 if alert == "all" else int(alert) if alert.isascii() and alert.isdigit() else -1
    if number < 0 or alert == "0":
        raise UsageError(f"{clean(alert, 20)!r} is neither an alert's number nor all.", safe="Nothing was changed.")
    _done(where(home, demo=demo), AcknowledgeAlert(alert=number, caller=who_asks()), "risk.ack", as_json=as_json)


@app.command()
def exposure(home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Share of the equity by asset and by strategy."""
    reply = _risk(where(home, demo=demo))
    if as_json:
        say(document("risk.exposure", {"exposure": reply.exposure, "cash_share": reply.cash_share}))
    else:
        say(risk_words.exposure(reply))


@app.command()
def latch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="None: those that are set.")] = "",
    acknowledge: Annotated[bool, typer.Option("--acknowledge", help="Its time is over: let it go.")] = False,
    override: Annotated[str, typer.Option("--override", metavar="WORDS", help="Clear it before, by its words.")] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; an override needs one.")] = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Latches: what was tripped and stays until a person clears it."""
    if acknowledge and override:
        raise UsageError("Either --acknowledge or --override, not both.", safe="Nothing was changed.")
    if (acknowledge or override) and not name:
        raise UsageError("Say which latch.", safe="Nothing was changed.")
    place = where(home, demo=demo)
    if acknowledge or override:
        command = ClearLatch(name=name, words=override, reason=reason, caller=who_asks())
        _done(place, command, "risk.latch.clear", as_json=as_json)
        return
    found: list[LatchRow] = [row for row in _risk(place).latches if name in ("", row.name)]
    if name and not found:
        raise UsageError(f"No latch {clean(name, 40)!r} is set.", safe="Nothing was changed.")
    say(document("risk.latch", {"latches": found}) if as_json else risk_words.latches(found) or "No latch is set.")


@app.command()
def lock(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTC_USDT.")],
    hours: Annotated[float, typer.Option("--hours", metavar="H", help="For how long.")] = 24.0,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")] = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """No entries on a pair for some hours; exits go on."""
    if not reason.strip():
        raise UsageError("A lock needs its reason: --reason.", safe="Nothing was changed.")
    command = LockPair(symbol=symbol_of(symbol), hours=hours, reason=reason, caller=who_asks())
    _done(where(home, demo=demo), command, "risk.lock", as_json=as_json)


@app.command()
def unlock(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTC_USDT.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")] = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Lifts the locks of a pair; its losses from before do not count again."""
    command = LockPair(symbol=symbol_of(symbol), lift=True, reason=reason, caller=who_asks())
    _done(where(home, demo=demo), command, "risk.unlock", as_json=as_json)


for made in (
    risk_looks.size,
    risk_looks.assess,
    risk_looks.correlation,
    risk_looks.history,
    risk_looks.report,
):
    app.command()(made)


def _risk(place: Where) -> Risk:
    reply = ask(place, GetRisk())
    assert isinstance(reply, Risk)
    return reply


def _done(place: Where, command: AcknowledgeAlert | ClearLatch | LockPair, name: str, *, as_json: bool) -> None:
    done = ask(place, command)
    assert isinstance(done, Done)
    say(document(name, done) if as_json else clean(done.text, 400))


def _show(place: Where, names: list[str], *, as_json: bool) -> None:
    reply = ask(place, GetLimits())
    assert isinstance(reply, Limits)
    known = [field.name for field in reply.fields]
    if unknown := next((name for name in names if name not in known), ""):
        raise UsageError(
            f"There is no limit {clean(unknown, 40)!r}.",
            safe=NOTHING_CHANGED,
            next_step=near(unknown, known) or "Without a name all are shown.",
        )
    fields = [field for field in reply.fields if not names or field.name in names]
    if as_json:
        told = {"preset": reply.preset, "fields": fields, "presets": reply.presets, "pending": reply.pending}
        say(document("risk.limits", told | {"pending_ms": reply.pending_ms, "changed_ms": reply.changed_ms}))
    else:
        say(risk_words.limits(reply, fields, whole=not names))


def _changes(words: list[str]) -> dict[str, str]:
    if not words:
        raise UsageError("Say what to set, such as daily_loss=3.", safe=NOTHING_CHANGED)
    found: dict[str, str] = {}
    for word in words:
        name, value = named_values(word, "A limit", "daily_loss=3", safe=NOTHING_CHANGED)
        if name in found:
            raise UsageError(f"{clean(name, 40)} is there twice.", safe=NOTHING_CHANGED)
        found[name] = value
    return found


def _preview(place: Where, command: PreviewLimits, name: str, *, as_json: bool) -> None:
    reply = ask(place, command)
    assert isinstance(reply, LimitsPreview)
    if reply.errors and not as_json:
        raise UsageError(" ".join(clean(text, 200) for text in reply.errors.values()), safe=NOTHING_CHANGED)
    say(document(name, reply) if as_json else risk_words.preview(reply))
    if reply.errors:
        raise typer.Exit(UsageError.exit_code)


def _set(place: Where, command: SetLimits, name: str, *, as_json: bool) -> None:
    reply = ask(place, command)
    assert isinstance(reply, LimitsSet)
    if as_json:
        say(document(name, reply))
        return
    if reply.changes:
        say(risk_words.changes(reply.changes))
    say(clean(reply.text, 400))
