"""The only source of ids, jitter and randomness.

Decided here: production draws from the operating system, the rig hands in a seed. Ids are random and never
derived from counts of rows: a count-derived id hides a lost row.
"""

from __future__ import annotations

import random as _random
import string

_ALPHABET = string.ascii_lowercase + string.digits


class Chance:
    """One stream of randomness. `Chance()` is the operating system's; `Chance("seed")` repeats itself."""

    def __init__(self, seed: str | int | None = None) -> None:
        self.seed = seed
        # Only a seeded run may use the generator that can be predicted.
        self._rng: _random.Random = _random.SystemRandom() if seed is None else _random.Random(str(seed))  # noqa: S311

    def child(self, name: str) -> Chance:
        """A stream of its own for `name`, so that one consumer's draws do not shift another's."""
        return Chance() if self.seed is None else Chance(f"{self.seed}/{name}")

    def jitter(self, ceiling: float) -> float:
        """Seconds in [0, ceiling): the «full jitter» of a back-off."""
        return self._rng.random() * ceiling

    def uniform(self, low: float, high: float) -> float:
        return self._rng.uniform(low, high)

    def random(self) -> float:
        return self._rng.random()

    def token(self, length: int = 20) -> str:
        """Lower-case letters and digits; 20 of them hold 103 bits."""
        return "".join(self._rng.choice(_ALPHABET) for _ in range(length))

    def new_id(self, prefix: str) -> str:
        """An id such as `req-k2j…`, unique by chance."""
        return f"{prefix}-{self.token(12)}"

    def generator(self) -> _random.Random:
        """The generator itself, for models that draw many numbers (the simulator's market)."""
        return self._rng
