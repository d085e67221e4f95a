"""A symbol whose book and trades come from a recording.

Decided here: the recorded book and tape are never disturbed; users' orders live beside them:

    a taker fills against the recorded levels as shown, at their prices, without using them up;
    a resting order waits behind everything recorded at its price when it came (its queue);
    a recorded trade at its price uses up that queue first, then fills it, no further than the trade's quantity;
    a recorded trade through its price fills it at its own price, no further than the trade's quantity;
    a recorded book that crosses its price fills it at its own price.

Such fills print no public trade. Users' orders never meet each other here. Prices and quantities with more
decimals than the symbol's scales are a broken recording, not something to round.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from polotui.core.errors import ConfigError
from polotui.simulator.config import MAX_SYMBOLS, SymbolSpec, default_symbols
from polotui.simulator.market import Market
from polotui.simulator.matching import BUY, SELL, Book, Fill, Match, Resting
from polotui.simulator.units import parse, whole

_SNAPSHOT_WITHIN = 2000
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Recording:
    """All files of one symbol, in order, and what was found near the beginning."""

    spec: SymbolSpec
    files: tuple[Path, ...]
    snapshot: dict[str, Any] | None


def discover(paths: tuple[Path, ...]) -> list[Recording]:
    """Recordings in files and folders; files of a symbol are joined in the order of their names."""
    files: dict[str, list[Path]] = {}
    for path in paths:
        found = sorted(path.glob("*.gz")) if path.is_dir() else [path]
        for file in found:
            files.setdefault(file.name.partition("_")[0].upper(), []).append(file)
    if not files:
        raise ConfigError(f"No recording (*.gz) in {', '.join(map(str, paths))}.")
    return [_open(name, tuple(sorted(found, key=lambda file: file.name))) for name, found in sorted(files.items())]


def frames(files: tuple[Path, ...]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(receive time in ns, decoded frame) of every line."""
    for file in files:
        try:
            with gzip.open(file, "rb") as lines:
                for line in lines:
                    stamp, _, text = line.partition(b" ")
                    yield int(stamp), _decode(text)
        except (OSError, EOFError, ValueError, msgspec.DecodeError) as error:
            raise ConfigError(f"The recording {file} cannot be read: {error}") from error


def _open(name: str, files: tuple[Path, ...]) -> Recording:
    known = {spec.base + spec.quote: spec for spec in default_symbols(MAX_SYMBOLS, 0)}
    spec = known.get(name)
    if spec is None:
        raise ConfigError(f"{files[0]}: {name} is none of the simulator's symbols.")
    snapshot: dict[str, Any] | None = None
    opening = ""
    for count, (_, frame) in enumerate(frames(files)):
        if "lastUpdateId" in frame:
            snapshot = frame
        data = frame.get("data", {})
        if not opening and data.get("e") == "trade":
            opening = str(data["p"])
        if (snapshot is not None and opening) or count > _SNAPSHOT_WITHIN:
            break
    price = parse(opening or (snapshot or {}).get("bids", [["0"]])[0][0])
    if not price:
        raise ConfigError(f"{files[0]}: no trade near the beginning; is this a raw spot recording?")
    return Recording(replace(spec, opening=f"{price:f}"), files, snapshot)


class RecordedMarket(Market):
    """A market whose book is set from outside."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.waiting: dict[int, Resting] = {}
        self._queue: dict[int, int] = {}
        self._ids = 0

    def take(self, side: int, quantity: int, limit: int | None, *, owner: object | None, budget: bool) -> Match:
        fills: list[Fill] = []
        left = quantity
        for price, standing in self.book.fillable(side, limit):
            taken = min(left // price if budget else left, standing)
            if taken == 0:
                break
            left -= taken * price if budget else taken
            fills.append(Fill(Resting(0, 1 - side, price, 0), price, taken))
            if left == 0:
                break
        return Match(fills, left, False)

    def rest(self, order: Resting) -> None:
        level = self.book.levels[order.side].get(order.price)
        self.waiting[order.id] = order
        self._queue[order.id] = level.total if level is not None else 0

    def withdraw(self, order_id: int) -> Resting | None:
        self._queue.pop(order_id, None)
        return self.waiting.pop(order_id, None)

    def set_level(self, side: int, price: int, total: int) -> None:
        """The recording says: this much stands at this price."""
        level = self.book.levels[side].get(price)
        if level is not None:
            order = next(iter(level.queue.values()))
            if total:
                self.book.resize(order, total)
            else:
                self.book.remove(order.id)
        elif total:
            self._ids -= 1
            self.book.add(Resting(self._ids, side, price, total))

    def clear(self) -> None:
        """Forgets the recorded book; the users' orders keep waiting."""
        self.book = Book()

    def filled_by_trade(self, price: int, quantity: int, taker_side: int) -> list[tuple[Resting, int]]:
        """Which waiting orders a recorded trade fills, and by how much; best price first, then oldest."""
        side = 1 - taker_side
        sign = -1 if side == BUY else 1
        reached = [
            order for order in self.waiting.values() if order.side == side and order.price * sign <= price * sign
        ]
        left, result = quantity, []
        for order in sorted(reached, key=lambda order: (order.price * sign, order.id)):
            if order.price == price:
                ahead = self._queue[order.id]
                self._queue[order.id] = max(0, ahead - left)
                usable = max(0, left - ahead)
            else:
                usable = left
            taken = min(usable, order.left)
            if taken:
                left -= taken
                result.append((order, taken))
                self._consume(order, taken)
        return result

    def filled_by_book(self) -> list[tuple[Resting, int]]:
        """Which waiting orders the recorded book has crossed."""
        result = []
        for order in list(self.waiting.values()):
            if self.book.crosses(order.side, order.price):
                result.append((order, order.left))
                self._consume(order, order.left)
        return result

    def _consume(self, order: Resting, taken: int) -> None:
        order.left -= taken
        if order.left == 0:
            self.withdraw(order.id)

    def ticks(self, value: str) -> int:
        return self._whole(value, self.spec.price_scale)

    def steps(self, value: str) -> int:
        return self._whole(value, self.spec.quantity_scale)

    def _whole(self, value: str, scale: int) -> int:
        number = parse(value)
        result = None if number is None else whole(number, scale)
        if result is None:
            raise ConfigError(f"The recording of {self.symbol} holds {value!r}, finer than the symbol's scale.")
        return result


SIDE_OF_FIELD = (("b", BUY), ("a", SELL))
