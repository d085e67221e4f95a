"""What is generated from the code is what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["docs/cli.md", "docs/configuration.md", ".env.example"])
def test_a_generated_file_is_current(name: str) -> None:
    pages = {str(path.relative_to(ROOT)): text for path, text in generator().pages().items()}
    assert (ROOT / name).read_text(encoding="utf-8") == pages[name], "make docs writes it anew"
