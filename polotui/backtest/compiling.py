"""Plain functions, compiled: numba over the very functions that paper trading calls.

Decided here:
* The functions stay plain Python. A compiled twin is made of each, in which the names of the functions it calls stand
  for their twins; nothing needs a decorator, and `execution/` needs no numba.
* numba's cache on disk does not see an edit in a callee's file. So its folder is named by a hash of all sources that
  end up in a kernel, and of the versions: an edited rule means another folder. Folders of other hashes are removed.
* No fast-math: the compiled twin gives the bits that Python gives.
"""

from __future__ import annotations

import dis
import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import polotui

_PACKAGES = ("execution", "risk", "backtest/kernel", "strategy/runtime")
#: `_nrt`: nothing in a kernel allocates, so nothing has to be counted.
_FLAGS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": False, "_nrt": False}


def sources_hash(root: Path | None = None) -> str:
    """Names the sources that can be part of a kernel, and the versions that compile them."""
    import numba
    import numpy

    base = root or Path(polotui.__file__).parent
    digest = hashlib.sha256(f"{sys.version} {numba.__version__} {numpy.__version__}".encode())
    for package in _PACKAGES:
        for path in sorted((base / package).rglob("*.py")):
            digest.update(path.relative_to(base).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled kernels are kept: a cache in the platform's sense, shared by all homes of the user."""
    import platformdirs

    chosen = os.environ.get("POLOTUI_KERNEL_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("polotui", appauthor=False)) / "kernels"


def use_cache(folder: Path | None = None) -> Path:
    """Points numba at the folder for the present sources and removes outdated ones. Returns it."""
    import numba

    root = folder or cache_folder()
    mine = root / sources_hash()
    mine.mkdir(parents=True, exist_ok=True, mode=0o700)
    for other in root.iterdir():
        if other.is_dir() and other != mine and len(other.name) == 16:
            shutil.rmtree(other, ignore_errors=True)
    config: Any = numba.config
    config.CACHE_DIR = str(mine)
    return mine


def compiled(function: Callable[..., Any]) -> Any:
    """The compiled twin of a plain function and of all functions of polotui that it calls."""
    return _twin(function, {}, forceinline=False)


def _twin(function: Callable[..., Any], done: dict[str, Any], *, forceinline: bool) -> Any:
    import numba

    assert isinstance(function, FunctionType)
    names = dict(function.__globals__)
    for name in sorted({step.argval for step in dis.get_instructions(function) if step.opname == "LOAD_GLOBAL"}):
        callee = names.get(name)
        if isinstance(callee, FunctionType) and callee.__module__.startswith("polotui."):
            key = f"{callee.__module__}.{name}"
            if key not in done:
                # Inlined by the compiler: a call hands over seven words for every array.
                done[key] = _twin(callee, done, forceinline=True)
            names[name] = done[key]
    twin = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    twin.__module__ = function.__module__
    twin.__qualname__ = function.__qualname__
    return numba.njit(**_FLAGS, forceinline=forceinline)(twin)
