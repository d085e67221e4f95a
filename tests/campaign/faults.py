"""The plan of one run: which faults, how often, and when. Everything is drawn from the run's seed.

Decided here (swarm testing): a seed draws for each kind of fault whether it happens not at all, at its usual rate, or
at twice that, so some runs are extreme in one dimension and calm in the others.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from polotui.simulator.faults import Rule
from polotui.simulator.serve import Simulator
from tests.rig import World
from tests.rig.network import Link

#: Rates of faults on stream frames and requests.
FRAMES = {"drop": 0.002, "duplicate": 0.002, "reorder": 0.002, "corrupt": 0.0005, "delay": 0.001}
REQUESTS = {"throttle": 0.03, "error": 0.03, "lost": 0.02, "slow": 0.02}
#: Sudden events; one comes every four minutes on average.
EVENTS = ("reset", "half-open", "refuse", "dns", "latency", "maintenance", "silence", "step")
EVERY_SECONDS = 240.0
SILENCE_SECONDS = 90.0
LATENCIES = ((0.005, 0.060), (0.2, 0.9), (0.001, 0.01))
HEALTHY_LATENCY = (0.005, 0.060)


@dataclass
class Window:
    """A time in which the network itself was not well: what happens in it is not judged by the clock."""

    start: float
    end: float


@dataclass
class Plan:
    """What happened to a run. `half_open` are the moments, `silences` (start, channel, symbol)."""

    windows: list[Window] = field(default_factory=list)
    disturbances: list[float] = field(default_factory=list)
    half_open: list[float] = field(default_factory=list)
    silences: list[tuple[float, str, str]] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)

    def quiet(self, start: float, end: float) -> bool:
        """True when the network was well in all of [start, end]."""
        return not any(window.start <= end and start <= window.end for window in self.windows)


class Faults:
    """Carries the plan out until cancelled; `heal` puts everything right."""

    def __init__(self, world: World, exchange: Simulator, symbols: list[str]) -> None:
        self.world = world
        self.exchange = exchange
        self.symbols = symbols
        self.plan = Plan()
        self.rng = world.chance.child("plan").generator()
        self.frame_rules = [
            Rule(
                kind=kind,  # type: ignore[arg-type]
                # A delayed frame holds up its channel for seconds; on a book that would be the fault's time, not ours.
                channel="trades" if kind == "delay" else "*",
                rate=rate * self.rng.choice((0, 1, 2)),
                seconds=(1.0, 8.0),
            )
            for kind, rate in FRAMES.items()
        ]
        self.request_rules = [
            Rule(
                kind=kind,  # type: ignore[arg-type]
                rate=rate * self.rng.choice((0, 1, 2)),
                retry_after=self.rng.choice((None, 2, 3)) if kind == "throttle" else None,
                seconds=(0.5, 3.0),
            )
            for kind, rate in REQUESTS.items()
        ]
        self._silenced: list[Rule] = []
        self._hard: list[asyncio.TimerHandle] = []

    def begin(self) -> None:
        self._load()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / EVERY_SECONDS))
            event = self.rng.choice(EVENTS)
            self.world.note("fault", event)
            getattr(self, "_" + event.replace("-", "_"))()

    def heal(self) -> None:
        self.frame_rules, self.request_rules, self._silenced = [], [], []
        for timer in self._hard:
            timer.cancel()
        self._load()
        network = self.world.network
        network.dns_down = network.refuse = False
        network.latency = HEALTHY_LATENCY
        self.exchange.exchange.set_maintenance(False)
        self.exchange.hard_maintenance = False

    def _load(self) -> None:
        rules = [*self._silenced, *self.frame_rules, *self.request_rules]
        self.exchange.faults.load([rule for rule in rules if rule.rate > 0])

    def _later(self, seconds: float, undo: object) -> None:
        self._hard.append(self.world.loop.call_later(seconds, undo))  # type: ignore[arg-type]

    def _unwell(self, seconds: float) -> None:
        # A connection that was refused or lost comes back after the longest pause at most.
        now = self.world.loop.now
        self.plan.windows.append(Window(now, now + seconds + 45.0))
        self.plan.disturbances.append(now)

    def _reset(self) -> None:
        live = [link for link in self.world.network.links if link.alive]
        if live:
            self._unwell(0)
            self.rng.choice(live).reset()

    def _half_open(self) -> None:
        streams = self._stream_links()
        if streams:
            now = self.world.loop.now
            if self.plan.quiet(now, now):
                self.plan.half_open.append(now)
            self.plan.disturbances.append(now)
            self.plan.windows.append(Window(now, now + 21.0))
            self.rng.choice(streams).half_open()

    def _stream_links(self) -> list[Link]:
        links = [link for link in self.world.network.links if link.alive and not any(link.deaf)]
        return [
            link for link in links if type(link.ends[0].get_protocol()).__module__.startswith(("picows", "websockets"))
        ]

    def _refuse(self) -> None:
        self._unwell(20)
        self.world.network.refuse = True
        self._reset()
        self._later(20, lambda: setattr(self.world.network, "refuse", False))

    def _dns(self) -> None:
        self._unwell(20)
        self.world.network.dns_down = True
        self._reset()
        self._later(20, lambda: setattr(self.world.network, "dns_down", False))

    def _latency(self) -> None:
        self.world.network.latency = self.rng.choice(LATENCIES)
        if self.world.network.latency != HEALTHY_LATENCY:
            self._unwell(120)
            self._later(120, lambda: setattr(self.world.network, "latency", HEALTHY_LATENCY))

    def _maintenance(self) -> None:
        self._unwell(30)
        self.exchange.hard_maintenance = True
        self.exchange.exchange.set_maintenance(True)

        def over() -> None:
            self.exchange.hard_maintenance = False
            self.exchange.exchange.set_maintenance(False)

        self._later(30, over)

    def _silence(self) -> None:
        """One channel of one symbol stops, while pings are still answered and everything else goes on."""
        channel, symbol = self.rng.choice(("book_lv2", "ticker", "trades")), self.rng.choice(self.symbols)
        rule = Rule(kind="silence", channel=channel, symbol=symbol, times=10**9)
        self.plan.silences.append((self.world.loop.now, channel, symbol))
        self._silenced.append(rule)
        self._load()

        def over() -> None:
            if rule in self._silenced:
                self._silenced.remove(rule)
                self._load()

        self._later(SILENCE_SECONDS, over)

    def _step(self) -> None:
        self.plan.steps.append(self.world.loop.now)
        self.world.client_clock.step(self.rng.choice((-600_000, -10_000, 10_000, 600_000)))  # type: ignore[attr-defined]
