"""Latches: what stopped trading stays stopped until a person says otherwise.

Decided here:
* A latch is rows in the ledger and a line in a mirror file. It is set when either says so; what one of them lost is
  written to it again at the next start. A mirror that is gone or was edited is a latch of its own: the ledger writes a
  first row together with the first mirror, so a missing one is never taken for a first start.
* To set: memory at once, then the mirror, then the ledger; a failure of one does not keep the other from being
  written, and the latch holds. To clear: the ledger, then the mirror, then memory. Killed between any two it is set.
* A latch of a day is cleared by the next UTC day and a person's word, or by the typed words of an override. The time
  that counts is the least that can be shown: a clock that was put forward is bounded by the time that really passed
  since the start or by the venue's clock, and one that was put back is older than the rows that are stored.

Deliberate limit: a clock put forward while nothing runs is only found out by the venue's clock. The mirror is written
on the loop: some milliseconds, for something that happens a few times a day and must not need the database.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import Refused, StorageError, UsageError
from polotui.core.files import private_folder, write_private
from polotui.core.text import clean
from polotui.storage.chained import LATCHES
from polotui.storage.database import Connection, Database
from polotui.trading.rows import add_audit

DAY_MS = 86_400_000
MIRROR_MISSING = "mirror-missing"
MIRROR_DAMAGED = "mirror-damaged"
#: How `clear` is told that a person acknowledged, and did not type the words of an override.
ACKNOWLEDGED = "acknowledged"
#: The wall clock may run ahead of the time that passed by this: corrections by a time service, not a new day.
_DRIFT_MS = 120_000
#: The newest rows of a table among which its greatest time is looked for.
_RECENT = 1_000
_TIMES = (("audit", "at_ms"), ("order_events", "at_ms"), ("fills", "booked_ms"), ("facts", "at_ms"))


class Latch(msgspec.Struct, frozen=True, kw_only=True):
    """A latch that is set. `account` "" holds for all accounts, `paper` for it and all below. `day` is the UTC day that
    must be over before it can be acknowledged, as days since 1970; 0: any time."""

    name: str
    reason: str
    since_ms: int
    account: str = ""
    day: int = 0

    def holds_for(self, account: str) -> bool:
        return not self.account or account == self.account or account.startswith(self.account + "/")


class Clearance(msgspec.Struct, frozen=True):
    """Whether a latch may be cleared; if not, why and what would."""

    ok: bool
    code: str = ""
    text: str = ""


class _Mirror(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    seen_ms: int
    latches: list[Latch]


class _MirrorFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    content: _Mirror
    sha256: str


def utc_day(at_ms: int) -> int:
    """Days since 1970, UTC."""
    return at_ms // DAY_MS


def override_words(latch: Latch) -> str:
    """What a person types to clear a latch before its time."""
    return f"OVERRIDE {latch.name}"


def may_clear(
    latch: Latch, now_ms: int, *, seen_ms: int = 0, acknowledged: bool = False, override: str = ""
) -> Clearance:
    """Whether a latch may be cleared. `seen_ms` is the greatest time that any stored row carries."""
    if override:
        if override == override_words(latch):
            return Clearance(True)
        return Clearance(False, "LATCH-OVERRIDE-WORDS", f"The words are not «{override_words(latch)}».")
    if not acknowledged:
        return Clearance(False, "LATCH-UNACKNOWLEDGED", "It must be acknowledged.")
    if not latch.day:
        return Clearance(True)
    newest = max(seen_ms, latch.since_ms)
    if now_ms < newest:
        return Clearance(False, "LATCH-CLOCK-BACK", f"The clock says {_words(now_ms)}, before stored {_words(newest)}.")
    if utc_day(now_ms) <= latch.day:
        until = _words((latch.day + 1) * DAY_MS)
        return Clearance(False, "LATCH-SAME-DAY", f"It holds until {until} UTC; it is {_words(now_ms)}.")
    return Clearance(True)


class Latches:
    """The latches of this home. `load` comes first; before it nothing is known and `active` raises."""

    def __init__(self, database: Database, clock: Clock, mirror_path: Path) -> None:
        self._database = database
        self._clock = clock
        self._path = mirror_path
        self._active: dict[tuple[str, str], Latch] = {}
        self._stored: dict[tuple[str, str], Latch] = {}
        self._seen_ms = 0
        self._lock = asyncio.Lock()
        self._loaded = False
        self._started = (clock.wall_ms(), clock.monotonic())

    async def load(self) -> list[Latch]:
        """What is set in the ledger or in the mirror; each is then written to both."""
        async with self._lock:
            rows, seen = await self._database.read(_stored_latches, "latches")
            mirror, problem = _read_mirror(self._path)
            self._seen_ms = max(seen, mirror.seen_ms if mirror and not problem else 0)
            for latch in [*(rows or {}).values(), *(mirror.latches if mirror else ())]:
                self._merge(latch)
            if problem and (problem != MIRROR_MISSING or rows is not None):
                reason = "The mirror of the latches is missing." if problem == MIRROR_MISSING else _EDITED
                self._merge(Latch(name=problem, reason=reason, since_ms=self._now()))
            self._loaded = True
            try:
                self._write_mirror()
            except OSError as error:
                raise _unmirrored(self._path, error, "Every latch that was set is set.") from error
            known = {(key, latch.day) for key, latch in (rows or {}).items()}
            missing = [latch for key, latch in self._active.items() if (key, latch.day) not in known]
            if missing or rows is None:
                await self._database.transact(lambda c: self._mend(c, missing, first=rows is None), "mend latches")
            self._stored = dict(self._active)
        return self.active()

    def active(self, account: str = "") -> list[Latch]:
        """The latches that are set, oldest first; with an account those that hold for it."""
        if not self._loaded:
            raise AssertionError("the latches are not loaded: nothing may trade")
        found = [latch for latch in self._active.values() if not account or latch.holds_for(account)]
        return sorted(found, key=lambda latch: (latch.since_ms, latch.name, latch.account))

    def is_set(self, name: str, account: str = "") -> bool:
        return (name, account) in self._active

    async def set(self, name: str, reason: str, account: str = "", day: int = 0, *, caller: str = "engine") -> Latch:
        """Sets a latch; it holds from the call on, and returns when ledger and mirror say so. Set twice it stays as it
        was, with the later day. Raises StorageError when one of the two could not be written: the latch holds still."""
        now = self._now()
        # A day named by a clock that was put back would be over too early.
        until = max(day, utc_day(max(now, self._seen_ms))) if day else 0
        wanted = Latch(name=name, reason=clean(reason, 400), since_ms=now, account=account, day=until)
        self._merge(wanted)
        async with self._lock:
            latch = self._merge(wanted)
            key = (name, account)
            if self._stored.get(key) == latch:
                return latch
            mirrored: OSError | None = None
            try:
                self._write_mirror()
            except OSError as error:
                mirrored = error
            await self._database.transact(lambda c: self._add(c, latch, "set", latch.reason, caller), "set latch")
            if mirrored is not None:
                raise _unmirrored(self._path, mirrored, f"The latch {name} is set.") from mirrored
            self._stored[key] = latch
        return latch

    async def clear(self, name: str, *, caller: str, how: str, account: str = "", venue_ms: int | None = None) -> Latch:
        """Clears a latch: `how` is ACKNOWLEDGED or the typed words of an override. `venue_ms` is the venue's clock
        when it is known. Raises UsageError when it is not set, Refused when it may not be cleared."""
        async with self._lock:
            latch = self._active.get((name, account))
            if latch is None:
                raise UsageError(
                    f"No latch {clean(name, 60)!r} is set{f' for {clean(account, 60)}' if account else ''}."
                )
            acknowledged = how == ACKNOWLEDGED
            verdict = may_clear(
                latch,
                self.time(venue_ms),
                seen_ms=self._seen_ms,
                acknowledged=acknowledged,
                override="" if acknowledged else how or " ",
            )
            if not verdict.ok:
                raise Refused(
                    f"The latch {name} cannot be cleared. {verdict.text}",
                    safe="It stays set.",
                    next_step=f"Acknowledge it when its day is over, or type «{override_words(latch)}».",
                    code=verdict.code,
                )
            word = ACKNOWLEDGED if acknowledged else "override"
            await self._database.transact(lambda c: self._add(c, latch, "clear", word, caller), "clear latch")
            self._stored.pop((name, account), None)
            try:
                self._write_mirror(without=(name, account))
            except OSError as error:
                raise _unmirrored(self._path, error, f"The latch {name} stays set.") from error
            del self._active[name, account]
        return latch

    def time(self, venue_ms: int | None = None) -> int:
        """The least time that it can be: the wall clock's, the venue's, or the start's with what passed since."""
        wall, monotonic = self._started
        passed = wall + round((self._clock.monotonic() - monotonic) * 1000) + _DRIFT_MS
        return min(self._clock.wall_ms(), passed if venue_ms is None else venue_ms)

    def _now(self) -> int:
        """For rows: never before the newest that is stored."""
        return max(self._clock.wall_ms(), self._seen_ms)

    def _merge(self, latch: Latch) -> Latch:
        """The worse of what is set and what is asked: the earlier beginning, the later day."""
        key = (latch.name, latch.account)
        old = self._active.get(key)
        if old is None:
            self._active[key] = latch
        elif latch.day > old.day or latch.since_ms < old.since_ms:
            since, day = min(old.since_ms, latch.since_ms), max(old.day, latch.day)
            self._active[key] = msgspec.structs.replace(old, since_ms=since, day=day)
        return self._active[key]

    def _add(self, connection: Connection, latch: Latch, state: str, words: str, caller: str) -> None:
        now = self._now()
        LATCHES.append(connection, (latch.name, latch.account, state, words, latch.day, now))
        kind = "latch-override" if words == "override" and state == "clear" else f"latch-{state}"
        text = f"{latch.name}: {words if state == 'set' else latch.reason}"
        detail = {"name": latch.name, "day": latch.day, "since_ms": latch.since_ms, "how": words}
        add_audit(connection, kind=kind, caller=caller, text=text, account=latch.account, detail=detail, at_ms=now)

    def _mend(self, connection: Connection, latches: list[Latch], *, first: bool) -> None:
        if first:
            fields = (MIRROR_MISSING, "", "clear", "the first mirror was written", 0, self._now())
            LATCHES.append(connection, fields)
        for latch in latches:
            self._add(connection, latch, "set", latch.reason, "start")

    def _write_mirror(self, without: tuple[str, str] | None = None) -> None:
        latches = [latch for key, latch in sorted(self._active.items()) if key != without]
        # Of stored rows only: a clock that ran ahead for a while must not be remembered.
        seen = max([self._seen_ms, *(latch.since_ms for latch in latches)])
        content = _Mirror(version=1, seen_ms=seen, latches=latches)
        file = _MirrorFile(content=content, sha256=_digest(content))
        private_folder(self._path.parent)
        write_private(self._path, msgspec.json.format(msgspec.json.encode(file), indent=2))


_EDITED = "The mirror of the latches was damaged or edited."


def _stored_latches(connection: Connection) -> tuple[dict[tuple[str, str], Latch] | None, int]:
    """What the ledger says is set, None when it never had a latch row; and the greatest time that it carries."""
    found: dict[tuple[str, str], Latch] | None = None
    seen = 0
    query = "SELECT name, account, state, reason, day, at_ms FROM latches ORDER BY number"
    for name, account, state, reason, day, at_ms in connection.execute(query):
        found = {} if found is None else found
        seen = max(seen, at_ms)
        if state == "clear":
            found.pop((name, account), None)
        else:
            since = found[name, account].since_ms if (name, account) in found else at_ms
            found[name, account] = Latch(name=name, reason=reason, since_ms=since, account=account, day=day)
    for table, column in _TIMES:
        newest = f"SELECT {column} FROM {table} ORDER BY number DESC LIMIT {_RECENT}"  # noqa: S608
        seen = max(seen, *(at_ms for (at_ms,) in connection.execute(newest)), 0)
    return found, seen


def _read_mirror(path: Path) -> tuple[_Mirror | None, str]:
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_MirrorFile)
    except FileNotFoundError:
        return None, MIRROR_MISSING
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None, MIRROR_DAMAGED
    if file.sha256 != _digest(file.content):
        # What it says is still the worse of two.
        return file.content, MIRROR_DAMAGED
    return file.content, ""


def _digest(content: _Mirror) -> str:
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def _unmirrored(path: Path, error: OSError, safe: str) -> StorageError:
    return StorageError(
        f"The mirror of the latches {path} cannot be written: {error.strerror}.",
        safe=safe,
        next_step="Check the folder's owner, mode and space.",
        code="latch-mirror",
    )


def _words(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
