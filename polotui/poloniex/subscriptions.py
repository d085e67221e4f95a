"""What a stream should be subscribed to, as state. Frames are derived from it, after every reconnect all of them.

Decided here: one channel a frame, because the exchange acknowledges per channel; at most 100 symbols a frame. A
channel without symbols is kept too. Extra members (`depth`, `currencies`) belong to the channel and are the last said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

SYMBOLS_PER_FRAME = 100


class Subscriptions:
    """Wanted symbols by channel, in the order they were wanted."""

    def __init__(self) -> None:
        self._symbols: dict[str, dict[str, None]] = {}
        self._extra: dict[str, dict[str, Any]] = {}

    def add(self, channel: str, symbols: Iterable[str], extra: dict[str, Any]) -> list[str]:
        """The frames that ask for what was not wanted before."""
        known = self._symbols.get(channel)
        wanted = list(symbols)
        if known is not None and self._extra[channel] == extra:
            new = [symbol for symbol in wanted if symbol not in known]
            if not new:
                return []
        else:
            # New members change what the channel sends, so all its symbols are asked for again.
            new = [*(known or {}), *(symbol for symbol in wanted if symbol not in (known or {}))]
        self._symbols.setdefault(channel, {}).update(dict.fromkeys(wanted))
        self._extra[channel] = extra
        return self._frames("subscribe", channel, new)

    def remove(self, channel: str, symbols: Iterable[str]) -> list[str]:
        """The frames that give up what was wanted."""
        known = self._symbols.get(channel)
        if known is None:
            return []
        gone = [symbol for symbol in symbols if symbol in known]
        for symbol in gone:
            del known[symbol]
        frames = self._frames("unsubscribe", channel, gone) if gone or not known else []
        if not known:
            del self._symbols[channel], self._extra[channel]
        return frames

    def again(self, channel: str, symbol: str) -> list[str]:
        """The frames that drop and renew one channel of one symbol; none when it is not wanted."""
        if symbol not in self._symbols.get(channel, {}):
            return []
        return [
            *self._frames("unsubscribe", channel, [symbol]),
            *self._frames("subscribe", channel, [symbol]),
        ]

    def everything(self) -> list[str]:
        return [
            frame for channel, symbols in self._symbols.items() for frame in self._frames("subscribe", channel, symbols)
        ]

    def wanted(self, channel: str) -> tuple[str, ...]:
        return tuple(self._symbols.get(channel, ()))

    def _frames(self, event: str, channel: str, symbols: Iterable[str]) -> list[str]:
        names = list(symbols)
        extra = self._extra.get(channel, {}) if event == "subscribe" else {}
        if not names:
            return [_text({"event": event, "channel": [channel], **extra})]
        return [
            _text({"event": event, "channel": [channel], "symbols": names[at : at + SYMBOLS_PER_FRAME], **extra})
            for at in range(0, len(names), SYMBOLS_PER_FRAME)
        ]


def _text(frame: dict[str, Any]) -> str:
    return msgspec.json.encode(frame).decode()
