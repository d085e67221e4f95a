"""Every setting with its type, default and meaning. The configuration reference and `.env.example` are made from it.

Decided here: unknown keys are refused with a suggestion, a wrong value names its key, its source and what is allowed.
`face.*` is checked by the face's own struct (`polotui.core.face_settings`), because the face must not load pydantic.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from polotui.core.errors import ConfigError
from polotui.core.face_settings import FaceSettings
from polotui.core.paths import Home
from polotui.core.settings.layers import Layers, environment_name, read_layers
from polotui.core.text import is_plain_symbol
from polotui.model.symbols import PRESET

OFFICIAL_REST = "https://api.poloniex.com"
OFFICIAL_PUBLIC = "wss://ws.poloniex.com/ws/public"
OFFICIAL_PRIVATE = "wss://ws.poloniex.com/ws/private"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class General(_Section):
    profile: Literal["dev", "production"] = Field("dev", description="dev or production: production logs less")
    log_level: Literal["DEBUG", "INFO", "WARNING"] = Field("INFO", description="how much the engine logs")


class Safety(_Section):
    simulation_only: bool = Field(
        True, description="true: no order with real money can leave this machine; absent means true"
    )


class Exchange(_Section):
    rest_url: str = Field(OFFICIAL_REST, description="REST base URL; the effective host is always shown")
    public_url: str = Field(OFFICIAL_PUBLIC, description="WebSocket for market data")
    private_url: str = Field(OFFICIAL_PRIVATE, description="WebSocket for the account")
    timeout_seconds: float = Field(30.0, ge=1, le=120, description="total time for one request")

    @field_validator("rest_url", "public_url", "private_url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
            raise ValueError("must be a URL such as https://api.poloniex.com")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not carry a user name or password")
        if parts.scheme in ("http", "ws") and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("must be https or wss: without TLS only this machine itself (127.0.0.1) is allowed")
        return value.rstrip("/")


class MarketSettings(_Section):
    symbols: tuple[str, ...] = Field(PRESET, description="the watchlist of a first start")
    top: int = Field(0, ge=0, le=50, description="instead: the N symbols with the largest 24 h turnover")
    history_days: int = Field(
        30, ge=1, le=3650, description="candles fetched for a chart at first; older ones come as one scrolls"
    )

    @field_validator("symbols", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("symbols")
    @classmethod
    def _known_form(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for symbol in value:
            if not is_plain_symbol(symbol):
                raise ValueError(f"{symbol[:40]!r} is not a symbol such as BTC_USDT")
        return value


class CacheSettings(_Section):
    marketplace: float = Field(300, gt=0, description="seconds: symbols and their rules")
    prices: float = Field(10, gt=0, description="seconds: 24 h tickers")
    analytics: float = Field(60, gt=0, description="seconds: derived figures")
    signals: float = Field(5, gt=0, description="seconds: signals")
    user: float = Field(30, gt=0, description="seconds: balances, fee rates")
    backtest: float = Field(3600, gt=0, description="seconds: finished backtests")
    correlation: float = Field(1800, gt=0, description="seconds: correlations")


class EngineSettings(_Section):
    linger_seconds: float = Field(
        60, ge=0, le=86400, description="how long the engine goes on after the last face left when nothing runs"
    )


class Settings(_Section):
    """All sections. `face` is validated by its own struct and kept as that struct."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    general: General = General()
    safety: Safety = Safety()
    exchange: Exchange = Exchange()
    market: MarketSettings = MarketSettings()
    cache: CacheSettings = CacheSettings()
    engine: EngineSettings = EngineSettings()
    face: FaceSettings = FaceSettings()


@dataclass(frozen=True)
class Loaded:
    """Validated settings with the layers they came from."""

    settings: Settings
    layers: Layers

    def source(self, key: str) -> str:
        """Where the effective value of `key` came from."""
        return self.layers.sources.get(key, "default")


def known_keys() -> dict[str, tuple[Any, str]]:
    """Every dotted key with its default and its meaning."""
    keys: dict[str, tuple[Any, str]] = {}
    for section, field in Settings.model_fields.items():
        if section == "face":
            continue
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        for name, entry in model.model_fields.items():
            keys[f"{section}.{name}"] = (entry.default, entry.description or "")
    from polotui.core.face_settings import MEANINGS

    default = FaceSettings()
    for name in default.__struct_fields__:
        keys[f"face.{name}"] = (getattr(default, name), MEANINGS[name])
    return keys


def load(home: Home, *, flags: Mapping[str, Any] | None = None) -> Loaded:
    """The effective settings. Raises ConfigError naming key, source and what is allowed."""
    names = list(known_keys())
    layers = read_layers(home.settings_file, names, flags=flags)
    for key in layers.values:
        if key not in names:
            close = difflib.get_close_matches(key, names, 1)
            raise ConfigError(
                f"Unknown setting {key!r} (from {layers.sources[key]}).",
                safe="Nothing was started.",
                next_step=f"Did you mean {close[0]}?" if close else "polotui config show lists all settings.",
            )
    nested: dict[str, Any] = {}
    for key, value in layers.values.items():
        section, _, name = key.partition(".")
        nested.setdefault(section, {})[name] = value
    face = nested.pop("face", {})
    try:
        settings = Settings.model_validate(nested | {"face": _face(face, layers)})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"][:2])
        raise ConfigError(
            f"Setting {key} = {layers.values.get(key)!r} (from {layers.sources.get(key, 'default')}): "
            f"{first['msg'].removeprefix('Value error, ')}.",
            safe="Nothing was started.",
            next_step=f"polotui config explain {key} says what is allowed.",
        ) from error
    return Loaded(settings, layers)


def _face(raw: dict[str, Any], layers: Layers) -> FaceSettings:
    from polotui.core.settings.face import convert

    return convert(raw, layers)


def example_file() -> str:
    """A commented configuration file with every setting at its default."""
    lines = ["# polotui's configuration. Every line is a default; remove the # to change it.", ""]
    section = ""
    for key, (default, meaning) in known_keys().items():
        head, _, name = key.partition(".")
        if head != section:
            section = head
            lines += [f"[{section}]"]
        lines += [f"# {meaning}", f"# {name} = {_toml(default)}"]
    return "\n".join(lines) + "\n"


def example_environment() -> str:
    """The text of .env.example: settings only, never keys or secrets."""
    lines = [
        "TRADING_SIMULATION_ONLY=true",
        "",
        "# Settings by environment variable. polotui never reads keys or secrets from the environment.",
    ]
    for key, (default, meaning) in known_keys().items():
        name = environment_name(key)
        if name == "TRADING_SIMULATION_ONLY" or isinstance(default, dict):
            continue
        value = ",".join(default) if isinstance(default, tuple) else _toml(default).strip('"')
        lines += [f"# {meaning}", f"# {name}={value}"]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value + '"'
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    return msgspec.json.encode(value).decode()
