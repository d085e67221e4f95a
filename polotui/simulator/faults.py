"""What goes wrong on purpose.

Decided here: a plan is data, a list of rules; each rule has a kind, a target, a rate and maybe a number of times.
Every draw comes from the seeded chance, so a plan repeats itself. Rules that touch frames:

    drop       the frame is lost                              channel, symbol, rate, times
    silence    every frame of the target is lost              channel, symbol
    duplicate  the frame comes twice                          channel, symbol, rate, times
    delay      it comes later, and so does what follows it    channel, symbol, rate, times, seconds = [low, high]
    reorder    it comes after its successor                   channel, symbol, rate, times
    corrupt    the frame's text is cut in half                channel, symbol, rate, times

Rules that touch requests (`path` is a prefix, `effect` before or after the request took effect):

    throttle   429, with Retry-After when `retry_after` is given
    error      `status` (5xx), effect before or after
    lost       the connection ends instead of an answer, effect before or after
    slow       the answer comes late, seconds = [low, high]

State faults are verbs of the control endpoint (`routes_control`): skew, maintenance, pause, half-open, reset.
"""

from __future__ import annotations

import tomllib
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from polotui.core.errors import ConfigError
from polotui.core.ids import Chance
from polotui.simulator.socket import text_frame

if TYPE_CHECKING:
    from polotui.simulator.exchange import Later
    from polotui.simulator.socket import Socket

FRAME_KINDS = frozenset({"drop", "silence", "duplicate", "delay", "reorder", "corrupt"})
REQUEST_KINDS = frozenset({"throttle", "error", "lost", "slow"})
Kind = Literal["drop", "silence", "duplicate", "delay", "reorder", "corrupt", "throttle", "error", "lost", "slow"]
_LANE_LIMIT = 10_000


class Rule(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that goes wrong. `*` means everything."""

    kind: Kind
    channel: str = "*"
    symbol: str = "*"
    method: str = "*"
    path: str = "/"
    rate: float = 1.0
    times: int | None = None
    seconds: tuple[float, float] = (0.05, 0.5)
    status: int = 503
    retry_after: int | None = None
    effect: Literal["before", "after"] = "before"


def parse_plan(data: object) -> list[Rule]:
    """Rules from decoded JSON or TOML: a list, or a table with `rules`."""
    if isinstance(data, dict):
        data = data.get("rules", [])
    try:
        rules = msgspec.convert(data, list[Rule])
    except msgspec.ValidationError as error:
        raise ConfigError(f"The fault plan is not valid: {error}") from error
    for rule in rules:
        if not 0 <= rule.rate <= 1:
            raise ConfigError(f"The fault plan is not valid: rate {rule.rate} is not between 0 and 1.")
        if not 0 <= rule.seconds[0] <= rule.seconds[1]:
            raise ConfigError(f"The fault plan is not valid: seconds {rule.seconds} are not [low, high].")
    return rules


def load_plan(path: Path) -> list[Rule]:
    """A plan from a `.json` or `.toml` file."""
    try:
        content = path.read_bytes()
        data = tomllib.loads(content.decode()) if path.suffix == ".toml" else msgspec.json.decode(content)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.DecodeError) as error:
        raise ConfigError(f"The fault plan {path} cannot be read: {error}") from error
    return parse_plan(data)


@dataclass(slots=True)
class _Lane:
    """Frames of one socket, channel and symbol that wait, in order."""

    waiting: deque[tuple[float, bytes]]
    held: bytes | None = None
    timed: bool = False


class Faults:
    """Applies the rules, and counts what it did."""

    def __init__(self, chance: Chance, later: Later) -> None:
        self._draws = chance.child("faults")
        self._later = later
        self._frame_rules: list[Rule] = []
        self._request_rules: list[Rule] = []
        self._lanes: dict[tuple[Socket, str, str], _Lane] = {}
        self.counts: dict[str, int] = {}
        self.has_frame_rules = False

    @property
    def rules(self) -> list[Rule]:
        return [*self._frame_rules, *self._request_rules]

    def load(self, rules: list[Rule]) -> None:
        """Replaces the plan; an empty list heals everything. Frames that still wait are sent in order."""
        self._frame_rules = [rule for rule in rules if rule.kind in FRAME_KINDS]
        self._request_rules = [rule for rule in rules if rule.kind in REQUEST_KINDS]
        self.has_frame_rules = bool(self._frame_rules)
        if not self.has_frame_rules:
            for (socket, _, _), lane in self._lanes.items():
                for _, frame in lane.waiting:
                    socket.send(frame)
                lane.waiting.clear()
                if lane.held is not None:
                    socket.send(lane.held)
            self._lanes.clear()

    # Requests

    def for_request(self, method: str, path: str) -> Rule | None:
        """The rule that strikes this request, if one does."""
        for rule in self._request_rules:
            if rule.method in ("*", method) and path.startswith(rule.path) and self._strikes(rule):
                return rule
        return None

    def seconds(self, rule: Rule) -> float:
        return self._draws.uniform(*rule.seconds)

    # Frames

    def pass_frame(self, socket: Socket, channel: str, symbol: str, frame: bytes) -> None:
        """Sends a frame, or does to it what the plan says."""
        rule = self._frame_rule(channel, symbol)
        key = (socket, channel, symbol)
        lane = self._lanes.get(key)
        if rule is None and lane is None:
            socket.send(frame)
            return
        if lane is None:
            lane = self._lanes[key] = _Lane(deque())
        kind = rule.kind if rule is not None else ""
        if kind in ("drop", "silence"):
            return
        if kind == "reorder" and lane.held is None:
            lane.held = frame
            return
        frames = [frame, frame] if kind == "duplicate" else [frame]
        if kind == "corrupt":
            frames = [_cut(frame)]
        if lane.held is not None:
            frames.append(lane.held)
            lane.held = None
        wait = self.seconds(rule) if rule is not None and kind == "delay" else 0.0
        self._queue(socket, key, lane, frames, wait)

    def _queue(
        self, socket: Socket, key: tuple[Socket, str, str], lane: _Lane, frames: list[bytes], wait: float
    ) -> None:
        if not wait and not lane.waiting:
            for frame in frames:
                socket.send(frame)
            return
        if len(lane.waiting) < _LANE_LIMIT:
            lane.waiting.extend((wait, frame) for frame in frames)
        if not lane.timed:
            lane.timed = True
            self._later(lane.waiting[0][0], lambda: self._drain(socket, key, lane))

    def _drain(self, socket: Socket, key: tuple[Socket, str, str], lane: _Lane) -> None:
        """Sends the first waiting frame and all that followed it without a delay of their own."""
        lane.timed = False
        first = True
        while lane.waiting and (first or lane.waiting[0][0] == 0):
            socket.send(lane.waiting.popleft()[1])
            first = False
        if lane.waiting:
            lane.timed = True
            self._later(lane.waiting[0][0], lambda: self._drain(socket, key, lane))

    def forget(self, socket: Socket) -> None:
        for key in [key for key in self._lanes if key[0] is socket]:
            del self._lanes[key]

    def _frame_rule(self, channel: str, symbol: str) -> Rule | None:
        for rule in self._frame_rules:
            if rule.channel in ("*", channel) and rule.symbol in ("*", symbol) and self._strikes(rule):
                return rule
        return None

    def _strikes(self, rule: Rule) -> bool:
        if rule.times is not None and rule.times <= 0:
            return False
        if rule.rate < 1 and self._draws.random() >= rule.rate:
            return False
        if rule.times is not None:
            rule.times -= 1
        self.counts[rule.kind] = self.counts.get(rule.kind, 0) + 1
        return True


def _cut(frame: bytes) -> bytes:
    size = frame[1]
    payload = frame[2:] if size < 126 else frame[4:] if size == 126 else frame[10:]
    return text_frame(payload[: len(payload) // 2])
