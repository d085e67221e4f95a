"""Looks for each planted defect; exit code 1 when one was not caught."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.campaign.trading import defects
from tests.campaign.trading.defects import DEFECTS, look_for


def _quietly(name: str) -> tuple[str, set[str], str, float]:
    logging.disable(logging.CRITICAL)
    started = time.perf_counter()
    found, where = look_for(name)
    return name, found, where, time.perf_counter() - started


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.trading.defects", description=defects.__doc__)
    parser.add_argument("--name", default="", help="only those whose name contains this")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    names = [name for name in DEFECTS if options.name in name]
    missed = 0
    with ProcessPoolExecutor(options.workers) as pool:
        for name, found, where, seconds in pool.map(_quietly, names):
            missed += not where
            told = (
                f"{', '.join(sorted(found))} ({where})" if where else f"NOT CAUGHT; what failed: {found or 'nothing'}"
            )
            print(f"{name}: {told} [{seconds:.0f} s]", flush=True)
    print(f"{len(names) - missed} of {len(names)} planted defects caught and named")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
