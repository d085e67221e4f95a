"""`python -m tests.trading.parity`: every document on every set of bars, the backtest's log against the ledger's rows.

[--bars 2000]     how many bars of each set at most
[--memory]        through orders in memory instead of gate, gateway and ledger, which is much faster
[part of a name]  only runs whose name has it
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.trading.parity.cases import case_of
from tests.trading.parity.data import DATA_SETS, NoDataError
from tests.trading.parity.documents import documents
from tests.trading.parity.ledgered import ledgered
from tests.trading.parity.runs import Case, Filled, backtested, difference, traded


def bot_fills(case: Case, memory: bool) -> tuple[list[Filled], str]:
    """What the bot filled, and what else is wrong."""
    if memory:
        return asyncio.run(traded(case))[0], ""
    fast = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=fast if fast.is_dir() else None) as folder:
        found = asyncio.run(ledgered(case, Path(folder)))
    wrong = "" if found.live.same_as(found.stored) else "the folds of memory and ledger differ"
    return found.fills, wrong or (f"refused: {found.refusals[0]}" if found.refusals else "")


def main() -> int:
    reader = argparse.ArgumentParser()
    reader.add_argument("name", nargs="?", default="")
    reader.add_argument("--bars", type=int, default=2_000)
    reader.add_argument("--memory", action="store_true")
    asked = reader.parse_args()
    runs = unequal = empty = fills = 0
    for make in DATA_SETS:
        try:
            data = make()
        except NoDataError as error:
            print(f"left out: {error}")
            continue
        for written in documents():
            case = case_of(written, data, asked.bars)
            if asked.name not in case.name:
                continue
            began = time.perf_counter()
            log = backtested(case)
            bots, wrong = bot_fills(case, asked.memory)
            differs = difference(log, bots) or wrong
            runs, unequal, empty = runs + 1, unequal + bool(differs), empty + (not log)
            fills += len(log)
            took = time.perf_counter() - began
            word = "DIFFERS" if differs else "equal"
            print(f"{word:8}{len(log):6} fills {took:6.1f} s  {case.name}  {differs}", flush=True)
    print(f"{runs} runs ({empty} of them without a fill), {fills} fills, {unequal} of the runs unequal")
    return 1 if unequal or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
