"""The last known state, stored, so that a new engine can show something before the market has connected.

Decided here: the snapshot is a file of its own, written every ten seconds and at the end, all or nothing. Everything
in it is marked stale with the time it was true; nothing is ever computed from it.
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from polotui.api.events import AccountsState
from polotui.api.values import AccountState, AssetRow, Shown, WatchRow
from polotui.core.files import write_private

log = logging.getLogger("polotui.engine.snapshot")


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What was known at `at_ms`."""

    schema: int = 1
    at_ms: int
    rows: list[WatchRow] = []
    accounts: list[AccountState] = []


def save(path: Path, snapshot: Snapshot) -> None:
    write_private(path, msgspec.msgpack.encode(snapshot))


def load(path: Path) -> Snapshot | None:
    """The stored snapshot with every figure marked stale; None when there is none that can be read."""
    try:
        found = msgspec.msgpack.decode(path.read_bytes(), type=Snapshot)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        log.warning("the stored snapshot cannot be read and is ignored", extra={"detail": str(error)})
        return None
    rows = [
        msgspec.structs.replace(row, stale_since_ms=row.stale_since_ms or row.ts_ms or found.at_ms)
        for row in found.rows
    ]
    return Snapshot(at_ms=found.at_ms, rows=rows, accounts=[_aged(account, found.at_ms) for account in found.accounts])


def accounts_event(snapshot: Snapshot) -> AccountsState:
    return AccountsState(accounts=snapshot.accounts)


def _stale(shown: Shown, at_ms: int) -> Shown:
    if shown.standing != "known":
        return shown
    return msgspec.structs.replace(
        shown,
        standing="stale",
        as_of_ms=at_ms,
        reason="loading",
        cause="from the last run; the exchange is being asked",
    )


def _aged(account: AccountState, at_ms: int) -> AccountState:
    fields = ("available", "hold", "price", "value", "share", "change_24h")
    rows: list[AssetRow] = [
        msgspec.structs.replace(row, **{name: _stale(getattr(row, name), at_ms) for name in fields})
        for row in account.rows
    ]
    totals = {name: _stale(getattr(account, name), at_ms) for name in ("total", "change_24h", "change_24h_ratio")}
    return msgspec.structs.replace(account, rows=rows, **totals)
