"""docs/strategies.md names what there is, and its example is sound."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from polotui.strategy.document import keys, tree
from polotui.strategy.document.check import check
from polotui.strategy.document.functions import FUNCTIONS
from polotui.strategy.document.grammar import signature

TEXT = (Path(__file__).parents[3] / "docs" / "strategies.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [path for path, block in keys.BLOCKS.items() if block])
def test_every_key_is_described_in_its_block(path: str) -> None:
    title = f"`{path.replace('*', 'NAME')}`" if path else "the document itself"
    section = TEXT.split(f"### {title}\n", 1)[1].split("\n#", 1)[0]
    for key in keys.BLOCKS[path].values():
        assert f"| `{key.name}` | {key.holds} | {key.says}" in section
        assert all(f"`{choice}`" in section for choice in key.choices)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_described(name: str) -> None:
    assert f"| `{signature(FUNCTIONS[name])}` |" in TEXT
    assert FUNCTIONS[name].says in TEXT


@pytest.mark.parametrize("name", [*tree.PRICES, *tree.FACTS, *tree.CLOCK])
def test_every_name_is_described(name: str) -> None:
    assert f"| `{name}` |" in TEXT


def test_the_example_is_sound() -> None:
    example = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    assert check(example.group(1)).diagnostics == ()
