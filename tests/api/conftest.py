"""A socket in a folder of its own, with a path short enough for a Unix socket."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def socket_path() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pt"))
    yield folder / "e.sock"
    shutil.rmtree(folder)
