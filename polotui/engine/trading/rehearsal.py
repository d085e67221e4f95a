"""The exchange's account, in rehearsal: real signed orders to Poloniex's protocol, on loopback only.

Decided here:
* It exists when the exchange's address is this machine itself and a key is there, which is the demo. Any other address
  is refused here, and once more in front of every order by the venue itself.
* Entries wait until the account's stream is live and the books agree with the exchange's. Exits and cancels do not.
* The demo's exchange forgets when it ends. Another address is another exchange, with books of its own: its root
  account is `spot-2` and so on. What stood on the one before is over, and is said to be.
* A client of its own, kept warm, cancels everything when trading is halted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from polotui.model.money import plain
from polotui.poloniex.signing import SecretSigner
from polotui.trading.exchange.halt import HaltClient, Halted
from polotui.trading.exchange.own import LedgerBooks, LedgerOrders
from polotui.trading.exchange.private import AccountStream
from polotui.trading.exchange.reconcile import Reconciled, Reconciler
from polotui.trading.exchange.resolve import Resolver
from polotui.trading.exchange.token import Gate
from polotui.trading.exchange.venue import ExchangeVenue, open_rest

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

log = logging.getLogger("polotui.rehearsal")

ROOT = "spot"
_SETTING = "rehearsal-exchange"
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


def possible(trading: Trading) -> bool:
    """Whether there is a key, and an exchange on this very machine."""
    venue = trading.exchange.venue
    addresses = (venue.rest_url, venue.public_url, venue.private_url)
    return bool(venue.key) and all(urlsplit(address).hostname in _HERE for address in addresses)


async def root_of_exchange(trading: Trading) -> str:
    """The root account of the exchange at hand: the one before when it is the same exchange, else a new one."""
    address = trading.exchange.venue.rest_url
    stored = await trading.records.setting(_SETTING)
    number, _, known = (stored or "").partition(" ")
    if known == address:
        return _name(int(number))
    count = int(number) + 1 if number else 1
    await trading.records.set_setting(_SETTING, f"{count} {address}")
    return _name(count)


def _name(number: int) -> str:
    return ROOT if number == 1 else f"{ROOT}-{number}"


class Rehearsal:
    """The venue of the account `spot` with all that it stands on."""

    def __init__(self, trading: Trading, gate: Gate, root: str) -> None:
        self._trading = trading
        self.root = root
        found = trading.exchange.venue
        clock, chance = trading.engine.clock, trading.chance.child("rehearsal")
        signer = SecretSigner(found.key, found.secret.encode())
        gateway, database = trading.gateway, trading.database
        orders = LedgerOrders(gateway.blotter, database)
        self._rest = open_rest(found.rest_url, signer, clock=clock, chance=chance)
        self._halt = HaltClient(found.rest_url, signer, clock=clock, chance=chance)
        self.venue = ExchangeVenue(
            self._rest,
            gate=gate,
            orders=orders,
            listener=gateway,
            market_of=trading.markets.market,
            stop=self._stop,
            halted=lambda: gateway.halted,
        )
        self.venue.account = root
        self.resolver = Resolver(self.venue, orders, gateway, clock=clock, chance=chance)
        self.stream = AccountStream(
            self.venue, self.resolver, orders, signer, clock=clock, chance=chance, url=found.private_url
        )
        self.reconciler = Reconciler(
            self.venue,
            self.stream,
            LedgerBooks(database, trading.portfolio, clock=trading.clock, chance=chance),
            clock=clock,
            chance=chance,
            told=self._reconciled,
        )

    def run_services(self) -> None:
        service = self._trading.supervisor.service
        service("account-stream", self.stream.run)
        service("order-resolver", self.resolver.run)
        service("reconciler", self.reconciler.run)
        service("halt-client", self._halt.keep_warm)

    async def close(self) -> None:
        await self._rest.close()
        await self._halt.close()

    async def cancel_everything(self) -> Halted:
        """For the halt: everything at the exchange, past gateway and ledger."""
        return await self._halt.cancel_everything()

    def why_not(self) -> str:
        """Why no position may be opened on the exchange's account; empty: nothing of this."""
        if not self.stream.live:
            return "the account's stream is not live"
        if self.reconciler.blocks_entries:
            last = self.reconciler.last
            return last.note or f"the books differ: {'; '.join(map(str, last.differences[:3]))}"
        return ""

    def _stop(self, code: str, text: str) -> None:
        self._trading.gateway.trouble[code.lower()] = text
        self._trading.fact("alert", "error", f"{code}: {text}")

    def _reconciled(self, result: Reconciled) -> None:
        if result.ok is False and result.confirmed == 1:
            for difference in result.differences:
                log.warning(
                    "the books differ",
                    extra={"currency": difference.currency, "amount": plain(difference.amount)},
                )
        self._trading.touch_state()
