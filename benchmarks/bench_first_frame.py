"""From the start of the process to the face's first frame, against a bare Textual application. Target: at most
twice."""

from __future__ import annotations

import sys

from benchmarks.harness import interleaved, short_folder, table
from benchmarks.terminal import Terminal

ROUNDS = 9
TARGET = 2.0


def bare() -> dict[str, float]:
    terminal = Terminal([sys.executable, "-m", "benchmarks.bare_app"])
    took = terminal.until("the first frame")
    terminal.close()
    return {"ms": took * 1000}


def main() -> bool:
    home = str(short_folder())

    def ours() -> dict[str, float]:
        # The shell with its panes; an engine is running from the rounds before, so its first word is measured too.
        terminal = Terminal([sys.executable, "-m", "polotui", "demo", "--home", home])
        took = terminal.until("Watchlist")
        known = terminal.until("DEMO")
        terminal.close()
        return {"ms": took * 1000, "known": known * 1000}

    ours(), bare()  # bytecode and page cache
    found = interleaved(ROUNDS, ours=ours, bare=bare)
    ratio = found["ours"]["ms"] / found["bare"]["ms"]
    table(
        f"First frame at 120x36, medians of {ROUNDS}",
        [
            ("polotui's face", f"{found['ours']['ms']:.0f} ms"),
            ("… until the engine's first word is on the screen", f"{found['ours']['known']:.0f} ms"),
            ("bare Textual application", f"{found['bare']['ms']:.0f} ms"),
            ("ratio (target ≤ 2)", f"{ratio:.2f} ×"),
        ],
    )
    return ratio <= TARGET


if __name__ == "__main__":
    raise SystemExit(0 if main() else 1)
