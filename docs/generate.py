"""Writes the generated pages (commands, configuration, indicators, keys, figures) and .env.example: docs/generate.py.

Decided here: what the code knows is written nowhere else by hand; a test compares these files with what this script
would write, so they cannot fall behind.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import typer  # noqa: E402

from polotui.cli import face  # noqa: E402
from polotui.cli.allowed import allowed  # noqa: E402
from polotui.cli.app import app  # noqa: E402
from polotui.cli.config import plain_value  # noqa: E402
from polotui.core.settings.layers import environment_name  # noqa: E402
from polotui.core.settings.schema import example_environment, known_keys  # noqa: E402
from polotui.metrics import definitions  # noqa: E402
from polotui.strategy.document.catalog_page import as_markdown  # noqa: E402
from polotui.tui import keys  # noqa: E402

_CLI_HEAD = """# Commands

Written by `docs/generate.py` from the code.

`polotui` alone opens the application; every other command prints. With `--json` a command prints one JSON document on
standard output and nothing else there; its `schema` is the command's words, such as `polotui.market.ticker/1`. Commands
with `--follow` print one document a line. Fields keep their names and meaning within a schema's number.

Commands that need the engine attach to the one that runs in the home, or start one in the background, which ends a
minute after them. `health`, `events`, `doctor`, `halt`, `paper feed --follow`, `engine status` and `engine stop` never
start one. `--demo` means the demo's home and its built-in exchange.

## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | failed; `health`: degraded; findings of `verify`, `validate`, `examine`; `halt`, `flatten`: something is left |
| 2 | wrong usage, file or configuration |
| 3 | engine or exchange not reachable; `health`: offline; `halt`: the engine did not confirm, the flag holds |
| 4 | refused by a risk or safety rule, an order that only asks what would happen too; `doctor`: not fit |
| 5 | locked, or not authorised |

## Errors

Without `--json` an error is a sentence on standard error: what happened, what is safe, what to do. With it, it is the
one document on standard output: `{"schema": "polotui.error/1", "code", "cause", "safe", "next_step", "retry_after_ms",
"request_id"}`. `retry_after_ms` is null when waiting does not help.

## Values in JSON

Times are milliseconds since 1970 UTC, names end in `_ms`. A figure that may be missing is
`{"standing": "known" | "stale" | "unknown", "text", "as_of_ms", "reason", "cause", "help"}`; money is decimal text.
A candle is `[open_ms, open, high, low, close, volume, amount, trades, closed]`, a trade `[id, ts_ms, price, quantity,
buy]`, a level of a book `[price, quantity]`.
"""

_CONFIGURATION_HEAD = """# Configuration

Written by `docs/generate.py` from the code.

A setting's value is the last of: its default, the file `polotui.toml` in the configuration folder, its environment
variable, a command-line option. `polotui config show` prints every value with where it came from,
`polotui config explain KEY` what is allowed, `polotui config set KEY VALUE` checks before it writes, and
`polotui config example` prints a commented file. An unknown key or a wrong value is refused with its name and source.

Keys and secrets are no settings: polotui reads none from the file or the environment, and `polotui doctor` names those
that are left there.

`--home DIR` moves configuration, data and logs below one folder. Without it they are in the platform's own folders
(Linux: `~/.config/polotui`, `~/.local/share/polotui`, `~/.local/state/polotui/log`; macOS: `~/Library/Application
Support/polotui`, `~/Library/Logs/polotui`). All are private to the user; `polotui doctor` checks that.
"""


def pages() -> dict[Path, str]:
    """Every generated file and its text."""
    return {
        ROOT / "docs" / "cli.md": cli(),
        ROOT / "docs" / "configuration.md": configuration(),
        ROOT / "docs" / "indicators.md": as_markdown(),
        ROOT / "docs" / "keys.md": keys.markdown(),
        ROOT / "docs" / "metrics.md": definitions.as_markdown(),
        ROOT / ".env.example": example_environment(),
    }


def cli() -> str:
    """The reference of all commands."""
    parts = [_CLI_HEAD, "## polotui", *_face(demo=False), "## polotui demo", *_face(demo=True)]
    root: Any = typer.main.get_command(app)
    for name in root.list_commands(None):
        if name != "demo":
            parts += _command(root.get_command(None, name), ["polotui", name])
    return "\n".join(parts).rstrip() + "\n"


def configuration() -> str:
    """The reference of all settings."""
    rows = []
    for key, (default, meaning) in known_keys().items():
        shown = plain_value(default) or '""'
        rows.append([f"`{key}`", meaning, allowed(key), f"`{shown}`", f"`{environment_name(key)}`"])
    table = _table(["setting", "meaning", "allowed", "default", "environment"], rows)
    return "\n".join([_CONFIGURATION_HEAD, "## Settings", "", *table]) + "\n"


def _face(*, demo: bool) -> list[str]:
    parser = face.parser(demo=demo)
    rows = []
    for action in parser._actions:
        words = ", ".join(action.option_strings)
        value = action.metavar or ("|".join(action.choices) if action.choices else "")
        rows.append([f"`{words} {value}`".replace(" `", "`"), action.help or ""])
    return ["", parser.description or "", "", *_table(["option", "meaning"], rows), ""]


def _command(command: Any, words: list[str]) -> list[str]:
    children = getattr(command, "commands", None)
    if children:
        parts = [f"## {' '.join(words)}", "", command.help or "", ""]
        for name, child in children.items():
            parts += _command(child, [*words, name])
        return parts
    heads = [_argument(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
    parts = [f"{'##' if len(words) == 2 else '###'} {' '.join([*words, *heads])}", "", command.help or "", ""]
    types = get_type_hints(inspect.unwrap(command.callback))
    rows = [row for parameter in command.params if (row := _row(parameter, types[parameter.name]))]
    return [*parts, *_table(["option", "meaning"], rows), ""]


def _argument(parameter: Any) -> str:
    name: str = parameter.metavar or parameter.name.upper()
    return name if parameter.required or name.startswith("[") else f"[{name}]"


def _row(parameter: Any, hint: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        return [f"`{_argument(parameter)}`", parameter.help] if parameter.help else []
    kind = "" if parameter.is_flag else f" {parameter.metavar or _kind(hint)}"
    default = getattr(parameter.default, "value", parameter.default)
    default = f"{default:g}" if isinstance(default, float) else default
    told = f" Default {default}." if default not in (None, False, "") else ""
    return [f"`{', '.join(parameter.opts)}{kind}`", f"{parameter.help or ''}{told}"]


def _kind(hint: Any) -> str:
    """What to write behind an option, from its type: N, X, PATH, the choices."""
    kind = next((part for part in get_args(hint) if part is not type(None)), hint)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(choice.value) for choice in kind)
    return {int: "N", float: "X", Path: "PATH"}.get(kind, "TEXT")


def _table(heads: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")  # noqa: T201 - a script says what it did
