"""Merging configuration layers, with provenance.

Decided here: a key is `section.name`; its environment variable is `POLOTUI_SECTION_NAME`, except
`TRADING_SIMULATION_ONLY`, which keeps the name people know. The standard library reads the file, because the face uses
this module on its start path.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polotui.core.errors import ConfigError

#: Environment names that do not follow the pattern.
SPECIAL = {"safety.simulation_only": "TRADING_SIMULATION_ONLY", "general.profile": "POLOTUI_PROFILE"}


@dataclass
class Layers:
    """Raw values by dotted key, and the source of each: «file /x/polotui.toml», «environment POLOTUI_…», «flag»."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, value: Any, source: str) -> None:
        self.values[key] = value
        self.sources[key] = source

    def section(self, name: str) -> dict[str, Any]:
        """The keys of one section without its name."""
        prefix = name + "."
        return {key[len(prefix) :]: value for key, value in self.values.items() if key.startswith(prefix)}


def environment_name(key: str) -> str:
    """The variable that sets `key`: market.symbols -> POLOTUI_MARKET_SYMBOLS."""
    return SPECIAL.get(key) or "POLOTUI_" + key.upper().replace(".", "_")


def read_layers(file: Path, keys: Mapping[str, type] | list[str], *, flags: Mapping[str, Any] | None = None) -> Layers:
    """File, environment and flags merged; `keys` are the known dotted keys, looked up in the environment."""
    layers = Layers()
    for key, value in _read_file(file).items():
        layers.put(key, value, f"file {file}")
    for key in keys:
        name = environment_name(key)
        if name in os.environ:
            layers.put(key, os.environ[name], f"environment {name}")
    for key, value in (flags or {}).items():
        if value is not None:
            layers.put(key, value, "flag")
    return layers


def _read_file(file: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The configuration {file} cannot be read: {error}.", safe="Nothing was changed.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"The configuration {file} is not valid TOML: {error}.",
            safe="Nothing was changed.",
            next_step="Mend that line, or start from: polotui config example.",
        ) from error
    flat: dict[str, Any] = {}
    for section, content in document.items():
        if not isinstance(content, dict):
            raise ConfigError(
                f"{file}: {section!r} stands outside a section.", next_step="Put it below [market], [face] and so on."
            )
        for name, value in content.items():
            flat[f"{section}.{name}"] = value
    return flat
