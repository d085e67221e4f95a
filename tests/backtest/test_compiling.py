"""An edited rule can't leave a stale kernel: the cache's folder is named by the sources."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import polotui
from polotui.backtest import compiling

PACKAGE = Path(polotui.__file__).parent

SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from polotui.backtest import compiling
from polotui.execution import fills
compiling.use_cache(Path({cache!r}))
twin = compiling.compiled(fills.market_price)
print(twin(100.0, 1, 0.0, 0.0, 0.0), sum(twin.stats.cache_hits.values()))
"""


def run(root: Path, cache: Path) -> list[str]:
    script = SCRIPT.format(root=str(root), cache=str(cache))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/")
    return done.stdout.split()


def test_an_edit_in_a_callees_file_compiles_anew(tmp_path: Path) -> None:
    root, cache = tmp_path / "site", tmp_path / "cache"
    shutil.copytree(PACKAGE, root / "polotui", ignore=shutil.ignore_patterns("__pycache__"))
    assert run(root, cache) == ["100.0", "0"]
    assert run(root, cache) == ["100.0", "1"]
    grid = root / "polotui" / "execution" / "grid.py"
    grid.write_text(
        grid.read_text().replace(
            "    if step <= 0.0 or math.isnan(value):\n        return value\n",
            "    if step <= 0.0 or math.isnan(value):\n        return value + 1.0\n",
        )
    )
    assert run(root, cache) == ["101.0", "0"]
    assert len(list(cache.iterdir())) == 1, "the outdated folder is removed"


def test_the_hash_changes_with_every_source_of_a_kernel(tmp_path: Path) -> None:
    root = tmp_path / "polotui"
    shutil.copytree(PACKAGE, root, ignore=shutil.ignore_patterns("__pycache__"))
    before = compiling.sources_hash(root)
    for name in ("execution/exits.py", "risk/sizing.py", "backtest/kernel/inside.py", "strategy/runtime/program.py"):
        path = root / name
        path.write_text(path.read_text() + "\n")
        after = compiling.sources_hash(root)
        assert after != before, name
        before = after
