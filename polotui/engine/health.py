"""Health of each part: online, degraded or offline, with the figures behind the word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from polotui import __version__
from polotui.api.replies import Health, Part
from polotui.core.errors import UsageError

if TYPE_CHECKING:
    from polotui.engine.engine import Engine
    from polotui.storage.database import Database

State = Literal["online", "degraded", "offline"]
PARTS = ("engine", "exchange", "stream", "database", "cache")
_WORST = {"online": 0, "degraded": 1, "offline": 2}
#: Requirement: alert below this hit rate once it is warm.
CACHE_TARGET = 0.90
CACHE_WARM = 200


async def check(engine: Engine, part: str) -> Health:
    """All parts, or the one named. Raises UsageError for a part that there is none of."""
    if part and part not in PARTS:
        raise UsageError(f"There is no part {part[:20]!r}.", next_step=f"There are {', '.join(PARTS)}.")
    checks = {
        "engine": _engine,
        "exchange": _exchange,
        "stream": _stream,
        "database": _database,
        "cache": _cache,
    }
    parts = [checks[name](engine) for name in PARTS if part in ("", name)]
    worst = max((entry.state for entry in parts), key=lambda state: _WORST[state])
    return Health(state=worst, parts=parts)


def _engine(engine: Engine) -> Part:
    failed = engine.supervisor.failed
    figures: dict[str, str | int | float | bool | None] = {
        "version": __version__,
        "up_s": (engine.clock.wall_ms() - engine.started_ms) // 1000,
        "faces": engine.server.faces,
        "restarts": sum(engine.supervisor.restarts.values()),
        "facts": engine.last_fact(),
    }
    if failed:
        return Part(name="engine", state="degraded", text=f"stopped: {', '.join(sorted(failed))}", figures=figures)
    return Part(name="engine", state="online", text=engine.note or "all services run", figures=figures)


def _exchange(engine: Engine) -> Part:
    exchange = engine.exchange
    if exchange is None:
        return Part(name="exchange", state="offline", text=engine.note or "starting")
    offset, error = exchange.rest.offset.offset_ms(), exchange.rest.offset.error_ms
    figures: dict[str, str | int | float | bool | None] = {
        "venue": exchange.venue.title,
        "host": exchange.venue.host,
        "keys": exchange.has_keys,
        "clock_offset_ms": offset,
        "clock_error_ms": error,
    }
    for use in exchange.limits():
        figures[f"{use.name}_used"] = use.used
        figures[f"{use.name}_limit"] = use.capacity
    if offset is None:
        return Part(name="exchange", state="offline", text="no answer yet", figures=figures)
    if any(use.blocked_until_ms for use in exchange.limits()):
        return Part(name="exchange", state="degraded", text="it asked us to wait (too many requests)", figures=figures)
    return Part(name="exchange", state="online", text=f"{exchange.venue.host} answers", figures=figures)


def _stream(engine: Engine) -> Part:
    streams = engine.exchange.streams() if engine.exchange is not None else []
    if not streams:
        return Part(name="stream", state="offline", text="not started")
    figures: dict[str, str | int | float | bool | None] = {}
    now = engine.clock.wall_ms()
    for stream in streams:
        figures[f"{stream.name}_phase"] = stream.phase
        figures[f"{stream.name}_age_ms"] = now - stream.last_message_ms if stream.last_message_ms else None
        for name in ("messages", "reconnects", "book_gaps", "trade_gaps", "resyncs", "malformed", "lost"):
            figures[f"{stream.name}_{name}"] = getattr(stream, name)
    feed = engine.exchange.feed if engine.exchange is not None else None
    stale = feed.state().stale if feed is not None else ()
    figures["stale_channels"] = len(stale)
    phases = {stream.phase for stream in streams}
    state: State = "online" if phases <= {"live", "off"} and not stale else "degraded"
    if phases & {"down"}:
        state = "offline"
    words = ", ".join(f"{stream.name} {stream.phase}" for stream in streams)
    return Part(name="stream", state=state, text=words, figures=figures)


def _database(engine: Engine) -> Part:
    stores = engine.stores
    if stores is None:
        return Part(name="database", state="offline", text=engine.note or "starting")
    figures: dict[str, str | int | float | bool | None] = {}
    states = [_file(database, figures) for database in (stores.ledger_db, stores.market_db)]
    worst = max(states, key=lambda state: _WORST[state])
    text = "both files can be written" if worst == "online" else "reading only: what happens now is not stored"
    return Part(name="database", state=worst, text=text, figures=figures)


def _file(database: Database, figures: dict[str, str | int | float | bool | None]) -> State:
    health = database.health()
    for name in ("state", "file_bytes", "wal_bytes", "free_bytes", "last_write_ms", "integrity_age_ms", "over_budget"):
        figures[f"{health.name}_{name}"] = getattr(health, name)
    figures["sqlite"] = health.sqlite_version
    if health.state == "online":
        return "online"
    return "degraded" if health.state == "read-only" else "offline"


def _cache(engine: Engine) -> Part:
    stats = engine.cache.statistics()
    asked = stats.hits + stats.misses + stats.shared
    rate = stats.hit_rate
    figures: dict[str, str | int | float | bool | None] = {
        "hits": stats.hits,
        "misses": stats.misses,
        "hit_rate": rate,
        "entries": stats.entries,
        "evictions": stats.evictions,
    }
    cold = asked < CACHE_WARM
    low = rate is not None and rate < CACHE_TARGET and not cold
    text = "too few requests to judge" if cold else f"{rate:.0%} of requests answered from the cache"
    return Part(name="cache", state="degraded" if low else "online", text=text, figures=figures)
