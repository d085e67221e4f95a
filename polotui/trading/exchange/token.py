"""The gate's proof that an order was approved: bound to its exact terms, good once and for two seconds.

Decided here: the gate remembers what it gave out, so a token needs no secret of its own; it is a random word that
nobody can guess. It is used up by being shown, also when it is shown with other terms. Its life is short because an
approval is of a moment: what was within the limits then may not be now.
"""

from __future__ import annotations

import hashlib

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import Refused
from polotui.core.ids import Chance
from polotui.model.orders import OrderTerms

LIFE_S = 2.0


class TokenRefused(Refused):
    """The proof does not cover this order. `why` is forged, used, expired or other-terms."""

    code = "token-refused"

    def __init__(self, order_id: str, why: str) -> None:
        self.why = why
        super().__init__(
            f"The approval shown for order {order_id[:64]} does not hold: {why}.",
            safe="Nothing was sent.",
            next_step="Ask the gate again; an approval holds for exactly one order and two seconds.",
        )


class Token:
    """What the gate hands out. It means nothing to anybody but the gate that made it."""

    __slots__ = ("_word",)

    def __init__(self, word: str) -> None:
        self._word = word

    def __repr__(self) -> str:
        return "Token(…)"


class Gate:
    """Issues tokens and takes them back."""

    def __init__(self, clock: Clock, chance: Chance, *, life_s: float = LIFE_S) -> None:
        self._clock = clock
        self._chance = chance.child("gate")
        self._life_s = life_s
        self._issued: dict[str, tuple[str, float]] = {}

    def issue(self, terms: OrderTerms) -> Token:
        """A token for exactly these terms."""
        now = self._clock.monotonic()
        self._issued = {word: kept for word, kept in self._issued.items() if kept[1] >= now}
        word = self._chance.token(32)
        self._issued[word] = (terms_hash(terms), now + self._life_s)
        return Token(word)

    def admit(self, terms: OrderTerms, token: object) -> str:
        """As `redeem`, with the reason as a word; empty: it holds."""
        try:
            self.redeem(token, terms)
        except TokenRefused as error:
            return error.why
        return ""

    def redeem(self, token: object, terms: OrderTerms) -> None:
        """Uses the token up. Raises TokenRefused unless it was issued here, for these terms, and just now."""
        if not isinstance(token, Token):
            raise TokenRefused(terms.id, "forged")
        kept = self._issued.pop(token._word, None)
        if kept is None:
            raise TokenRefused(terms.id, "forged or used before")
        digest, until = kept
        if self._clock.monotonic() > until:
            raise TokenRefused(terms.id, "expired")
        if digest != terms_hash(terms):
            raise TokenRefused(terms.id, "made for other terms")


def terms_hash(terms: OrderTerms) -> str:
    """SHA-256 over every member of the terms, numbers as they are written."""
    return hashlib.sha256(msgspec.json.encode(terms, order="deterministic")).hexdigest()
