"""What can go wrong with a database file, in words and in two decisions: try again? count it against the file?

Decided here: only a lock is worth another try. A full disk, an I/O error or a damaged file is reported at once and
counts for the breaker, so that a broken disk is asked once in a while and not by every caller. A mistake in SQL is
a bug and passes as it is.
"""

from __future__ import annotations

import sqlite3
from enum import Enum
from pathlib import Path

from polotui.core.errors import StorageError

#: The connection that a function given to `transact` or `read` works with.
Connection = sqlite3.Connection

#: Failures in a row that open the breaker, and the seconds it then stays open.
BREAKER_FAILURES = 3
BREAKER_SECONDS = 5.0


class Fault(Enum):
    """Why SQLite refused."""

    LOCKED = "locked"
    FULL = "disk-full"
    READ_ONLY = "read-only"
    DAMAGED = "damaged"
    IO = "io"
    RULE = "rule"
    BUG = "bug"


_BY_CODE = {
    sqlite3.SQLITE_BUSY: Fault.LOCKED,
    sqlite3.SQLITE_LOCKED: Fault.LOCKED,
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: Fault.DAMAGED,
    sqlite3.SQLITE_NOTADB: Fault.DAMAGED,
    sqlite3.SQLITE_IOERR: Fault.IO,
    sqlite3.SQLITE_CANTOPEN: Fault.IO,
    sqlite3.SQLITE_PERM: Fault.IO,
    sqlite3.SQLITE_NOMEM: Fault.IO,
    sqlite3.SQLITE_PROTOCOL: Fault.LOCKED,
    sqlite3.SQLITE_CONSTRAINT: Fault.RULE,
    sqlite3.SQLITE_MISMATCH: Fault.RULE,
    sqlite3.SQLITE_TOOBIG: Fault.RULE,
}

_WORDS = {
    Fault.LOCKED: ("is locked by another program", "Close the other program that has it open, then try again."),
    Fault.FULL: ("cannot grow: the disk is full", "Free some space; writing goes on by itself."),
    Fault.READ_ONLY: ("cannot be written", "Check its owner and mode, and that the disk is not mounted read-only."),
    Fault.DAMAGED: ("is damaged", "Restore the newest good copy from the folder «backups» beside it."),
    Fault.IO: ("could not be reached on the disk", "Check the disk, the folder and its mode."),
    Fault.RULE: ("refused the change", "This is a mistake in polotui or in what it was given."),
}


def fault_of(error: sqlite3.Error) -> Fault:
    """The kind of a SQLite error."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return Fault.DAMAGED if "decode" in str(error) else Fault.BUG
    return _BY_CODE.get(code & 0xFF, Fault.BUG)


def storage_error(path: Path, error: sqlite3.Error) -> StorageError:
    """The error for a person."""
    fault = fault_of(error)
    words, advice = _WORDS.get(fault, ("could not be used", "Report this, with the log."))
    return StorageError(
        f"The database {path} {words} ({error}).",
        safe="Nothing was written; what was stored before is untouched.",
        next_step=advice,
        code=f"storage-{fault.value}",
    )


class Breaker:
    """Stops asking a file that keeps failing; lets one caller try when the time is up.

    States: «closed» (all is well), «open» (refuses), «half-open» (one try is on its way).
    """

    def __init__(self) -> None:
        self.state = "closed"
        self.failures = 0
        self.opened = 0
        self.last_reason = ""
        self._until = 0.0

    def admit(self, now: float, path: Path) -> None:
        """Raises StorageError while the breaker is open. `now` is monotonic."""
        if self.state == "closed":
            return
        if self.state == "open" and now >= self._until:
            self.state = "half-open"
            return
        wait = max(0.0, self._until - now)
        raise StorageError(
            f"The database {path} failed {self.failures} times in a row: {self.last_reason}",
            safe="Nothing was written.",
            next_step=f"The next try is in {wait:.0f} s.",
            retry_after_ms=round(wait * 1000),
            code="storage-breaker",
        )

    def succeeded(self) -> None:
        self.state = "closed"
        self.failures = 0

    def released(self) -> None:
        """The one try ended without saying anything about the file: the next caller may try."""
        if self.state == "half-open":
            self.state = "open"

    def failed(self, now: float, reason: str) -> None:
        self.failures += 1
        self.last_reason = reason
        if self.failures >= BREAKER_FAILURES or self.state == "half-open":
            self.state = "open"
            self.opened += 1
            self._until = now + BREAKER_SECONDS
