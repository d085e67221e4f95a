"""Who asks: the person and the terminal, for the audit trail."""

from __future__ import annotations

import os
import sys

from polotui.core.text import clean


def who_asks() -> str:
    """«ada on pts/3». Never an error: who has no name or no terminal is named by number."""
    import getpass  # late: the face opens without it

    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = f"uid {os.getuid()}"
    try:
        terminal = os.ttyname(sys.__stdin__.fileno()).removeprefix("/dev/") if sys.__stdin__ is not None else ""
    except (OSError, ValueError):
        terminal = ""
    return clean(f"{user} on {terminal}" if terminal else user, 80)
