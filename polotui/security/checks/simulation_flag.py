"""Real money is locked out while trading is virtual. The setting counts as the engine reads it; absent means true."""

from __future__ import annotations

from polotui.security.checks import bad, check, ok
from polotui.security.facts import Facts, Finding


@check("simulation-flag")
def look(facts: Facts) -> Finding:
    flag = facts.simulation
    source = f" ({flag.source})" if flag.source else ""
    if flag.value is None:
        return bad(f"the settings cannot be read{source}, so nobody knows", "polotui config show names the fault")
    if facts.mode == "live":
        if flag.value:
            return bad(
                f"TRADING_SIMULATION_ONLY is true{source}: live trading is locked", "polotui doctor in paper mode"
            )
        return ok(f"TRADING_SIMULATION_ONLY is false{source}, as live trading needs")
    if flag.value:
        return ok(f"TRADING_SIMULATION_ONLY is true{source}")
    return bad(f"TRADING_SIMULATION_ONLY is false{source}")
