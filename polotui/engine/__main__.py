"""`python -m polotui.engine run`: the engine in the foreground. Faces start it this way, and so do systemd and
containers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from polotui.core.errors import PolotuiError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="polotui engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run until a signal, or until nobody needs it (--linger)")
    run.add_argument("--home", type=Path, help="folder for all state, configuration and logs")
    run.add_argument("--linger", type=float, help="end this many seconds after the last face left; absent: never")
    run.add_argument("--demo", action="store_true", help="use the built-in exchange: no keys, no network")
    run.add_argument("--data", help="demo: replay recordings from this folder or file")
    run.add_argument("--speed", type=float, help="demo: market time runs this many times faster")
    run.add_argument("--seed", help="demo: seed of the market")
    run.add_argument("--symbols", type=int, help="demo: how many symbols")
    options = parser.parse_args(arguments)

    from polotui.engine.run import Options, run_engine

    try:
        return run_engine(
            Options(
                root=options.home,
                linger=options.linger,
                demo=options.demo,
                simulator=_simulator_arguments(options),
            )
        )
    except PolotuiError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _simulator_arguments(options: argparse.Namespace) -> list[str]:
    given = {name: getattr(options, name) for name in ("data", "speed", "seed", "symbols")}
    return [part for name, value in given.items() if value is not None for part in (f"--{name}", str(value))]


if __name__ == "__main__":
    raise SystemExit(main())
