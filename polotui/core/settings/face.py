"""The face's own settings, read without pydantic."""

from __future__ import annotations

from typing import Any

import msgspec

from polotui.core.errors import ConfigError
from polotui.core.face_settings import FaceSettings
from polotui.core.paths import Home
from polotui.core.settings.layers import Layers, read_layers


def load_face_settings(home: Home, *, flags: dict[str, Any] | None = None) -> FaceSettings:
    """Section [face] of the file, its environment variables and flags. Raises ConfigError naming key and source."""
    keys = [f"face.{name}" for name in FaceSettings.__struct_fields__]
    layers = read_layers(home.settings_file, keys, flags=flags)
    return convert(layers.section("face"), layers)


def convert(raw: dict[str, Any], layers: Layers) -> FaceSettings:
    """The struct from raw values; text from the environment is read as the field's type."""
    unknown = [name for name in raw if name not in FaceSettings.__struct_fields__]
    if unknown:
        key = f"face.{unknown[0]}"
        raise ConfigError(
            f"Unknown setting {key!r} (from {layers.sources.get(key, 'file')}).",
            safe="Nothing was changed.",
            next_step="polotui config show lists all settings.",
        )
    try:
        return msgspec.convert(raw, FaceSettings, strict=False)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].strip("`")
        key = f"face.{name}" if name in FaceSettings.__struct_fields__ else "face"
        raise ConfigError(
            f"Setting {key} = {raw.get(name)!r} (from {layers.sources.get(key, 'file')}): {error}.",
            safe="Nothing was changed.",
            next_step=f"polotui config explain {key} says what is allowed.",
        ) from error
