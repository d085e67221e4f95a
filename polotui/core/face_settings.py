"""What the face can be told: look, rate, keys. A msgspec struct, because the face does not load pydantic."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class FaceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Section [face] of the configuration."""

    theme: str = "polotui-dark"
    frame_rate: Annotated[float, msgspec.Meta(ge=0.5, le=20)] = 10.0
    rate_ssh: Annotated[float, msgspec.Meta(ge=0.5, le=20)] = 4.0
    colors: Literal["auto", "truecolor", "256", "16", "none"] = "auto"
    mouse: bool = True
    red_up: bool = False
    dust_limit: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    keymap: dict[str, str] = {}


#: One sentence for each, for the configuration reference.
MEANINGS = {
    "theme": "name of a theme: the packaged ones, or a file in the themes folder",
    "frame_rate": "most repaints a second on a local terminal",
    "rate_ssh": "most repaints a second over SSH",
    "colors": "auto, truecolor, 256, 16 or none",
    "mouse": "false: the terminal keeps the mouse for its own selection",
    "red_up": "true: red for rising and green for falling prices (East Asian habit)",
    "dust_limit": "assets worth less than this many USDT are folded away",
    "keymap": 'binding id to key: {zoom = "f5"}; the ids are in docs/keys.md',
}
