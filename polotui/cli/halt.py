"""`polotui halt`: no order leaves any more.

Decided here: the flag comes first and needs no engine; every gateway looks for it before each order. Then an engine
that runs is told, and asked for 2 s what it has cancelled; none is ever started. The last word says what is known:
with an engine that does not confirm, the flag holds and the exit code is 3; with orders that still rest it is 1.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from polotui.api.attach import attach
from polotui.api.risk_commands import Halt
from polotui.api.trade_replies import Halted
from polotui.cli.decisions import FAILED
from polotui.cli.options import AsJson, Demo, HomeDir
from polotui.cli.output import document, moment, note, say
from polotui.cli.where import Where, where
from polotui.core import halt as flag
from polotui.core.clock import SystemClock
from polotui.core.errors import EngineGone, PolotuiError
from polotui.core.lock import InstanceLock
from polotui.core.text import clean
from polotui.core.who import who_asks

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
#: How long a halt waits for the engine; the flag holds whatever it says.
ENGINE_SECONDS = 2.0
UNCONFIRMED = 3


@app.command()
def halt(
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why, for the audit; in quotes.")] = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """No order leaves any more, and what rests is cancelled. Positions stay. polotui resume goes on."""
    place, who = where(home, demo=demo), who_asks()
    trouble: PolotuiError | None = None
    standing = flag.is_halted(place.home)
    written: flag.HaltNote | None = None
    try:
        written = flag.halt(place.home, reason or "halted by hand", who, SystemClock())
    except PolotuiError as error:
        trouble = error  # the engine, if one runs, is told all the same
    told, silence = asyncio.run(_tell(place, reason, who))
    if trouble is not None and told is None:
        raise trouble
    held = written is not None
    if as_json:
        say(document("halt", _fields(place, written, told, silence)))
    else:
        for line in _words(place, written, standing is not None, told, silence):
            say(line)
        if trouble is not None:
            note(str(trouble))
    if silence == "silent":
        raise typer.Exit(UNCONFIRMED)
    if not held or (told is not None and told.left):
        raise typer.Exit(FAILED)


async def _tell(place: Where, reason: str, who: str) -> tuple[Halted | None, str]:
    """What a running engine confirmed, and "confirmed", "none" (no engine runs) or "silent"."""
    try:
        async with asyncio.timeout(ENGINE_SECONDS):
            link = await attach(place.home, face="cli")
            try:
                reply: Halted = await link.call(Halt(reason=reason, caller=who), seconds=ENGINE_SECONDS)
                return reply, "confirmed"
            finally:
                await link.close()
    except EngineGone:
        return None, "silent" if _engine_lives(place) else "none"
    except (PolotuiError, TimeoutError):
        return None, "silent"


def _engine_lives(place: Where) -> bool:
    """Whether some process holds the engine's lock."""
    if not place.home.lock.exists():
        return False
    try:
        with InstanceLock(place.home.lock):
            return False
    except (PolotuiError, OSError):
        return True


def _fields(place: Where, written: flag.HaltNote | None, told: Halted | None, engine: str) -> dict[str, Any]:
    return {
        "halted": written is not None or told is not None,
        "flag": str(flag.flag_of(place.home)) if written is not None else "",
        "since_ms": written.at_ms if written is not None else 0,
        "reason": written.reason if written is not None else "",
        "who": written.who if written is not None else "",
        "engine": engine,
        "text": told.text if told is not None else "",
        "cancelled": told.cancelled if told is not None else None,
        "left": told.left if told is not None else None,
        "first_cancel_ms": told.first_cancel_ms if told is not None else None,
        "confirmed_ms": told.confirmed_ms if told is not None else None,
    }


def _words(place: Where, written: flag.HaltNote | None, stood: bool, told: Halted | None, engine: str) -> list[str]:
    lines = []
    if written is not None:
        since = f" since {moment(written.at_ms)} UTC" if stood and written.at_ms else ""
        why = f": {clean(written.reason, 200)}" if written.reason else ""
        lines.append(f"HALTED{since}{why}. The flag is {clean(flag.flag_of(place.home))}.")
    if told is not None:
        took = f" Confirmed in {told.confirmed_ms:.0f} ms." if told.confirmed_ms is not None else ""
        lines.append(f"{clean(told.text, 400)}{took}")
        if told.left:
            lines.append(f"{told.left} still rest; the engine goes on asking. polotui order list --open shows them.")
    elif engine == "none":
        lines.append("No engine runs; one that starts here starts halted.")
    else:
        lines.append(
            f"The engine did not confirm within {ENGINE_SECONDS:.0f} s. It looks for the flag by itself before each "
            "order; polotui order list --open shows whether anything still rests."
        )
    return lines
