"""Halting: the flag first, then every resting order, then the books. And the way back.

Decided here:
* The flag file comes first; from then on no order leaves, whoever set it: this engine, a face, or `polotui halt`
  without any engine. A task of its own looks for it, so that a halt from outside cancels as well.
* Cancelling needs no risk service, no database and no face. What happened is written down afterwards.
* A halt keeps positions. Only FLATTEN, typed, sells them; only RESUME, typed, goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

from polotui.api import trade_replies as tr
from polotui.core import halt
from polotui.core.clock import Clock
from polotui.core.errors import PolotuiError, Refused, UsageError
from polotui.core.paths import Home
from polotui.core.text import clean
from polotui.risk.values import TradingState
from polotui.trading.exchange.halt import Halted
from polotui.trading.venue import Venue

if TYPE_CHECKING:
    from polotui.core.tasks import Supervisor
    from polotui.trading.gateway import Gateway

log = logging.getLogger("polotui.halt")

LOOK_SECONDS = 0.1
AGAIN_SECONDS = 1.0
PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = 0.1
#: How long a resume waits for a halt that is still cancelling.
RESUME_SECONDS = 8.0


class Book(Protocol):
    """Writes down what happened, when it can: kind, text, caller."""

    def __call__(self, kind: str, text: str, caller: str) -> Awaitable[None]: ...


async def sweep(venue: Venue, clock: Clock) -> Halted:
    """Cancels all that rests at a venue of this process, and looks until nothing is left."""
    started = clock.monotonic()
    before = len(await venue.open_orders())
    while True:
        await venue.cancel_all()
        left = len(await venue.open_orders())
        took = (clock.monotonic() - started) * 1000
        if not left or took > PATIENCE_SECONDS * 1000:
            confirmed = None if left else took
            return Halted(cancelled=before - left, left=left, first_cancel_ms=0.0, confirmed_ms=confirmed)
        await asyncio.sleep(PAUSE_SECONDS)


class Halting:
    """The state of trading, and how it changes."""

    def __init__(
        self,
        *,
        home: Home,
        clock: Clock,
        gateway: Gateway,
        supervisor: Supervisor,
        book: Book,
        changed: Callable[[], None],
    ) -> None:
        self._home = home
        self._clock = clock
        self._gateway = gateway
        self._supervisor = supervisor
        self._book = book
        self._changed = changed
        self._flag = halt.flag_of(home)
        self._cancelling: asyncio.Task[tr.Halted] | None = None
        self._seen = False
        #: Orders pass again: stops that were reached meanwhile do not wait.
        self.on_resumed: Callable[[], None] = lambda: None
        #: How often it was halted here: a resume that waited must not take a newer halt away.
        self._halts = 0
        #: Each cancels all that rests at one venue and looks until nothing is left.
        self.sweeps: list[Callable[[], Awaitable[Halted]]] = []
        #: Why only reducing orders pass, by root account and name; "" as the root is all accounts.
        self.reducing: dict[tuple[str, str], str] = {}

    def state(self, root: str = "paper") -> TradingState:
        """ACTIVE, REDUCING or HALTED, for a root account. The file decides about the last."""
        if self._gateway.halted:
            return "HALTED"
        return "REDUCING" if self._reasons(root) else "ACTIVE"

    def _reasons(self, root: str) -> list[str]:
        return [why for (account, _), why in self.reducing.items() if account in ("", root)]

    def reason(self, root: str = "paper") -> str:
        """Why it is not ACTIVE, in words."""
        note = halt.is_halted(self._home)
        if note is not None:
            return f"{note.reason or 'halted'}{f' ({note.who})' if note.who else ''}"
        if self._gateway.held:
            return self._gateway.held
        return next(iter(self._reasons(root)), "")

    async def halt(self, reason: str, caller: str) -> tr.Halted:
        """Sets the flag and cancels everything; answers when all is confirmed or after half a minute."""
        started = self._clock.monotonic()
        self._halts += 1
        # In memory first: a disk that is full does not keep anybody from halting.
        self._gateway.held = clean(reason, 200) or "halted by hand"
        unwritten = ""
        try:
            halt.halt(self._home, reason or "halted by hand", caller, self._clock)
            self._seen = True
        except PolotuiError as error:
            unwritten = f" The flag file could not be written, so a restart would forget this: {error}"
        self._changed()
        done = await asyncio.shield(self._cancel(started))
        self._write("halt", f"Halted: {reason or 'by hand'}. {done.text}{unwritten}", caller)
        return msgspec.structs.replace(done, text=done.text + unwritten)

    def _cancel(self, started: float) -> asyncio.Task[tr.Halted]:
        if self._cancelling is None or self._cancelling.done():
            self._cancelling = asyncio.create_task(self._cancel_all(started), name="halt")
        return self._cancelling

    async def _cancel_all(self, started: float) -> tr.Halted:
        """Every venue at once, past gate and ledger: what they did is booked when the ledger can take it."""
        outcomes = await asyncio.gather(*(sweep() for sweep in self.sweeps), return_exceptions=True)
        cancelled, left, first, errors = 0, 0, [], []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                log.error("a venue could not be swept", exc_info=outcome)
                errors.append(str(outcome)[:120])
                continue
            cancelled += outcome.cancelled
            left += outcome.left or 0
            errors += outcome.errors
            if outcome.left is None:
                errors.append("the exchange could not be asked what is left")
            if outcome.first_cancel_ms is not None and outcome.cancelled:
                first.append(outcome.first_cancel_ms)
        text = f"No order leaves any more, stops neither. {cancelled} resting orders are cancelled."
        if not cancelled and not left:
            text = "No order leaves any more, stops neither. Nothing rested."
        if left:
            text += f" {left} still rest."
        if errors:
            text += f" Not confirmed: {'; '.join(errors[:3])}."
        return tr.Halted(
            state="HALTED",
            text=text,
            cancelled=cancelled,
            left=left,
            first_cancel_ms=min(first, default=None),
            confirmed_ms=None if left or errors else (self._clock.monotonic() - started) * 1000,
        )

    async def watch(self) -> None:
        """Looks for a flag that somebody else set, or took away; for the supervisor."""
        self._seen = halt.path_is_set(self._flag)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            here = halt.path_is_set(self._flag)
            if here and not self._seen:
                note = halt.is_halted(self._home)
                log.warning("halted from outside", extra={"detail": note.reason if note else ""})
                self._changed()
                done = await asyncio.shield(self._cancel(self._clock.monotonic()))
                self._write("halt", f"Halted: {self.reason()}. {done.text}", note.who if note else "")
            elif self._seen and not here:
                self._changed()
                self.on_resumed()
            self._seen = here

    async def resume(self, words: str, reducing: bool, caller: str) -> tr.Halted:
        """Goes on, or on with reducing orders only. Raises UsageError without the word, Refused while a
        halt is still cancelling."""
        if words != "RESUME":
            raise UsageError(
                "Trading goes on only with the word RESUME.",
                safe="Nothing was changed.",
                next_step="Type RESUME (polotui resume --yes RESUME).",
            )
        before = self._newest_halt()
        await self._halt_is_over()
        if self._newest_halt() != before:
            raise Refused(
                "It was halted again meanwhile.",
                safe="Everything stays halted.",
                next_step="Resume again if that is what you want.",
                code="halting",
            )
        halt.clear(self._home)
        self._gateway.held = ""
        self._seen = False
        if reducing:
            self.reducing["", "person"] = f"only reducing orders, asked for by {clean(caller, 60) or 'a person'}"
        else:
            self.reducing.pop(("", "person"), None)
        self._gateway.trouble.pop("orphan", None)
        self._gateway.trouble.pop("foreign", None)
        self._changed()
        self.on_resumed()
        state = self.state()
        text = {
            "ACTIVE": "Trading goes on.",
            "REDUCING": f"Only reducing orders pass: {self.reason()}.",
            "HALTED": "It is still halted: the flag was set again.",
        }[state]
        self._write("resume", text, caller)
        return tr.Halted(state=state, text=text)

    def _newest_halt(self) -> tuple[int, object]:
        return self._halts, halt.is_halted(self._home)

    async def _halt_is_over(self) -> None:
        """A halt that still cancels would take the orders with it that are placed after the resume."""
        if halt.path_is_set(self._flag) and not self._seen:
            self._cancel(self._clock.monotonic())  # set from outside just now, and not looked at yet
        if self._cancelling is None or self._cancelling.done():
            return
        try:
            async with asyncio.timeout(RESUME_SECONDS):
                await asyncio.shield(self._cancelling)
        except TimeoutError as error:
            raise Refused(
                "The halt is still cancelling what rests.",
                safe="Everything stays halted.",
                next_step="Resume again when it says what it has cancelled; half a minute at most.",
                code="halting",
            ) from error

    def _write(self, kind: str, text: str, caller: str) -> None:
        self._supervisor.task(f"book-{kind}", self._booked(kind, text, caller))

    async def _booked(self, kind: str, text: str, caller: str) -> None:
        while True:
            try:
                await self._book(kind, text, caller)
                return
            except PolotuiError as error:
                log.error("a halt could not be written down yet", extra={"detail": str(error)})
                await asyncio.sleep(AGAIN_SECONDS)
