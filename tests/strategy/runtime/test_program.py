"""Exit rules with facts: compiled, as plain Python and bar by bar they say the same, and what they say is right."""

from __future__ import annotations

import numpy as np
import pytest

from polotui.backtest.compiling import compiled
from polotui.core.errors import UsageError
from polotui.strategy.document.tree import FACTS, Call, Fact, Param, Unary
from polotui.strategy.runtime.evaluate import Evaluation, is_truth
from polotui.strategy.runtime.program import Facts, run_program, uses_facts
from polotui.strategy.runtime.stream import Live
from polotui.strategy.runtime.truth import SCALAR, between, larger, smaller
from tests.strategy.runtime.data import bars, same
from tests.strategy.runtime.trees import DOCUMENT, HERE, Grower, Stub, binary, call, fact, lag, number, price

SIMPLE = {"abs": abs, "min": smaller, "max": larger, "between": between}


def facts(size: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    table = np.column_stack(
        (
            100.0 + rng.normal(size=size),
            rng.integers(0, 9, size).astype(np.float64),
            rng.normal(0.0, 0.02, size),
            102.0 + rng.normal(size=size),
            98.0 + rng.normal(size=size),
        )
    )
    table[rng.random(table.shape) < 0.02] = np.nan
    return table


def meaning(node, evaluation: Evaluation, bar: int, row: np.ndarray) -> float:
    """The rule once more, straight from the tree."""
    if not uses_facts(node):
        value = evaluation.value(node)
        return float(value[bar] if isinstance(value, np.ndarray) else value)
    if isinstance(node, Fact):
        return float(row[FACTS.index(node.name)])
    if isinstance(node, Unary):
        value = meaning(node.of, evaluation, bar, row)
        return -value if node.op == "-" else 2.0 - value
    parts = [
        meaning(part, evaluation, bar, row)
        for part in (node.args if isinstance(node, Call) else (node.left, node.right))
    ]
    return float(SIMPLE[node.name](*parts) if isinstance(node, Call) else SCALAR[node.op](*parts))


@pytest.mark.parametrize("seed", range(12))
def test_program_tree_and_stream_agree(seed: int) -> None:
    grower = Grower(seed, facts=True)
    rules = {f"r{place}": grower.truth(5) for place in range(10)} | {
        f"n{place}": grower.number(5) for place in range(5)
    }
    history, table = bars(400, seed), facts(400, seed)
    evaluation = Evaluation(DOCUMENT, history, Stub())
    live = Live(DOCUMENT, history.slice(0, 150), rules, Stub())
    programs = {name: evaluation.exit_program(rule) for name, rule in rules.items()}
    asked = 0
    for bar in range(150, 400):
        moment = live.close(history.bar(bar))
        for name, program in programs.items():
            stack = np.empty(program.depth)
            with np.errstate(all="ignore"):
                row = program.columns[bar].tolist()
                found = run_program(
                    program.ops, program.operand, program.constants.tolist(), row, table[bar].tolist(), stack
                )
            same([float(found)], [moment.value(name, Facts(*table[bar].tolist()))])
            same([float(found)], [meaning(rules[name], evaluation, bar, table[bar])])
            asked += program.uses_facts
            if is_truth(rules[name]) and program.decided[bar] != 1:
                assert found == program.decided[bar]
            assert not is_truth(rules[name]) or found in (0.0, 1.0, 2.0)
    assert asked


def test_compiled_it_gives_the_same_bits() -> None:
    pytest.importorskip("numba")
    run = compiled(run_program)
    history, table = bars(2_000, 3), facts(2_000, 3)
    evaluation = Evaluation(DOCUMENT, history, Stub())
    grower = Grower(77, facts=True)
    for place in range(30):
        program = evaluation.exit_program(grower.number(5) if place % 3 else grower.truth(5))
        stack = np.empty(program.depth)
        code = (program.ops.tolist(), program.operand.tolist(), program.constants.tolist())
        fast = [
            run(program.ops, program.operand, program.constants, program.columns[bar], table[bar], stack)
            for bar in range(2_000)
        ]
        plain = [
            run_program(*code, program.columns[bar].tolist(), table[bar].tolist(), [0.0] * program.depth)
            for bar in range(2_000)
        ]
        same(fast, np.array(plain, np.float64))


def test_what_no_fact_can_change_is_decided() -> None:
    up = binary(">", price("close"), price("open"))
    history = bars(50)
    rises = history.close > history.open
    late = binary(">=", fact("bars_in_position"), number(9.0))
    evaluation = Evaluation(DOCUMENT, history, Stub())
    assert evaluation.exit_program(binary("or", up, late)).decided.tolist() == np.where(rises, 2, 1).tolist()
    assert evaluation.exit_program(binary("and", up, late)).decided.tolist() == np.where(rises, 1, 0).tolist()
    assert evaluation.exit_program(up).decided.tolist() == np.where(rises, 2, 0).tolist()
    assert evaluation.exit_program(late).decided.tolist() == [1] * 50


def test_what_needs_no_fact_becomes_one_column() -> None:
    free = binary(
        "and", call("held", binary(">", price("close"), number(1.0)), 3), binary("<", price("low"), number(9.0))
    )
    rule = binary("or", free, binary(">=", fact("bars_in_position"), Param("length", HERE)))
    program = Evaluation(DOCUMENT, bars(20), Stub()).exit_program(rule)
    assert program.columns.shape == (20, 1)
    assert program.constants.tolist() == [9.0]
    assert len(program.ops) == 5
    assert program.uses_facts
    plain = Evaluation(DOCUMENT, bars(20), Stub()).exit_program(free)
    assert not plain.uses_facts
    assert plain.columns.shape == (20, 1)


@pytest.mark.parametrize(
    "node",
    [
        call("crosses_above", price("close"), fact("entry_price")),
        binary(">", lag(fact("position_pnl_pct"), 1), number(0.0)),
        call("held", binary(">", fact("position_pnl_pct"), number(0.0)), 3),
    ],
)
def test_a_fact_has_no_past(node) -> None:
    with pytest.raises(UsageError, match="no past"):
        Evaluation(DOCUMENT, bars(5), Stub()).exit_program(node)


def test_without_facts_what_asks_for_them_is_unknown() -> None:
    rule = binary(">", fact("position_pnl_pct"), number(0.0))
    moment = Live(DOCUMENT, bars(5), {"exit": rule}, Stub()).peek(bars(6).bar(5))
    assert moment.truth("exit") == 1
    assert moment.truth("exit", Facts(1.0, 1.0, 0.5, 1.0, 1.0)) == 2
