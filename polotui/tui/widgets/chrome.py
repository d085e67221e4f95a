"""The frame of the desk: what is true (header), where one is (tabs), what needs attention (banner), what one can do
(footer). One line each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events

from polotui.api.events import EngineState, LimitUse, StreamStatus
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import UNKNOWN, age, clock, group, percent, tone_of
from polotui.tui.widgets.painted import Line, Painted, crop, width_of
from polotui.tui.widgets.pane import Pane
from polotui.tui.widgets.sparkline import BLOCKS, bar

if TYPE_CHECKING:
    from polotui.tui.screens.registry import Entry

_LEFT = ("mode", "state", "words", "venue")
_MODE_WORDS = {"DEMO": "virtual money", "PAPER": "paper money", "LIVE": "real money"}


class HeaderBar(Painted):
    """Name, mode, equity, the stream's age, limits, safety, clock. Narrow: venue, safety, limits, clock go first.

    A score that blocks trading stays longer than the rest.
    """

    BASE_TONE = "bar"
    TOPICS = frozenset({"engine", "link", "second", "face", "trading"})

    def draw(self, width: int, height: int) -> list[Line]:
        parts = self._parts()
        left, right = _assembled(parts)
        # Dropped in this order until the rest fits.
        for name in ("venue", "safety", "limits", "clock", "risk", "today", "words", "equity", "unsafe"):
            if width_of(left) + width_of(right) + 2 <= width:
                break
            parts.pop(name, None)
            left, right = _assembled(parts)
        gap = width - width_of(left) - width_of(right)
        return [crop([*left, (" " * max(1, gap), ""), *right], width)]

    def _parts(self) -> dict[str, Line]:
        store = self.desk.store
        engine = store.engine
        now = self.desk.clock.wall_ms()
        if engine is None:
            word = "starting" if store.link == "connecting" else "no engine"
            return {
                "mode": [(f" {word} ", "warn")],
                "state": self._state(),
                "clock": [(f"{clock(now)} UTC", "muted")],
            }
        parts: dict[str, Line] = {
            "mode": [(f" {engine.mode} ", f"mode-{engine.mode}")],
            "state": self._state(),
            "words": [(f" {_MODE_WORDS.get(engine.mode, '')}", "muted")],
            "venue": [(f" · {clean(engine.venue, 40)}", "muted")],
        }
        if self.desk.read_only:
            parts["mode"].append((" read-only ", "warn"))
        if self.desk.paused_since_ms:
            parts["paused"] = [(f"PAUSED {age(now - self.desk.paused_since_ms)} · p goes on", "warn")]
        if engine.equity:
            parts["equity"] = [("equity ", "muted"), (f"{group(engine.equity, 2)} USDT", "stale" if self._old else "")]
        if engine.equity_change_ratio is not None:
            change = engine.equity_change_ratio
            parts["today"] = [(percent(change), tone_of(change)), (" 24 h", "muted")]
        parts["risk"] = self._risk()
        if store.trading.unknown_orders:
            # Never dropped: an order of unknown outcome is money of unknown place.
            parts["unknown"] = [(f"{store.trading.unknown_orders} unknown", "bad")]
        parts["stream"] = self._stream(engine, now)
        if engine.limits:
            parts["limits"] = _limits(max(engine.limits, key=lambda use: use.used / max(1, use.capacity)), now)
        if engine.safety is not None and engine.safety_fit:
            parts["safety"] = [("safety ", "muted"), (str(engine.safety), "")]
        elif engine.safety is not None:
            parts["unsafe"] = [("safety ", "muted"), (f"{engine.safety} ✗", "bad")]
        parts["clock"] = [(f"{clock(now)} UTC", "muted")]
        return parts

    def _state(self) -> Line:
        """HALTED and REDUCING are loud; ACTIVE is the rule and is not said."""
        word = self.desk.trading_word
        return [] if word == "ACTIVE" else [(" ", ""), (f" {word} ", f"state-{word}")]

    def _risk(self) -> Line:
        trading = self.desk.store.trading
        line: Line = [("risk ", "muted")]
        if trading.risk is None:
            line.append((UNKNOWN, "muted"))
        else:
            tone = "stale" if self._old else meter_tone(trading.risk)
            line.append((f"{trading.risk} {meter_block(trading.risk)}", tone))
        if trading.breaches:
            line.append((f" {trading.breaches} {'breach' if trading.breaches == 1 else 'breaches'}", "bad"))
        return line

    @property
    def _old(self) -> bool:
        store = self.desk.store
        return store.link == "gone" or (store.engine is not None and store.engine.snapshot)

    def _stream(self, engine: EngineState, now: int) -> Line:
        store = self.desk.store
        if store.gone_since_ms:
            return [(f"engine gone since {clock(store.gone_since_ms)}", "bad")]
        if engine.snapshot:
            return [(f"stored {age(now - engine.at_ms)} ago", "stale")]
        if not engine.streams:
            return [("stream ○ off", "muted")]
        stream = _worst(engine.streams)
        since = age(now - stream.last_message_ms) if stream.last_message_ms else ""
        if stream.phase == "live":
            return [("stream ", "muted"), ("● ", "good"), (since or "live", "")]
        if stream.phase == "stale":
            return [("stream ", "muted"), (f"◌ stale {since}", "stale")]
        tail = f" try {stream.attempt}" if stream.attempt else ""
        return [("stream ", "muted"), (f"○ {clean(stream.phase, 20)}{tail}", "warn")]

    def on_click(self, event: events.Click) -> None:
        self.desk.run_named("theme")


def _assembled(parts: dict[str, Line]) -> tuple[Line, Line]:
    """The left part and the right one, whose pieces stand three cells apart."""
    left: Line = [(" polotui", "title"), ("  ", "")]
    for name in _LEFT:
        left += parts.get(name, [])
    right: Line = []
    for name, line in parts.items():
        if name not in _LEFT:
            right += [*([("   ", "")] if right else []), *line]
    return left, [*right, (" ", "")]


def meter_block(score: int) -> str:
    """The meter as one block, lowest for 0."""
    return BLOCKS[max(0, min(7, score * 8 // 101))]


def meter_tone(score: int) -> str:
    return "bad" if score >= 80 else "warn" if score >= 50 else ""


def _worst(streams: list[StreamStatus]) -> StreamStatus:
    """The one in the worst state; among equals the one heard last, since an account's stream may say nothing long."""
    rank = {"live": 0, "off": 1, "backfilling": 2, "connecting": 3, "stale": 4, "maintenance": 5, "down": 6}
    return max(streams, key=lambda stream: (rank.get(stream.phase, 4), stream.last_message_ms))


def _limits(use: LimitUse, now: int) -> Line:
    blocked = use.blocked_until_ms > now
    tone = "bad" if blocked else "warn" if use.used * 5 > use.capacity * 4 else ""
    return [("limits ", "muted"), (f"{use.used}/{use.capacity}" + (" blocked" if blocked else ""), tone)]


class TabBar(Painted):
    """The screens with their digits, only those that exist; on the right what is being worked on."""

    BASE_TONE = "bar"
    TOPICS = frozenset({"face", "jobs"})

    def _shown(self) -> list[tuple[Entry, str]]:
        """Screens without a digit are shown while they are open."""
        current = self.desk.current_name
        entries = [entry for entry in self.desk.screens if entry.digit or entry.name == current]
        return [(entry, f"{entry.digit} {entry.title}".strip()) for entry in entries]

    def draw(self, width: int, height: int) -> list[Line]:
        line: Line = [(" ", "")]
        for entry, words in self._shown():
            tone = "accent" if entry.name == self.desk.current_name else "muted"
            line += [(words, tone), ("  ", "")]
        running = [job for job in self.desk.store.jobs.values() if not job.end]
        if running:
            job = running[-1]
            more = f" and {len(running) - 1} more" if len(running) > 1 else ""
            told: Line = [
                (f"{clean(job.title, 40)} ", "muted"),
                (f"▕{bar(job.done, 10)}▏", "accent"),
                (f" {job.done * 100:3.0f} %{more} ", "muted"),
            ]
            if width_of(line) + width_of(told) <= width:
                line += [(" " * (width - width_of(line) - width_of(told)), ""), *told]
        return [crop(line, width)]

    def on_click(self, event: events.Click) -> None:
        x = 1
        for entry, words in self._shown():
            end = x + len(words)
            if x <= event.x < end:
                self.desk.go_to(entry.name)
            x = end + 2


class Banner(Painted):
    """One sentence when something needs attention; takes no room otherwise."""

    BASE_TONE = "bar"
    TOPICS = frozenset({"engine", "link", "second", "face"})

    def sentence(self) -> tuple[str, str]:
        store = self.desk.store
        if store.link == "gone" and store.engine is None:
            return f"{store.gone_words} Trying again ({store.attempt}); ctrl+r starts it.", "bad"
        if store.link == "gone":
            since = clock(store.gone_since_ms)
            words = f"Engine gone since {since}. {store.gone_words} Figures are as of then."
            return f"{words} Trying again ({store.attempt}); ctrl+r starts it.", "bad"
        engine = store.engine
        if engine is not None and engine.note:
            return clean(engine.note, 300), "warn"
        if engine is not None and engine.snapshot:
            return f"Stored state from {clock(engine.at_ms)} UTC; live values follow.", "stale"
        return "", ""

    def data_changed(self, dirty: set[str], now: float) -> None:
        if self.wants(dirty):
            shown = bool(self.sentence()[0])
            if self.display != shown:
                self.display = shown
        super().data_changed(dirty, now)

    def draw(self, width: int, height: int) -> list[Line]:
        text, tone = self.sentence()
        return [crop([(f" {text}", tone)], width)] if text else []


class FooterBar(Painted):
    """The keys that matter in the focused pane, and on the right the chord that halts."""

    BASE_TONE = "bar"
    TOPICS = frozenset({"face", "trading"})

    def _halt(self, width: int) -> Line:
        pressed = keys.shown(self.desk.keymap.get("halt", "ctrl+g"))
        if self.desk.halt_armed:
            return [(f" halt: {pressed} again ", "state-HALTED")]
        if self.desk.trading_word == "HALTED":
            return [("HALTED · ", "bad"), (":", "key"), ("resume ", "muted")]
        again = "×2" if width < 100 else pressed
        return [("halt ", "muted"), (f"{pressed} {again} ", "key")]

    def draw(self, width: int, height: int) -> list[Line]:
        focused = self.screen.focused
        scopes = focused.SCOPES if isinstance(focused, Pane) else ()
        found = [
            key
            for key in keys.KEYS
            if key.footer
            and (key.scope == "global" or key.scope in scopes)
            and not (key.changes and self.desk.read_only)
        ]
        found.sort(key=lambda key: key.footer)
        typing = isinstance(focused, Pane) and focused.typing
        parts: list[Line] = []
        for key in found:
            pressed = self.desk.keymap.get(key.id, key.keys)
            pressed = keys.while_typing(pressed) if typing else pressed
            if pressed:
                parts.append([(keys.shown(pressed), "key"), (f" {key.words}", "muted")])
        if typing:
            parts.insert(0, [("Esc", "key"), (" ends typing", "muted")])
        if {"market", "lab"} & set(scopes) and not typing:
            parts.insert(1, [("[ ]", "key"), (" timeframe", "muted")])
        halt = self._halt(width)
        room = width - width_of(halt)
        while parts and sum(width_of(part) + 3 for part in parts) > room and len(parts) > 2:
            # Help and leave stay to the last: whoever knows ? finds the rest.
            del parts[-1 if typing else -3]
        line: Line = [(" ", "")]
        for part in parts:
            line += [*part, ("   ", "")]
        return [[*crop(line, room), *halt]]
