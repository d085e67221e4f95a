"""Frames: whole in, whole out, and nothing accepted that is not one."""

from __future__ import annotations

import asyncio
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.api import wire
from polotui.api.commands import AnyCommand, GetBook, GetStatus, Hello
from polotui.api.events import AnyEvent, Fact, TradesBatch
from polotui.api.replies import Done
from polotui.core.errors import ErrorRecord
from polotui.model.market import Trade


def body_of(frame: bytes) -> bytes:
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    return frame[4:]


def test_a_request_survives_the_journey() -> None:
    sent = wire.Request(7, GetBook(symbol="BTC_USDT", depth=5))
    assert wire.decode_from_face(body_of(wire.encode(sent))) == sent


def test_a_subscription_survives_the_journey() -> None:
    sent = wire.Subscribe(["book:BTC_USDT", "facts"], 4.0, 17)
    assert wire.decode_from_face(body_of(wire.encode(sent))) == sent


def test_a_batch_survives_the_journey() -> None:
    trade = Trade(1, 2, 61000.5, 0.25, True)
    fact = Fact(at_ms=1, number=9, kind="engine", level="info", text="started")
    sent = wire.Batch([TradesBatch(symbol="BTC_USDT", trades=[trade], missed=3), fact])
    assert wire.decode_from_engine(body_of(wire.encode(sent))) == sent


def test_a_reply_carries_its_body_untouched() -> None:
    decoded = wire.decode_from_engine(body_of(wire.encode(wire.Reply(3, wire.encode_body(Done(text="done"))))))
    assert isinstance(decoded, wire.Reply)
    assert msgspec.msgpack.decode(decoded.body, type=Done) == Done(text="done")


def test_an_error_keeps_every_field() -> None:
    record = ErrorRecord(
        code="busy", cause="a", safe="b", next_step="c", retry_after_ms=250, request_id="tui-1", exit_code=4
    )
    decoded = wire.decode_from_engine(body_of(wire.encode(wire.Reply(3, error=record))))
    assert isinstance(decoded, wire.Reply)
    assert decoded.error == record


@pytest.mark.parametrize("kind", get_args(AnyCommand), ids=lambda kind: kind.__name__)
def test_every_command_has_a_tag_a_reply_a_role_and_a_meaning(kind: type) -> None:
    assert kind.__struct_config__.tag
    assert isinstance(kind.reply, type)
    assert kind.role in ("viewer", "operator", "trader", "admin")
    assert kind.__doc__


@pytest.mark.parametrize("union", [AnyCommand, AnyEvent], ids=["commands", "events"])
def test_tags_are_unique(union: object) -> None:
    tags = [kind.__struct_config__.tag for kind in get_args(union)]
    assert len(tags) == len(set(tags))


def test_a_frame_of_the_other_direction_is_refused() -> None:
    with pytest.raises(wire.BrokenFrame):
        wire.decode_from_face(body_of(wire.encode(wire.Reply(1))))
    with pytest.raises(wire.BrokenFrame):
        wire.decode_from_engine(body_of(wire.encode(wire.Request(1, GetStatus()))))


def test_an_unknown_command_is_a_broken_frame() -> None:
    body = msgspec.msgpack.encode({"frame": "request", "id": 1, "command": {"command": "format-disk"}})
    with pytest.raises(wire.BrokenFrame):
        wire.decode_from_face(body)


@given(st.binary(max_size=200))
def test_junk_is_either_a_frame_or_broken(junk: bytes) -> None:
    for decode in (wire.decode_from_face, wire.decode_from_engine):
        try:
            frame = decode(junk)
        except wire.BrokenFrame:
            continue
        assert isinstance(frame, wire.Request | wire.Subscribe | wire.Reply | wire.Batch)


@given(st.integers(1, 40))
def test_a_frame_cut_short_is_broken(cut: int) -> None:
    whole = body_of(wire.encode(wire.Request(1, Hello(version="0.1.0", face="tui"))))
    with pytest.raises(wire.BrokenFrame):
        wire.decode_from_face(whole[:-cut])


async def test_reading_takes_exactly_one_frame() -> None:
    reader = asyncio.StreamReader()
    first, second = wire.Request(1, GetStatus()), wire.Request(2, GetStatus())
    reader.feed_data(wire.encode(first) + wire.encode(second))
    assert wire.decode_from_face(await wire.read_frame(reader)) == first
    assert wire.decode_from_face(await wire.read_frame(reader)) == second


async def test_a_frame_too_long_is_refused_before_it_is_read() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data((wire.MAX_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises(wire.BrokenFrame, match=str(wire.MAX_FRAME + 1)):
        await wire.read_frame(reader)


async def test_the_end_inside_a_frame_is_told() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data((10).to_bytes(4, "big") + b"abc")
    reader.feed_eof()
    with pytest.raises(asyncio.IncompleteReadError):
        await wire.read_frame(reader)
