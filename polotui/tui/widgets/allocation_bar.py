"""What an account consists of, as one line of named bars. Each part has its name and share: colour only repeats it."""

from __future__ import annotations

from collections.abc import Sequence

from polotui.tui.widgets.painted import Line

PARTS = 6


def allocation(shares: Sequence[tuple[str, float]], width: int) -> Line:
    """Parts from large to small, the smallest together as «other»; bars in whole cells that fit `width`."""
    known = sorted((item for item in shares if item[1] > 0), key=lambda item: -item[1])
    total = sum(share for _, share in known)
    if not known or total <= 0:
        return []
    parts = [item for item in known[:PARTS] if item[1] >= 0.01 * total] or known[:1]
    rest = total - sum(share for _, share in parts)
    if rest > 0.0005 * total:
        parts = [*parts, ("other", rest)]
    labels = _labels(parts, total)
    while len(parts) > 1 and sum(len(label) + 2 for label in labels) > width:
        # Too narrow for all names: the smallest join the others, and these go last of all.
        if len(parts) == 2 and parts[-1][0] == "other":
            parts.pop()
        elif parts[-1][0] == "other":
            parts[-2:] = [("other", parts[-2][1] + parts[-1][1])]
        else:
            parts[-1] = ("other", parts[-1][1])
        labels = _labels(parts, total)
    room = max(len(parts), width - sum(len(label) for label in labels))
    line: Line = []
    for index, ((name, share), label) in enumerate(zip(parts, labels, strict=True)):
        tone = "other" if name == "other" else f"part{index % PARTS + 1}"
        line += [("█" * max(1, int(share / total * room)), tone), (label, "")]
    return line


def _labels(parts: Sequence[tuple[str, float]], total: float) -> list[str]:
    return [f" {name} {share / total * 100:.0f} %  " for name, share in parts]
