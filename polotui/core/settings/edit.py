"""Writing one setting into the configuration file and leaving the rest of it, comments too, as it is."""

from __future__ import annotations

import re
from pathlib import Path

from polotui.core.errors import ConfigError
from polotui.core.files import private_folder, write_private


def toml_value(text: str) -> str:
    """`text` from a command line as a TOML value: numbers, booleans and lists as such, anything else a string."""
    if re.fullmatch(r"true|false|[-+]?\d+(\.\d+)?|\[.*\]|\{.*\}|\".*\"", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def set_value(file: Path, key: str, value: str) -> None:
    """Sets dotted `key` to the TOML text `value`. The file is replaced all or nothing."""
    section, _, name = key.partition(".")
    if not name:
        raise ConfigError(f"{key!r} is not a setting such as face.theme.")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    line = f"{name} = {value}"
    start = next((n for n, text in enumerate(lines) if text.strip() == f"[{section}]"), None)
    if start is None:
        lines += ([""] if lines else []) + [f"[{section}]", line]
    else:
        end = next((n for n in range(start + 1, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
        for number in range(start + 1, end):
            if re.match(rf"\s*{re.escape(name)}\s*=", lines[number]):
                lines[number] = line
                break
        else:
            while end > start + 1 and not lines[end - 1].strip():
                end -= 1
            lines.insert(end, line)
    private_folder(file.parent)
    write_private(file, ("\n".join(lines) + "\n").encode())
