"""Themes: one file each, packaged ones and the user's own; and the tones that widgets paint with.

Decided here: a theme is data. A bad file is reported with its name and key and never fatal: the others load, and the
default dark theme is the ground every missing tone falls back to. Tones are looked up by name when a cell is
painted, so that switching is a repaint and no more.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.color import Color, ColorParseError
from rich.style import Style
from textual.theme import Theme

DEFAULT = "polotui-dark"
#: Order in which `t` goes through them; the user's own follow.
ORDER = (DEFAULT, "polotui-light", "high-contrast", "colour-blind", "terminal")
_BASE = ("background", "surface", "text", "primary", "success", "warning", "error")
_ATTRIBUTES = {"bold", "dim", "reverse", "underline", "italic"}
_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")
_OWN = re.compile(r"(default|(bright-)?(black|red|green|yellow|blue|magenta|cyan|white))\Z")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}\Z")


class ThemeFault(ValueError):
    """A theme file that cannot be used: the message names the key."""


@dataclass(frozen=True)
class ThemeSpec:
    """A theme as its file states it."""

    name: str
    title: str
    dark: bool
    ansi: bool
    base: dict[str, str]
    tones: dict[str, str] = field(default_factory=dict)

    def textual(self) -> Theme:
        """What Textual's own parts (dialogs, inputs, toasts) are coloured by."""
        colour = {name: _for_textual(value) for name, value in self.base.items()}
        variables = {"border": colour["primary"], "footer-key-foreground": colour["primary"]}
        if self.ansi:
            variables |= {
                "ansi-background": "ansi_default",
                "ansi-foreground": "ansi_default",
                "border-blurred": "ansi_bright_black",
                "block-cursor-foreground": "ansi_black",
                "block-cursor-background": "ansi_cyan",
                "input-cursor-background": "ansi_white",
                "input-cursor-foreground": "ansi_black",
                "input-cursor-text-style": "none",
                "input-selection-background": "ansi_blue",
                "input-selection-foreground": "ansi_white",
                "screen-selection-background": "ansi_blue",
                "screen-selection-foreground": "ansi_white",
            }
        return Theme(
            name=self.name,
            primary=colour["primary"],
            secondary=colour["primary"],
            accent=colour["primary"],
            success=colour["success"],
            warning=colour["warning"],
            error=colour["error"],
            foreground=colour["text"],
            background=colour["background"],
            surface=colour["surface"],
            panel=colour["surface"],
            boost=colour["surface"],
            dark=self.dark,
            ansi=self.ansi,
            variables=variables,
        )


class Tones:
    """Styles by tone name for one theme. `red_up` swaps the colours of rising and falling."""

    def __init__(self, spec: ThemeSpec, fallback: ThemeSpec | None = None, *, red_up: bool = False) -> None:
        self.spec = spec
        # An ANSI theme must not fall back to RGB.
        ground = fallback.tones if fallback is not None and not spec.ansi and spec.dark else {}
        self._tones = {**ground, **spec.tones}
        if red_up:
            swap = {"up": "down", "down": "up", "up-soft": "down-soft", "down-soft": "up-soft"}
            self._tones |= {name: self._tones.get(other, "") for name, other in swap.items()}
        self._cache: dict[tuple[str, str], Style] = {}
        self._same: dict[Style, Style] = {}

    @cached_property
    def _grounds(self) -> dict[str, Style]:
        base = self.spec.base
        return {
            "card": Style(color=_for_rich(base["text"]), bgcolor=_for_rich(base["surface"])),
            "bar": Style(color=_for_rich(base["text"]), bgcolor=_for_rich(base["background"])),
        }

    def style(self, ground: str, tone: str = "") -> Style:
        """The style of `tone` on `ground`; several tones are joined by a space, the later one on top."""
        style = self._cache.get((ground, tone))
        if style is None:
            style = self._grounds[ground]
            for name in tone.split():
                style += parse_tone(self._tones.get(name, ""))
            # Equal styles are one object, so that neighbours can be joined into one segment.
            style = self._same.setdefault(style, style)
            self._cache[ground, tone] = style
        return style


def parse_tone(text: str) -> Style:
    """«#rrggbb on #rrggbb bold» as a style. Raises ThemeFault."""
    words = text.split()
    colour: Color | None = None
    ground: Color | None = None
    flags: dict[str, bool] = {}
    behind = False
    for word in words:
        if word == "on":
            behind = True
        elif word in _ATTRIBUTES:
            flags[word] = True
        elif behind:
            ground, behind = _for_rich(word), False
        else:
            colour = _for_rich(word)
    return Style(
        color=colour,
        bgcolor=ground,
        bold=flags.get("bold"),
        dim=flags.get("dim"),
        reverse=flags.get("reverse"),
        underline=flags.get("underline"),
        italic=flags.get("italic"),
    )


def _for_rich(colour: str) -> Color:
    if not (_HEX.match(colour) or _OWN.match(colour)):
        raise ThemeFault(f"{colour!r} is no colour: #rrggbb, or a terminal colour such as green or bright-black")
    try:
        return Color.parse(colour.replace("-", "_"))
    except ColorParseError as error:
        raise ThemeFault(f"{colour!r} is no colour") from error


def _for_textual(colour: str) -> str:
    return colour if colour.startswith("#") else "ansi_" + colour.replace("-", "_")


def read_theme(text: str, stem: str) -> ThemeSpec:
    """A theme from the text of its file. Raises ThemeFault that names the key."""
    try:
        raw: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ThemeFault(f"not TOML: {error}") from error
    name = raw.get("name", stem)
    if not isinstance(name, str) or not _NAME.match(name):
        raise ThemeFault("name: lower-case letters, digits and hyphens, at most 31")
    base = raw.get("base")
    if not isinstance(base, dict):
        raise ThemeFault("base: this section is needed")
    for key in _BASE:
        if key not in base:
            raise ThemeFault(f"base.{key}: missing")
        _checked(f"base.{key}", base[key], _for_rich)
    tones = raw.get("tones", {})
    if not isinstance(tones, dict):
        raise ThemeFault("tones: must be a section")
    for key, value in tones.items():
        _checked(f"tones.{key}", value, parse_tone)
    for key in ("dark", "ansi"):
        if not isinstance(raw.get(key, False), bool):
            raise ThemeFault(f"{key}: true or false")
    title = raw.get("title", name)
    return ThemeSpec(name, str(title)[:40], raw.get("dark", True), raw.get("ansi", False), dict(base), dict(tones))


def _checked(key: str, value: object, parse: Any) -> None:
    if not isinstance(value, str):
        raise ThemeFault(f"{key}: must be text")
    try:
        parse(value)
    except ThemeFault as error:
        raise ThemeFault(f"{key}: {error}") from error


def packaged_folder() -> Path:
    """Where the packaged themes are: inside the wheel, or in the checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_themes"
    return inside if inside.is_dir() else package.parent / "themes"


def load_themes(own: Path | None = None) -> tuple[dict[str, ThemeSpec], list[str]]:
    """All themes in the order of `t`, and a sentence for each file that could not be used."""
    found: dict[str, ThemeSpec] = {}
    faults: list[str] = []
    for folder in (packaged_folder(), own):
        if folder is None or not folder.is_dir():
            continue
        for path in sorted(folder.glob("*.toml")):
            try:
                spec = read_theme(path.read_text("utf-8"), path.stem)
            except (ThemeFault, OSError, UnicodeDecodeError) as error:
                faults.append(f"Theme file {path.name}: {error}. It is left out.")
                continue
            found[spec.name] = spec
    if DEFAULT not in found:
        found[DEFAULT] = _LAST_RESORT
    rank = {name: index for index, name in enumerate(ORDER)}
    return dict(sorted(found.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0]))), faults


#: When even the packaged files are missing, the desk is still readable.
_LAST_RESORT = ThemeSpec(
    DEFAULT,
    "dark",
    True,
    False,
    {
        "background": "#1a1a2e",
        "surface": "#1f2937",
        "text": "#e2e8f0",
        "primary": "#60a5fa",
        "success": "#10b981",
        "warning": "#fbbf24",
        "error": "#f87171",
    },
    {"up": "#10b981", "down": "#f87171", "muted": "#94a3b8", "focus": "#60a5fa", "cursor": "on #31435f"},
)
