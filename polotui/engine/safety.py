"""The safety score of the running engine: looked at each minute, on demand, and when something it depends on changed.

Decided here:

* Files are looked at beside the loop, because a disk may be slow; what other parts know is asked on the loop and must
  be at hand. A part that is asked and fails is a bad check, not a missing one.
* Right after the start it looks more often, until what comes late (the exchange's time, the chain) is known.
* The record is signed and kept, so that the last one can be shown when no engine runs.
* A face hears of every look; the facts only tell when trading became impossible, or possible again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from polotui.api.events import Event, SafetyState
from polotui.api.safety import SafetyOutcome, SafetyReport, SafetyView
from polotui.core import threads
from polotui.core.errors import StorageError
from polotui.core.harden import hardening
from polotui.core.lock import InstanceLock
from polotui.security import checks, facts, pins, record, score
from polotui.security.facts import EngineFacts, Finding
from polotui.security.score import RULES, Mode, SafetyScore

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

log = logging.getLogger("polotui.engine.safety")

LOOK_SECONDS = 60.0
#: Pauses between the first looks: what an engine learns in its first moments shows soon.
SETTLING = (1.0, 2.0, 5.0, 15.0)
#: Changes that come in a burst make one look.
GATHER_SECONDS = 0.2
#: Who asks while the engine starts waits this long for it.
READY_SECONDS = 5.0
#: An older look is shown as unknown: the service does not get to look any more.
STALE_MS = 5 * 60_000
_HERE = ("127.0.0.1", "localhost", "[::1]")


class Safety:
    """Publishes `safety`. Made with the engine; parts `plug` what they know before or after it runs."""

    def __init__(self, engine: Engine, lock: InstanceLock | None = None) -> None:
        self._engine = engine
        self._clock = engine.clock
        self._chance = engine.chance.child("safety")
        self._lock = lock
        self._asks: dict[str, Callable[[], Finding]] = {}
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._begun = 0
        self._score: SafetyScore | None = None
        self._record: record.SignedRecord | None = None
        self._pins: pins.Pins | None = None
        self._alarmed = False
        engine.hub.provide("safety", self._event)

    # -- for the other parts ----------------------------------------------------------------------------------------

    def plug(self, name: str, ask: Callable[[], Finding]) -> None:
        """`ask()` answers at once for the check `name` (limits, latches, snapshot, one-account, attested-key), on the
        loop, at each look. Raises KeyError when there is no such check."""
        RULES[name]
        self._asks[name] = ask
        self.again()

    def tell(self, name: str, finding: Finding) -> None:
        """The same for what does not change until it is told again."""
        self.plug(name, lambda: finding)

    def again(self) -> None:
        """Something changed that a check depends on: looks soon."""
        self._wake.set()

    def current(self) -> SafetyScore | None:
        """The newest score, with its time; None before the first look."""
        return self._score

    def demand(self) -> None:
        """Raises Refused, naming what to mend, unless orders of the engine's mode may be sent now."""
        score.demand(self._score, self.mode, self._clock.wall_ms())

    @property
    def mode(self) -> Mode:
        return "live" if self._engine.mode() == "LIVE" else "paper"

    def shown(self) -> tuple[int | None, bool]:
        """For the header: the score, None when unknown or too old, and whether trading may go on."""
        found, now = self._score, self._clock.wall_ms()
        if found is None or found.age_ms(now) > STALE_MS:
            return None, True
        return found.score, found.allows(self.mode, now)

    # -- looking ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        settling = list(SETTLING)
        while True:
            self._wake.clear()
            await self.look()
            await asyncio.sleep(GATHER_SECONDS)
            try:
                async with asyncio.timeout(settling.pop(0) if settling else LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def look(self) -> SafetyScore:
        """Looks now. A look that began after the question answers it, too."""
        asked = self._begun
        async with self._turn:
            if self._begun > asked and self._score is not None:
                return self._score
            self._begun += 1
            at_ms = self._clock.wall_ms()
            found = await self._gather()
            scored = score.judge(checks.outcomes(found), self.mode, at_ms)
            self._score = scored
            self._record = await threads.beside(lambda: self._keep(scored), "safety record")
            self._told(scored, settled="ledger-chain" in (found.engine.told if found.engine else {}))
            return scored

    async def report(self, *, refresh: bool = False) -> SafetyReport:
        """The last look, or a new one. Raises Unreachable when the engine does not come up."""
        if refresh or self._record is None:
            await self._engine.ready(READY_SECONDS)
            await self.look()
        assert self._score is not None
        assert self._record is not None
        return SafetyReport(
            safety=view(self._score),
            age_ms=self._score.age_ms(self._clock.wall_ms()),
            record=msgspec.json.encode(self._record).decode(),
        )

    async def _gather(self) -> facts.Facts:
        engine = self._engine
        known = self._engine_facts()
        stores = engine.stores
        sqlite = stores.ledger_db.health().sqlite_version if stores is not None else ""

        def gather() -> facts.Facts:
            return facts.gather(
                engine.home,
                mode=self.mode,
                demo=engine.mode() == "DEMO",
                simulation=facts.Simulation(engine.settings.safety.simulation_only),
                sqlite=tuple(int(part) for part in sqlite.split(".") if part.isdigit()),
                engine=known,
                known_pins=self._pins,
            )

        found = await threads.beside(gather, "safety")
        self._pins = found.pins
        return found

    def _engine_facts(self) -> EngineFacts:
        engine, exchange, hard = self._engine, self._engine.exchange, hardening()
        offset = exchange.rest.offset if exchange is not None else None
        host = exchange.venue.host if exchange is not None else ""
        return EngineFacts(
            lock="embedded" if self._lock is None else "held" if self._lock.intact() else "lost",
            core_limit=hard.core_limit,
            dumpable=hard.dumpable,
            clock_known=offset is not None and offset.known,
            clock_offset_ms=offset.offset_ms() if offset is not None else None,
            clock_error_ms=offset.error_ms if offset is not None else None,
            has_keys=exchange is not None and exchange.has_keys,
            host=host,
            host_is_here=host.rpartition(":")[0] in _HERE or host in _HERE,
            home_is_demo=engine.home.demo_file.exists(),
            told={name: _answer(name, ask) for name, ask in self._asks.items()},
        )

    def _keep(self, scored: SafetyScore) -> record.SignedRecord:
        """Signed and written. A home that cannot be written makes it unsigned or unkept, not unknown."""
        home = self._engine.home
        made = record.SignedRecord(home=home.key, pid=self._engine.pid, score=scored)
        try:
            made = record.sign(made, record.make_key(home, self._chance))
            record.save(home, made)
        except (OSError, StorageError) as error:
            log.warning("the safety record could not be kept", extra={"detail": str(error)})
        return made

    def _told(self, scored: SafetyScore, *, settled: bool) -> None:
        self._engine.hub.touch("safety")
        self._engine.hub.touch("engine")
        if not settled:
            return  # the chain is still being verified: that is no alarm
        fit = scored.allows(self.mode, scored.at_ms)
        if not fit and not self._alarmed:
            text = f"Safety {scored.score} of 100: no order is sent. To mend: {'; '.join(scored.to_mend())}."
            self._engine.facts.submit("alert", "error", text)
        elif fit and self._alarmed:
            self._engine.facts.submit("alert", "info", f"Safety {scored.score} of 100: orders may be sent again.")
        self._alarmed = not fit

    def _event(self, topic: str, key: str) -> Event | None:
        return SafetyState(safety=view(self._score)) if self._score is not None else None


def _answer(name: str, ask: Callable[[], Finding]) -> Finding:
    try:
        return ask()
    except Exception as error:
        log.exception("a part could not say how it stands", extra={"check": name})
        return Finding("bad", f"unknown: {type(error).__name__}", "polotui logs says why")


def view(scored: SafetyScore) -> SafetyView:
    """The score as faces see it, with what the table says beside each outcome."""
    outcomes = [
        SafetyOutcome(
            name=outcome.name,
            title=RULES[outcome.name].title,
            weight=RULES[outcome.name].weight,
            veto=RULES[outcome.name].veto,
            state=outcome.state,
            text=outcome.text,
            remedy=outcome.advice,
        )
        for outcome in scored.outcomes
    ]
    return SafetyView(
        score=scored.score,
        vetoes=list(scored.vetoes),
        outcomes=outcomes,
        mode=scored.mode,
        at_ms=scored.at_ms,
        may_paper=scored.may_paper,
        may_live=scored.may_live,
    )
