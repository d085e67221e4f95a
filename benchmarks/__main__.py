"""`python -m benchmarks [NAME …]`: runs the named benchmarks, or all."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def main() -> int:
    names = [entry.name for entry in pkgutil.iter_modules(benchmarks.__path__) if entry.name.startswith("bench_")]
    wanted = [f"bench_{name}" for name in sys.argv[1:]] or names
    unknown = [name for name in wanted if name not in names]
    if unknown:
        print(f"There is no benchmark {unknown[0].removeprefix('bench_')}; there are", *sorted(names))
        return 2
    missed = [name for name in wanted if not importlib.import_module(f"benchmarks.{name}").main()]
    for name in missed:
        print(f"{name}: below its target")
    return 1 if missed else 0


raise SystemExit(main())
