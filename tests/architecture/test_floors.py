"""The contract of the floors holds, for every import there is, and the check finds what breaks it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from tests.architecture.floors import FLOORS, FORBIDDEN
from tests.architecture.imports import PACKAGE, ROOT, Import, imports_of, modules


def violations(imports: Iterable[Import]) -> list[str]:
    found = []
    for entry in imports:
        floor = entry.module.split(".")[1] if entry.module.count(".") else ""
        allowed = FLOORS.get(floor)
        parts = entry.target.split(".")
        where = f"{entry.file.relative_to(ROOT)}:{entry.line}"
        if parts[0] == "polotui" and len(parts) > 1 and parts[1] in FLOORS:
            inside = parts[1] == floor
            named = any(entry.target.startswith(f"polotui.{name}") for name in allowed or ())
            if allowed is not None and not inside and not named:
                found.append(f"{where}: {floor} may not import {entry.target}")
        elif parts[0] in FORBIDDEN.get(floor, ()):
            found.append(f"{where}: {floor} may not load {parts[0]}")
    return found


def test_every_package_is_on_a_floor() -> None:
    packages = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert packages <= set(FLOORS)


def test_no_import_goes_up_or_sideways() -> None:
    found = violations(entry for path in modules() for entry in imports_of(path))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("tui/x.py", "from polotui.engine.hub import Hub"),
        ("tui/x.py", "import httpx"),
        ("model/x.py", "from polotui.core.clock import Clock"),
        ("simulator/x.py", "def f():\n    from polotui.trading.ledger import Ledger"),
        ("market/x.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from polotui.api import events"),
        ("engine/x.py", "import textual.app"),
    ],
)
def test_the_check_bites(where: str, source: str) -> None:
    assert violations(imports_of(PACKAGE / where, source))


def test_the_document_shows_the_same_table() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = dict(re.findall(r"^\| [\d–-]+ \| `(\w+)` \|.*\| ([^|]+) \|$", text, re.MULTILINE))
    for package, allowed in FLOORS.items():
        if package in rows and rows[package] not in ("everything below",) and not rows[package].startswith("–"):
            named = re.sub(r"\(.*\)", "", rows[package])
            assert set(re.findall(r"[\w.]+", named)) <= allowed, package
    assert {"model", "core", "api", "poloniex", "storage", "market", "trading", "engine", "simulator"} <= set(rows)
