"""The command palette: the command line's verbs, inside the desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from polotui.api.commands import (
    DataDownload,
    DataList,
    DataVerify,
    GetFacts,
    GetHealth,
    GetJobs,
    PaperDeposit,
    StopEngine,
)
from polotui.api.replies import DataReport, DataSets, Done, Facts, Health, Jobs, JobStarted
from polotui.core.text import clean
from polotui.tui.numbers import age, clock, moment
from polotui.tui.shell.dialogs import Question, columns
from polotui.tui.shell.giving import Giving
from polotui.tui.shell.halting import Halting
from polotui.tui.shell.leaving import Leaving
from polotui.tui.shell.look import Look
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.shell.trading_view import TradingView
from polotui.tui.shell.words import Words
from polotui.tui.widgets.painted import Line

DAY_MS = 86_400_000
_STATE_TONES = {"online": "good", "degraded": "warn", "offline": "bad"}


@dataclass(frozen=True)
class Verb:
    """A verb of the palette. `run` gets the words typed after it."""

    name: str
    words: str
    run: Callable[[list[str]], None]
    changes: bool = False


class Verbs(TradingView, Leaving, Halting, Look, Giving, Words):
    """`:` or ctrl+p."""

    def verbs(self) -> list[Verb]:
        screens = [
            Verb(entry.name, f"the screen {entry.title}", partial(self._screen, entry.name)) for entry in self.screens
        ]
        return [
            *screens,
            Verb("health", "state of each part", lambda words: self.ask(GetHealth(), self._health)),
            Verb("events", "what happened, newest first", self._events),
            Verb("jobs", "downloads and other jobs", lambda words: self.ask(GetJobs(), self._jobs)),
            Verb("data list", "stored candles", lambda words: self.ask(DataList(), self._data)),
            Verb("data verify", "SYMBOL [TIMEFRAME] · check stored candles", self._verify),
            Verb("data download", "SYMBOL [DAYS] · fetch 1-minute candles", self._download, changes=True),
            Verb("halt", "no order leaves any more; asks first", lambda words: self.ask_halt()),
            Verb("resume", "trading goes on; asks for a word", lambda words: self.ask_resume(), changes=True),
            Verb("flatten", "sell everything; asks for a word", lambda words: self.ask_flatten(), changes=True),
            Verb("paper deposit", "CURRENCY AMOUNT · virtual money", self._deposit, changes=True),
            Verb("engine status", "process, streams, limits", lambda words: self._status()),
            Verb("engine stop", "end it; asks first", lambda words: self._stop_engine(), changes=True),
            Verb("engine start", "start it and attach", lambda words: self.action_start_engine()),
            Verb("config set face.theme", "NAME · theme, remembered", self._theme),
            Verb("config set face.frame_rate", "NUMBER · repaints a second, remembered", self._rate),
            Verb("config show", "this face's settings", lambda words: self._settings()),
            Verb("market link", "copy the TradingView address of this chart", lambda words: self._link()),
            Verb("export", "the focused pane as CSV or JSON", lambda words: self.action_export()),
            Verb("notifications", "all messages", lambda words: self.action_notices()),
            Verb("help", "keys of the focused pane", lambda words: self.action_help()),
            Verb("guides", "the documentation", lambda words: self.action_guides()),
            Verb("quit", "leave; the engine is not touched", lambda words: self.action_leave()),
        ]

    def action_palette(self) -> None:
        choices = [
            Choice(verb.name, verb.name, verb.words) for verb in self.verbs() if not (verb.changes and self.read_only)
        ]

        def run(typed: str | None) -> None:
            if typed:
                self.run_typed(typed)

        self.push_screen(Picker("Command", choices, prompt=":", free=True), run)

    def run_typed(self, typed: str) -> None:
        """Runs what was typed: the longest verb it starts with, the rest are its arguments."""
        text = " ".join(typed.split())
        found = [verb for verb in self.verbs() if f"{text.lower()} ".startswith(f"{verb.name} ")]
        if not found:
            self.tell(f"There is no command «{text}». : lists them.", "warning")
            return
        verb = max(found, key=lambda verb: len(verb.name))
        if verb.changes and not self.may_change():
            return
        verb.run(text[len(verb.name) :].split())

    def run_named(self, action: str) -> None:
        """An action by name, for clicks in the header."""
        getattr(self, f"action_{action}")()

    def _screen(self, name: str, words: list[str]) -> None:
        if name == "market" and words:
            symbol = words[0].upper()
            if self.store.symbols and symbol not in self.store.symbols:
                self.tell(f"{symbol} is not a symbol of this exchange.", "warning")
                return
            self.show_symbol(symbol)
        if name == "balance" and words:
            self.account_name = words[0].lower()
            self.store.mark("view")
        self.go_to(name)

    def _theme(self, words: list[str]) -> None:
        if words:
            self.choose_theme(words[0])
            return
        choices = [Choice(name, name, spec.title) for name, spec in self.specs.items()]
        self.push_screen(Picker("Theme", choices), lambda name: self.choose_theme(name) if name else None)

    def _rate(self, words: list[str]) -> None:
        try:
            rate = float(words[0])
        except (IndexError, ValueError):
            rate = 0.0
        if not 0.5 <= rate <= 20:
            self.tell("A number from 0.5 to 20, such as: config set face.frame_rate 4", "warning")
            return
        self.set_rate(rate)
        self.remember("face.frame_rate", rate)
        self.tell(f"At most {rate:g} repaints a second. It is remembered.")

    def _stop_engine(self) -> None:
        engine = self.store.engine
        busy = ", ".join(clean(what, 60) for what in engine.busy) if engine is not None and engine.busy else "nothing"
        text = f"End the engine? Running now: {busy}. This screen stays open; ctrl+r starts the engine again."

        def answered(answer: str | None) -> None:
            if answer == "y":
                self.ask(StopEngine(force=True), self._done)

        self.push_screen(Question("Engine", text, [("y", "end it"), ("n", "leave it")], "n"), answered)

    def _settings(self) -> None:
        values = msgspec.structs.asdict(self.settings)
        rows = [[(f"face.{name}", "muted"), (clean(value, 200), "")] for name, value in values.items()]
        self.read("config show", columns(rows))

    def _link(self) -> None:
        symbol = self.view.symbol.replace("_", "")
        address = f"https://www.tradingview.com/chart/?symbol=POLONIEX:{symbol}"
        self.copy_to_clipboard(address)
        self.tell(f"Copied {address}")

    def _download(self, words: list[str]) -> None:
        symbol = (words[0] if words else self.view.symbol).upper()
        days = int(words[1]) if len(words) > 1 and words[1].isdigit() else 30
        command = DataDownload(symbol=symbol, from_ms=self.clock.wall_ms() - min(days, 3650) * DAY_MS)
        self.ask(command, self._started)

    def _started(self, reply: JobStarted) -> None:
        self.tell(f"Job {reply.id} started: {reply.title}. :jobs shows it.")

    def _deposit(self, words: list[str]) -> None:
        if len(words) != 2:
            self.tell("Currency and amount, such as: paper deposit USDT 1000", "warning")
            return
        self.ask(PaperDeposit(currency=words[0].upper(), amount=words[1]), self._done)

    def _done(self, reply: Done) -> None:
        self.tell(reply.text)

    def _verify(self, words: list[str]) -> None:
        symbol = (words[0] if words else self.view.symbol).upper()
        frame = words[1] if len(words) > 1 else "1m"
        self.ask(DataVerify(symbol=symbol, timeframe=frame), self._report)

    # replies as texts

    def _report(self, reply: DataReport) -> None:
        head = f"{clean(reply.symbol)} {clean(reply.timeframe)}: {reply.candles:,} candles, "
        lines: list[Line] = [
            [(head, ""), ("sound", "good") if reply.ok else (f"{len(reply.findings)} findings", "warn")]
        ]
        lines += [[(f"sha256 {clean(reply.hash)}", "muted")], []]
        lines += columns(
            [[(moment(f.at_ms), "muted"), (clean(f.kind), "warn"), (clean(f.text), "")] for f in reply.findings[:500]]
        )
        self.read("data verify", lines)

    def _health(self, reply: Health) -> None:
        lines: list[Line] = [[("overall ", "muted"), (reply.state, _STATE_TONES.get(reply.state, ""))], []]
        for part in reply.parts:
            lines.append(
                [(f"{clean(part.name):<12}", "title"), (f"{part.state:<10}", _STATE_TONES.get(part.state, ""))]
            )
            lines.append([(f"  {clean(part.text, 300)}", "")])
            lines += [[(f"    {clean(name)}: {clean(value)}", "muted")] for name, value in part.figures.items()]
        self.read("health", lines)

    def _events(self, words: list[str]) -> None:
        self.ask(GetFacts(after=max(0, self.store.last_fact - 200), limit=200), self._facts)

    def _facts(self, reply: Facts) -> None:
        tones = {"warning": "warn", "error": "bad"}
        rows = [
            [
                (f"{moment(fact.at_ms)[:7]}{clock(fact.at_ms)}", "muted"),
                (clean(fact.kind, 20), "key"),
                (clean(fact.text, 400), tones.get(fact.level, "")),
            ]
            for fact in reversed(reply.facts)
        ]
        self.read("events", columns(rows) or [[("Nothing has happened yet.", "muted")]])

    def _jobs(self, reply: Jobs) -> None:
        rows = [
            [(f"#{job.id}", "muted"), (clean(job.title, 60), ""), (f"{job.done * 100:3.0f} %", ""), _job_end(job)]
            for job in reply.jobs
        ]
        self.read("jobs", columns(rows) or [[("No jobs yet. :data download SYMBOL starts one.", "muted")]])

    def _data(self, reply: DataSets) -> None:
        rows = [
            [
                (clean(item.symbol, 24), "title"),
                (clean(item.timeframe, 6), ""),
                (f"{item.candles:>12,}", ""),
                (f"{moment(item.from_ms)} – {moment(item.to_ms)}", "muted"),
                (f"{item.gaps} gaps", "warn" if item.gaps else "muted"),
                (clean(", ".join(item.sources), 40), "muted"),
            ]
            for item in reply.sets
        ]
        self.read("data list", columns(rows, 2) or [[("No candles stored. :data download SYMBOL DAYS", "muted")]])

    def _status(self) -> None:
        engine = self.store.engine
        if engine is None:
            self.tell("No engine has been heard yet. ctrl+r starts it.", "warning")
            return
        now = self.clock.wall_ms()
        offset = "unknown" if engine.clock_offset_ms is None else f"{engine.clock_offset_ms:+.0f} ms"
        rows: list[tuple[str, Any]] = [
            ("version", engine.version),
            ("process", f"{engine.pid}, up {age(now - engine.started_ms)}, {engine.faces} faces"),
            ("mode", f"{engine.mode} · {engine.venue} · {engine.host}"),
            ("clock", offset),
            ("running", ", ".join(engine.busy) or "nothing"),
        ]
        for stream in engine.streams:
            counted = f"{stream.messages:,} messages, {stream.reconnects} reconnects, {stream.lost} lost"
            rows.append((f"stream {stream.name}", f"{stream.phase} · {counted} {stream.detail}"))
        rows += [(f"limit {use.name}", f"{use.used}/{use.capacity}") for use in engine.limits]
        self.read(
            "engine status", columns([[(clean(name, 40), "muted"), (clean(value, 200), "")] for name, value in rows])
        )


def _job_end(job: Any) -> tuple[str, str]:
    if not job.end:
        return clean(job.detail, 60) or "running", "key"
    words = f"{job.end}: {clean(job.reason, 60)}" if job.reason else job.end
    return words, "good" if job.end == "completed" else "warn"
