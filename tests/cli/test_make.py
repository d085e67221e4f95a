"""The Makefile: its help is complete, it finds a Python that works, and says so when there is none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "make", "rm", "env", "test", "echo", "touch")

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(folder: Path, *words: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    if path is not None:
        environment["PATH"] = str(path)
    program = shutil.which("make")
    assert program is not None
    return subprocess.run([program, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with a space in its name and the files that make reads."""
    folder = tmp_path / "check out"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A search path with tools and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        if found is not None:
            (folder / name).symlink_to(found)
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_help_is_the_default_and_names_every_target(checkout: Path) -> None:
    result = make(checkout)
    assert result.returncode == 0
    targets = set(re.findall(r"^([a-z]+):", (checkout / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"^make ([a-z]+)", result.stdout, re.MULTILINE))
    assert told == targets - {"help", "dev"}


def test_without_python_it_says_what_to_install(checkout: Path, tools: Path) -> None:
    result = make(checkout, "install", path=tools)
    assert result.returncode != 0
    assert "needs Python 3.11" in result.stdout
    assert "apt install" in result.stdout
    assert not (checkout / ".venv").exists()


def test_names_that_do_not_run_and_old_versions_are_passed_over(checkout: Path, tools: Path) -> None:
    program(tools / "python3.13", "exit 127")
    program(tools / "python3.12", "exit 1")
    result = make(checkout, "install", path=tools)
    assert "needs Python 3.11" in result.stdout


def test_without_the_venv_module_it_names_the_package(checkout: Path, tools: Path) -> None:
    # A Python as Debian ships it: everything but ensurepip.
    program(tools / "python3.11", f'case "$*" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"')
    result = make(checkout, "install", path=tools)
    assert result.returncode != 0
    assert "apt install python3-venv" in result.stdout
    assert not (checkout / ".venv").exists()


def test_installed_means_nothing_is_done_again(checkout: Path) -> None:
    binaries = checkout / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(sys.executable)
    for name in ("installed", "installed-dev"):
        (checkout / ".venv" / name).touch()
    assert "pip install" not in make(checkout, "-n", "test").stdout
    os.utime(checkout / "constraints.txt", (2**31, 2**31))
    assert "pip install" in make(checkout, "-n", "test").stdout


def test_tests_run_the_tests_in_one_command(checkout: Path) -> None:
    plan = make(checkout, "-n", "test").stdout
    assert plan.count("-m pytest") == 1
    assert re.search(r"-m pytest -n \d+\b", plan), "on more than one process"
    assert "'.[dev,peers]'" in plan


def test_ci_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text()


def test_pins_are_names_and_versions_only() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line), line
