"""`python -m tests.trading.parity [part of a name]`: every document on every set of bars, fill by fill."""

from __future__ import annotations

import asyncio
import sys
import time

from tests.trading.parity.cases import case_of
from tests.trading.parity.data import DATA_SETS, NoDataError
from tests.trading.parity.documents import documents
from tests.trading.parity.runs import backtested, difference, traded


def main() -> int:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    runs = unequal = fills = 0
    for make in DATA_SETS:
        try:
            data = make()
        except NoDataError as error:
            print(f"left out: {error}")
            continue
        for written in documents():
            case = case_of(written, data)
            if wanted not in case.name:
                continue
            began = time.perf_counter()
            log = backtested(case)
            bots, _ = asyncio.run(traded(case))
            differs = difference(log, bots)
            runs, unequal, fills = runs + 1, unequal + bool(differs), fills + len(log)
            took = time.perf_counter() - began
            print(
                f"{'DIFFERS' if differs else 'equal':8}{len(log):6} fills {took:6.1f} s  {case.name}  {differs}",
                flush=True,
            )
    print(f"{runs} runs, {fills} fills, {unequal} of the runs unequal")
    return 1 if unequal or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
