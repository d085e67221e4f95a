"""How services tell what they know, without knowing who listens.

Decided here: a service *touches* a topic when its state changed and is asked for the value only when somebody is about
to read it, so a message that nobody watches costs a set insertion; `add` appends to a bounded ring; a `fact` is stored
before anybody hears of it. Services get a `Publisher` and import no engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Publisher(Protocol):
    """Where services publish."""

    def touch(self, topic: str, key: str = "") -> None:
        """The state of `key` on `topic` changed."""
        ...

    def add(self, topic: str, items: Sequence[Any]) -> None:
        """Items that add up (trades): each subscriber gets every one, or is told how many it missed."""
        ...

    def fact(self, kind: str, level: str, text: str, symbol: str = "") -> None:
        """Something that happened; stored, then numbered and told."""
        ...
