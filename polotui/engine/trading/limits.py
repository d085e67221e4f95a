"""The limits in force: stored, changed with a diff, tightened at once, loosened after a delay and with a reason.

Decided here:
* Each set of limits is a row with the time from which it counts. What counts is found by going through all rows in
  their order, so a restart in between changes nothing; a loosening that waits is replaced by the next row.
* A stored set that cannot be read or is not valid is replaced by the most careful preset, and said so: never by none.
* Percentages are written as people write them (5 for 5 %) and kept as fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.core.clock import Clock
from polotui.core.errors import Refused, UsageError
from polotui.core.text import clean
from polotui.model.money import plain, typed_decimal
from polotui.risk.fields import BY_NAME, FIELDS, Field
from polotui.risk.limits import DEFAULT_PRESET, PRESETS, Change, Limits, difference, preset_of, tightest, validate
from polotui.storage.database import Connection, Database
from polotui.trading import rows
from polotui.trading.facts import add_fact

#: A loosening counts after this long (reliability: limits raise only with a typed reason, effective after 60 s).
DELAY_SECONDS = 60.0
LEAST_REASON = 4
_INSERT = "INSERT INTO limit_sets (preset, limits, caller, reason, set_ms, from_ms) VALUES (?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True)
class LimitSet:
    """One stored set."""

    limits: Limits
    preset: str
    set_ms: int
    from_ms: int


class LimitDesk:
    """The limits of this home."""

    def __init__(self, database: Database, clock: Clock, stamps: Clock | None = None) -> None:
        """`clock` is what a loosening waits by, `stamps` what rows of the audit and the feed carry."""
        self._database = database
        self._clock = clock
        self._stamps = stamps or clock
        self._now = LimitSet(PRESETS[DEFAULT_PRESET], DEFAULT_PRESET, 0, 0)
        self._pending: LimitSet | None = None
        #: Why the stored limits could not be used; empty when they can.
        self.problem = ""

    async def load(self) -> None:
        query = "SELECT preset, limits, set_ms, from_ms FROM limit_sets ORDER BY number"
        found = await self._database.read(lambda c: c.execute(query).fetchall(), "limits")
        now, pending = None, None
        for row in found:
            _, _, set_ms, from_ms = row
            if pending is not None and pending[3] <= set_ms:
                now = pending
            # One that was still waiting when the next was set has been replaced by it.
            now, pending = (now, row) if from_ms > set_ms else (row, None)
        if now is not None:
            self._now = self._read(now)
        if pending is not None:
            self._pending = self._read(pending)

    def _read(self, row: tuple[Any, ...]) -> LimitSet:
        preset, text, set_ms, from_ms = row
        try:
            limits = msgspec.json.decode(text, type=Limits)
            wrong = validate(limits)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            limits, wrong = PRESETS["conservative"], (f"The stored limits cannot be read: {error}",)
        if wrong:
            self.problem = clean(wrong[0], 200)
            return LimitSet(PRESETS["conservative"], "conservative", set_ms, from_ms)
        return LimitSet(limits, preset, set_ms, from_ms)

    # -- what counts ----------------------------------------------------------------------------------------------

    def limits(self) -> Limits:
        """The limits in force at this moment."""
        if self._pending is not None and self._clock.wall_ms() >= self._pending.from_ms:
            self._now, self._pending = self._pending, None
        return self._now.limits

    @property
    def preset(self) -> str:
        self.limits()
        return self._now.preset

    def pending(self) -> tuple[list[tv.LimitChange], int]:
        """Changes that wait, and from when they count."""
        limits = self.limits()
        if self._pending is None:
            return [], 0
        return [_row(change) for change in difference(limits, self._pending.limits)], self._pending.from_ms

    def shown(self) -> tr.Limits:
        limits = self.limits()
        changes, from_ms = self.pending()
        return tr.Limits(
            preset=self.preset,
            fields=[_field(field, getattr(limits, field.name)) for field in FIELDS],
            presets=list(PRESETS),
            pending=changes,
            pending_ms=from_ms,
            changed_ms=self._now.set_ms,
        )

    # -- changing -------------------------------------------------------------------------------------------------

    def wanted(self, preset: str, changes: dict[str, str]) -> tuple[Limits, dict[str, str]]:
        """What a preset and single changes make of the limits in force, and what is wrong with which field."""
        base = self.limits()
        errors: dict[str, str] = {}
        if preset:
            if preset not in PRESETS:
                raise UsageError(
                    f"There is no preset {clean(preset, 40)!r}.",
                    safe="Nothing was changed.",
                    next_step=f"There are {', '.join(PRESETS)}.",
                )
            base = PRESETS[preset]
        values: dict[str, Any] = {}
        for name, written in changes.items():
            field = BY_NAME.get(name)
            if field is None:
                errors[name] = f"There is no limit {clean(name, 40)!r}."
                continue
            try:
                values[name] = parse(field, written)
            except ValueError as error:
                errors[name] = f"{field.title}: {error}"
        limits = msgspec.structs.replace(base, **values)
        if not errors:
            for words in validate(limits):
                name = next((f.name for f in FIELDS if words.startswith(f.title)), "")
                errors.setdefault(name or next(iter(changes), "preset"), words)
        return limits, errors

    def preview(self, preset: str, changes: dict[str, str]) -> tr.LimitsPreview:
        """What applying would change. Nothing is stored."""
        limits, errors = self.wanted(preset, changes)
        found = [] if errors else difference(self.limits(), limits)
        loosens = any(change.loosens for change in found)
        return tr.LimitsPreview(
            changes=[_row(change) for change in found],
            errors=errors,
            loosens=loosens,
            delay_s=DELAY_SECONDS if loosens else 0.0,
        )

    async def set(self, preset: str, changes: dict[str, str], reason: str, caller: str) -> tuple[tr.LimitsSet, int]:
        """Stores the change; returns the reply and the number of the fact that tells it."""
        limits, errors = self.wanted(preset, changes)
        if errors:
            raise UsageError(next(iter(errors.values())), safe="The limits are as they were.")
        found = difference(self.limits(), limits)
        if not found:
            raise UsageError("That changes nothing.", safe="The limits are as they were.")
        loosens = any(change.loosens for change in found)
        if loosens and len(reason.strip()) < LEAST_REASON:
            names = ", ".join(change.title for change in found if change.loosens)
            raise Refused(
                f"That loosens {names}, which needs a reason.",
                safe="The limits are as they were.",
                next_step="Say why in a few words (--reason).",
                code="reason-needed",
            )
        now = self._clock.wall_ms()
        made = LimitSet(limits, preset_of(limits), now, now + round(DELAY_SECONDS * 1000) if loosens else now)
        if not loosens:
            number = await self._store([made], f"limits: {_words(found)}", reason, caller)
            self._now, self._pending = made, None
            text = "One limit changed." if len(found) == 1 else f"{len(found)} limits changed."
            return tr.LimitsSet(text=text, changes=[_row(change) for change in found], from_ms=made.from_ms), number
        # What tightens does not wait for what loosens.
        early = tightest(self.limits(), limits)
        tighter = [] if validate(early) else difference(self.limits(), early)
        sets = [LimitSet(early, preset_of(early), now, now), made] if tighter else [made]
        number = await self._store(sets, f"limits: {_words(found)}", reason, caller)
        self._now, self._pending = (sets[0] if tighter else self._now), made
        waits = len(difference(self.limits(), limits))
        text = f"{waits} limit{'' if waits == 1 else 's'} loosen in {DELAY_SECONDS:.0f} s; until then the old count."
        if waits == 1:
            text = text.replace("loosen ", "loosens ").replace("the old count", "the old one counts")
        if tighter:
            text = f"{len(tighter)} tightened at once. {text}"
        return tr.LimitsSet(text=text, changes=[_row(change) for change in found], from_ms=made.from_ms), number

    async def withdraw(self, caller: str) -> tuple[tr.LimitsSet, int]:
        """Takes back a loosening that waits."""
        self.limits()
        if self._pending is None:
            raise UsageError("No change of limits is waiting.", safe="The limits are as they were.")
        now = self._clock.wall_ms()
        kept = LimitSet(self._now.limits, self._now.preset, now, now)
        number = await self._store([kept], "limits: the waiting change was taken back", "", caller)
        self._now, self._pending = kept, None
        return tr.LimitsSet(text="The waiting change was taken back.", changes=[], from_ms=now), number

    async def _store(self, sets: list[LimitSet], text: str, reason: str, caller: str) -> int:
        made = sets[-1]
        encoded, at_ms = msgspec.json.encode(made.limits).decode(), self._stamps.wall_ms()

        def write(connection: Connection) -> int:
            for each in sets:
                stored = msgspec.json.encode(each.limits).decode()
                connection.execute(
                    _INSERT,
                    (each.preset, stored, clean(caller, 80), clean(reason, 200), each.set_ms, each.from_ms),
                )
            detail = {"limits": msgspec.json.decode(encoded), "reason": clean(reason, 200), "from_ms": made.from_ms}
            rows.add_audit(connection, kind="limits", caller=caller, text=text, detail=detail, at_ms=at_ms)
            return add_fact(connection, kind="risk", level="info", text=text, symbol="", at_ms=at_ms).number

        return await self._database.transact(write, "set limits")


def _words(changes: list[Change]) -> str:
    return "; ".join(f"{change.title} {change.old} → {change.new}" for change in changes)


def parse(field: Field, written: str) -> Any:
    """A limit as a person writes it. Raises ValueError with what is wrong."""
    text = written.strip().removesuffix("%").strip()
    if field.unit == "switch":
        if text.lower() in ("on", "yes", "true", "1"):
            return True
        if text.lower() in ("off", "no", "false", "0"):
            return False
        raise ValueError(f"write on or off, not {clean(written, 20)!r}")
    value = typed_decimal(clean(text, 40))
    if field.unit == "money":
        return value
    if field.whole:
        if value != value.to_integral_value():
            raise ValueError("a whole number is needed")
        return int(value)
    return float(value / 100) if field.unit == "share" else float(value)


_UNITS = {"share": "%", "money": "USDT", "ms": "ms", "switch": "on/off"}


def written(field: Field, value: Any) -> str:
    """A limit as a person would write it."""
    if field.unit == "switch":
        return "on" if value else "off"
    if field.unit == "share":
        return plain(Decimal(repr(value)) * 100)
    return plain(value) if isinstance(value, Decimal) else f"{value:g}"


def _field(field: Field, value: Any) -> tv.LimitField:
    low, high = (
        written(field, limit if field.unit != "money" else Decimal(limit)) for limit in (field.low, field.high)
    )
    if field.unit == "switch":
        low, high = "off", "on"
    return tv.LimitField(
        name=field.name,
        title=field.title,
        unit=_UNITS.get(field.unit, ""),
        value=written(field, value),
        low=low,
        high=high,
        help=field.help,
        group=field.group,
    )


def _row(change: Change) -> tv.LimitChange:
    return tv.LimitChange(name=change.field, title=change.title, old=change.old, new=change.new, loosens=change.loosens)
