"""The audit trail: verified and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from polotui.api import risk_commands as c
from polotui.api import trade_replies as tr
from polotui.core.text import clean
from polotui.storage.database import Connection
from polotui.trading import verify

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

_ROWS = "SELECT number, kind, caller, account, symbol, code, text, detail, at_ms, hash FROM audit"
MOST = 1_000


class Audit:
    """Reads; writes nothing."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading

    async def verify(self) -> tr.Verified:
        """Every chain computed anew, rows that belong together compared, and their fold with what is in memory."""
        portfolio = self._trading.portfolio

        def check(connection: Connection) -> verify.VerifyReport:
            return verify.verify(connection)

        before = portfolio.digest()
        report = await self._trading.database.read(check, "verify")
        # Money that moved meanwhile is no difference: then the fold is older than memory, and nothing is said of it.
        agree = report.digest == before or portfolio.digest() != before
        chains = [
            tr.ChainResult(
                chain=chain.chain,
                ok=chain.ok,
                rows=chain.rows,
                head=chain.head,
                bad_row=chain.bad_row or 0,
                reason=chain.reason,
            )
            for chain in report.chains
        ]
        problems = [f"{p.table} row {p.row}: {p.reason}" for p in report.problems]
        if not agree:
            problems.append("what is in memory differs from the fold of the rows")
        ok = report.ok and agree
        broken = [chain.chain for chain in chains if not chain.ok]
        if ok:
            text = f"{report.rows:,} rows in {len(chains)} chains fit, and balances are what their rows say."
        elif broken:
            text = f"Broken: {', '.join(broken)}. Nothing was changed; restore a verified copy."
        else:
            text = f"{len(problems)} rows do not fit each other. Nothing was changed."
        return tr.Verified(ok=ok, chains=chains, problems=problems[:100], balances_agree=agree, text=text)

    async def listed(self, command: c.ListAudit) -> tr.Audit:
        limit = min(max(command.limit, 1), MOST)
        conditions, values = ["number < ?"], [command.before or 2**62]  # type: tuple[list[str], list[str | int]]
        for column, asked in (("kind", command.kind), ("caller", command.caller)):
            if asked:
                conditions.append(f"{column} = ?")
                values.append(asked)
        query = f"{_ROWS} WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?"
        found = await self._trading.database.read(lambda k: k.execute(query, (*values, limit + 1)).fetchall(), "audit")
        names = tr.AuditRow.__struct_fields__
        rows = [msgspec.structs.replace(tr.AuditRow(**dict(zip(names, row, strict=True)))) for row in found[:limit]]
        rows = [msgspec.structs.replace(row, text=clean(row.text, 1_000), caller=clean(row.caller, 80)) for row in rows]
        return tr.Audit(rows=rows, more=len(found) > limit)
