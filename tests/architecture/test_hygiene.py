"""What a reader of the repository may rely on."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.imports import PACKAGE, ROOT, modules

LONGEST = 500
_SKIPPED = {
    ".git",
    ".venv",
    "__pycache__",
    ".hypothesis",
    ".mypy_cache",
    ".ruff_cache",
    "__snapshots__",
    "build",
    "dist",
}
_TEXT = {".py", ".md", ".toml", ".txt", ".yml", ".sql", ".tcss", ".example", ""}


def tree() -> list[Path]:
    return [
        path
        for path in sorted(ROOT.rglob("*"))
        if path.is_file() and path.suffix in _TEXT and not _SKIPPED & set(path.relative_to(ROOT).parts)
    ]


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in modules()
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_no_file_grows_beyond_what_one_reads() -> None:
    long = {path.name: n for path in modules() if (n := len(path.read_text().splitlines())) > LONGEST}
    assert not long


def test_nothing_is_left_to_be_done_later() -> None:
    word = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    left = [path.relative_to(ROOT).as_posix() for path in modules() if word.search(path.read_text())]
    assert not left


def test_no_path_of_a_machine_and_no_address_of_a_registry() -> None:
    wrong = re.compile(
        r"/work/|/root/|/home/\w+/|\.\./shared(?!/data)|pypi\.org/simple|files\.pythonhosted|registry\.npmjs"
    )
    here = Path(__file__)
    found = [
        path.relative_to(ROOT).as_posix()
        for path in tree()
        if path != here and wrong.search(path.read_text(errors="replace"))
    ]
    assert not found


def test_no_text_hides_its_direction() -> None:
    bidi = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f]")
    # The tests of the cleaner show such text to it.
    shown = [path for path in tree() if "tests" not in path.relative_to(ROOT).parts]
    found = [path.relative_to(ROOT).as_posix() for path in shown if bidi.search(path.read_text(errors="replace"))]
    assert not found


def test_no_code_withdraws() -> None:
    """Requirement: a stolen session cannot drain. The simulator refuses the call and may name it."""
    found = [
        path.relative_to(ROOT).as_posix()
        for path in modules()
        if "simulator" not in path.parts and re.search(r"wallets/withdraw", path.read_text())
    ]
    assert not found


def test_importing_the_face_loads_nothing_heavy() -> None:
    heavy = ("pandas", "numpy", "httpx", "anthropic", "numba", "plotext", "pydantic", "typer", "sqlite3", "aiosqlite")
    for module in ("polotui.tui.app", "polotui.tui.run", "polotui.cli.face", "polotui.__main__"):
        program = f"import {module}, sys; print([name for name in {heavy!r} if name in sys.modules])"
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]", module


def test_the_packages_folders_tell_the_story() -> None:
    for folder in PACKAGE.iterdir():
        if folder.is_dir() and folder.name != "__pycache__":
            assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), folder.name
