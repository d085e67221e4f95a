"""From a rule's text to its typed tree: tokenizer, parser, types. The whole grammar, and nothing is ever evaluated.

    rule   := or
    or     := and ("or" and)*
    and    := not ("and" not)*
    not    := "not" not | cmp
    cmp    := sum (("<"|"<="|">"|">="|"=="|"!=") sum)?        no chaining
    sum    := mul (("+"|"-") mul)*
    mul    := unary (("*"|"/") unary)*
    unary  := "-" unary | post
    post   := atom ("[" INT "]")?                              lag 0..500, past only
    atom   := NUMBER | PERCENT | series | func "(" rule ("," rule)* ")" | "(" rule ")"
    series := name ("." output)? ("@" timeframe)?

Decided here:
* `parse` never raises for any text. What is wrong comes back as faults with their place in the text. A wrong name is
  noted and parsing goes on, so that one look shows all wrong names; a wrong shape ends it.
* Operators are climbed by precedence, three calls a level instead of nine, and nesting is counted before descending:
  no text can exhaust Python's stack.
* Every name is looked up while parsing, so a tree holds nothing that the document does not declare.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from polotui.strategy.document.functions import FUNCTIONS, Function
from polotui.strategy.document.limits import (
    FRAME_MS,
    KEYWORDS,
    MAX_DEPTH,
    MAX_LAG,
    MAX_NODES,
    MAX_RULE_TEXT,
    MAX_WINDOW,
    TIMEFRAMES,
    shifted,
)
from polotui.strategy.document.tokens import (
    COMPARISONS,
    NO_POWER,
    Fault,
    Token,
    did_you_mean,
    near,
    quote,
    tokenize,
)
from polotui.strategy.document.tree import (
    CLOCK,
    FACTS,
    PRICES,
    Binary,
    Call,
    Clock,
    Fact,
    Indicator,
    Lag,
    Node,
    Number,
    Param,
    Price,
    Span,
    Type,
    Unary,
    walk,
)

_LEVEL = {"or": 1, "and": 2, **dict.fromkeys(COMPARISONS, 4), "+": 5, "-": 5, "*": 6, "/": 6}
_NOT_LEVEL = 3


@dataclass(frozen=True)
class Names:
    """What a rule may refer to: declared indicators with their outputs, declared params («int» or «float»), and whether
    a position is open when it is asked (facts are known then only)."""

    indicators: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    timeframe: str = "1m"
    facts: bool = False

    def all(self) -> list[str]:
        known = [*self.indicators, *self.params, *PRICES, *CLOCK]
        return [*known, *FACTS] if self.facts else known


@dataclass(frozen=True)
class Parsed:
    """`node` is None exactly when there are faults."""

    node: Node | None
    faults: tuple[Fault, ...]


class _Stop(Exception):
    """Ends parsing: what follows could only be guessed."""


def parse(text: str, names: Names, want: Type = "bool") -> Parsed:
    """The typed tree of a rule text, or everything found wrong with it. `want` is «number» for price expressions."""
    if len(text) > MAX_RULE_TEXT:
        message = f"this rule has {len(text)} characters; at most {MAX_RULE_TEXT} are read"
        return Parsed(None, (Fault("too-long", Span(0, 1), message, "move a part into an indicator"),))
    tokens, stray = tokenize(text)
    parser = _Parser(tokens, stray, names)
    return parser.run(want)


class _Parser:
    def __init__(self, tokens: list[Token], stray: Fault | None, names: Names) -> None:
        self.tokens = tokens
        self.stray = stray
        self.names = names
        self.faults: list[Fault] = []
        self.position = 0
        self.nesting = 0
        self.nodes = 0

    def run(self, want: Type) -> Parsed:
        try:
            if self.peek.kind == "end" and self.stray is None:
                self.stop("empty", self.peek, "the rule is empty", "write a condition, such as close > open")
            node, _ = self.expression(1)
            if self.peek.kind != "end" or self.stray is not None:
                self.unexpected("the rule should end here")
            if node.type != want:
                self.type_fault(node, want, "a rule" if want == "bool" else "a price expression")
        except _Stop:
            if self.stray is not None and self.stray not in self.faults:
                self.faults.append(self.stray)
            return Parsed(None, tuple(self.faults))
        return Parsed(None if self.faults else node, tuple(self.faults))

    @property
    def peek(self) -> Token:
        return self.tokens[self.position]

    def next(self) -> Token:
        token = self.tokens[self.position]
        if token.kind != "end":
            self.position += 1
        return token

    def fault(self, code: str, at: Span | Token, message: str, suggestion: str = "") -> None:
        self.faults.append(Fault(code, Span(at.start, at.end), message, suggestion))

    def stop(self, code: str, at: Span | Token, message: str, suggestion: str = "") -> NoReturn:
        self.fault(code, at, message, suggestion)
        raise _Stop

    def made(self, at: Span, depth: int) -> int:
        """Counts a new node; gives its depth back."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.stop("too-many-nodes", at, f"this rule has more than {MAX_NODES} parts", "split the strategy")
        if depth > MAX_DEPTH:
            self.stop("too-deep", at, f"this rule is nested more than {MAX_DEPTH} levels deep",
                      "each link of a chain counts; use between, min, max, or brackets around halves")  # fmt: skip
        return depth

    def unexpected(self, wanted: str) -> NoReturn:
        token = self.peek
        if token.kind == "end" and self.stray is not None:
            self.faults.append(self.stray)
            raise _Stop
        if token.kind == "end":
            self.stop("unfinished", token, f"the rule ends too early: {wanted}")
        previous = self.tokens[self.position - 1].text if self.position else ""
        hint = ""
        if token.text == "*" and previous == "*":
            hint = NO_POWER
        elif token.kind == "name" and token.text.lower() in KEYWORDS and token.text not in KEYWORDS:
            hint = f"write {token.text.lower()} in small letters"
        elif token.text in ("if", "else", "for", "in", "is", "lambda", "import"):
            hint = "a rule is one condition: and, or, not, comparisons, arithmetic and the listed functions"
        self.stop("syntax", token, f"{quote(token.text)} is not expected here: {wanted}", hint)

    # Expressions, by precedence. Each gives the node and its depth.

    def expression(self, level: int) -> tuple[Node, int]:
        left, depth = self.prefix(level)
        while True:
            token = self.peek
            mine = _LEVEL.get(token.text, 0) if token.kind in ("op", "name") else 0
            if mine < level or mine == 0:
                return left, depth
            self.next()
            right, below = self.expression(mine + 1)
            left, depth = self.binary(token, left, right, max(depth, below) + 1)
            if mine == _LEVEL["<"] and self.peek.kind == "op" and self.peek.text in COMPARISONS:
                self.stop("chained", self.peek, "comparisons cannot be chained",
                          "write a < b and b < c, or between(b, a, c)")  # fmt: skip

    def prefix(self, level: int) -> tuple[Node, int]:
        token = self.peek
        if token.kind == "name" and token.text == "not" and level <= _NOT_LEVEL:
            self.next()
            of, depth = self.deeper(token, _NOT_LEVEL)
            at = Span(token.start, of.at.end)
            if of.type != "bool":
                self.type_fault(of, "bool", "not")
            return Unary("not", of, at, "bool"), self.made(at, depth + 1)
        if token.kind == "op" and token.text == "-":
            self.next()
            of, depth = self.deeper(token, 7)
            at = Span(token.start, of.at.end)
            if of.type != "number":
                self.type_fault(of, "number", "minus")
            return Unary("-", of, at, "number"), self.made(at, depth + 1)
        return self.postfix()

    def deeper(self, token: Token, level: int) -> tuple[Node, int]:
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            self.stop("too-deep", token, f"this rule is nested more than {MAX_DEPTH} levels deep", "simplify it")
        found = self.expression(level)
        self.nesting -= 1
        return found

    def binary(self, token: Token, left: Node, right: Node, depth: int) -> tuple[Node, int]:
        op = token.text
        logic = op in ("and", "or")
        needs: Type = "bool" if logic else "number"
        for side in (left, right):
            if side.type != needs:
                self.type_fault(side, needs, op)
        at = Span(left.at.start, right.at.end)
        result: Type = "bool" if logic or op in COMPARISONS else "number"
        return Binary(op, left, right, at, result), self.made(at, depth)  # type: ignore[arg-type]

    def type_fault(self, node: Node, needs: Type, where: str) -> None:
        words = {"bool": "a condition", "number": "a number"}
        if needs == "bool":
            hint = "compare it with something, such as > 0"
        elif isinstance(node, Clock):
            hint = f"{node.name} is true or false already; write it alone"
        else:
            hint = "join conditions with and / or; count(condition, n) makes a number of one"
        self.fault("type", node.at, f"{where} needs {words[needs]} here, and this is {words[node.type]}", hint)

    def postfix(self) -> tuple[Node, int]:
        node, depth = self.atom()
        if self.peek.text == "[":
            opening = self.next()
            bars = self.lag_bars(opening)
            closing = self.next()
            at = Span(node.at.start, closing.end)
            self.refuse_facts(node, at, "a lag")
            node, depth = Lag(node, bars, at, node.type), self.made(at, depth + 1)
            if self.peek.text == "[":
                self.stop("syntax", self.peek, "a lag cannot be lagged again", "add the two numbers")
        return node, depth

    def lag_bars(self, opening: Token) -> int:
        token = self.peek
        if token.text == "-":
            self.stop("future", token, "a lag cannot be negative: a rule sees the past only",
                      "close[1] is the bar before")  # fmt: skip
        if token.kind != "number" or not token.text.isdigit():
            self.unexpected(f"a lag is a whole number of bars, 0 to {MAX_LAG}")
        self.next()
        if len(token.text) > 6 or int(token.text) > MAX_LAG:
            self.stop("lag", token, f"a lag goes from 0 to {MAX_LAG} bars")
        if self.peek.text != "]":
            self.unexpected("the lag's ] is missing")
        return int(token.text)

    def atom(self) -> tuple[Node, int]:
        token = self.peek
        if token.kind in ("number", "percent"):
            self.next()
            return self.number(token), self.made(Span(token.start, token.end), 1)
        if token.kind == "name" and token.text not in KEYWORDS:
            self.next()
            if self.peek.text == "(":
                return self.call(token)
            return self.series(token), self.made(Span(token.start, token.end), 1)
        if token.text != "(":
            self.unexpected("a number, a name, a function or a bracket should stand here")
        self.next()
        node, depth = self.deeper(token, 1)
        if self.peek.text != ")":
            self.unexpected("a closing bracket is missing")
        closing = self.next()
        # The brackets belong to what is underlined, and take no part in the comparison of trees.
        return replace(node, at=Span(token.start, closing.end)), depth

    def number(self, token: Token) -> Number:
        at = Span(token.start, token.end)
        following = self.peek
        if following.kind == "name" and following.start == token.end:
            self.stop("syntax", following, f"{quote(token.text + following.text)} is neither a number nor a name",
                      "names begin with a letter")  # fmt: skip
        value = shifted(token.text) if token.kind == "percent" and "e" not in token.text.lower() else float(token.text)
        if token.kind == "percent" and "e" in token.text.lower():
            value /= 100
        if not math.isfinite(value):
            self.stop("number", token, "this number is too large")
        return Number(value, at)

    # Names.

    def series(self, token: Token) -> Node:
        name, output, end = token.text, "", token.end
        dotted: Token | None = None
        if self.peek.text == ".":
            self.next()
            dotted = self.peek
            if dotted.kind != "name":
                self.unexpected("an indicator's output should follow the dot")
            self.next()
            output, end = dotted.text, dotted.end
            if self.peek.text in (".", "("):
                self.unexpected("an output has no parts of its own")
        frame = ""
        if self.peek.kind == "frame":
            frame, end = self.frame(self.next())
        at = Span(token.start, end)
        if name in self.names.indicators:
            return self.indicator(token, dotted, output, frame, at)
        if dotted is not None:
            self.no_outputs(token, dotted)
        elif name in PRICES:
            return Price(name, frame, at)
        elif frame and (name in self.names.params or name in FACTS or name in CLOCK):
            self.fault("frame", at, f"{name} does not depend on a timeframe", f"write {name} alone")
        elif name in self.names.params:
            return Param(name, at)
        elif name in CLOCK:
            return Clock(name, at, "bool" if name == "new_day" else "number")
        elif name in FACTS:
            if self.names.facts:
                return Fact(name, at)
            self.fault("fact", at, f"{name} is known only while a position is open",
                       "facts about the position belong into exit rules")  # fmt: skip
        else:
            self.unknown(token)
        return Price("close", "", at)

    def unknown(self, token: Token) -> None:
        name = token.text
        if self.stray is not None and token.end == self.stray.at.start:
            # The character behind it is what is wrong: a letter of another alphabet, say.
            raise _Stop
        if name in FUNCTIONS:
            self.fault("unknown-name", token, f"{name} is a function", f"write {signature(FUNCTIONS[name])}")
        elif name.lower() in KEYWORDS:
            self.stop("syntax", token, f"{quote(name)} is not a word of the language", f"write {name.lower()}")
        elif name.lower() in ("true", "false"):
            self.fault("unknown-name", token, "a rule has no constant truth", "leave the rule away instead")
        else:
            hint = did_you_mean(name, self.names.all()) or "declare it under indicators or params"
            self.fault("unknown-name", token, f"{quote(name)} is not declared", hint)

    def no_outputs(self, token: Token, dotted: Token) -> None:
        name = token.text
        if name in self.names.all() or name in FACTS:
            self.fault("unknown-output", dotted, f"{name} has no outputs", f"write {name} alone")
        else:
            self.unknown(token)

    def indicator(self, token: Token, dotted: Token | None, output: str, frame: str, at: Span) -> Node:
        outputs = self.names.indicators[token.text]
        if dotted is not None and output not in outputs:
            hint = did_you_mean(output, outputs) or "its outputs are " + ", ".join(outputs)
            self.fault("unknown-output", dotted, f"{token.text} has no output {quote(output)}", hint)
            output = ""
        # The first output has two spellings and one meaning.
        return Indicator(token.text, "" if outputs and output == outputs[0] else output, frame, at)

    def frame(self, token: Token) -> tuple[str, int]:
        text = token.text[1:]
        if text not in FRAME_MS:
            hint = did_you_mean(text, TIMEFRAMES) or "frames are " + ", ".join(TIMEFRAMES)
            self.fault("frame", token, f"{quote(text)} is no timeframe", hint)
            return "", token.end
        base = self.names.timeframe
        if FRAME_MS[text] < FRAME_MS[base]:
            self.fault("frame", token, f"@{text} is shorter than the document's {base}",
                       f"use {base} or longer, or lower the document's timeframe")  # fmt: skip
            return "", token.end
        return ("" if text == base else text), token.end

    # Calls.

    def call(self, token: Token) -> tuple[Node, int]:
        function = FUNCTIONS.get(token.text)
        if function is None:
            what = "an indicator, not a function" if token.text in self.names.indicators else "no function"
            hint = did_you_mean(token.text, FUNCTIONS) or "functions are " + ", ".join(FUNCTIONS)
            self.stop("unknown-function", token, f"{quote(token.text)} is {what}", hint)
        opening = self.next()
        args: list[Node] = []
        depth = 0
        while True:
            if self.peek.text == ")" and not args:
                break
            node, below = self.deeper(opening, 1)
            args.append(node)
            depth = max(depth, below)
            if self.peek.text != ",":
                break
            self.next()
        if self.peek.text != ")":
            self.unexpected("a comma or a closing bracket should follow")
        at = Span(token.start, self.next().end)
        if len(args) != len(function.arguments):
            wanted = len(function.arguments)
            self.fault("arguments", at, f"{function.name} takes {wanted} argument{'s' * (wanted > 1)}, not {len(args)}",
                       f"write {signature(function)}")  # fmt: skip
        else:
            self.arguments(function, args, at)
        return Call(function.name, tuple(args), at, function.result), self.made(at, depth + 1)

    def arguments(self, function: Function, args: list[Node], at: Span) -> None:
        for wanted, node in zip(function.arguments, args, strict=True):
            if wanted == "window":
                self.window(function, node)
            elif node.type != wanted:
                self.type_fault(node, "bool" if wanted == "bool" else "number", function.name)
            if function.back != "none":
                self.refuse_facts(node, at, function.name)

    def window(self, function: Function, node: Node) -> None:
        words = f"{function.name} counts {function.least} to {MAX_WINDOW} whole bars"
        if isinstance(node, Number):
            if not (node.value.is_integer() and function.least <= node.value <= MAX_WINDOW):
                self.fault("window", node.at, words, "write a whole number")
        elif isinstance(node, Param):
            if self.names.params.get(node.name) != "int":
                self.fault("window", node.at, f"{words}, and {node.name} is not a whole number",
                           f"declare {node.name} with type: int")  # fmt: skip
        else:
            self.fault("window", node.at, words, "write a number or the name of a declared param")

    def refuse_facts(self, node: Node, at: Span, where: str) -> None:
        for part in walk(node):
            if isinstance(part, Fact):
                self.fault("fact-lookback", part.at, f"{part.name} is known for the current bar only, "
                           f"and {where} looks back", f"use {part.name} outside of it")  # fmt: skip
                return


def signature(function: Function) -> str:
    """How a call is written: `rising(x, n)`."""
    letters = iter("xyz")
    words = {"bool": "condition", "window": "n"}
    return f"{function.name}({', '.join(words.get(kind) or next(letters) for kind in function.arguments)})"


def frames_of(nodes: Iterable[Node | None]) -> tuple[str, ...]:
    """The higher frames that the trees read, shortest first."""
    found = {
        part.frame
        for node in nodes
        if node is not None
        for part in walk(node)
        if isinstance(part, Price | Indicator) and part.frame
    }
    return tuple(sorted(found, key=FRAME_MS.__getitem__))


__all__ = ["COMPARISONS", "Fault", "Names", "Parsed", "Token", "frames_of", "near", "parse", "signature", "tokenize"]
