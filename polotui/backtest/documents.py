"""A text and values to a bound document, or the first thing that is wrong with it.

Decided here: the newest texts stay checked. A worker meets the same text again with every run, band and sweep of it,
and reading YAML takes longer than a year of minutes; what `check` gives is frozen, so it may be shared.
"""

from __future__ import annotations

from functools import lru_cache

from polotui.backtest.work import Document
from polotui.core.errors import UsageError
from polotui.model.candles import Timeframe
from polotui.strategy.document.bind import Bound, bind
from polotui.strategy.document.check import Checking, check
from polotui.strategy.document.limits import FRAME_MS


class DocumentError(UsageError):
    """The document has errors and cannot run."""

    code = "strategy-errors"


def checked(document: Document) -> Checking:
    """The document with its own symbols and timeframe replaced where asked. Raises DocumentError."""
    found = _check(document.text, document.form)
    if not found.ok or found.document is None or found.rules is None:
        first = found.errors[0]
        more = f" and {len(found.errors) - 1} more" if len(found.errors) > 1 else ""
        raise DocumentError(
            f"Line {first.line}, column {first.column}: {first.message}{more}.",
            safe="Nothing was run.",
            next_step=first.suggestion or "Mend the document; the lab shows every place.",
        )
    changes: dict[str, object] = {}
    if document.symbols:
        changes["market"] = found.document.market.model_copy(update={"symbols": tuple(document.symbols)})
    if document.timeframe and document.timeframe != found.document.timeframe:
        frame = Timeframe.parse(document.timeframe).value
        lower = [name for name in bind(found).frames if FRAME_MS[name] < FRAME_MS[frame]]
        if lower:
            raise DocumentError(
                f"The document looks at {lower[0]} bars, which are shorter than {frame}.",
                safe="Nothing was run.",
                next_step=f"Choose a timeframe of at most {lower[0]}.",
            )
        changes["timeframe"] = frame
    if not changes:
        return found
    replaced = found.document.model_copy(update=changes)
    return Checking(replaced, found.rules, found.diagnostics, found.hash)


@lru_cache(maxsize=16)
def _check(text: str, form: str) -> Checking:
    return check(text, form)


def bound(document: Document) -> Bound:
    """Raises DocumentError and BindError."""
    return bind(checked(document), document.params)
