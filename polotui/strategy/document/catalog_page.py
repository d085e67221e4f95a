"""docs/indicators.md, written from the catalogue."""

from __future__ import annotations

from polotui.strategy.document.catalog import KINDS, Kind

_HEAD = """# Indicators

Written from `polotui/strategy/document/catalog.py` by `docs/generate.py`.

The bare name of a declared indicator is its first output; others are named after a dot, such as `bands.upper`.
«source» is any price field or an earlier indicator's output. An indicator has no value (unknown, never zero) until all
its outputs have one, and where it would divide by zero. One that *adds up* has a level that depends on the first bar
loaded: compare it with its own past, not with a number. In a stretch without any movement TA-Lib's bounded oscillators
(`stoch`, `stoch_rsi`, `willr`, `cci` and their like) answer 0, not unknown: ask for movement, too, where that matters.

A session's values (`vwap`, `day`, `pivots`) are known from the first session whose beginning is among the bars.
"""


def as_markdown() -> str:
    """docs/indicators.md."""
    lines = [_HEAD]
    for group in dict.fromkeys(kind.group for kind in KINDS.values()):
        lines += [
            f"## {group[0].upper()}{group[1:]}", "",
            "| kind | what it is | settings (default, limits) | outputs | of | first value after |",
            "|---|---|---|---|---|---|",
        ]  # fmt: skip
        lines += [_line(kind) for kind in KINDS.values() if kind.group == group]
        lines.append("")
    return "\n".join(lines)


def _line(kind: Kind) -> str:
    settings = ", ".join(f"`{p.name}` {p.default} ({p.least} to {p.most})" for p in kind.parameters) or "–"
    warmup = f"{kind.warmup({parameter.name: parameter.default for parameter in kind.parameters})} bars"
    if kind.session_ms:
        warmup = f"at most {kind.session_ms // 86_400_000} days"
    outputs = ", ".join(f"`{output}`" for output in kind.outputs)
    says = kind.says + (". *Adds up.*" if kind.anchored else "")
    return f"| `{kind.name}` | {says} | {settings} | {outputs} | {' '.join(kind.inputs)} | {warmup} |"
