"""Nobody swallows a blocked real trade: only the gateway, which writes it down, may catch it by its name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.imports import PACKAGE, ROOT, modules

NAME = "RealTradeBlocked"
ALLOWED = PACKAGE / "trading" / "gateway.py"


def names(node: ast.AST | None) -> set[str]:
    """Every plain name and attribute below `node`."""
    found = set()
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
    return found


def catches(source: str) -> list[int]:
    """Lines that catch or suppress it: by its name, or by another name that was given to it."""
    tree = ast.parse(source)
    known = {NAME}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            known |= {alias.asname for alias in node.names if alias.asname and alias.name.split(".")[-1] == NAME}
        elif isinstance(node, ast.Assign) and NAME in names(node.value) and not isinstance(node.value, ast.Call):
            known |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and names(node.type) & known:
            lines.append(node.lineno)
        elif isinstance(node, ast.Call) and "suppress" in names(node.func):
            lines += [node.lineno for argument in node.args if names(argument) & known]
    return lines


def found_in(path: Path, source: str) -> list[str]:
    if path == ALLOWED:
        return []
    return [f"{path.relative_to(ROOT)}:{line}" for line in catches(source)]


def test_only_the_gateway_catches_a_blocked_real_trade() -> None:
    found = [place for path in modules() for place in found_in(path, path.read_text())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    f()\nexcept RealTradeBlocked:\n    pass",
        "try:\n    f()\nexcept (ValueError, errors.RealTradeBlocked) as error:\n    pass",
        "from polotui.core.errors import RealTradeBlocked as R\ntry:\n    f()\nexcept R:\n    pass",
        "QUIET = (OSError, RealTradeBlocked)\ntry:\n    f()\nexcept QUIET:\n    pass",
        "import contextlib\nwith contextlib.suppress(RealTradeBlocked):\n    f()",
        "try:\n    f()\nexcept* RealTradeBlocked:\n    pass",
    ],
)
def test_the_lint_bites(source: str) -> None:
    assert found_in(PACKAGE / "trading" / "bots.py", source)
    assert not found_in(ALLOWED, source)


def test_raising_it_is_no_fault() -> None:
    assert not catches("from polotui.core.errors import RealTradeBlocked\nraise RealTradeBlocked('x')")
