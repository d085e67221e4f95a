"""Do our books and the exchange agree, to the last digit?

Decided here: both sides move while they are compared, so a difference is only believed after everything was fetched
anew and it is still there, and it blocks entries only after three such rounds in a row. Each difference names the
currency, what the ledger expects and what the exchange has. A question without an answer is no answer: it neither
confirms nor clears anything, and before the first agreement nothing may be entered.

The first contact with an account books what is there as opening deposits. Orders that the ledger holds for open and the
exchange does not list are settled by the same round of the account's stream.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Protocol

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.model.account import Account
from polotui.model.money import ZERO, plain
from polotui.trading.exchange.private import AccountStream
from polotui.trading.exchange.resolve import slower
from polotui.trading.exchange.venue import ExchangeVenue

log = logging.getLogger("polotui.trading.exchange")

CALM_S = 30.0
DOUBT_S = 5.0
CONFIRMATIONS = 3
ATTEMPTS = 3


class Books(Protocol):
    """The ledger's side."""

    async def has_books(self, root: str) -> bool:
        """Was money ever booked for this root or below it?"""
        ...

    async def open_books(self, root: str, balances: Mapping[str, Decimal]) -> None:
        """Books what was found at the first contact, in one transaction."""
        ...

    async def expected_balances(self, root: str) -> dict[str, Decimal]:
        """The fold over all entries of the root and the accounts below it."""
        ...


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One currency on which the books do not agree. `amount` is found minus expected."""

    currency: str
    expected: Decimal
    found: Decimal

    @property
    def amount(self) -> Decimal:
        return self.found - self.expected

    def __str__(self) -> str:
        return (
            f"{self.currency}: expected {plain(self.expected)}, found {plain(self.found)}"
            f" (difference {plain(self.amount)})"
        )


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one round. `ok` None: the question could not be answered, `note` says why. `confirmed` counts the
    rounds in a row that ended with differences; `blocks` says whether entries must wait."""

    at_ms: int
    ok: bool | None
    differences: tuple[Difference, ...] = ()
    confirmed: int = 0
    blocks: bool = True
    note: str = ""


class Reconciler:
    """Run `run` in a task you own; `reconcile` asks now."""

    def __init__(
        self,
        venue: ExchangeVenue,
        stream: AccountStream,
        books: Books,
        *,
        clock: Clock,
        chance: Chance,
        told: Callable[[Reconciled], None] = lambda result: None,
    ) -> None:
        self._venue = venue
        self._stream = stream
        self._books = books
        self._clock = clock
        self._chance = chance.child("reconcile")
        self._told = told
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self.last = Reconciled(at_ms=0, ok=None, note="not compared yet")
        stream.watch(self._stream_changed)

    @property
    def blocks_entries(self) -> bool:
        """Until the first agreement, and from the third confirmed difference to the next agreement."""
        return self.last.blocks

    def _stream_changed(self) -> None:
        if self._stream.live and self.last.ok is not True:
            self._wake.set()

    async def run(self) -> None:
        """Compares again and again, until cancelled."""
        pause = DOUBT_S
        while True:
            self._wake.clear()
            try:
                result = await self.reconcile()
                pause = CALM_S if result.ok else DOUBT_S
            except ExchangeError as error:
                self._tell(None, note=error.cause)
                pause = slower(pause, error)
            try:
                async with asyncio.timeout(pause * 0.9 + self._chance.jitter(pause * 0.2)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def reconcile(self) -> Reconciled:
        """One round. Raises ExchangeError when the exchange could not be asked."""
        async with self._turn:
            if not self._stream.live:
                return self._tell(None, note="the account's stream is not live")
            if not await self._books.has_books(self._venue.account):
                return await self._first_contact()
            differences: tuple[Difference, ...] = ()
            for attempt in range(ATTEMPTS):
                if attempt:
                    await self._stream.round()
                differences = await self._compare()
                if not differences:
                    return self._tell(True)
            return self._tell(False, differences)

    async def _first_contact(self) -> Reconciled:
        found = _totals(await self._venue.balances())
        await self._books.open_books(self._venue.account, found)
        log.info("opened the books", extra={"account": self._venue.account, "currencies": len(found)})
        return self._tell(True, note="first contact: what was there is booked as opening deposits")

    async def _compare(self) -> tuple[Difference, ...]:
        """Differences that hold against the books before and after the question: a fill in between is none."""
        before = await self._books.expected_balances(self._venue.account)
        found = _totals(await self._venue.balances())
        after = await self._books.expected_balances(self._venue.account)
        names = sorted({*before, *after, *found})
        rows = [(name, before.get(name, ZERO), after.get(name, ZERO), found.get(name, ZERO)) for name in names]
        return tuple(
            Difference(currency=name, expected=now, found=there)
            for name, then, now, there in rows
            if there not in (then, now)
        )

    def _tell(self, ok: bool | None, differences: tuple[Difference, ...] = (), *, note: str = "") -> Reconciled:
        last = self.last
        if ok is None:
            # Not asked: what was known before still holds.
            confirmed, blocks, differences = last.confirmed, last.blocks, last.differences
        else:
            confirmed = 0 if ok else last.confirmed + 1
            blocks = not ok and (last.blocks or confirmed >= CONFIRMATIONS)
        self.last = Reconciled(
            at_ms=self._clock.wall_ms(),
            ok=ok,
            differences=differences,
            confirmed=confirmed,
            blocks=blocks,
            note=note or "; ".join(str(difference) for difference in differences),
        )
        self._told(self.last)
        return self.last


def _totals(account: Account) -> dict[str, Decimal]:
    """Available and held together; a currency that is not listed is none."""
    return {balance.currency: balance.total for balance in account.balances if balance.total}
