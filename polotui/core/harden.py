"""No picture of this process's memory: neither a core dump after a crash nor a look by another program of this user.

Decided here: both are asked of the system once, at the engine's start, and can be read back at any time. What a system
does not have is None, not a claim. Programs that are started from here get the core limit with them, but are readable
again, as the system decides; they hold no keys.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from dataclasses import dataclass

_GET_DUMPABLE = 3
_SET_DUMPABLE = 4


@dataclass(frozen=True)
class Hardening:
    """`core_limit` is the most bytes of a core dump. `dumpable` None: this system has no such switch."""

    core_limit: int
    dumpable: bool | None


def keep_memory_private() -> Hardening:
    """Switches core dumps and reading by others off; what cannot be had is in the answer."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError):
        pass  # `hardening` tells what holds
    _prctl(_SET_DUMPABLE, 0)
    return hardening()


def hardening() -> Hardening:
    """What holds for this process now."""
    dumpable = _prctl(_GET_DUMPABLE)
    return Hardening(resource.getrlimit(resource.RLIMIT_CORE)[0], None if dumpable is None else dumpable != 0)


def _prctl(option: int, value: int = 0) -> int | None:
    """Linux's prctl; None on other systems and when it fails."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    answer = int(prctl(option, value, 0, 0, 0))
    return None if answer < 0 else answer
