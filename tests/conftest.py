"""For all tests: nothing outside this machine, nothing of the person who runs them."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

from polotui.security import leaks

_LOOPBACK = ("127.", "::1", "localhost")


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that connects to anything but this machine fails."""
    real = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
            raise AssertionError(f"a test connects to {address}")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def a_home_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HOME and the platform's folders lead into a temporary one; no setting leaks in from the environment."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    # Keys of the person who runs the tests would be a veto in every engine that is started.
    for name in leaks.dangerous(os.environ):
        monkeypatch.delenv(name)
    return folder


@pytest.fixture(scope="session", autouse=True)
def kernel_cache() -> Path:
    """Compiled kernels of all tests and their processes: one folder of the machine, keyed by the sources as always."""
    folder = Path(tempfile.gettempdir()) / f"polotui-test-kernels-{os.getuid()}"
    os.environ.setdefault("POLOTUI_KERNEL_CACHE", str(folder))
    return folder
