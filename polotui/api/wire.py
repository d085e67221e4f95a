"""Frames on the engine's socket: four bytes of length, then one msgpack document.

Decided here: a frame never exceeds 8 MiB, so that a broken peer cannot make the other side allocate without
bound; a frame that does not decode closes the connection, because a stream that lost its framing cannot be trusted.
"""

from __future__ import annotations

import asyncio

import msgspec

from polotui.api.commands import AnyCommand
from polotui.api.events import AnyEvent
from polotui.core.errors import ErrorRecord

MAX_FRAME = 8 * 1024 * 1024


class Request(msgspec.Struct, frozen=True, tag="request", tag_field="frame"):
    id: int
    command: AnyCommand


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe", tag_field="frame"):
    """Replaces the connection's topics. `rate` is the most batches a second (0 < rate <= 10) of state events.

    `facts_after` is the number of the last fact this face has seen; -1 asks for new ones only, -2 goes on where the
    connection is.
    """

    topics: list[str]
    rate: float = 10.0
    facts_after: int = -1


class Reply(msgspec.Struct, frozen=True, tag="reply", tag_field="frame"):
    """The answer to request `id`: either `body` (the command's reply struct, encoded) or `error`."""

    id: int
    body: msgspec.Raw = msgspec.Raw(b"\xc0")
    error: ErrorRecord | None = None


class Batch(msgspec.Struct, frozen=True, tag="batch", tag_field="frame"):
    """All that changed since the last batch."""

    events: list[AnyEvent]


class Taken(msgspec.Struct, frozen=True, tag="taken", tag_field="frame"):
    """The face has taken `batches` batches. The engine keeps at most two on their way, so that a slow face or link gets
    the newest state next and not a queue of old ones."""

    batches: int


FromFace = Request | Subscribe | Taken
FromEngine = Reply | Batch

_encoder = msgspec.msgpack.Encoder()
_from_face: msgspec.msgpack.Decoder[FromFace] = msgspec.msgpack.Decoder(FromFace)
_from_engine: msgspec.msgpack.Decoder[FromEngine] = msgspec.msgpack.Decoder(FromEngine)


class BrokenFrame(ValueError):
    """The peer sent something that is not a frame of this protocol."""


def encode_body(value: object) -> msgspec.Raw:
    """A reply's body, encoded once."""
    return msgspec.Raw(_encoder.encode(value))


def encode(frame: FromFace | FromEngine) -> bytes:
    """The frame with its length in front."""
    body = _encoder.encode(frame)
    return len(body).to_bytes(4, "big") + body


def decode_from_face(body: bytes) -> FromFace:
    try:
        return _from_face.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenFrame(str(error)) from error


def decode_from_engine(body: bytes) -> FromEngine:
    try:
        return _from_engine.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenFrame(str(error)) from error


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame's body. Raises asyncio.IncompleteReadError at the end and BrokenFrame when it is too long."""
    length = int.from_bytes(await reader.readexactly(4), "big")
    if length > MAX_FRAME:
        raise BrokenFrame(f"frame of {length} bytes")
    return await reader.readexactly(length)
