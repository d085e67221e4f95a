"""Messages between the engine and its worker: four bytes of length, one msgpack document."""

from __future__ import annotations

import asyncio
import struct

LENGTH = struct.Struct("<I")
MOST_BYTES = 512 * 1024 * 1024


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next document; None when the other side has ended."""
    try:
        head = await reader.readexactly(LENGTH.size)
        (length,) = LENGTH.unpack(head)
        if length > MOST_BYTES:
            raise ValueError(f"a frame of {length} bytes")
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def frame(body: bytes) -> bytes:
    return LENGTH.pack(len(body)) + body
