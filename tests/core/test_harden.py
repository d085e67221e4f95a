"""A process that keeps its memory private says so, and the system agrees."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.imports import ROOT

_PROGRAM = """
from polotui.core.harden import hardening, keep_memory_private
before = hardening()
after = keep_memory_private()
import resource
print(before.dumpable, after.core_limit, after.dumpable, resource.getrlimit(resource.RLIMIT_CORE))
"""


def run_apart(program: str) -> str:
    """In a process of its own: what is switched off here cannot be switched on again."""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_core_dumps_are_off_afterwards() -> None:
    assert run_apart(_PROGRAM).split()[1] == "0"
    assert run_apart(_PROGRAM).endswith("(0, 0)")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the switch")
def test_on_linux_the_process_cannot_be_read_by_others() -> None:
    before, _, after, *_ = run_apart(_PROGRAM).split()
    assert (before, after) == ("True", "False")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the switch")
def test_another_system_claims_nothing() -> None:
    program = "import sys; sys.platform = 'darwin'\n" + _PROGRAM
    before, limit, after, *_ = run_apart(program).split()
    assert (before, limit, after) == ("None", "0", "None")
