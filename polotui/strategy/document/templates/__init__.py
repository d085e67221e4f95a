"""The strategies that come with polotui: one YAML file each, found by its file, complete and with its own doubts.

They are starting points to read, change and test. None of them is a promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from polotui.core.errors import UsageError
from polotui.strategy.document.located import read
from polotui.strategy.document.tokens import did_you_mean


@dataclass(frozen=True)
class Template:
    """`title` is the file's first line, a comment."""

    name: str
    title: str
    text: str
    thesis: str
    fails_when: str


@cache
def templates() -> dict[str, Template]:
    """All templates by name, in alphabetical order."""
    found = [_template(entry.name.removesuffix(".yaml"), entry.read_text(encoding="utf-8"))
             for entry in files(__name__).iterdir() if entry.name.endswith(".yaml")]  # fmt: skip
    return {template.name: template for template in sorted(found, key=lambda template: template.name)}


def template(name: str) -> Template:
    try:
        return templates()[name]
    except KeyError:
        hint = did_you_mean(name, templates()) or "There are: " + ", ".join(templates())
        raise UsageError(f"There is no template {name}.", next_step=hint) from None


def _template(name: str, text: str) -> Template:
    root, _ = read(text)
    notes = root.plain().get("notes", {}) if root is not None else {}
    title = text.partition("\n")[0].removeprefix("#").strip()
    return Template(name, title, text, notes.get("thesis", ""), notes.get("fails_when", ""))
