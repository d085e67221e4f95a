"""The users' money, in exact Decimals.

Decided here: every change of a balance goes through one of five verbs (hold, release, pay, receive, deposit) and
raises the currency's version by one. What the users do not have, the house has: `Ledger.house` mirrors every
trade with the background and `Ledger.fees` collects the fees, so users + house + fees per currency never change
except by deposits, to the last digit.

Limit: one account per user, SPOT only, no borrowing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING

from polotui.simulator.refusals import Refusal

if TYPE_CHECKING:
    from polotui.simulator.orders import Order, UserFill

ZERO = Decimal(0)
# Adding and subtracting money must never round; the trap turns a lost digit into an error.
EXACT = Context(prec=60, traps=[Inexact])


@dataclass(slots=True)
class Balance:
    available: Decimal = ZERO
    hold: Decimal = ZERO
    version: int = 0

    @property
    def total(self) -> Decimal:
        return EXACT.add(self.available, self.hold)


BalanceWatch = Callable[["Account", str, str], None]


@dataclass(slots=True)
class KillSwitch:
    """An armed dead-man switch; both times are wall-clock ms."""

    start_ms: int
    cancel_ms: int


@dataclass(slots=True, eq=False)
class Account:
    """One user of the exchange, known by its API key."""

    key: str
    secret: str
    account_id: str
    user_id: int
    balances: dict[str, Balance] = field(default_factory=dict)
    open: dict[int, Order] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    by_client_id: dict[str, Order] = field(default_factory=dict)
    fills: list[UserFill] = field(default_factory=list)
    kill_switch: KillSwitch | None = None
    watch: BalanceWatch | None = None

    def balance(self, currency: str) -> Balance:
        found = self.balances.get(currency)
        if found is None:
            found = self.balances[currency] = Balance()
        return found

    def hold(self, currency: str, amount: Decimal) -> None:
        """Sets money aside for an order; refuses when there is not enough."""
        balance = self.balance(currency)
        if balance.available < amount:
            raise Refusal(21709)
        balance.available = EXACT.subtract(balance.available, amount)
        balance.hold = EXACT.add(balance.hold, amount)
        self._changed(currency, balance, "PLACE_ORDER")

    def release(self, currency: str, amount: Decimal, event: str = "CANCELED_ORDER") -> None:
        """Gives held money back."""
        if not amount:
            return
        balance = self.balance(currency)
        balance.hold = EXACT.subtract(balance.hold, amount)
        balance.available = EXACT.add(balance.available, amount)
        self._changed(currency, balance, event)

    def pay(self, currency: str, amount: Decimal, held: Decimal) -> None:
        """Spends `amount` out of `held`; a better price gives the difference back in the same step."""
        balance = self.balance(currency)
        balance.hold = EXACT.subtract(balance.hold, held)
        balance.available = EXACT.add(balance.available, EXACT.subtract(held, amount))
        self._changed(currency, balance, "MATCH_ORDER")

    def receive(self, currency: str, amount: Decimal) -> None:
        balance = self.balance(currency)
        balance.available = EXACT.add(balance.available, amount)
        self._changed(currency, balance, "MATCH_ORDER")

    def deposit(self, currency: str, amount: Decimal) -> None:
        balance = self.balance(currency)
        balance.available = EXACT.add(balance.available, amount)
        self._changed(currency, balance, "DEPOSIT")

    def _changed(self, currency: str, balance: Balance, event: str) -> None:
        balance.version += 1
        if self.watch is not None:
            self.watch(self, currency, event)


class Ledger:
    """All accounts, and the two pots that make the sums close."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.house: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.fees: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.deposited: defaultdict[str, Decimal] = defaultdict(Decimal)

    def open_account(self, key: str, secret: str, funds: dict[str, Decimal]) -> Account:
        number = len(self.accounts) + 1
        account = Account(key, secret, account_id=str(281_000_000_000_000 + number), user_id=1_230_000 + number)
        self.accounts[key] = account
        for currency, amount in funds.items():
            account.deposit(currency, amount)
            self.deposited[currency] = EXACT.add(self.deposited[currency], amount)
        return account

    def to_house(self, currency: str, amount: Decimal) -> None:
        self.house[currency] = EXACT.add(self.house[currency], amount)

    def to_fees(self, currency: str, amount: Decimal) -> None:
        self.fees[currency] = EXACT.add(self.fees[currency], amount)

    def imbalance(self) -> dict[str, Decimal]:
        """Per currency: users + house + fees - deposits, where it is not zero. Always empty, or there is a bug."""
        sums: defaultdict[str, Decimal] = defaultdict(Decimal)
        for account in self.accounts.values():
            for currency, balance in account.balances.items():
                sums[currency] = EXACT.add(sums[currency], balance.total)
        for pot, sign in ((self.house, 1), (self.fees, 1), (self.deposited, -1)):
            for currency, amount in pot.items():
                sums[currency] = EXACT.add(sums[currency], amount * sign)
        return {currency: amount for currency, amount in sums.items() if amount}
