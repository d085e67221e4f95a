"""Ten points before real money, each with its evidence and its age. Pure.

Decided here: a point that nobody can show yet says «not there yet»; it is never counted as good. Until every point is
ok on this machine nothing may be armed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from polotui.api.events import StreamStatus
from polotui.api.replies import Health, Part
from polotui.cli.checks import Asked, Check
from polotui.cli.safety import Judged

Standing = Literal["ok", "bad", "not there yet"]
NO_ENGINE = "no engine is running"


@dataclass(frozen=True)
class Point:
    """One of the ten. `age_ms` None: it has no time of its own."""

    name: str
    state: Standing
    text: str
    age_ms: int | None = None


def readiness(safety: Judged, asked: Asked, own: Iterable[Check], now_ms: int) -> list[Point]:
    """All ten, in the order of the requirement."""
    streams = asked.status.engine.streams if asked.status is not None else None
    return [
        _safety(safety),
        Point("tests", "not there yet", "no result of a test run is kept on this machine"),
        _data(streams, now_ms),
        Point("interface", "not there yet", "its updates are measured by the benchmarks, not here"),
        _endpoints(asked.health),
        _sockets(streams),
        _monitoring(asked.health),
        _configuration(own),
        Point("security audit", "not there yet", "no list of findings is kept yet"),
        Point("load test", "not there yet", "no result of a load test is kept on this machine"),
    ]


def _safety(safety: Judged) -> Point:
    name, score = "safety above 90", safety.score
    if safety.source != "engine":
        state: Standing = "not there yet" if score.may_paper else "bad"
        return Point(name, state, f"{score.score}, but {NO_ENGINE}")
    if not safety.signed:
        return Point(name, "bad", f"{score.score}, but the record's signature does not hold", safety.age_ms)
    vetoes = f", vetoes: {', '.join(score.vetoes)}" if score.vetoes else ", no veto"
    return Point(name, "ok" if score.may_paper else "bad", f"{score.score}{vetoes}", safety.age_ms)


def _data(streams: list[StreamStatus] | None, now_ms: int) -> Point:
    name = "live data"
    if streams is None:
        return Point(name, "not there yet", NO_ENGINE)
    heard = [stream for stream in streams if stream.last_message_ms]
    if not heard:
        return Point(name, "bad", "nothing was heard yet")
    newest = max(stream.last_message_ms for stream in heard)
    down = [stream.name for stream in streams if stream.phase not in ("live", "off")]
    text = f"{', '.join(down)} not live" if down else f"{sum(stream.messages for stream in streams):,} messages"
    return Point(name, "bad" if down else "ok", text, max(0, now_ms - newest))


def _endpoints(health: Health | None) -> Point:
    part = _part(health, "exchange")
    if part is None:
        return Point("endpoints", "not there yet", NO_ENGINE)
    return Point("endpoints", "ok" if part.state == "online" else "bad", f"those in use: {part.text}")


def _sockets(streams: list[StreamStatus] | None) -> Point:
    if streams is None:
        return Point("sockets", "not there yet", NO_ENGINE)
    lost = sum(stream.lost for stream in streams)
    reconnects = sum(stream.reconnects for stream in streams)
    phases = ", ".join(f"{stream.name} {stream.phase}" for stream in streams) or "none is open"
    live = all(stream.phase in ("live", "off") for stream in streams) and bool(streams)
    text = f"{phases}, {reconnects} reconnects, {lost} messages lost"
    return Point("sockets", "ok" if live and not lost else "bad", text)


def _monitoring(health: Health | None) -> Point:
    if health is None:
        return Point("monitoring, alerts", "not there yet", NO_ENGINE)
    failing = [part.name for part in health.parts if part.state != "online"]
    text = f"{len(health.parts)} parts are watched" + (f", not well: {', '.join(failing)}" if failing else "")
    return Point("monitoring, alerts", "not there yet", f"{text}; alerts of risk are not")


def _configuration(own: Iterable[Check]) -> Point:
    found = next((check for check in own if check.name == "settings"), None)
    if found is None:
        return Point("configuration", "not there yet", "it was not looked at")
    return Point("configuration", "ok" if found.state == "ok" else "bad", found.text)


def _part(health: Health | None, name: str) -> Part | None:
    return next((part for part in health.parts if part.name == name), None) if health is not None else None
