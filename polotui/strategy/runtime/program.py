"""Exit rules that know the position: what is left of a rule when all that needs no fact has become a column.

Decided here:
* The rest is a short postfix program over one bar's columns and five facts. `run_program` runs it as plain Python in
  paper trading, and compiled inside the backtest's loop; it is one function, so both decide alike.
* On the stack a truth is 0.0, 1.0 or 2.0, a number is itself, unknown is NaN.
* Facts may be compared, reckoned with, and given to `abs`, `min`, `max` and `between`. They have no past: a function
  that looks back would have to invent what the position was before it was opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polotui.core.errors import UsageError
from polotui.strategy.document.tree import FACTS, Binary, Call, Fact, Node, Number, Param, Unary, children, walk
from polotui.strategy.runtime.truth import INFINITE, NAN, Floats, Truths

CONSTANT, COLUMN, FACT, NEGATE, NOT, ABS = 0, 1, 2, 3, 4, 5
ADD, SUBTRACT, MULTIPLY, DIVIDE = 6, 7, 8, 9
LESS, AT_MOST, GREATER, AT_LEAST, EQUAL, UNEQUAL = 10, 11, 12, 13, 14, 15
SMALLER, LARGER, AND, OR, BETWEEN = 16, 17, 18, 19, 20

_BINARY = {
    "+": ADD,
    "-": SUBTRACT,
    "*": MULTIPLY,
    "/": DIVIDE,
    "<": LESS,
    "<=": AT_MOST,
    ">": GREATER,
    ">=": AT_LEAST,
    "==": EQUAL,
    "!=": UNEQUAL,
    "and": AND,
    "or": OR,
}
_CALLS = {"abs": ABS, "min": SMALLER, "max": LARGER, "between": BETWEEN}


class Facts(NamedTuple):
    """The open position at a bar's close, in the order of `tree.FACTS`."""

    entry_price: float
    bars_in_position: float
    position_pnl_pct: float
    highest_since_entry: float
    lowest_since_entry: float


@dataclass(frozen=True)
class Code:
    """A rule's program and the fact-free parts it reads, each of them a column."""

    ops: NDArray[np.int32]
    operand: NDArray[np.int32]
    constants: Floats
    parts: tuple[Node, ...]
    depth: int

    @property
    def uses_facts(self) -> bool:
        return bool((self.ops == FACT).any())


@dataclass(frozen=True)
class ExitProgram:
    """`code` with its columns: `columns[bar]` is the row that `run_program` reads (truths as 0.0, 1.0 and 2.0).

    `decided` is what the rule says whatever the facts may be. Where it is TRUE or FALSE the program need not run:
    knowing more never changes a truth that is decided. It is UNKNOWN throughout for a number.
    """

    ops: NDArray[np.int32]
    operand: NDArray[np.int32]
    constants: Floats
    columns: Floats
    depth: int
    uses_facts: bool
    decided: Truths


def uses_facts(node: Node) -> bool:
    return any(isinstance(part, Fact) for part in walk(node))


def compile_rule(node: Node, values: Mapping[str, float]) -> Code:
    """The program of a rule. Raises UsageError where a fact stands in a function that looks back."""
    ops: list[tuple[int, int]] = []
    constants: list[float] = []
    parts: dict[Node, int] = {}
    deepest = 0

    def visit(part: Node, depth: int) -> None:
        nonlocal deepest
        deepest = max(deepest, depth)
        if isinstance(part, Number | Param):
            constants.append(float(part.value if isinstance(part, Number) else values[part.name]))
            ops.append((CONSTANT, len(constants) - 1))
        elif not uses_facts(part):
            ops.append((COLUMN, parts.setdefault(part, len(parts))))
        elif isinstance(part, Fact):
            ops.append((FACT, FACTS.index(part.name)))
        else:
            op = _operation(part)
            for place, child in enumerate(children(part)):
                visit(child, depth + place)
            ops.append((op, 0))

    visit(node, 1)
    code = np.array(ops, np.int32).reshape(-1, 2)
    return Code(
        np.ascontiguousarray(code[:, 0]),
        np.ascontiguousarray(code[:, 1]),
        np.array(constants, np.float64),
        tuple(parts),
        deepest,
    )


def _operation(node: Node) -> int:
    if isinstance(node, Binary):
        return _BINARY[node.op]
    if isinstance(node, Unary):
        return NEGATE if node.op == "-" else NOT
    if isinstance(node, Call) and node.name in _CALLS:
        return _CALLS[node.name]
    name = f"{node.name}()" if isinstance(node, Call) else "a lag"
    raise UsageError(
        f"A fact of the position has no past, so {name} cannot be asked about it.",
        next_step=f"Compare the fact itself, or use {', '.join(sorted(_CALLS))}.",
    )


def run_program(ops: Any, operand: Any, constants: Any, row: Any, facts: Any, stack: Any) -> float:
    """A rule's truth at one bar (0.0, 1.0 or 2.0), or the number it stands for. Arrays, or lists in plain Python;
    `stack` has room for the program's depth."""
    top = -1
    for place in range(len(ops)):
        op = ops[place]
        if op <= FACT:
            top += 1
            if op == CONSTANT:
                stack[top] = constants[operand[place]]
            elif op == COLUMN:
                stack[top] = row[operand[place]]
            else:
                stack[top] = facts[operand[place]]
        elif op == NEGATE:
            stack[top] = -stack[top]
        elif op == NOT:
            stack[top] = 2.0 - stack[top]
        elif op == ABS:
            stack[top] = abs(stack[top])
        elif op == BETWEEN:
            top -= 2
            x, low, high = stack[top], stack[top + 1], stack[top + 2]
            least = 1.0 + (x >= low) - (x < low)
            most = 1.0 + (high >= x) - (high < x)
            stack[top] = least if least < most else most
        else:
            top -= 1
            x, y = stack[top], stack[top + 1]
            if op <= DIVIDE:
                if op == ADD:
                    z = x + y
                elif op == SUBTRACT:
                    z = x - y
                elif op == MULTIPLY:
                    z = x * y
                elif y == 0.0:
                    z = NAN
                else:
                    z = x / y
                if z == INFINITE or z == -INFINITE:
                    z = NAN
                stack[top] = z
            elif op == LESS:
                stack[top] = 1.0 + (x < y) - (x >= y)
            elif op == AT_MOST:
                stack[top] = 1.0 + (x <= y) - (x > y)
            elif op == GREATER:
                stack[top] = 1.0 + (x > y) - (x <= y)
            elif op == AT_LEAST:
                stack[top] = 1.0 + (x >= y) - (x < y)
            elif op == EQUAL:
                stack[top] = 1.0 + (x == y) - (x < y or x > y)
            elif op == UNEQUAL:
                stack[top] = 1.0 + (x < y or x > y) - (x == y)
            elif op in (SMALLER, AND):
                stack[top] = NAN if x != x or y != y else (x if x < y else y) + 0.0
            else:
                stack[top] = NAN if x != x or y != y else (x if x > y else y) + 0.0
    return stack[0]  # type: ignore[no-any-return]
