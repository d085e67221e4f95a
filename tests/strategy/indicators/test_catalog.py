"""The catalogue is whole: rows a form can show, limits that hold, and a page that says what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from polotui.strategy.document.catalog import KINDS, LONGEST, Kind
from polotui.strategy.document.catalog_page import as_markdown
from polotui.strategy.runtime.indicators import compute, own
from tests.strategy.indicators.bars import bars, same_bits

ROOT = Path(__file__).resolve().parents[3]
FIELDS = {"source", "open", "high", "low", "close", "volume", "time"}
EACH = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@EACH
def test_a_row_is_one_a_form_can_show(kind: Kind):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", kind.name)
    assert kind.says
    assert set(kind.inputs) <= FIELDS
    assert kind.outputs
    assert len(set(kind.outputs)) == len(kind.outputs)
    names = [parameter.name for parameter in kind.parameters]
    assert len(set(names)) == len(names)
    assert not set(names) & {"kind", "source"}
    for parameter in kind.parameters:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", parameter.name)
        assert parameter.least <= parameter.default <= parameter.most
        if parameter.whole:
            assert isinstance(parameter.default, int)
            assert parameter.most <= LONGEST


@pytest.mark.parametrize("end", ["least", "most"])
@EACH
def test_the_limits_are_settings_that_work(kind: Kind, end: str):
    settings = {parameter.name: getattr(parameter, end) for parameter in kind.parameters}
    warmup = kind.warmup(settings)
    assert kind.settle(settings) >= warmup
    columns = bars(6000, seed=8)
    for name, column in compute(kind.name, settings, columns).items():
        assert np.isnan(column[:warmup]).all(), name
        assert np.isfinite(column[warmup:]).any(), name


@pytest.mark.parametrize("kind", [k for k in KINDS.values() if not k.anchored], ids=lambda k: k.name)
def test_what_has_settled_no_longer_depends_on_where_it_began(kind: Kind):
    """On a market that moves. Sums that run on differ in their last digits for ever, hence the tolerance."""
    chance = np.random.default_rng(9)
    count = 14_000
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.001, count)))
    opened = np.concatenate(([100.0], close[:-1]))
    columns = {
        "open": opened,
        "high": np.maximum(opened, close) * (1 + np.abs(chance.normal(0, 0.0005, count))),
        "low": np.minimum(opened, close) * (1 - np.abs(chance.normal(0, 0.0005, count))),
        "close": close,
        "source": close,
        "volume": chance.exponential(10, count),
        "time": bars(count)["time"],
    }
    settings = {parameter.name: parameter.default for parameter in kind.parameters}
    whole = compute(kind.name, settings, columns)
    begins = kind.settle(settings) + kind.session_ms // 300_000
    for start in (101, 1003, 2500):
        cut = compute(kind.name, settings, {name: column[start:] for name, column in columns.items()})
        for name in kind.outputs:
            one, other = whole[name][start:][begins:], cut[name][begins:]
            assert np.abs(one - other).max() <= 1e-7 * np.abs(one).max(), (name, start)


def test_an_anchored_kind_does_depend_on_where_it_began():
    columns = bars(3000, seed=10)
    for kind in KINDS.values():
        if kind.anchored:
            whole = compute(kind.name, {}, columns)["value"]
            cut = compute(kind.name, {}, {name: column[500:] for name, column in columns.items()})["value"]
            assert not same_bits(whole[500:], cut), kind.name


def test_every_file_of_our_own_is_used():
    files = {path.stem for path in Path(own.__path__[0]).glob("[a-z]*.py")}
    assert files == {kind.call for kind in KINDS.values() if not kind.call.isupper()}


def test_the_catalogue_loads_without_numpy():
    code = "import sys, polotui.strategy.document.catalog; print({'numpy', 'talib'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "set()"


def test_the_page_is_current():
    assert (ROOT / "docs" / "indicators.md").read_text(encoding="utf-8") == as_markdown(), "make docs writes it anew"
